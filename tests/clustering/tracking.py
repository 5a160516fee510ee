"""Running clustering.tracker on an economy, and its results and the reference's in one form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from clustering.labels import Label
from clustering.pools import PoolBook
from clustering.tracker import Tracker
from clustering.waking import TrackerState
from etl.chain.networks import REGTEST
from etl.chain.scripts import ANCHOR, LAST_OWNABLE, NONSTANDARD, OP_RETURN, WITNESS_UNKNOWN
from etl.lake import columns as schema
from etl.lake.lake import cut_batch
from etl.tracking.profile_file import load_profiles
from tests.clustering.economy import Block, Coin, Economy, Pool
from tests.clustering.reference import NOTHING, SHIPPED_METHODOLOGY, Attributes, Reference, rules_of
from tests.clustering.reference_sums import active, last_heights, transfers

Tables = dict[str, pa.Table]
MANY_POOLS = tuple(Pool(f"filler {i}", (), ()) for i in range(40_000))
"""So many that codes of attributes take 32 bits."""

ALL_KINDS = Path(__file__).parent / "profiles.toml"
"""A methodology file with every kind of profile."""

_NOBODYS = (NONSTANDARD, ANCHOR, WITNESS_UNKNOWN)
_EPOCH = date(1970, 1, 1)


def learn(tracker: Tracker, tables: Tables) -> Tables:
    """What learning the ownership of a batch yields."""
    return tracker.learn_ownership(tables, lambda: tables)


def _kind(coin: Coin) -> int:
    """Some kind that may be owned, or that may not."""
    if coin.is_op_return:
        return OP_RETURN
    number = int(coin.identity)
    return 1 + number % LAST_OWNABLE if coin.is_ownable else _NOBODYS[number % len(_NOBODYS)]


def _txid(name: str) -> bytes:
    return sha256(name.encode()).digest()


def _coin_table(coins: Sequence[Coin]) -> pa.Table:
    return pa.table(
        {
            "value_sat": pa.array([coin.value_sat for coin in coins], pa.int64()),
            "address_id": pa.array([coin.identity for coin in coins], pa.uint64()),
            "kind": pa.array([_kind(coin) for coin in coins], pa.uint8()),
        }
    )


def _spent_tx(economy: Economy, block: Block, coin: Coin) -> str:
    """Name of the transaction whose output an input spends: an earlier coinbase, or one unknown."""
    number = int(coin.identity) + coin.value_sat
    earlier = block.height - economy.first_height
    return f"{economy.first_height + number % earlier} coinbase" if earlier and number % 3 else "unknown"


def _moved_coinbases(economy: Economy, block: Block) -> int:
    return sum(
        coin.value_sat
        for tx in block.txs
        for coin in tx.inputs
        if _spent_tx(economy, block, coin).endswith("coinbase")
    )


def _spent_txids(economy: Economy) -> pa.Array:
    """The first eight bytes of the ids in internal byte order, which is the reverse of that displayed."""
    names = [
        _spent_tx(economy, block, coin) for block in economy.blocks for tx in block.txs for coin in tx.inputs
    ]
    return pa.array([int.from_bytes(_txid(name)[:-9:-1], "little") for name in names], pa.uint64())


def lake_tables(economy: Economy) -> Tables:
    """The economy as the lake gives it: columns of clustering.tracker.COLUMNS."""
    blocks = economy.blocks
    txs = [tx for block in blocks for tx in block.txs]
    return {
        "blocks": pa.table(
            {
                "height": pa.array([block.height for block in blocks], pa.int32()),
                "mediantime": pa.array([block.mediantime for block in blocks], pa.int64()),
                "tx_count": pa.array([len(block.txs) for block in blocks], pa.int32()),
                "coinbase_script": pa.array([block.script for block in blocks], pa.binary()),
            }
        ),
        "txs": pa.table(
            {
                "txid": pa.array([_txid(tx.name) for tx in txs], schema.HASH),
                "input_count": pa.array([len(tx.inputs) for tx in txs], pa.int32()),
                "output_count": pa.array([len(tx.outputs) for tx in txs], pa.int32()),
            }
        ),
        "inputs": _coin_table([coin for tx in txs for coin in tx.inputs]).append_column(
            "spent_txid", _spent_txids(economy)
        ),
        "outputs": _coin_table([coin for tx in txs for coin in tx.outputs]),
    }


def batches(economy: Economy, cuts: Iterable[int] = ()) -> list[Tables]:
    """The tables cut, as Lake.batches does it, after each of the heights."""
    tables = lake_tables(economy)
    first, last = economy.first_height, economy.blocks[-1].height
    ends = [*sorted({cut for cut in cuts if first <= cut < last}), last]
    starts = [first, *(end + 1 for end in ends[:-1])]
    return [cut_batch(tables, start, end) for start, end in zip(starts, ends, strict=True)]


def new_tracker(
    economy: Economy, state: TrackerState | None = None, methodology: Path = SHIPPED_METHODOLOGY
) -> Tracker:
    """A tracker with the economy's pools and labels."""
    book = PoolBook(
        tuple(pool.name for pool in economy.pools),
        {
            int(address): number
            for number, pool in reversed(list(enumerate(economy.pools, 1)))
            for address in pool.addresses
        },
        tuple((tag.encode(), number) for number, pool in enumerate(economy.pools, 1) for tag in pool.tags),
    )
    labels = [
        Label(str(address), exchange, None, int(address)) for address, exchange in economy.labels.items()
    ]
    network = replace(REGTEST, overwritten_coinbase_heights=economy.overwritten_coinbases)
    profiles = load_profiles(methodology)
    return Tracker(network, book, labels, profiles, economy.first_height, state)


@dataclass
class Outcome:
    """Results in a form that two programs can share."""

    facts: list[tuple[Any, ...]]
    """(profile, height, position, txid, day, is coinbase, source, destination, satoshis), sorted"""
    quiet: dict[tuple[Any, ...], tuple[int, int]]
    """(profile, day, is coinbase, source, destination): satoshis, transactions"""
    changes: list[tuple[Any, ...]]
    """(profile, height, address, attributes), sorted"""
    conflicts: list[tuple[Any, ...]]
    """(profile, height, txid, a, b), sorted"""
    supply: dict[tuple[str, int], tuple[int | None, int | None]]
    coinjoins: list[tuple[Any, ...]]
    pools: dict[int, str]
    transfers: dict[int, tuple[int, int]]
    """by height: number, satoshis"""
    moved_coinbases: dict[int, int | None]
    """by height: satoshis"""
    active: dict[int, int]
    """by day: addresses"""
    exchange_flows: dict[tuple[str, int, str], tuple[int, int]]
    """(profile, day, exchange): satoshis in, satoshis out"""
    held: dict[tuple[Any, ...], tuple[int | None, ...]]
    """(profile, last height of a day, "pool" or "exchange", name): satoshis"""


def _sorted(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)


def outcome(
    tracker: Tracker, results: Sequence[Tables], economy: Economy, methodology: Path = SHIPPED_METHODOLOGY
) -> Outcome:
    """What a tracker yielded, batch by batch."""
    names = list(rules_of(methodology))
    rows: dict[str, list[dict[str, Any]]] = {}
    for tables in results:
        for name, table in tables.items():
            rows.setdefault(name, []).extend(table.to_pylist())
    spell = tracker.codes.spell
    days = {block.height: block.day for block in economy.blocks}
    rows["active_addresses"] += tracker.finish()["active_addresses"].to_pylist()
    quiet: dict[tuple[Any, ...], tuple[int, int]] = {}
    for row in rows["quiet"]:
        day = (row["day"] - _EPOCH).days
        assert days[row["first_height"]] == day
        source = None if row["src"] is None else spell(row["src"])
        key = (names[row["profile"]], day, row["is_coinbase"], source, spell(row["dst"]))
        value_sat, tx_count = quiet.get(key, (0, 0))
        quiet[key] = (value_sat + row["value_sat"], tx_count + row["tx_count"])
    return Outcome(
        facts=_sorted(
            (
                names[r["profile"]], r["height"], r["tx_index"], r["txid"], (r["day"] - _EPOCH).days,
                r["is_coinbase"], None if r["src"] is None else spell(r["src"]), spell(r["dst"]),
                r["value_sat"],
            )
            for r in rows["facts"]
        ),
        quiet=quiet,
        changes=_sorted(
            (names[r["profile"]], r["height"], r["address_id"], spell(r["code"]))
            for r in rows["changes"]
        ),
        conflicts=_sorted(
            (names[r["profile"]], r["height"], r["txid"], r["a"], r["b"]) for r in rows["conflicts"]
        ),
        supply={
            (names[r["profile"]], r["height"]): (r["hop0_sat"], r["hop1_sat"]) for r in rows["supply"]
        },
        coinjoins=[(r["height"], r["txid"], r["rule"]) for r in rows["coinjoins"]],
        pools={r["height"]: r["pool"] for r in rows["block_pools"]},
        transfers={r["height"]: (r["transfer_count"], r["transfer_sat"]) for r in rows["chain_stats"]},
        moved_coinbases={r["height"]: r["moved_coinbase_sat"] for r in rows["chain_stats"]},
        active=_once(((r["day"] - _EPOCH).days, r["address_count"]) for r in rows["active_addresses"]),
        exchange_flows=_exchange_flows(rows["exchange_flows"], days, names),
        held=_held(rows, last_heights(economy.blocks), names),
    )  # fmt: skip


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    listed = list(pairs)
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def _exchange_flows(
    rows: list[dict[str, Any]], days: dict[int, int], names: list[str]
) -> dict[tuple[str, int, str], tuple[int, int]]:
    sums: dict[tuple[str, int, str], tuple[int, int]] = {}
    for row in rows:
        day = (row["day"] - _EPOCH).days
        assert days[row["first_height"]] == day
        key = (names[row["profile"]], day, row["exchange"])
        in_sat, out_sat = sums.get(key, (0, 0))
        sums[key] = (in_sat + row["in_sat"], out_sat + row["out_sat"])
    return sums


def _held(
    rows: dict[str, list[dict[str, Any]]], heights: set[int], names: list[str]
) -> dict[tuple[Any, ...], tuple[int | None, ...]]:
    """Without the ends of batches that end no day, as the warehouse leaves them out."""
    return _once(
        ((names[row.pop("profile")], row.pop("height"), what, row.pop(what)), tuple(row.values()))
        for what in ("pool", "exchange")
        for row in rows[f"{what}_supply"]
        if row["height"] in heights
    )


def tracked(economy: Economy, cuts: Iterable[int] = (), methodology: Path = SHIPPED_METHODOLOGY) -> Outcome:
    """What the tracker says of an economy, read in batches."""
    tracker = new_tracker(economy, methodology=methodology)
    parts = batches(economy, cuts)
    results = [learn(tracker, tables) for tables in parts]
    results += [tracker.track(tables) for tables in parts]
    return outcome(tracker, results, economy, methodology)


def _is_quiet(source: Attributes | None, destination: Attributes) -> bool:
    return (source or NOTHING)[0] is None and destination[0] is None


def expected(reference: Reference) -> Outcome:
    """What the reference says."""
    economy = reference.economy
    days = {block.height: block.day for block in economy.blocks}
    is_known = economy.first_height == 0
    found = Outcome([], {}, [], [], {}, [], reference.pools, {}, {}, active(economy), {}, {})
    for block in economy.blocks:
        moved = _moved_coinbases(economy, block)
        found.moved_coinbases[block.height] = moved if economy.first_height == 0 else None
    found.transfers = {block.height: transfers(block) for block in economy.blocks}
    quiet_sat: Counter[tuple[Any, ...]] = Counter()
    quiet_txs: Counter[tuple[Any, ...]] = Counter()
    for profile, results in reference.results.items():
        for height, position, name, (source, destination), amount in results.transfers:
            group = (days[height], position == 0, source, destination)
            if _is_quiet(source, destination):
                quiet_sat[(profile, *group)] += amount
                quiet_txs[(profile, *group)] += 1
            else:
                found.facts.append((profile, height, position, _txid(name), *group, amount))
        found.changes += [(profile, *change) for change in results.changes]
        found.conflicts += [(profile, height, _txid(name), a, b) for height, name, a, b in results.conflicts]
        for height, sums in results.supply.items():
            found.supply[(profile, height)] = sums if is_known else (None, None)
        found.exchange_flows |= {(profile, *key): (i, o) for key, (i, o) in results.exchange_flows.items()}
        for height in last_heights(economy.blocks):
            for (what, name), held in results.held[height].items():
                amounts = held if is_known else (None,) * len(held)
                found.held[(profile, height, what, name)] = amounts
    found.quiet = {key: (quiet_sat[key], quiet_txs[key]) for key in quiet_sat}
    found.coinjoins = [(height, _txid(name), rule) for height, name, rule in reference.coinjoins]
    found.facts = _sorted(found.facts)
    found.changes = _sorted(found.changes)
    found.conflicts = _sorted(found.conflicts)
    return found
