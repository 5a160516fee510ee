"""Prints what minerflow and its tests need, as installed in the environment that runs this, as constraints:

    .venv/bin/python .ci/constraints.py > config/constraints.txt

Hashes are those that pip reports of the files that this system gets; nothing is installed.
"""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAD = """\
# What minerflow was tested with: names, versions and the SHA-256 of the files for Python 3.11 on Linux
# (x86_64). To have exactly these there:
#   pip install --require-hashes -r config/constraints.txt && pip install --no-deps .
# Made by .ci/constraints.py in the environment in which the tests passed.
"""


def needed() -> dict[str, str]:
    """name==version of everything that is needed, by name."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    left = [requirement for requirement in map(Requirement, listed) if applies(requirement, set())]
    pins = {}
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name not in pins:
            held = distribution(name)
            pins[name] = f"{name}=={held.version}"
            theirs = map(Requirement, held.requires or ())
            left += [each for each in theirs if applies(each, requirement.extras)]
    return pins


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether something requires it here, with these extras of its own."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def hashes(pins: list[str]) -> dict[str, str]:
    """By name, of the files that pip would install."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
    command += ["--ignore-installed", "--report", "-"]
    run = subprocess.run([*command, *pins], check=True, stdout=subprocess.PIPE, text=True)
    return {
        canonicalize_name(each["metadata"]["name"]): each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in json.loads(run.stdout)["install"]
    }


def main() -> None:
    """Print the constraints."""
    pins = needed()
    known = hashes(sorted(pins.values()))
    sys.stdout.write(HEAD)
    for name, pin in sorted(pins.items()):
        sys.stdout.write(f"{pin} --hash=sha256:{known[name]}\n")


main()
