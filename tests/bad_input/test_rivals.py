"""Undo data of blocks that share their predecessor, and so pass each other's checksum.

Two blocks hold the same two payments in either order, of the same amounts. Which undo record is whose can
then be told by the keys that the payments reveal, or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from etl.chain.address_reading import address_of, script_of
from etl.chain.networks import REGTEST
from etl.disk.datadir import DataDirectory
from etl.errors import BlockDataError
from etl.jobs.pipeline import run_backfill
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Silent
from tests.bad_input.chains import OTHER_KEY, hash_of, mined, regtest_genesis, undo_record
from tests.bad_input.jobs import Refusals, good_options, on_blocks
from tests.chain.random_blocks import Input, Tx
from tests.support.blockfiles import REGTEST_MAGIC, Undo, undo_path, write_directory
from tests.support.encoding import Spent, block_undo

KEYS = [b"\2" + sha256(bytes([i])).digest() for i in range(2)]
SIGNATURE = b"\x30" * 71
AMOUNT_SAT = 50 * 10**8


def _pay_to_key(key: bytes) -> bytes:
    return b"\x21" + key + b"\xac"


def _hash160(key: bytes) -> bytes:
    """By way of an address, for hashlib may lack RIPEMD-160."""
    return script_of(address_of(_pay_to_key(key), REGTEST), REGTEST)[3:23]


def _spent_script(kind: str, key: bytes) -> bytes:
    return {
        "p2wpkh": b"\x00\x14" + _hash160(key),
        "p2pkh": b"\x76\xa9\x14" + _hash160(key) + b"\x88\xac",
        "p2wsh": b"\x00\x20" + sha256(_pay_to_key(key)).digest(),
        "p2tr": b"\x51\x20" + key[1:],
        "p2pk": _pay_to_key(key),
    }[kind]


def _payment(kind: str, number: int, outpoint: bytes) -> Tx:
    """Spends the whole of an output of that kind."""
    key = KEYS[number]
    script, witness = {
        "p2wpkh": (b"", (SIGNATURE, key)),
        "p2pkh": (b"\x47" + SIGNATURE + b"\x21" + key, ()),
        "p2wsh": (b"", (SIGNATURE, _pay_to_key(key))),
        "p2tr": (b"", (SIGNATURE[:64],)),
        "p2pk": (b"\x47" + SIGNATURE, ()),
    }[kind]
    paid = b"\x00\x14" + bytes([number]) * 20
    return Tx((Input(outpoint, script, b"\xff" * 4, witness),), ((AMOUNT_SAT, paid),))


@dataclass(frozen=True)
class _Chain:
    """Genesis, two blocks that pay both keys, two rivals, and one that builds on the first of these."""

    blocks: list[bytes]
    undos: list[Undo]
    own: int
    """Index of the undo record of the rival in the active chain."""
    scripts: list[bytes]
    """Scripts that that block spends, in order."""


def _chain(kind: str) -> _Chain:
    scripts = [_spent_script(kind, key) for key in KEYS]
    blocks = [regtest_genesis()]
    for height, script in enumerate(scripts, start=1):
        blocks.append(mined(hash_of(blocks[-1]), height, paid=script))
    payments = [_payment(kind, i, sha256(blocks[i + 1]).digest() + bytes(4)) for i in range(2)]
    groups = [[Spent(AMOUNT_SAT, script, i + 1, True)] for i, script in enumerate(scripts)]
    fork = hash_of(blocks[-1])
    mine, rival = mined(fork, 3, payments), mined(fork, 3, payments[::-1])
    last = mined(hash_of(mine), 4)
    undos = [undo_record(blocks[1]), undo_record(blocks[2])]
    undos += [undo_record(rival, groups[::-1]), undo_record(mine, groups), undo_record(last)]
    assert undos[2][0] != undos[3][0]
    return _Chain([*blocks, rival, mine, last], undos, 3, scripts)


def _options(tmp_path: Path, chain: _Chain) -> JobOptions:
    blocks_dir = write_directory(tmp_path / "blocks", [(chain.blocks, chain.undos)], OTHER_KEY, REGTEST_MAGIC)
    return on_blocks(good_options(tmp_path / "data"), blocks_dir)


def _spent_in_the_rivals_place(options: JobOptions) -> list[bytes]:
    """Ids that the block at height 3 spends, as the lake has them, in order."""
    lake = Lake(DataDirectory(options.data_dir).lake)
    (chunk,) = lake.chunks()
    ids = lake.read(chunk, "inputs", ["address_id"]).column("address_id").to_pylist()
    outputs = lake.read(chunk, "outputs", ["address_id", "script"]).to_pylist()
    script_of_id = {row["address_id"]: row["script"] for row in outputs}
    return [script_of_id[each] for each in ids]


@pytest.mark.parametrize("kind", ["p2wpkh", "p2pkh", "p2wsh"])
@pytest.mark.parametrize("order", ["rival first", "rival last"])
def test_revealed_keys_tell_whose_undo_data_it_is(tmp_path: Path, kind: str, order: str) -> None:
    chain = _chain(kind)
    if order == "rival last":
        undos = [*chain.undos]
        undos[2], undos[3] = undos[3], undos[2]
        chain = replace(chain, undos=undos, own=2)
    options = _options(tmp_path, chain)
    run_backfill(options, None, Silent())
    assert _spent_in_the_rivals_place(options) == chain.scripts


def test_a_record_may_stand_there_twice(tmp_path: Path) -> None:
    """As a node leaves it that was killed and connected the block again."""
    chain = _chain("p2wpkh")
    options = _options(tmp_path, replace(chain, undos=[*chain.undos, chain.undos[chain.own], chain.undos[2]]))
    run_backfill(options, None, Silent())
    assert _spent_in_the_rivals_place(options) == chain.scripts


@pytest.mark.parametrize("kind", ["p2tr", "p2pk"])
def test_what_stays_ambiguous_is_an_error(tmp_path: Path, kind: str) -> None:
    jobs = Refusals(_options(tmp_path, _chain(kind)), None)
    path = undo_path(tmp_path / "blocks")
    jobs.refused(jobs.options, BlockDataError, path, "height 3", "more than one record fits")


@pytest.mark.parametrize("kind", ["p2wpkh", "p2pkh", "p2wsh", "p2tr", "p2pk"])
@pytest.mark.parametrize("loss", ["missing", "damaged"])
def test_the_rivals_record_alone_is_not_enough(tmp_path: Path, kind: str, loss: str) -> None:
    """Where the own record is lost, the rival's fits in shape and in amounts all the same."""
    chain = _chain(kind)
    undos = [*chain.undos]
    undo, checksum = undos[chain.own]
    undos[chain.own] = (block_undo([]) if loss == "missing" else undo, bytes(32))
    assert checksum != bytes(32)
    jobs = Refusals(_options(tmp_path, replace(chain, undos=undos)), None)
    jobs.refused(jobs.options, BlockDataError, undo_path(tmp_path / "blocks"), "height 3")


@pytest.mark.parametrize("kind", ["p2wpkh", "p2pkh", "p2wsh", "p2tr", "p2pk"])
def test_a_rival_that_was_never_connected_has_no_undo_data(tmp_path: Path, kind: str) -> None:
    """As a block that came second: every record there is another block's, so this one is the own."""
    chain = _chain(kind)
    undos = [undo for at, undo in enumerate(chain.undos) if at != 2]
    options = _options(tmp_path, replace(chain, undos=undos))
    run_backfill(options, None, Silent())
    assert _spent_in_the_rivals_place(options) == chain.scripts


def test_rivals_with_the_same_payments_have_the_same_undo_data(tmp_path: Path) -> None:
    """Whichever of the two was connected."""
    chain = _chain("p2tr")
    own = chain.blocks[4]
    payments = [_payment("p2tr", i, sha256(chain.blocks[i + 1]).digest() + bytes(4)) for i in range(2)]
    twin = mined(own[4:36], 3, payments, paid=b"\x52")
    assert twin != own
    blocks = [*chain.blocks[:3], twin, *chain.blocks[4:]]
    options = _options(tmp_path, replace(chain, blocks=blocks, undos=[*chain.undos[:2], *chain.undos[3:]]))
    run_backfill(options, None, Silent())
    assert _spent_in_the_rivals_place(options) == chain.scripts
