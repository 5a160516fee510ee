"""Texts of addresses come from the scripts of the lake, and from no more of them than it takes."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from etl.chain.heights import HeightRange
from etl.chain.networks import REGTEST
from etl.compiled.arrays import Ids
from etl.disk.datadir import DataDirectory
from etl.disk.lock import job_lock
from etl.errors import LakeDamaged
from etl.lake import chunk, extract, fill
from etl.lake.chunk import Chunk
from etl.lake.lake import Lake
from etl.lake.spelling import address_texts
from etl.progress import Silent
from etl.sources.blockfiles.source import BlockFilesSource
from tests.support.golden import ECONOMY


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The economy in chunks of 50 blocks and several row groups."""
    data_dir = DataDirectory(tmp_path_factory.mktemp("spelling"))
    data_dir.create()
    source = BlockFilesSource(ECONOMY.blocks_dir)
    with (
        patch.object(chunk, "CHUNK_BLOCKS", 50),
        patch.object(extract, "BATCH_BYTES", 20_000),
        job_lock(data_dir) as lock,
    ):
        lake = Lake(data_dir.lake)
        span = HeightRange(0, source.tip_height)
        fill.extract(source, lake, span, with_input_scripts=False, workers=1, lock=lock, progress=Silent())
    return lake


def _ids(lake: Lake, chunk: Chunk) -> Ids:
    return np.asarray(lake.read(chunk, "outputs", ["address_id"]).column("address_id").to_numpy())


@pytest.mark.parametrize("step", [1, 7, 400])
def test_rows_are_those_asked_for(lake: Lake, step: int) -> None:
    for each in lake.chunks():
        whole = lake.read(each, "outputs", ["value_sat", "script"])
        wanted = np.arange(step // 2, whole.num_rows, step)
        assert lake.rows(each, "outputs", ["value_sat", "script"], wanted) == whole.take(pa.array(wanted))


def test_scripts_are_read_where_a_wanted_address_stands_last(lake: Lake) -> None:
    chunks = lake.chunks()
    later = np.unique(np.concatenate([_ids(lake, each) for each in chunks[4:]]))
    wanted = np.setdiff1d(np.unique(_ids(lake, chunks[3])), later)[:5]
    read: list[str] = []

    def noted(self: Lake, each: Chunk, *rest: object) -> pa.Table:
        read.append(each.name)
        return rows(self, each, *rest)  # type: ignore[arg-type]

    rows = Lake.rows
    with patch.object(Lake, "rows", noted):
        texts = pa.concat_tables(address_texts(lake, wanted, REGTEST))
    assert read == [chunks[3].name]
    assert sorted(texts.column("address_id").to_pylist()) == wanted.tolist() and len(wanted) == 5


def test_every_address_of_the_golden_results_is_spelled(lake: Lake) -> None:
    ids = np.unique(np.concatenate([_ids(lake, each) for each in lake.chunks()]))
    texts = pa.concat_tables(address_texts(lake, ids, REGTEST)).column("address").to_pylist()
    assert {row["address"] for row in ECONOMY.expected("addresses")} <= set(texts)


def test_an_address_that_the_lake_lacks_is_damage(lake: Lake) -> None:
    with pytest.raises(LakeDamaged, match="no script for 1 addresses"):
        list(address_texts(lake, np.array([1], np.uint64), REGTEST))
