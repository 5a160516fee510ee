"""The shape of the house: stations import downwards only, and rooms stay small and tell their names apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from etl import cache_folder

ROOT = Path(__file__).parent.parent
STATIONS = (
    "cli", "serve", "api", "jobs", "results", "prices", "warehouse", "tracking", "lake", "sources",
    "clustering", "chain", "disk", "compiled",
)  # fmt: skip
"""From the top down: each may import what stands below it, and the modules at the top of etl."""
FOUNDATION = "etl"
CLUSTERING_MAY = {"compiled", "chain", "errors"}

MOST_LINES = 400
MOST_PARAMETERS = 12


def _sources() -> list[Path]:
    return sorted(path for package in ("etl", "clustering") for path in (ROOT / package).rglob("*.py"))


def _station(module: str) -> str:
    """The station of a dotted module; FOUNDATION for the modules at the top of etl."""
    package, *rest = module.split(".")
    if package == "clustering":
        return package
    return rest[0] if rest and rest[0] in STATIONS else FOUNDATION


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module in ("etl", "clustering") else [node.module]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def wrong_arrows(module: str, text: str) -> list[str]:
    """What a module of that name and text imports, but may not."""
    mine = _station(module)
    wrong = []
    for imported in _imported(ast.parse(text)):
        if imported.split(".")[0] not in ("etl", "clustering"):
            continue
        theirs = _station(imported)
        if mine == "clustering" and theirs != mine:
            allowed = theirs in CLUSTERING_MAY or imported.split(".")[1] in CLUSTERING_MAY
        elif theirs == FOUNDATION:
            allowed = True
        else:
            allowed = mine in STATIONS and STATIONS.index(theirs) >= STATIONS.index(mine)
        if not allowed:
            wrong.append(f"{module} imports {imported}")
    return wrong


def test_stations_import_downwards() -> None:
    wrong = [
        arrow
        for path in _sources()
        for arrow in wrong_arrows(_module(path), path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("etl.chain.blocks", "from etl.lake.columns import BLOCKS"),
        ("etl.lake.fill", "from etl.jobs.report import RunReport"),
        ("etl.settings", "from etl.sources.node.address import find_node"),
        ("clustering.pools", "from etl.disk.files import read_text"),
        ("clustering.pools", "import etl.settings"),
        ("etl.compiled.copying", "from clustering.kernel import track_batch"),
    ],
)
def test_an_arrow_the_wrong_way_is_found(module: str, line: str) -> None:
    assert wrong_arrows(module, f"{line}\n") == [f"{module} imports {line.split()[1]}"]


def test_files_are_small() -> None:
    long = {
        _module(path): lines
        for path in _sources()
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    }
    assert long == {}


def test_functions_take_few_parameters() -> None:
    many = {
        f"{_module(path)}.{node.name}": count
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)) > MOST_PARAMETERS
    }
    assert many == {}


def _one_letter_apart(one: str, other: str) -> bool:
    """Whether one change, insertion or removal of a letter turns one name into the other."""
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[at:] == other[at + 1 :] or one[at + 1 :] == other[at + 1 :]


def test_names_of_modules_are_told_apart() -> None:
    names = {path.stem for path in _sources()}
    near = [pair for pair in combinations(sorted(names), 2) if _one_letter_apart(*pair)]
    assert near == []


def test_compiled_code_stands_where_its_cache_is_told_apart() -> None:
    """Numba looks at the file of a function alone: all that holds compiled functions is in the digest."""
    covered = {path for folder in cache_folder.COMPILED for path in (ROOT / folder).rglob("*.py")}
    decorated = {
        path
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any("compiled" in ast.unparse(each) or "jit" in ast.unparse(each) for each in node.decorator_list)
    }
    assert decorated
    assert decorated <= covered
