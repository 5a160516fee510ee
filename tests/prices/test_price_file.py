"""Price files: what jobs take and what `prices import` takes is read by one parser, with the same bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from etl.errors import PriceFileError
from etl.prices.price_file import PriceRow, load_prices, prices_text, read_price_rows

READERS = [read_price_rows, load_prices]
HEAD = "date,price_usd\n"

Reader = Callable[[Path], object]


def _file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "prices.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = [
        PriceRow(date(2020, 1, day), Decimal(price), 'a, "b"')
        for day, price in ((2, "100"), (3, "110.50"), (4, "0.000001"))
    ]
    file = _file(tmp_path, prices_text(rows))
    assert read_price_rows(file) == rows
    assert load_prices(file) == [(row.day, row.price) for row in rows]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", ["", "\n", HEAD, HEAD + "\n\n", "\ufeff" + HEAD])
def test_a_file_without_rows_holds_no_prices(read: Reader, content: str, tmp_path: Path) -> None:
    assert read(_file(tmp_path, content)) == []


def test_rows_may_be_given_in_any_order_but_not_used_so(tmp_path: Path) -> None:
    file = _file(tmp_path, HEAD + "2020-01-03,1\n2020-01-01,2\n2020-01-01,2\n2020-01-09,3\n")
    assert [row.day.day for row in read_price_rows(file)] == [3, 1, 1, 9]
    with pytest.raises(PriceFileError, match="line 3: 2020-01-01 comes after 2020-01-03"):
        load_prices(file)


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        ("2020-01-01", "line 3: a second price for 2020-01-01"),
        ("2020-01-04", r"line 3: a gap: no price for 2020-01-02 \(2 days are missing\)"),
        ("2019-12-31", "line 3: 2019-12-31 comes after 2020-01-01"),
    ],
)
def test_jobs_take_every_day_once_in_order(second: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=fault):
        load_prices(_file(tmp_path, f"{HEAD}2020-01-01,1\n{second},1\n"))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (HEAD + "2020-01-01,1\n2020-01-02,much\n", "line 3: '2020-01-02', 'much'"),
        (HEAD + "2020-01-01,\n", "line 2: '2020-01-01', ''"),
        (HEAD + "2020-01-01\n", "line 2: '2020-01-01', ''"),
        (HEAD + "2020-02-30,1\n", "line 2: '2020-02-30', '1'"),
        (HEAD + "2020-01-01,1,2,3\n", "line 2: too many fields"),
        (HEAD + '"2020-01-01,1\n', "line 2: unexpected end of data"),
        (HEAD + "2020-01-01,\x1b[2J\n", r"line 2: '2020-01-01', '\x1b[2J'"),
        (HEAD + f"2020-01-01,{'7' * 1000}\n", f"line 2: '2020-01-01', '{'7' * 40}…'"),
        ("day,price_usd\n", "line 1: unknown column 'day'"),
        ("date,price_usd,\x1b[2J\n", r"line 1: unknown column '\x1b[2J'"),
        ("date\n", "line 1: no column 'price_usd'"),
        ("date,price_usd,date\n", "line 1: a column stands there twice"),
        (HEAD.encode() + b"2020-01-01,\xff\n", "no text in UTF-8"),
    ],
)
def test_faults_are_told_with_their_line(
    read: Reader, content: str | bytes, fault: str, tmp_path: Path
) -> None:
    file = _file(tmp_path, content)
    with pytest.raises(PriceFileError) as error:
        read(file)
    assert fault in error.value.what and str(file) in error.value.what


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "price", ["0", "-0.01", "NaN", "sNaN", "-sNaN", "inf", "1e308", "1e999999", "1e-7", "1000000001"]
)
def test_prices_have_bounds(read: Reader, price: str, tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=r"line 2: .* is no price of a bitcoin \(0\.000001 to"):
        read(_file(tmp_path, f"{HEAD}2020-01-01,{price}\n"))


@pytest.mark.parametrize("read", READERS)
def test_days_have_bounds(read: Reader, tmp_path: Path) -> None:
    # The genesis block is of 2009-01-03; 2**32 - 1 seconds after 1970 it is 2106-02-07.
    for day in ("0001-01-01", "2009-01-02", "2106-02-08", "9999-12-31"):
        with pytest.raises(PriceFileError, match=f"line 2: no block can be of {day}"):
            read(_file(tmp_path, f"{HEAD}{day},1\n2020-01-01,1\n"))
    for day in ("2009-01-03", "2106-02-07"):
        read(_file(tmp_path, f"{HEAD}{day},1\n"))
