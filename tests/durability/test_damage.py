"""Files that have changed on the disk: named, made anew where there is a source, never silently read."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import LakeDamaged, UsageError
from etl.jobs.pipeline import run_backfill, run_restate, run_update
from etl.lake.chunk import Chunk, ChunkWriter
from etl.lake.columns import BLOCKS, INPUTS, TABLES
from etl.lake.lake import Lake
from etl.options import JobOptions
from etl.progress import Silent
from etl.tracking.run import LAST_RANGE
from etl.tracking.store import manifest as manifests
from etl.tracking.store.contents import ADDRESSES
from tests.durability.results import Results, differing, published_results
from tests.support.golden import ECONOMY, block_files, job_options
from tests.support.properties import FULL, scaled

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """A data directory with the economy, and its results."""
    options = job_options(ECONOMY, tmp_path_factory.mktemp("sound"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, None, Silent())
    return options.data_dir, published_results(options.data_dir)


@pytest.fixture
def options(indexed: tuple[Path, Results], tmp_path: Path) -> JobOptions:
    """A job on a copy of it."""
    shutil.copytree(indexed[0], tmp_path / "data")
    return job_options(ECONOMY, tmp_path / "data", block_files(ECONOMY.blocks_dir))


def _flip(path: Path, position: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


def _content(lake: Lake, chunk: Chunk) -> list[pa.Table]:
    return [lake.read(chunk, table, schema.names) for table, schema in TABLES.items()]


def test_no_flipped_byte_of_a_chunk_is_read(options: JobOptions, tmp_path: Path) -> None:
    """Each flip is found, or lies where it changes nothing that is read (as in a page's own size)."""
    lake = Lake(options.data_dir / "lake")
    sound = lake.chunks()[-1]
    expected = _content(lake, sound)
    rng = random.Random(1)
    found = 0
    for _ in range(scaled(300, 20_000)):
        path = rng.choice(sorted((lake.directory / sound.name).iterdir()))
        content = path.read_bytes()
        _flip(path, rng.randrange(len(content)), rng.randrange(8))
        try:
            assert _content(lake, Lake(lake.directory).chunks()[-1]) == expected, path
            assert path.suffix == ".parquet"
        except LakeDamaged as error:
            assert sound.name in error.what
            found += 1
        path.write_bytes(content)
    assert found > scaled(200, 15_000)


def _flip_manifest(folder: Path) -> None:
    _flip(folder / "chunk.json", (folder / "chunk.json").read_text().index("last_hash") + 15)


def _flip_column(folder: Path) -> None:
    _flip(folder / "outputs.parquet", (folder / "outputs.parquet").stat().st_size // 3)


def _cut_off(folder: Path) -> None:
    path = folder / "txs.parquet"
    path.write_bytes(path.read_bytes()[:-100])


def _delete_table(folder: Path) -> None:
    (folder / "inputs.parquet").unlink()


def _delete_manifest(folder: Path) -> None:
    (folder / "chunk.json").unlink()


def _flip_time(folder: Path) -> None:
    """Of a column that only the database reads, behind the page's header."""
    path = folder / "blocks.parquet"
    column = pq.ParquetFile(path).metadata.row_group(0).column(BLOCKS.get_field_index("time"))
    _flip(path, column.data_page_offset + column.total_compressed_size - 3)


DAMAGES = (_flip_manifest, _flip_column, _cut_off, _delete_table, _delete_manifest, _flip_time)


PLACES = (0, 2, -1)
CASES = [(d, w) for n, d in enumerate(DAMAGES) for w in (PLACES if FULL else (PLACES[n % 3],))]


@pytest.mark.parametrize(("damage", "which"), CASES)
def test_a_damaged_chunk_is_read_anew(
    options: JobOptions, indexed: tuple[Path, Results], damage: Damage, which: int
) -> None:
    data_dir = DataDirectory(options.data_dir)
    folder = data_dir.lake / Lake(data_dir.lake).chunks()[which].name
    damage(folder)
    data_dir.work.unlink()  # so that the whole lake is read
    report = run_update(options, Silent())
    assert any(folder.name in warning and "read anew" in warning for warning in report.warnings)
    assert report.blocks == len(range(int(folder.name[:9]), int(folder.name[10:]) + 1))
    assert differing(published_results(options.data_dir), indexed[1]) == []
    run_update(options, Silent())
    assert not list(data_dir.lake.glob("*.damaged"))


def test_restate_has_no_source_and_says_what_to_do(
    options: JobOptions, indexed: tuple[Path, Results]
) -> None:
    folder = options.data_dir / "lake" / Lake(options.data_dir / "lake").chunks()[1].name
    _flip_column(folder)
    with pytest.raises(LakeDamaged, match=folder.name) as caught:
        run_restate(options, Silent())
    assert "minerflow update" in caught.value.action
    assert differing(published_results(options.data_dir), indexed[1]) == []
    run_update(options, Silent())
    run_restate(options, Silent())
    assert differing(published_results(options.data_dir), indexed[1]) == []


def test_restate_refuses_a_lake_with_gaps(options: JobOptions) -> None:
    lake = Lake(options.data_dir / "lake")
    shutil.rmtree(lake.directory / lake.chunks()[1].name)
    with pytest.raises(UsageError, match="lacks the blocks 128 to 255"):
        run_restate(options, Silent())


@pytest.mark.parametrize("lost", ["first chunk", "whole lake"])
def test_a_lake_that_is_gone_is_read_anew(
    options: JobOptions, indexed: tuple[Path, Results], lost: str
) -> None:
    lake = Lake(options.data_dir / "lake")
    shutil.rmtree(lake.directory if lost == "whole lake" else lake.directory / lake.chunks()[0].name)
    run_update(options, Silent())
    assert differing(published_results(options.data_dir), indexed[1]) == []


@pytest.mark.parametrize("seed", range(scaled(3, 60)))
def test_a_damaged_work_database_is_built_anew(
    options: JobOptions, indexed: tuple[Path, Results], seed: int
) -> None:
    rng = random.Random(seed)
    work = DataDirectory(options.data_dir).work
    size = work.stat().st_size
    if seed % 3 == 0:
        work.write_bytes(rng.randbytes(size))
    else:
        _flip(work, rng.choice([rng.randrange(3 * 4096), rng.randrange(size)]), rng.randrange(8))
    exchanges = options.data_dir.parent / "none.csv"
    exchanges.write_text("address,exchange,source\n")
    run_update(replace(options, exchanges=exchanges), Silent())
    run_update(options, Silent())
    assert differing(published_results(options.data_dir), indexed[1]) == []


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory up to height 500, whose store has a base and the last range."""
    options = job_options(ECONOMY, tmp_path_factory.mktemp("short"), block_files(ECONOMY.blocks_dir))
    run_backfill(options, ":500", Silent())
    return options.data_dir


@pytest.fixture
def grown(short: Path, tmp_path: Path) -> JobOptions:
    """A job on a copy of it."""
    shutil.copytree(short, tmp_path / "grown")
    return job_options(ECONOMY, tmp_path / "grown", block_files(ECONOMY.blocks_dir))


def _store(options: JobOptions) -> tuple[Path, manifests.Manifest]:
    directory = DataDirectory(options.data_dir).store
    manifest = manifests.load(directory)
    assert manifest is not None
    assert [delta.last_height for delta in manifest.deltas] == [500 - LAST_RANGE, 500]
    return directory, manifest


TRACKED = {"all": 532, "last range": 532 - 501 + LAST_RANGE, "new": 532 - 501}
"""Blocks that an update from 500 to 531 tracks."""


def _update_after_damage(options: JobOptions, named: Path | None, tracked: str, sound: Path) -> None:
    report = run_update(options, Silent())
    assert report.tracked_blocks == TRACKED[tracked]
    warnings = [warning for warning in report.warnings if "anew from the lake" in warning]
    assert len(warnings) == (named is not None)
    assert named is None or str(named) in warnings[0]
    entity = published_results(options.data_dir, "entity")
    assert differing(entity, published_results(sound, "entity")) == []


@pytest.mark.parametrize(
    ("number", "damage", "tracked"),
    [
        (0, "nothing", "new"), (0, "flipped", "all"), (1, "flipped", "last range"), (0, "cut off", "all"),
        (1, "index", "last range"), (1, "deleted", "last range"), (1, "carry", "last range"),
    ],
)  # fmt: skip
def test_a_damaged_delta_is_named_and_tracked_anew(
    grown: JobOptions, indexed: tuple[Path, Results], number: int, damage: str, tracked: str
) -> None:
    directory, manifest = _store(grown)
    delta = manifest.deltas[number]
    path = directory / (delta.carry if damage == "carry" else delta.segments[ADDRESSES][0].file)
    if damage == "deleted":
        path.unlink()
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage != "nothing":
        _flip(path, path.stat().st_size - 3 if damage == "index" else 20)
    _update_after_damage(grown, None if damage == "nothing" else path, tracked, indexed[0])


@pytest.mark.parametrize("damage", ["flipped", "of another version", "deleted"])
def test_a_manifest_of_no_use_is_named_and_all_tracked_anew(
    grown: JobOptions, indexed: tuple[Path, Results], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    directory, manifest = _store(grown)
    path = directory / manifests.NAME
    if damage == "flipped":
        _flip(path, path.read_text().index("last_height") + 14)
    elif damage == "deleted":
        path.unlink()
    else:
        manifests.save(directory, replace(manifest, version=manifests.VERSION + 1))
    _update_after_damage(grown, None if damage == "deleted" else path, "all", indexed[0])


def test_what_an_earlier_version_left_is_tracked_anew_without_the_node(
    grown: JobOptions, indexed: tuple[Path, Results]
) -> None:
    """Of 0.1: checkpoints, and no store."""
    data_dir = DataDirectory(grown.data_dir)
    shutil.rmtree(data_dir.store)
    (data_dir.earlier_store / "000000356").mkdir(parents=True)
    report = run_update(grown, Silent())
    assert report.blocks == TRACKED["new"], "blocks are read again"
    assert report.tracked_blocks == TRACKED["all"]
    assert any("earlier version" in warning for warning in report.warnings)
    assert not data_dir.earlier_store.exists()
    assert differing(published_results(grown.data_dir), indexed[1]) == []


@pytest.mark.parametrize("damage", ["garbage", "cut off", "empty", "deleted"])
def test_a_damaged_published_file_is_replaced(
    options: JobOptions, indexed: tuple[Path, Results], damage: str
) -> None:
    published = DataDirectory(options.data_dir).published
    content = published.read_bytes()
    published.unlink()
    if damage != "deleted":
        published.write_bytes(
            {"garbage": b"x" * len(content), "cut off": content[:9000], "empty": b""}[damage]
        )
    report = run_update(options, Silent())
    assert differing(published_results(options.data_dir), indexed[1]) == []
    assert damage not in ("garbage", "cut off") or any(
        str(published) in warning for warning in report.warnings
    )


def test_chunks_of_an_earlier_version_are_read_anew(
    indexed: tuple[Path, Results], options: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written before inputs said whose output they spend."""
    lake = Lake(options.data_dir / "lake")
    chunk = lake.chunks()[0]
    tables = dict(zip(TABLES, _content(lake, chunk), strict=True))
    facts = {name: value for name, value in chunk._asdict().items() if name != "entries"}
    shutil.rmtree(lake.directory / chunk.name)
    with monkeypatch.context() as earlier:
        earlier.setitem(TABLES, "inputs", INPUTS.remove(INPUTS.get_field_index("spent_txid")))
        writer = ChunkWriter(lake.directory, chunk.first_height, chunk.last_height)
        writer.write({**tables, "inputs": tables["inputs"].drop_columns("spent_txid")})
        writer.commit(**facts)
    with pytest.raises(LakeDamaged, match="inputs.parquet has other columns"):
        run_restate(options, Silent())
    report = run_update(options, Silent())
    assert any("other columns" in warning for warning in report.warnings)
    assert differing(published_results(options.data_dir), indexed[1]) == []
