"""Prints the lowest versions that pyproject.toml allows of what minerflow needs, as constraints for pip."""

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for needed in map(Requirement, [*project["dependencies"], *extras["plot"], *extras["serve"]]):
    (lowest,) = (each.version for each in needed.specifier if each.operator in (">=", "=="))
    sys.stdout.write(f"{needed.name}=={lowest}\n")
