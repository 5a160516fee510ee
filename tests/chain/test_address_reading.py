"""Addresses against the vectors of BIP 173 and BIP 350, of Bitcoin Core (BIP 13), and against tampering."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from etl.chain.address_reading import address_of, is_ownable, script_kind, script_of
from etl.chain.networks import MAINNET, NETWORKS, TESTNET4, Network, network_by_name
from tests.chain.address_vectors import CORE, NO_LONGER_VALID, NOT_CORE, NOT_SEGWIT, SEGWIT
from tests.chain.scripts import OWNABLE, solve
from tests.support.properties import examples

TYPED = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0lIO"


def _network(segwit_address: str) -> Network:
    return MAINNET if segwit_address[:2].lower() == "bc" else TESTNET4


@pytest.mark.parametrize(("address", "script"), SEGWIT)
def test_segwit_addresses(address: str, script: str) -> None:
    network = _network(address)
    assert script_of(address, network).hex() == script
    if is_ownable(script_kind(bytes.fromhex(script))):
        assert address_of(bytes.fromhex(script), network) == address.lower()
    else:
        assert address_of(bytes.fromhex(script), network) == f"script:{script}"


@pytest.mark.parametrize(("address", "_reason"), NOT_SEGWIT)
def test_not_segwit_addresses(address: str, _reason: str) -> None:
    for network in NETWORKS:
        with pytest.raises(ValueError, match=r"\w"):
            script_of(address, network)


@pytest.mark.parametrize("address", NO_LONGER_VALID)
def test_addresses_that_bip_350_made_invalid(address: str) -> None:
    with pytest.raises(ValueError, match="checksum"):
        script_of(address, MAINNET)


@pytest.mark.parametrize(("address", "script", "chain"), CORE)
def test_addresses_of_core(address: str, script: str, chain: str) -> None:
    network = network_by_name(chain)
    assert script_of(address, network).hex() == script
    if solve(bytes.fromhex(script)) != "witness_unknown":
        assert address_of(bytes.fromhex(script), network) == address


@pytest.mark.parametrize("address", NOT_CORE)
def test_no_addresses_of_core(address: str) -> None:
    for network in NETWORKS:
        with pytest.raises(ValueError, match=r"\w"):
            script_of(address, network)


@pytest.mark.parametrize(("address", "_script", "chain"), CORE)
def test_addresses_of_another_network(address: str, _script: str, chain: str) -> None:
    own = network_by_name(chain)
    for network in NETWORKS:
        shared = (network.bech32_prefix, network.p2sh_prefix) == (own.bech32_prefix, own.p2sh_prefix)
        is_base58 = "1" not in address[:6] or address[0] in "13mn2"
        if shared or (is_base58 and network.p2sh_prefix == own.p2sh_prefix):
            assert script_of(address, network) == script_of(address, own)
        else:
            with pytest.raises(ValueError, match="not an address of"):
                script_of(address, network)


@examples(500)
@given(OWNABLE, st.sampled_from(NETWORKS), st.data())
def test_one_wrong_character_is_told(script: bytes, network: Network, data: st.DataObject) -> None:
    """Base58's checksum and BCH codes tell every substitution (base58: all but one in 2**32)."""
    address = address_of(script, network)
    assume(not address.startswith("script:"))
    at = data.draw(st.integers(0, len(address) - 1))
    character = data.draw(st.sampled_from(TYPED))
    changed = address[:at] + character + address[at + 1 :]
    assume(changed.lower() != address.lower() or (changed != address and address[0] in "13mn2"))
    with pytest.raises(ValueError, match=r"\w"):
        script_of(changed, network)


@examples(300)
@given(st.text(max_size=100), st.sampled_from(NETWORKS))
def test_any_text_is_an_address_or_a_value_error(text: str, network: Network) -> None:
    try:
        script = script_of(text, network)
    except ValueError:
        return
    assert text.startswith("script:")
    assert script.hex() == "".join(text.removeprefix("script:").split()).lower()
