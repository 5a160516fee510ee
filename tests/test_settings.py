from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.errors import ConfigError
from etl.jobs.request import options_of, shown
from etl.resources import config_dir
from etl.settings import Settings, load_settings
from etl.sources.node.address import NodeAddress, find_node

SHIPPED = config_dir() / "minerflow.toml"
KEYS = [each.name for each in fields(Settings) if each.name != "origins"]
SECRET = "S3cr3t/#@"


class Case(NamedTuple):
    """A setting in every place: (as written there, as it must be in force)."""

    default: Any
    file: tuple[str, Any]
    variable: tuple[str, Any]
    command_line: Any


CASES = {
    "data_dir": Case(Path("minerflow-data"), ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
    "source": Case("auto", ("'rest'", "rest"), ("rpc", "rpc"), "blockfiles"),
    "blocks_dir": Case(None, ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
    "bitcoin_datadir": Case(None, ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
    "rpc_url": Case(None, ("'http://f:1'", "http://f:1"), ("http://v:1", "http://v:1"), "http://c"),
    "rpc_user": Case(None, ("'f'", "f"), ("v", "v"), "c"),
    "rpc_password": Case(None, ("'f'", "f"), ("v", "v"), "c"),
    "timeout_s": Case(300.0, ("1", 1.0), ("2.5", 2.5), 3.0),
    "confirmations": Case(None, ("1", 1), ("2", 2), 0),
    "workers": Case(0, ("1", 1), ("2", 2), 3),
    "memory_limit": Case("1GB", ("'4GB'", "4GB"), ("50%", "50%"), "300 MiB"),
    "pools": Case(None, ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
    "exchanges": Case(None, ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
    "prices": Case(None, ("'/f'", Path("/f")), ("/v", Path("/v")), Path("/c")),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write_toml(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_cases_name_every_setting() -> None:
    assert list(CASES) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_the_first_place_that_gives_a_setting_counts(key: str, home: Path) -> None:
    case = CASES[key]
    config = write_toml(home / "mine.toml", f"{key} = {case.file[0]}")
    variable = f"MINERFLOW_{key.upper()}"
    all_places: dict[str, Any] = {
        "arguments": {key: case.command_line},
        "environment": {variable: case.variable[0]},
        "config": config,
    }
    expected = [
        (case.command_line, "command line"),
        (case.variable[1], variable),
        (case.file[1], str(config)),
        (case.default, "default" if case.default is not None else None),
    ]
    for without, (value, origin) in enumerate(expected):
        places = dict(list(all_places.items())[without:])
        found = load_settings(**({"arguments": {}, "environment": {}} | places))
        assert (getattr(found, key), found.origins.get(key)) == (value, origin)


def test_shipped_file_explains_every_setting_once() -> None:
    lines = SHIPPED.read_text().splitlines()
    written = [match[1] for line in lines if (match := re.match(r"(?:# )?(\w+) = ", line))]
    assert written == KEYS


def test_examples_in_the_shipped_file_are_usable(home: Path) -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", SHIPPED.read_text(), flags=re.MULTILINE)
    found = load_settings({}, write_toml(home / "all.toml", text), {})
    assert [key for key in KEYS if getattr(found, key) is None] == []
    assert found.confirmations == 6


def test_users_file_is_looked_for_in_order(home: Path) -> None:
    def workers(environment: dict[str, str], config: Path | None = None) -> int:
        return load_settings({}, config, environment).workers

    named = write_toml(home / "named.toml", "workers = 1")
    by_variable = write_toml(home / "variable.toml", "workers = 2")
    write_toml(home / "xdg/minerflow/minerflow.toml", "workers = 3")
    assert workers({}) == 0
    write_toml(home / ".config/minerflow/minerflow.toml", "workers = 4")
    environment = {"MINERFLOW_CONFIG": str(by_variable), "XDG_CONFIG_HOME": str(home / "xdg")}
    assert workers(environment, named) == 1
    assert workers(environment) == 2
    del environment["MINERFLOW_CONFIG"]
    assert workers(environment) == 3
    assert workers({}) == 4


@pytest.mark.parametrize("place", ["--config", "MINERFLOW_CONFIG"])
def test_a_named_file_that_is_missing_is_an_error(place: str, home: Path) -> None:
    missing = home / "missing.toml"
    with pytest.raises(ConfigError, match=r"missing\.toml does not exist") as caught:
        if place == "--config":
            load_settings({}, missing, {})
        else:
            load_settings({}, None, {"MINERFLOW_CONFIG": str(missing)})
    assert place in caught.value.action


def test_unknown_setting_names_file_key_and_what_may_be_meant(home: Path) -> None:
    config = write_toml(home / "mine.toml", "data_dri = 'x'")
    with pytest.raises(ConfigError, match=rf"{config}: there is no setting 'data_dri'") as caught:
        load_settings({}, config, {})
    assert "did you mean data_dir" in caught.value.action


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("data_dir", "1"),
        ("data_dir", "''"),
        ("blocks_dir", "['/a']"),
        ("rpc_url", "false"),
        ("rpc_user", "''"),
        ("rpc_password", "12345"),
        ("source", "'disk'"),
        ("timeout_s", "'5'"),
        ("timeout_s", "nan"),
        ("timeout_s", "inf"),
        ("timeout_s", "-1"),
        ("timeout_s", "true"),
        ("confirmations", "-1"),
        ("confirmations", "1.5"),
        ("workers", "true"),
        ("memory_limit", '"4GB\'; DROP TABLE blocks"'),
        ("memory_limit", "4"),
    ],
)
def test_wrong_type_or_value_names_file_and_key_but_no_value(key: str, written: str, home: Path) -> None:
    config = write_toml(home / "mine.toml", f"{key} = {written}")
    with pytest.raises(ConfigError, match=rf"{config}: {key} ") as caught:
        load_settings({}, config, {})
    assert "12345" not in str(caught.value)


def test_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="MINERFLOW_WORKERS must be a whole number"):
        load_settings({}, None, {"MINERFLOW_WORKERS": "many"})


def test_misspelt_variable_is_an_error_and_a_strange_one_is_not() -> None:
    with pytest.raises(ConfigError, match="MINERFLOW_DATADIR is no setting") as caught:
        load_settings({}, None, {"MINERFLOW_DATADIR": "/x"})
    assert "MINERFLOW_DATA_DIR" in caught.value.action
    load_settings({}, None, {"MINERFLOW_CRASH_AFTER": "3", "MINERFLOW_": "x"})


def test_empty_variable_is_not_given() -> None:
    assert load_settings({}, None, {"MINERFLOW_WORKERS": ""}).origins["workers"] == "default"


@pytest.mark.parametrize("text", [f"rpc_password = {SECRET}", "rpc_password = '\udcff'", "[[["])
def test_unreadable_file_is_named_without_its_text(text: str, home: Path) -> None:
    config = home / "mine.toml"
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=rf"{config} is not valid TOML") as caught:
        load_settings({}, config, {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_home_directory_is_expanded(home: Path) -> None:
    found = load_settings({"data_dir": Path("~/a")}, None, {"MINERFLOW_POOLS": "~/b"})
    assert (found.data_dir, found.pools) == (home / "a", home / "b")


def test_zero_workers_are_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert options_of(load_settings({}, None, {})).workers == 7
    assert options_of(load_settings({"workers": 3}, None, {})).workers == 3


# The node: bitcoin.conf counts least, setting by setting.

CONF = "rpcuser=conf-user\nrpcpassword=conf-password\nrpcconnect=10.0.0.1\nrpcport=9999\n"


@pytest.fixture
def datadir(home: Path) -> Path:
    folder = home / "bitcoin"
    folder.mkdir()
    (folder / "bitcoin.conf").write_text(CONF)
    return folder


def effective_node(found: Settings) -> NodeAddress:
    source = options_of(found).source
    return find_node(source.rpc_url, source.bitcoin_datadir)


@pytest.mark.parametrize(
    ("command_line", "variables", "file", "expected"),
    [
        ("", {}, "", "conf-user:conf-password http://10.0.0.1:9999/"),
        ("", {}, "rpc_password = 'f'", "conf-user:f http://10.0.0.1:9999/"),
        ("", {}, "rpc_user = 'f'", "f:conf-password http://10.0.0.1:9999/"),
        ("", {"RPC_PASSWORD": "v"}, "rpc_password = 'f'", "conf-user:v http://10.0.0.1:9999/"),
        ("", {}, "rpc_url = 'http://f:1'", "conf-user:conf-password http://f:1/"),
        ("", {}, "rpc_url = 'http://a:b@f:1'", "a:b http://f:1/"),
        ("", {"RPC_USER": "v"}, "rpc_url = 'http://a:b@f:1'", "v:b http://f:1/"),
        ("", {}, "rpc_url = 'http://a:b@f:1'\nrpc_user = 'f'", "f:b http://f:1/"),
        ("http://c:2", {}, "rpc_url = 'http://a:b@f:1'", "conf-user:conf-password http://c:2/"),
        ("http://x:y@c:2", {"RPC_USER": "v"}, "rpc_user = 'f'", "x:y http://c:2/"),
        ("c:2", {"RPC_USER": "v", "RPC_PASSWORD": "w"}, "", "v:w http://c:2/"),
        ("x@c:2", {"RPC_PASSWORD": "w"}, "", "x:w http://c:2/"),
    ],
)
def test_address_and_credentials_by_precedence(
    command_line: str, variables: dict[str, str], file: str, expected: str, datadir: Path
) -> None:
    config = write_toml(datadir / "mine.toml", file)
    environment = {f"MINERFLOW_{key}": value for key, value in variables.items()}
    given = {"rpc_url": command_line or None, "bitcoin_datadir": datadir, "source": "rpc"}
    node = effective_node(load_settings(given, config, environment))
    shown = f"{node.credentials.user}:{node.credentials.password} {node.url}"
    assert shown == expected


def test_user_without_any_password_is_an_error(home: Path) -> None:
    found = load_settings({"rpc_url": "http://h:1"}, None, {"MINERFLOW_RPC_USER": "me"})
    with pytest.raises(ConfigError, match=r"rpc_user is given \(MINERFLOW_RPC_USER\)"):
        options_of(found)


def test_block_files_need_no_node_for_credentials(home: Path) -> None:
    given = {"source": "blockfiles", "blocks_dir": Path("/b"), "rpc_password": "p"}
    assert options_of(load_settings(given, None, {})).source.rpc_url is None


def test_shown_settings_name_where_they_come_from(datadir: Path) -> None:
    environment = {"MINERFLOW_WORKERS": "2"}
    found = load_settings({"bitcoin_datadir": datadir}, None, environment)
    lines = {key: (value, origin) for key, value, origin in shown(found)}
    assert lines["workers"] == ("2", "MINERFLOW_WORKERS")
    assert lines["source"] == ("auto", "default")
    assert lines["bitcoin_datadir"] == (str(datadir), "command line")
    assert lines["pools"] == ("not given", "")
    assert lines["rpc_user"] == ("conf-user", "bitcoin.conf or Bitcoin Core's default")
    assert lines["rpc_url"][0] == "http://10.0.0.1:9999/"
    assert lines["rpc_password"][0] == "********"


PASSWORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20).map(
    lambda text: SECRET + text
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(password=PASSWORDS, inside_url=st.booleans())
def test_no_password_is_shown_and_every_one_arrives(password: str, inside_url: bool, home: Path) -> None:
    url = f"http://me:{quote(password, safe='')}@h:1" if inside_url else "http://me@h:1"
    environment = {} if inside_url else {"MINERFLOW_RPC_PASSWORD": password}
    found = load_settings({"rpc_url": url, "source": "rpc"}, None, environment)
    assert effective_node(found).credentials.password == password
    for text in (repr(found), str(found), str(shown(found))):
        assert SECRET not in text
        assert quote(SECRET, safe="") not in text


def test_a_url_that_cannot_be_taken_apart_is_not_shown(home: Path) -> None:
    found = load_settings({"rpc_url": f"http://me:{SECRET}@h:1"}, None, {})
    assert SECRET not in repr(found) + str(shown(found))
