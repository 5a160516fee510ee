"""The versions that pyproject.toml allows, those that were tested, and those that are written down agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
NEEDED = [Requirement(each) for each in (*PROJECT["dependencies"], *EXTRAS["plot"], *EXTRAS["serve"])]
ALL = {str(each): each for each in [*NEEDED, *map(Requirement, EXTRAS["test"])]}


def _constraints() -> dict[str, tuple[Version, list[str]]]:
    """Version and hashes by name."""
    text = (ROOT / "config" / "constraints.txt").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    named = [(pin.partition("=="), hashes) for pin, *hashes in lines]
    return {canonicalize_name(name): (Version(version), hashes) for (name, _, version), hashes in named}


CONSTRAINTS = _constraints()


@pytest.mark.parametrize("needed", ALL)
def test_what_was_tested_is_allowed_and_named(needed: str) -> None:
    """After a change of pyproject.toml config/constraints.txt is to be made anew; it says how."""
    version, _ = CONSTRAINTS[canonicalize_name(ALL[needed].name)]
    assert ALL[needed].specifier.contains(version, prereleases=True)


def test_every_file_has_its_hash_and_nothing_says_where_it_is_from() -> None:
    for name, (_, hashes) in CONSTRAINTS.items():
        assert hashes, name
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes), name
    assert "://" not in (ROOT / "config" / "constraints.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_every_requirement_has_one_lowest_version(needed: Requirement) -> None:
    """CI runs a choice of tests with them (.ci/lowest.py)."""
    assert sum(each.operator in (">=", "==") for each in needed.specifier) == 1
