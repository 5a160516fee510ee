"""Kinds and ids of scripts, against Core's Solver written once more, Core's answers and PyPI xxhash."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from functools import cache

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from etl.chain import scripts
from etl.chain.address_reading import address_id, address_of, is_ownable, script_kind, script_of
from etl.chain.networks import MAINNET, NETWORKS, Network, network_by_name
from tests.chain.scripts import OWNABLE, SCRIPTS, solve
from tests.support.golden import CHAINS, GoldenChain
from tests.support.properties import examples

KINDS = {
    "nonstandard": scripts.NONSTANDARD,
    "pubkeyhash": scripts.P2PKH,
    "scripthash": scripts.P2SH,
    "witness_v0_keyhash": scripts.P2WPKH,
    "witness_v0_scripthash": scripts.P2WSH,
    "witness_v1_taproot": scripts.P2TR,
    "multisig": scripts.MULTISIG,
    "pubkey": scripts.P2PK,
    "nulldata": scripts.OP_RETURN,
    "anchor": scripts.ANCHOR,
    "witness_unknown": scripts.WITNESS_UNKNOWN,
}
OWNABLE_TYPES = {
    "pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v0_scripthash", "witness_v1_taproot",
    "multisig", "pubkey",
}  # fmt: skip
"""Methodology section 2."""

TYPES_IN = {
    "economy": (KINDS.keys() - {"witness_v0_scripthash", "witness_unknown"}),
    "mainnet_early": {"pubkey", "pubkeyhash"},
    "mesa": {"pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v1_taproot", "nulldata"},
    "fjord": {"pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v1_taproot", "nulldata"},
}

GENESIS_KEY = bytes.fromhex(
    "04678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
    "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5f"
)


def _solved(script: bytes) -> int:
    """Core's kind; to minerflow every script that starts with OP_RETURN is one, pushes or not."""
    if script[:1] == b"\x6a":
        return scripts.OP_RETURN
    return KINDS[solve(script)]


def _identified(texts: list[bytes]) -> tuple[list[int], list[int]]:
    offset = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    data = np.frombuffer(bytearray(b"".join(texts)), dtype=np.uint8)
    kinds, ids = scripts.identify(data, offset)
    return kinds.tolist(), ids.tolist()


def _canonical(script: bytes) -> bytes:
    """P2PKH of the key's HASH160 for P2PK, else the script itself."""
    if solve(script) != "pubkey":
        return script
    if "ripemd160" not in hashlib.algorithms_available:
        pytest.skip("this OpenSSL has no RIPEMD-160")
    key_hash = hashlib.new("ripemd160", hashlib.sha256(script[1:-1]).digest()).digest()
    return b"\x76\xa9\x14" + key_hash + b"\x88\xac"


@examples(1500)
@given(SCRIPTS)
def test_kinds_are_those_of_core(script: bytes) -> None:
    assert script_kind(script) == _solved(script)


@examples(300)
@given(OWNABLE)
def test_the_ownable_kinds(script: bytes) -> None:
    assert solve(script) in OWNABLE_TYPES
    assert is_ownable(script_kind(script))


def test_exactly_the_named_kinds_are_ownable() -> None:
    assert {name for name, kind in KINDS.items() if is_ownable(kind)} == OWNABLE_TYPES


@examples(200)
@given(st.lists(SCRIPTS, max_size=12))
def test_ids_of_many_scripts(texts: list[bytes]) -> None:
    kinds, ids = _identified(texts)
    assert kinds == [_solved(script) for script in texts]
    assert ids == [xxhash.xxh64_intdigest(_canonical(script)) for script in texts]
    assert ids == [address_id(script) for script in texts]


@examples(500)
@given(SCRIPTS, st.sampled_from(NETWORKS))
def test_identity_and_back(script: bytes, network: Network) -> None:
    text = address_of(script, network)
    back = script_of(text, network)
    assert back == _canonical(script)
    assert address_of(back, network) == text
    assert address_id(back) == address_id(script)


def test_p2pk_and_p2pkh_of_one_key_are_one_identity() -> None:
    pay_to_key = b"\x41" + GENESIS_KEY + b"\xac"
    pay_to_hash = bytes.fromhex("76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac")
    assert address_of(pay_to_key, MAINNET) == "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    assert address_of(pay_to_hash, MAINNET) == "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    assert address_id(pay_to_key) == address_id(pay_to_hash)


def test_both_forms_of_one_key_are_two_identities() -> None:
    """The key is hashed as serialised (methodology section 2)."""
    compressed = bytes([2 | GENESIS_KEY[-1] & 1]) + GENESIS_KEY[1:33]
    one = b"\x41" + GENESIS_KEY + b"\xac"
    other = b"\x21" + compressed + b"\xac"
    assert address_id(one) != address_id(other)


@cache
def _outputs(chain: GoldenChain) -> list[dict[str, str]]:
    """The scriptPubKey of every output and spent output of a golden chain, each once."""
    found: dict[str, dict[str, str]] = {}
    with gzip.open(chain.folder / "blocks.jsonl.gz") as lines:
        for line in lines:
            for tx in json.loads(line)["tx"]:
                said = [output["scriptPubKey"] for output in tx["vout"]]
                said += [vin["prevout"]["scriptPubKey"] for vin in tx["vin"] if "prevout" in vin]
                found.update((script["hex"], script) for script in said)
    return list(found.values())


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: str(chain.name))
def test_types_and_addresses_are_those_that_the_node_answered(chain: GoldenChain) -> None:
    network = network_by_name("mainnet" if chain.name == "mainnet_early" else "regtest")
    types: Counter[str] = Counter()
    for output in _outputs(chain):
        script = bytes.fromhex(output["hex"])
        types[output["type"]] += 1
        assert solve(script) == output["type"]
        assert script_kind(script) == KINDS[output["type"]], output
        if "address" in output and output["type"] in OWNABLE_TYPES:
            assert address_of(script, network) == output["address"]
            assert script_of(output["address"], network) == script
        elif output["type"] != "pubkey":
            assert address_of(script, network) == f"script:{output['hex']}"
    assert types.keys() >= TYPES_IN[chain.name]
