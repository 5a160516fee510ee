"""The exchanges file: which addresses belong to which exchange.

Invariants: an address bears one exchange; texts can be printed as they are, and no exchange bears a name
that stands for all of them; every fault of a file is reported with its line.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from clustering.labels import Label
from clustering.names import RESERVED_NAMES
from etl.chain.address_reading import address_id, is_ownable, script_kind, script_of
from etl.chain.networks import NETWORKS, Network
from etl.disk.files import read_text
from etl.errors import LabelFileError

REQUIRED_COLUMNS = ("address", "exchange")
OPTIONAL_COLUMNS = ("basis", "source", "source_date")


def parse_address(text: str, network: Network, where: str, *, strict: bool) -> bytes | None:
    """Script of an address in a label file; None for another network's, unless `strict`.

    Raises LabelFileError, which starts with `where`.
    """
    try:
        return script_of(text, network)
    except ValueError as error:
        if not strict and any(_is_valid(text, other) for other in NETWORKS):
            return None
        raise LabelFileError(
            f"{where}: {text!r} is no address of {network.name}: {error}",
            "correct or remove the line",
        ) from error


def check_text(text: str, where: str) -> None:
    """Refuse a text that cannot be shown as it is. Raises LabelFileError, which starts with `where`."""
    if not text.isprintable():
        raise LabelFileError(
            f"{where}: {text!r} holds a character that cannot be printed", "correct the text"
        )


def check_name(name: str, where: str) -> None:
    """Refuse what cannot name a pool or an exchange. Raises LabelFileError, which starts with `where`."""
    check_text(name, where)
    if name in RESERVED_NAMES:
        raise LabelFileError(f"{where}: the name {name!r} is reserved", "choose another name")


def _is_valid(text: str, network: Network) -> bool:
    try:
        script_of(text, network)
    except ValueError:
        return False
    return True


def _check_columns(path: Path, columns: list[str]) -> None:
    known = {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
    unknown = [column for column in columns if column not in known]
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if unknown or missing:
        reason = f"unknown column {unknown[0]!r}" if unknown else f"no column {missing[0]!r}"
        raise LabelFileError(
            f"{path}, line 1: {reason}",
            f"use the columns {', '.join(REQUIRED_COLUMNS)} and, if wanted, {', '.join(OPTIONAL_COLUMNS)}",
        )


def load_labels(path: Path, network: Network, *, strict: bool) -> list[Label]:
    """Read an exchanges file (CSV); an empty one gives no labels. Raises LabelFileError with the line.

    `strict` refuses addresses of other networks; the shipped list, which is mainnet's, passes them over.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, LabelFileError), newline=""), strict=True)
    if not reader.fieldnames:
        return []
    _check_columns(path, list(reader.fieldnames))
    labels: dict[int, Label] = {}
    try:
        for row in reader:
            label = _label(path, reader.line_num, row, network, strict=strict)
            if label is not None:
                _check_single(path, reader.line_num, labels, label)
                labels.setdefault(label.address_id, label)
    except csv.Error as error:
        line = reader.reader.line_num
        raise LabelFileError(f"{path}, line {line}: {error}", "correct the line") from error
    return list(labels.values())


def _label(
    path: Path, line: int, row: dict[str, str | None], network: Network, *, strict: bool
) -> Label | None:
    where = f"{path}, line {line}"
    address, exchange = row.get("address"), row.get("exchange")
    if None in row or not address or not exchange:
        raise LabelFileError(
            f"{where}: {'too many fields' if None in row else 'address or exchange is empty'}",
            "correct or remove the line",
        )
    check_name(exchange, where)
    check_text(row.get("source") or "", where)
    script = parse_address(address, network, where, strict=strict)
    if script is None:
        return None
    if not is_ownable(script_kind(script)):
        raise LabelFileError(f"{where}: nobody can own {address!r}", "remove the line")
    return Label(address, exchange, row.get("source"), address_id(script))


def _check_single(path: Path, line: int, labels: dict[int, Label], label: Label) -> None:
    earlier = labels.get(label.address_id)
    if earlier is not None and earlier.exchange != label.exchange:
        raise LabelFileError(
            f"{path}, line {line}: {label.address} is labelled {label.exchange!r}, "
            f"but an earlier line says {earlier.exchange!r}",
            "keep one of the two",
        )
