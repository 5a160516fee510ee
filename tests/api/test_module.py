"""What `import minerflow` is: its names, its documentation, and that both kinds of installation have it."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import minerflow
import pytest
from hatchling.builders.wheel import WheelBuilder

from etl import api, errors
from etl.settings import setting_types

ROOT = Path(__file__).parent.parent.parent


def test_every_public_name_is_there_and_documented() -> None:
    assert minerflow.__all__ == api.__all__
    assert minerflow.__doc__ == api.__doc__ and minerflow.__version__ == api.__version__
    for name in minerflow.__all__:
        each = getattr(minerflow, name)
        assert inspect.getdoc(each), name
        assert each is getattr(api, name)


@pytest.mark.parametrize(
    "each", [minerflow.Database, minerflow.Table, minerflow.Progress, minerflow.RunReport]
)
def test_every_public_method_is_documented(each: type) -> None:
    methods = inspect.getmembers(
        each, lambda member: inspect.isroutine(member) or isinstance(member, property)
    )
    public = [method for name, method in methods if not name.startswith("_")]
    assert public
    assert [method for method in public if not inspect.getdoc(method)] == []


def test_jobs_take_every_setting() -> None:
    assert set(api.JobSettings.__annotations__) == set(setting_types()) - {"data_dir"}
    for name in api.JobSettings.__annotations__:
        assert name in (minerflow.__doc__ or "")


def test_an_unknown_or_faulty_setting_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="argument: there is no setting 'worker'") as caught:
        minerflow.update(tmp_path, worker=2)  # type: ignore[call-arg]
    assert "did you mean workers" in caught.value.action
    with pytest.raises(errors.ConfigError, match="argument: memory_limit is no amount of memory"):
        minerflow.restate(tmp_path, memory_limit="much")


def run(code: str, path: Path) -> str:
    """What code prints in a process that has the module from `path` alone."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True, text=True, check=True, cwd="/",
    ).stdout  # fmt: skip


def test_importing_loads_nothing_heavy() -> None:
    heavy = "{'numba', 'duckdb', 'numpy', 'pyarrow', 'networkx', 'orjson', 'rich', 'click'}"
    code = f"import sys, minerflow; print(sorted({heavy} & sys.modules.keys()))"
    assert run(code, ROOT / "etl/api/module") == "[]\n"


def test_help_is_a_page() -> None:
    text = run("import minerflow; help(minerflow)", ROOT / "etl/api/module")
    assert text.startswith("Help on package minerflow:\n\nNAME\n    minerflow - Open, exact, fast")
    for line in ("    backfill(data_dir: ", "    open(data_dir: ", "     |  drill(self, metric: "):
        assert line in text


@pytest.mark.parametrize("kind", ["standard", "editable"])
def test_both_installations_have_the_module(kind: str, tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=[kind])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        f"import site; site.addsitedir({str(tmp_path / 'site')!r})\n"
        "import etl, minerflow\n"
        "print(minerflow.__file__, etl.__file__)"
    )
    module, package = map(Path, run(code, tmp_path / "site").split())
    assert package.is_relative_to(tmp_path / "site" if kind == "standard" else ROOT)
    assert module.is_relative_to(tmp_path / "site")
    assert module.with_name("py.typed").is_file() and package.with_name("py.typed").is_file()
    assert kind == "editable" or not (tmp_path / "site" / "etl" / "api" / "module").exists()
