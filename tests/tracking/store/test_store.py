"""The store of addresses: what is read is what was written, and merging keeps what a reorganisation needs."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from clustering.profiles import Profile
from clustering.resting import Rested
from clustering.waking import MEMBER, Carry, Records, miner_dtype, new_records, stored_dtype
from etl.errors import StoreDamaged
from etl.tracking.store import merging, segment
from etl.tracking.store import store as stores
from etl.tracking.store.contents import ADDRESSES, tables
from etl.tracking.store.manifest import Identity
from etl.tracking.store.segment import SegmentFile
from etl.tracking.store.store import Store
from tests.support.properties import scaled

PROFILES = (Profile("one", True, False, False, True),)
CONTENTS = tables(np.uint16, PROFILES)
NONE = np.empty(0, np.uint64)
WANTED = np.arange(0, 3000, 3, dtype=np.uint64)
FIRST = int(WANTED[0])


def _open(directory: Path, warn: Callable[[str], None] = pytest.fail) -> Store:
    return Store(directory, CONTENTS, Identity("regtest", 0, "inputs"), warn)


def _records(balances: dict[int, int]) -> Records:
    ids = np.array(sorted(balances), np.uint64)
    records = new_records(ids, stored_dtype(np.uint16, PROFILES))
    records["balance_sat"] = [balances[address] for address in ids.tolist()]
    return records


def _add(
    store: Store, first: int, last: int, balances: dict[int, int], members: Records | None = None
) -> None:
    """A delta of blocks in which addresses come to hold something."""
    rows = np.empty(0, MEMBER) if members is None else members
    miners = np.empty(0, miner_dtype(PROFILES))
    supply = np.full((1, 2), last, np.int64)
    coinbases = np.arange(first, last + 1, dtype=np.uint64)
    rested = Rested(
        iter([_records(balances)]), [iter([rows])], miners, Carry(supply, 0, NONE, NONE, coinbases)
    )
    store.add([store.write(rested, first, last, f"hash {last}")])


def _held(store: Store, height: int) -> dict[int, int]:
    """What addresses hold after a block that is a point to go on from."""
    delta = next(delta for delta in store.manifest.points() if delta.last_height == height)
    view = store.view(delta)
    carry = view.carry()
    assert carry.supply.tolist() == [[height, height]]
    assert carry.coinbases.tolist() == list(range(height + 1))
    found = view.addresses(WANTED)
    return {int(record["id"]): int(record["balance_sat"]) for record in found if record["balance_sat"]}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces such that a few hundred records make many."""
    monkeypatch.setattr(segment, "BLOCK_RECORDS", 4)
    monkeypatch.setattr(segment, "SEGMENT_BYTES", 600)
    monkeypatch.setattr(merging, "_WINDOW_RECORDS", 8)
    monkeypatch.setattr(merging, "FOLDED_BYTES", 2000)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(scaled(3, 40)))
def test_every_point_says_what_was_there_then(tmp_path: Path, seed: int) -> None:
    """After 60 ranges, most of one block, each of which gives some addresses balances, or takes all."""
    rng = random.Random(seed)
    kept = rng.choice([12, 30])
    _add(store := _open(tmp_path), 0, 99, now := {int(each): 5 for each in WANTED[::2].tolist()})
    history, height = {99: dict(now)}, 99
    for _ in range(60):
        first, height = height + 1, height + rng.choice([1, 1, 1, 5])
        changed = {rng.choice(WANTED.tolist()): rng.choice([0, 1, 7]) for _ in range(rng.randrange(12))}
        now = {each: held for each, held in {**now, **changed}.items() if held}
        history[height] = now
        _add(store, first, height, changed)
        merging.tend(store, height, kept)
        store = _open(tmp_path)
    points = [delta.last_height for delta in store.manifest.points()]
    assert points[0] == height and len(points) < 30
    for point in points:
        assert _held(store, point) == history[point]
    for fork in range(height - kept + 1, height):
        nearest = max(point for point in points if point <= fork)
        assert fork - nearest <= max(5, height - fork), "too much is to be tracked anew"
    named = store.manifest.files() | {"manifest.json"}
    assert {path.name for path in tmp_path.iterdir()} == named


@pytest.mark.usefixtures("small")
def test_members_of_a_large_cluster_stand_in_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "TOGETHER", 2)
    rng, store = random.Random(1), _open(tmp_path)
    expected: dict[int, set[int]] = {root: set() for root in (1, 2, 3)}
    for number in range(12):
        rows = np.empty(300, MEMBER)
        rows["id"] = sorted(rng.choice([1, 2, 2, 2, 3]) for _ in range(300))
        rows["member"] = np.arange(300) + 1000 * number + 10
        for row in rows:
            expected[int(row["id"])].add(int(row["member"]))
        _add(store, 10 * number, 10 * number + 9, {number: 1}, rows)
        merging.tend(store, 10 * number + 9, 10)
    view = store.view(store.manifest.points()[0])
    for root, members in expected.items():
        assert set(view.members(0, np.array([root], np.uint64)).tolist()) == members
    assert len(view.members(0, np.array([1, 2, 3, 4], np.uint64))) == 12 * 300


def test_a_job_merges_no_more_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(merging, "FOLDED_BYTES", 3000)
    store = _open(tmp_path)
    _add(store, 0, 99, {int(each): 1 for each in WANTED.tolist()})
    _add(store, 100, 109, {int(each): 2 for each in WANTED[::3].tolist()})
    _add(store, 110, 119, {0: 3})
    writes = []
    for _ in range(30):
        before = store.manifest.files()
        merging.tend(store, 119, 10)
        made = store.manifest.files() - before
        writes.append(sum((tmp_path / name).stat().st_size for name in made))
        assert _held(store, 119)[0] == 3
        if store.manifest.folding is None:
            break
    assert len(writes) > 5 and max(writes) < 3000 + 1000 + 1500
    assert [delta.last_height for delta in store.manifest.deltas] == [109, 119]
    assert _held(store, 109)[0] == 2


@pytest.mark.usefixtures("small")
def test_no_flipped_byte_is_read(tmp_path: Path) -> None:
    """Wherever it is, it is found at once, or when the block that holds it is read."""
    rng, warned = random.Random(1), []
    _add(_open(tmp_path), 0, 9, balances := {int(each): int(each) + 1 for each in WANTED.tolist()})
    store = _open(tmp_path)
    paths = sorted(path for path in tmp_path.iterdir())
    for _ in range(scaled(200, 5000)):
        path = rng.choice(paths)
        content = path.read_bytes()
        at = rng.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :])
        named: list[str] = []
        try:
            for part in store.manifest.deltas[0].segments[ADDRESSES]:
                SegmentFile(tmp_path, part, CONTENTS[ADDRESSES]).check()
            assert _held(store, 9) == balances
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(stores.Store, "_remove_all_but", lambda self, names: None)
                _open(tmp_path, named.append)
            assert named and path.name in named[0], path
        except StoreDamaged as error:
            assert error.path == path
        warned += named
        path.write_bytes(content)
    assert warned, "a flip in the manifest is found by who opens the store"


def test_a_record_is_the_latest_one() -> None:
    older, newer = _records({1: 5, 2: 5, 3: 5}), _records({2: 7, 3: 0, 4: 0})
    found: npt.NDArray[np.void] = CONTENTS[ADDRESSES].merged([newer, older], is_whole=True)
    assert found["id"].tolist() == [1, 2] and found["balance_sat"].tolist() == [5, 7]
    found = CONTENTS[ADDRESSES].merged([newer, older], is_whole=False)
    assert found["id"].tolist() == [1, 2, 3, 4], "an older delta may hold a record of 3 or 4"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"deltas": [{}]}, "it says what no store does"),
        ({"deltas": 1}, "it says what no store does"),
        ({"folding": {"deltas": 1}}, "it says what no store does"),
        ({"identity": {"name": "x"}}, "it says what no store does"),
        ({"next_file": None}, "it says what no store does"),
        ({"carry": "../victim"}, "it names files that are no store's"),
        ({"carry": "/etc/passwd"}, "it names files that are no store's"),
        ({"version": 9}, "it is of version 9"),
    ],
)
def test_a_manifest_from_elsewhere_is_refused_and_deletes_nothing_of_others(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    """Its digest is right: whoever writes one can make that."""
    victim, beside = tmp_path / "victim", tmp_path / "store" / "notes.txt"
    _add(_open(tmp_path / "store"), 0, 9, {FIRST: 5})
    victim.write_text("kept")
    beside.write_text("kept")
    manifest = tmp_path / "store" / "manifest.json"
    facts = json.loads(manifest.read_text().splitlines()[1])
    if "carry" in change:
        facts["deltas"][0] |= change
    else:
        facts |= change
    content = json.dumps(facts)
    manifest.write_text(f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}\n")
    warnings: list[str] = []
    _add(_open(tmp_path / "store", warnings.append), 0, 9, {FIRST: 7})
    assert len(warnings) == 1 and said in warnings[0]
    assert _held(_open(tmp_path / "store"), 9) == {FIRST: 7}
    assert victim.read_text() == beside.read_text() == "kept"
