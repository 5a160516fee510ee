"""The networks Bitcoin Core knows and how data of each is recognised.

Values from Bitcoin Core's kernel/chainparams.cpp and chainparamsbase.cpp (release 31).
"""

from __future__ import annotations

from dataclasses import dataclass

COIN_SAT = 100_000_000
MAX_MONEY_SAT = 21_000_000 * COIN_SAT


@dataclass(frozen=True)
class Network:
    """What minerflow must know of a network."""

    name: str
    rpc_chain: str
    """The network in getblockchaininfo's `chain`, and in bitcoin.conf."""
    directory: str
    """of the network below the node's data directory"""
    rpc_port: int
    """where the node answers unless told otherwise"""
    magic: bytes
    """Four bytes before each record of a block file; a signet of one's own has others."""
    genesis_hash: str
    halving_interval: int
    p2pkh_prefix: int
    p2sh_prefix: int
    bech32_prefix: str
    overwritten_coinbase_heights: frozenset[int] = frozenset()
    """Heights whose coinbases credit no balance (Core: IsBIP30Unspendable)."""

    def subsidy_sat(self, height: int) -> int:
        """The most a coinbase at `height` may claim beside fees."""
        halvings = height // self.halving_interval
        return 0 if halvings >= 64 else (50 * COIN_SAT) >> halvings


MAINNET = Network(
    name="mainnet",
    rpc_chain="main",
    directory="",
    rpc_port=8332,
    magic=bytes.fromhex("f9beb4d9"),
    genesis_hash="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    halving_interval=210_000,
    p2pkh_prefix=0,
    p2sh_prefix=5,
    bech32_prefix="bc",
    overwritten_coinbase_heights=frozenset({91722, 91812}),
)
TESTNET3 = Network(
    name="testnet3",
    rpc_chain="test",
    directory="testnet3",
    rpc_port=18332,
    magic=bytes.fromhex("0b110907"),
    genesis_hash="000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943",
    halving_interval=210_000,
    p2pkh_prefix=111,
    p2sh_prefix=196,
    bech32_prefix="tb",
)
TESTNET4 = Network(
    name="testnet4",
    rpc_chain="testnet4",
    directory="testnet4",
    rpc_port=48332,
    magic=bytes.fromhex("1c163f28"),
    genesis_hash="00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    halving_interval=210_000,
    p2pkh_prefix=111,
    p2sh_prefix=196,
    bech32_prefix="tb",
)
SIGNET = Network(
    name="signet",
    rpc_chain="signet",
    directory="signet",
    rpc_port=38332,
    magic=bytes.fromhex("0a03cf40"),
    genesis_hash="00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    halving_interval=210_000,
    p2pkh_prefix=111,
    p2sh_prefix=196,
    bech32_prefix="tb",
)
REGTEST = Network(
    name="regtest",
    rpc_chain="regtest",
    directory="regtest",
    rpc_port=18443,
    magic=bytes.fromhex("fabfb5da"),
    genesis_hash="0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    halving_interval=150,
    p2pkh_prefix=111,
    p2sh_prefix=196,
    bech32_prefix="bcrt",
)

NETWORKS = (MAINNET, TESTNET3, TESTNET4, SIGNET, REGTEST)


def network_by_name(name: str) -> Network:
    """The network called `name` here; KeyError for none."""
    return {network.name: network for network in NETWORKS}[name]


def network_by_rpc_chain(chain: str) -> Network | None:
    """The network that a node calls `chain`, None for one that Core does not know."""
    return {network.rpc_chain: network for network in NETWORKS}.get(chain)


def network_by_genesis(genesis_hash: str) -> Network | None:
    """The network that starts with the block `genesis_hash` (hex, display order)."""
    return {network.genesis_hash: network for network in NETWORKS}.get(genesis_hash)
