"""Finding the node. Ports, directories and precedence are those of Bitcoin Core's documentation."""

from __future__ import annotations

import pickle
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from etl.chain.networks import MAINNET, REGTEST
from etl.errors import ConfigError, NodeRefused, NodeUnreachable, NodeWarmingUp, UsageError
from etl.sources.node.address import (
    Credentials,
    NodeAddress,
    blocks_dir,
    default_bitcoin_datadir,
    find_node,
)
from etl.sources.node.control import NodeControl
from etl.sources.node.probe import probe_node
from etl.sources.node.retry import Retry
from tests.support.fakenode import FakeNode

SECRET = "p4ss w0rd"


def _datadir(path: Path, conf: str = "") -> Path:
    (path / "bitcoin.conf").write_text(conf, encoding="utf-8")
    return path


def _pair(credentials: Credentials) -> str:
    return b64decode(credentials.header().removeprefix("Basic ")).decode()


@pytest.mark.parametrize(
    ("conf", "port", "directory"),
    [
        ("", 8332, "."),
        ("testnet=1", 18332, "testnet3"),
        ("chain=test", 18332, "testnet3"),
        ("testnet4=1", 48332, "testnet4"),
        ("signet=1", 38332, "signet"),
        ("regtest=1", 18443, "regtest"),
        ("regtest=", 18443, "regtest"),
        ("chain=regtest", 18443, "regtest"),
        ("regtest=0", 8332, "."),
        ("regtest=1\nregtest=0", 8332, "."),
        ("regtest=1\nnoregtest=1\nsignet=1", 38332, "signet"),
        ("[regtest]\nregtest=1", 8332, "."),
    ],
)
def test_the_network_tells_port_and_directory(tmp_path: Path, conf: str, port: int, directory: str) -> None:
    found = find_node(None, _datadir(tmp_path, conf))
    assert found.url == f"http://127.0.0.1:{port}/"
    assert found.credentials.cookie_file == tmp_path / directory / ".cookie"
    assert blocks_dir(tmp_path) == tmp_path / directory / "blocks"


@pytest.mark.parametrize(
    ("conf", "url"),
    [
        ("rpcport=1111", "http://127.0.0.1:1111/"),
        ("rpcport=1111\nrpcport=2222", "http://127.0.0.1:1111/"),
        ("rpcport=1111\n[main]\nrpcport=2222", "http://127.0.0.1:2222/"),
        ("main.rpcport=2222", "http://127.0.0.1:2222/"),
        ("[signet]\nrpcport=1111", "http://127.0.0.1:8332/"),
        ("regtest=1\nrpcport=1111", "http://127.0.0.1:18443/"),
        ("regtest=1\n[regtest]\nrpcport=1111 # mine", "http://127.0.0.1:1111/"),
        ("regtest=1\nregtest.rpcport=1111", "http://127.0.0.1:1111/"),
        ("rpcconnect=10.0.0.7", "http://10.0.0.7:8332/"),
        ("rpcconnect=node.lan:9000", "http://node.lan:9000/"),
        ("rpcconnect=[fd00::1]:9000", "http://[fd00::1]:9000/"),
        ("  rpcconnect = node.lan \r\n\r\n", "http://node.lan:8332/"),
    ],
)
def test_the_address_follows_cores_rules(tmp_path: Path, conf: str, url: str) -> None:
    assert find_node(None, _datadir(tmp_path, conf)).url == url


def test_included_files_come_after_the_file_and_only_for_their_network(tmp_path: Path) -> None:
    (tmp_path / "all.conf").write_text("rpcuser=all\nrpcpassword=all\nrpcport=1111\n")
    (tmp_path / "main.conf").write_text("rpcuser=main\nincludeconf=absent.conf\n")
    (tmp_path / "signet.conf").write_text("rpcuser=signet\n")
    conf = (
        "includeconf=all.conf\nrpcpassword=first\n"
        "[main]\nincludeconf=main.conf\n[signet]\nincludeconf=signet.conf\n"
    )
    found = find_node(None, _datadir(tmp_path, conf))
    assert _pair(found.credentials) == "main:first"
    assert found.url == "http://127.0.0.1:1111/"


def test_a_missing_included_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.conf cannot be read"):
        find_node(None, _datadir(tmp_path, "includeconf=gone.conf"))


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ("chain=nonsense", "names no network"),
        ("regtest=1\nsignet=1", "more than one network"),
        ("server=1\n\nrpcpassword\n", "line 3"),
        ("-rpcport=1", "line 1"),
        (f"rpcuser=a\n{SECRET}", "line 2"),
        ("rpcport=many", "not a number"),
        ("norpccookiefile=1", "turns the cookie file off"),
    ],
)
def test_an_unusable_file_is_an_error_without_its_text(tmp_path: Path, conf: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        find_node(None, _datadir(tmp_path, conf))
    assert SECRET not in str(raised.value)
    assert "bitcoin.conf" in str(raised.value)


def test_paths_of_cookie_blocks_and_data_can_be_moved(tmp_path: Path) -> None:
    data, blocks = tmp_path / "data", tmp_path / "blocks"
    data.mkdir()
    conf = f"regtest=1\ndatadir={data}\nblocksdir={blocks}\nrpccookiefile=my.cookie\n"
    _datadir(tmp_path, conf)
    assert blocks_dir(tmp_path) == blocks / "regtest" / "blocks"
    cookie = find_node(None, tmp_path).credentials.cookie_file
    assert cookie == data / "regtest" / "my.cookie"
    _datadir(tmp_path, f"rpccookiefile={tmp_path / 'abs'}")
    assert find_node(None, tmp_path).credentials.cookie_file == tmp_path / "abs"


def test_without_a_choice_the_network_in_use_is_taken(tmp_path: Path) -> None:
    (tmp_path / "regtest").mkdir()
    (tmp_path / "regtest" / ".cookie").write_text("a:b")
    assert find_node(None, tmp_path).url == "http://127.0.0.1:18443/"
    assert find_node(None, tmp_path / "regtest").url == "http://127.0.0.1:18443/"
    (tmp_path / "blocks").mkdir()
    assert find_node(None, tmp_path).url == "http://127.0.0.1:8332/"


def test_the_urls_port_tells_which_cookie(tmp_path: Path) -> None:
    found = find_node("http://127.0.0.1:38332", _datadir(tmp_path, "regtest=1"))
    assert found.credentials.cookie_file == tmp_path / "signet" / ".cookie"
    other = find_node("http://127.0.0.1:9999", tmp_path)
    assert other.credentials.cookie_file == tmp_path / "regtest" / ".cookie"


@pytest.mark.parametrize(
    ("given", "url", "pair"),
    [
        (f"http://me:{SECRET}@10.0.0.7:1", "http://10.0.0.7:1/", f"me:{SECRET}"),
        ("http://me:a%2Fb%40c@host", "http://host:8332/", "me:a/b@c"),
        ("me:a:b@host:1", "http://host:1/", "me:a:b"),
        ("https://me:x@host/bitcoin/", "https://host:443/bitcoin/", "me:x"),
        ("http://me:x@[::1]:1/", "http://[::1]:1/", "me:x"),
        ("http://me@host:1", "http://host:1/", "me:"),
    ],
)
def test_credentials_in_the_url_are_honoured_and_hidden(given: str, url: str, pair: str) -> None:
    found = find_node(given)
    assert found.url == url
    assert _pair(found.credentials) == pair
    assert SECRET not in repr(found) + str(found)
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    "given", [f"ftp://me:{SECRET}@host", f"http://me:{SECRET}/@host", "http://", "http://h:99999"]
)
def test_an_unusable_url_is_an_error_that_does_not_repeat_it(given: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_node(given)
    assert SECRET not in str(raised.value)


def test_a_data_directory_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a directory"):
        find_node(None, tmp_path / "absent")
    with pytest.raises(ConfigError, match="not a directory"):
        blocks_dir(tmp_path / "absent")


def test_the_cookie_is_read_anew_for_every_use(tmp_path: Path) -> None:
    credentials = Credentials(cookie_file=tmp_path / ".cookie")
    with pytest.raises(NodeUnreachable, match="not running"):
        credentials.header()
    (tmp_path / ".cookie").write_text("")
    with pytest.raises(NodeUnreachable, match="not yet written"):
        credentials.header()
    for password in ("one", "two"):
        (tmp_path / ".cookie").write_text(f"__cookie__:{password}")
        assert _pair(credentials) == f"__cookie__:{password}"
    with pytest.raises(ConfigError, match="does not exist"):
        Credentials(cookie_file=tmp_path / "absent" / ".cookie").header()
    (tmp_path / "dir").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        Credentials(cookie_file=tmp_path / "dir").header()


@pytest.mark.parametrize(
    ("platform", "tail"),
    [
        ("linux", ".bitcoin"),
        ("darwin", "Library/Application Support/Bitcoin"),
        ("win32", "AppData/Local/Bitcoin"),
    ],
)
def test_the_default_data_directory_is_the_platforms(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, tail: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.delenv("APPDATA", raising=False)
    assert default_bitcoin_datadir() == tmp_path / tail


def test_the_facts_are_the_nodes() -> None:
    with FakeNode.golden("economy") as node:
        facts = probe_node(node.address, Retry(0))
    assert facts.network == REGTEST
    assert (facts.active.height, facts.headers, facts.version) == (531, 531, 319900)
    assert facts.active.block_hash.startswith("0137337e87d7")
    assert (facts.complete, facts.snapshot_note) == (facts.active, "")
    assert facts.subversion == "/Satoshi:31.99.0/"
    assert (facts.pruned, facts.prune_height) == (False, 0)
    assert facts.initial_block_download
    assert facts.verification_progress == pytest.approx(0.01018767632567473)
    assert (facts.rest, facts.rest_spent) == (True, True)
    assert facts.size_on_disk == 1200266


@pytest.mark.parametrize(
    ("rest", "version", "prune_height", "offered"),
    [
        (False, 319900, None, (False, False)),
        (True, 290000, None, (True, False)),
        (True, 300000, 276, (True, True)),
        (True, 319900, 4522, (True, True)),
    ],
)
def test_the_facts_tell_what_rest_offers_and_what_is_pruned(
    rest: bool, version: int, prune_height: int | None, offered: tuple[bool, bool]
) -> None:
    options = {"rest": rest, "version": version, "prune_height": prune_height}
    with FakeNode.golden("mainnet_early", **options) as node:
        facts = probe_node(node.address, Retry(0))
    assert (facts.rest, facts.rest_spent) == offered
    assert (facts.pruned, facts.prune_height) == (prune_height is not None, prune_height or 0)
    assert facts.network == MAINNET


def test_a_starting_node_is_waited_for_with_one_message() -> None:
    messages: list[str] = []
    with FakeNode.golden("economy", warm_up_calls=3) as node:
        assert probe_node(node.address, Retry(10, messages.append)).active.height == 531
    assert messages == ["node is starting: Loading block index…; trying again for up to 10 s"]


def test_a_node_that_keeps_starting_is_given_up() -> None:
    with (
        FakeNode.golden("economy", warm_up_calls=1000) as node,
        pytest.raises(NodeWarmingUp, match=r"gave up after 0\.\d s and \d tries: node is starting"),
    ):
        probe_node(node.address, Retry(0.3))


def test_a_wrong_password_is_refused_at_once_and_not_shown() -> None:
    with FakeNode.golden("economy") as node:
        wrong = NodeAddress(node.url, Credentials("user", SECRET))
        with pytest.raises(NodeRefused) as raised:
            NodeControl(wrong, Retry(60)).call("getblockcount")
    assert SECRET not in str(raised.value) + repr(raised.value)


def test_a_cookie_rewritten_by_a_restart_is_taken_up(tmp_path: Path) -> None:
    with FakeNode.golden("economy") as node:
        address = node.write_cookie(tmp_path / ".cookie", "one")
        with NodeControl(address, Retry(0)) as control:
            assert control.call("getblockcount") == 531
            node.write_cookie(tmp_path / ".cookie", "two")
            assert control.call("getblockcount") == 531
            (tmp_path / ".cookie").write_text("__cookie__:old")
            control.close()
            with pytest.raises(NodeRefused, match="rejects the user or password"):
                control.call("getblockcount")
