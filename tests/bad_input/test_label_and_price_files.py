"""Label and price files with a fault are refused with file and line, and the ones in force stay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from etl.disk.datadir import DataDirectory
from etl.errors import LabelFileError, PriceFileError, UsageError
from etl.options import JobOptions
from tests.bad_input.jobs import Refusals, Results, backfill, differing, good_options
from tests.support.golden import ECONOMY, POOLS

LABELS = (ECONOMY.folder / "exchanges.csv").read_text(encoding="utf-8").splitlines()
PRICES = (ECONOMY.folder / "prices.csv").read_text(encoding="utf-8").splitlines()
BINANCE = LABELS[1].split(",")[0]
MAINNET_ADDRESS = "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
MISTYPED = BINANCE[:-1] + ("q" if BINANCE[-1] != "q" else "p")
KEY = "02" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
KEY_HASH_ADDRESS = "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"
"""P2PKH of KEY on a test network."""


def _text(lines: list[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def _with(option: str, options: JobOptions, tmp_path: Path, content: bytes) -> tuple[JobOptions, Path]:
    path = tmp_path / f"my {option}.txt"
    path.write_bytes(content)
    changed: dict[str, Path] = {option: path}
    return replace(options, **changed), path  # type: ignore[arg-type]


BAD_LABELS = {
    "mistyped address": ([*LABELS[:4], f"{MISTYPED},Binance,x", *LABELS[4:]], 5, MISTYPED),
    "no address at all": ([*LABELS[:4], "Binance,Binance,x"], 5, "'Binance'"),
    "address of another network": ([*LABELS, f"{MAINNET_ADDRESS},OKX,x"], len(LABELS) + 1, "regtest"),
    "address that nobody can own": ([LABELS[0], "script:6a00,OKX,x"], 2, "script:6a00"),
    "unknown column": (["address,exchange,colour", *LABELS[1:]], 1, "'colour'"),
    "lacking column": (["address,source", *LABELS[1:]], 1, "'exchange'"),
    "two exchanges for one address": ([*LABELS, f"{BINANCE},Kraken,x"], len(LABELS) + 1, BINANCE),
    "two exchanges for one address in two spellings": (
        [LABELS[0], f"{BINANCE},Binance,x", f"{BINANCE.upper()},Kraken,x"], 3, BINANCE.upper(),
    ),
    "two exchanges for one key": (
        [LABELS[0], f"{KEY_HASH_ADDRESS},OKX,x", f"script:21{KEY}ac,Kraken,x"], 3, "OKX",
    ),
    "empty exchange": ([*LABELS[:3], f"{BINANCE},,x"], 4, "empty"),
    "empty address": ([*LABELS[:3], ",Kraken,x"], 4, "empty"),
    "too many fields": ([*LABELS[:3], f"{BINANCE},Binance,x,y"], 4, "too many"),
    "too few fields": ([*LABELS[:3], BINANCE], 4, "empty"),
    "open quotation": ([*LABELS[:3], f'"{BINANCE},Binance,x'], 4, "end of data"),
    "exchange called like all of them": ([*LABELS[:3], f"{BINANCE},all_exchange,x"], 4, "'all_exchange'"),
    "exchange called like all miners": ([*LABELS[:3], f"{BINANCE},all_miner,x"], 4, "'all_miner'"),
    "exchange called like no pool": ([*LABELS[:3], f"{BINANCE},Unknown,x"], 4, "'Unknown'"),
    "exchange that clears the screen": ([*LABELS[:3], f"{BINANCE},OKX\x1b[2J,x"], 4, r"'OKX\x1b[2J'"),
    "source that turns the line round": ([*LABELS[:3], f"{BINANCE},OKX,\u202ex"], 4, r"'\u202ex'"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD_LABELS)
def test_exchange_labels(jobs: Refusals, tmp_path: Path, fault: str) -> None:
    lines, line, word = BAD_LABELS[fault]
    options, path = _with("exchanges", jobs.options, tmp_path, _text(lines))
    jobs.refused(options, LabelFileError, path, f"line {line}", word)


BAD_PRICES = {
    "gap": ([*PRICES[:10], *PRICES[11:]], 11, PRICES[10].split(",")[0]),
    "duplicate date": ([*PRICES[:10], PRICES[9], *PRICES[10:]], 11, PRICES[9].split(",")[0]),
    "dates that go back": ([*PRICES[:10], *PRICES[5:]], 11, PRICES[5].split(",")[0]),
    "word for a number": ([*PRICES[:10], "2019-01-09,cheap"], 11, "cheap"),
    "empty number": ([*PRICES[:10], "2019-01-09,"], 11, "2019-01-09"),
    "lacking number": ([*PRICES[:10], "2019-01-09"], 11, "2019-01-09"),
    "decimal comma": ([*PRICES[:10], "2019-01-09,3986,16"], 11, ""),
    "negative number": ([*PRICES[:10], "2019-01-09,-1"], 11, "-1"),
    "zero": ([*PRICES[:10], "2019-01-09,0.00"], 11, "0.00"),
    "not a number": ([*PRICES[:10], "2019-01-09,NaN"], 11, "NaN"),
    "infinity": ([*PRICES[:10], "2019-01-09,inf"], 11, "nfinity"),
    "number beyond all floats": ([*PRICES[:10], "2019-01-09,1e999"], 11, "999"),
    "number beyond all prices": ([*PRICES[:10], "2019-01-09,1e308"], 11, "308"),
    "signalling not a number": ([*PRICES[:10], "2019-01-09,sNaN"], 11, "sNaN"),
    "day after all blocks": ([*PRICES, "9999-12-31,1.0", "2019-01-09,1.0"], len(PRICES) + 1, "9999-12-31"),
    "impossible date": ([*PRICES[:10], "2019-02-30,1.0"], 11, "2019-02-30"),
    "date of another form": ([*PRICES[:10], "09/01/2019,1.0"], 11, "09/01/2019"),
    "unknown column": (["date,price_usd,colour", *PRICES[1:]], 1, "'colour'"),
    "lacking column": (["date,price", *PRICES[1:]], 1, "'price'"),
    "open quotation": ([*PRICES[:10], '"2019-01-09,1.0'], 11, "end of data"),
}


@pytest.mark.parametrize("fault", BAD_PRICES)
def test_prices(jobs: Refusals, tmp_path: Path, fault: str) -> None:
    lines, line, word = BAD_PRICES[fault]
    options, path = _with("prices", jobs.options, tmp_path, _text(lines))
    jobs.refused(options, PriceFileError, path, f"line {line}", word)


BAD_POOLS: dict[str, tuple[object, str]] = {
    "no list": ({"pools": []}, "list"),
    "entry that is no object": (["Slush"], "pool 1"),
    "no name": ([{"name": "A"}, {"addresses": []}], "pool 2"),
    "empty name": ([{"name": ""}], "pool 1"),
    "name twice": ([{"name": "A"}, {"name": "B"}, {"name": "A"}], "'A'"),
    "addresses that are no list": ([{"name": "A", "addresses": "x"}], "'addresses'"),
    "tags that are no texts": ([{"name": "A", "tags": [1]}], "'tags'"),
    "mistyped address": ([{"name": "A", "addresses": [MISTYPED]}], MISTYPED),
    "pool called like no pool": ([{"name": "A"}, {"name": "Unknown"}], "pool 2: the name 'Unknown'"),
    "pool called like all of them": ([{"name": "all_miner"}], "pool 1: the name 'all_miner'"),
    "pool called like all exchanges": ([{"name": "all_exchange"}], "pool 1: the name 'all_exchange'"),
    "pool that rings the bell": ([{"name": "A\a"}], r"pool 1: 'A\x07'"),
}


@pytest.mark.parametrize("fault", BAD_POOLS)
def test_pools(jobs: Refusals, tmp_path: Path, fault: str) -> None:
    entries, word = BAD_POOLS[fault]
    options, path = _with("pools", jobs.options, tmp_path, json.dumps(entries).encode())
    jobs.refused(options, LabelFileError, path, word)


@pytest.mark.parametrize("content", [b'[{"name": "A"}', b"[}", b"name: A", b"[NaN,", b"{'a': 1}"])
def test_pools_that_are_no_json(jobs: Refusals, tmp_path: Path, content: bytes) -> None:
    options, path = _with("pools", jobs.options, tmp_path, content)
    jobs.refused(options, LabelFileError, path, "JSON")


KINDS = {"pools": LabelFileError, "exchanges": LabelFileError, "prices": PriceFileError}
NOT_TEXT = {
    "Latin-1": "address,exchange\nmünze,Börse\n".encode("latin-1"),
    "UTF-16": "date,price_usd\n".encode("utf-16"),
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("encoding", NOT_TEXT)
@pytest.mark.parametrize("option", KINDS)
def test_files_that_are_no_text(new: Refusals, tmp_path: Path, option: str, encoding: str) -> None:
    options, path = _with(option, new.options, tmp_path, NOT_TEXT[encoding])
    new.refused(options, KINDS[option], path)


@pytest.mark.parametrize("option", KINDS)
@pytest.mark.parametrize("what", ["nothing", "a folder"])
def test_files_that_are_none(new: Refusals, tmp_path: Path, option: str, what: str) -> None:
    path = tmp_path / "there"
    if what == "a folder":
        path.mkdir()
    changed = replace(new.options, **{option: path})  # type: ignore[arg-type]
    new.refused(changed, UsageError, path)


HEADS = {"exchanges": LABELS[0], "prices": PRICES[0], "pools": "[]"}


@pytest.mark.parametrize("option", KINDS)
@pytest.mark.parametrize("content", ["", "\n", "head"])
def test_empty_files_are_accepted(tmp_path: Path, expected: Results, option: str, content: str) -> None:
    """No labels, no pools, no prices: other results, but results."""
    text = HEADS[option] if content == "head" else content
    options, _ = _with(option, good_options(tmp_path / "data"), tmp_path, text.encode())
    _check_differs_as_it_should(option, backfill(options), expected)


def _check_differs_as_it_should(option: str, found: Results, expected: Results) -> None:
    assert len(found["blocks"]) == len(expected["blocks"])
    if option == "prices":
        assert found["prices"] == []
        assert "daily_flows" not in differing(found, expected)
    elif option == "exchanges":
        assert found["labels"] == []
        assert not any("Binance" in row for row in found["daily_flows"])
    else:
        assert all("'Unknown'" in row for row in found["blocks"])
        assert not all("'Unknown'" in row for row in expected["blocks"])


def test_a_refused_file_is_not_kept(earlier: Refusals, tmp_path: Path) -> None:
    """What is in force in the data directory stays in force."""
    inputs = DataDirectory(earlier.options.data_dir).inputs
    before = {path.name: path.read_bytes() for path in inputs.iterdir()}
    for option, kind in KINDS.items():
        options, path = _with(option, earlier.options, tmp_path, b"what,is,this\n1,2\n")
        earlier.refused(options, kind, path)
    assert {path.name: path.read_bytes() for path in inputs.iterdir()} == before
    assert before["pools.json"] == POOLS.read_bytes()
