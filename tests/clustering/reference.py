"""The methodology (sections 3 to 6) once more: plain dictionaries and sets, slow and literal.

This is the tracker's oracle. It shares nothing with the package `clustering`, and is itself held against
the golden results, which another program computed.

Readings of the text, where it leaves a choice:
- "Holds a coinbase-credited address" in the conflict rule means: mines. A credit to an address that an
  exchange owns makes no miner, so it is no obstacle to joins within that exchange either.
- "In a profile that clusters miners" goes for the conflicts with an exchange alone; conflicts between two
  exchanges are every profile's.
- An address "appears" with its first input or output of whatever value.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import networkx as nx

from tests.clustering.economy import Block, Coin, Economy, Identity, Tx
from tests.clustering.reference_sums import holdings, net_flows

SHIPPED_METHODOLOGY = Path(__file__).parent.parent.parent / "config" / "methodology.toml"
UNKNOWN = "Unknown"

Attributes = tuple[int | None, str | None, str | None]
"""hop, pool, exchange"""
NOTHING: Attributes = (None, None, None)

Flow = tuple[Attributes | None, Attributes]
"""source (None for a coinbase) and destination"""


def pool_of(economy: Economy, block: Block) -> str:
    """Section 3."""
    recipients = [coin.identity for coin in block.txs[0].outputs if coin.is_ownable and coin.value_sat > 0]
    payees = [pool for each in recipients for pool in economy.pools if each in pool.addresses]
    by_address = payees[0].name if payees else None
    tag, by_tag = _tag_of(economy, block)
    if (tag[:1] == "/" and tag[-1:] == "/") or len(recipients) > 4:
        return by_tag or by_address or UNKNOWN
    return by_address or by_tag or UNKNOWN


def _ascii_lower(text: bytes) -> bytes:
    return bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in text)


def _tag_of(economy: Economy, block: Block) -> tuple[str, str | None]:
    """Section 3: read from the left, the longest tag that begins there; with its pool."""
    tags = [(tag, pool.name) for pool in economy.pools for tag in pool.tags]
    for at in range(len(block.script)):
        here = [
            (tag, name)
            for tag, name in tags
            if _ascii_lower(block.script[at:]).startswith(_ascii_lower(tag.encode("utf-8")))
        ]
        if here:
            return max(here, key=lambda found: len(found[0].encode("utf-8")))
    return "", None


def coinjoin_rule(tx: Tx) -> str | None:
    """Section 4: the first rule that fits."""
    values = Counter(coin.value_sat for coin in tx.outputs)
    payers = Counter(coin.identity for coin in tx.inputs)
    inputs, outputs = len(tx.inputs), len(tx.outputs)
    if not inputs or not outputs:
        return None
    top = max(values.values())
    denomination = min(value for value, count in values.items() if count == top)
    outputs_distinct = len({coin.identity for coin in tx.outputs}) == outputs
    if (
        5 <= inputs <= 10
        and outputs == inputs
        and len(payers) == inputs
        and outputs_distinct
        and len(values) == 1
        and denomination in (100_000, 1_000_000, 5_000_000, 50_000_000)
        and all(denomination <= coin.value_sat <= denomination + 110_000 for coin in tx.inputs)
    ):
        return "whirlpool"
    if (
        inputs >= 10
        and top >= 10
        and top <= len(payers)
        and (4_500_000 <= denomination <= 5_500_000 or 8_000_000 <= denomination <= 12_000_000)
        and outputs_distinct
    ):
        return "wasabi1"
    repeated = {value: count for value, count in values.items() if count > 1}
    if (
        inputs >= 20
        and outputs_distinct
        and min(values) >= 5000
        and len(repeated) >= 3
        and sum(repeated.values()) >= (outputs - 1) / 2
        and max(payers.values()) <= inputs / 10
    ):
        return "wasabi2"
    p = (outputs + 1) // 2
    if 3 <= p <= len(payers) and top == p and denomination not in (546, 2730) and outputs_distinct:
        return "joinmarket"
    return None


class Ownership:
    """Who spends together (section 4): addresses as nodes, successful joins as edges."""

    def __init__(self, labels: dict[Identity, str]) -> None:
        self._labels = labels
        self._joins: nx.Graph[Identity] = nx.Graph()

    def cluster(self, identity: Identity) -> set[Identity]:
        """All addresses of the owner of this one."""
        if identity not in self._joins:
            return {identity}
        return set(nx.node_connected_component(self._joins, identity))

    def exchange(self, identity: Identity) -> str | None:
        """The exchange of the cluster's labelled addresses."""
        names = {self._labels[each] for each in self.cluster(identity) if each in self._labels}
        assert len(names) <= 1, "a join of two exchanges was not refused"
        return names.pop() if names else None

    def join(self, one: Identity, other: Identity) -> None:
        """Make the two owners one."""
        self._joins.add_edge(one, other)


def distinct_owners(tx: Tx) -> list[Identity]:
    """The ownable input addresses, each once, in order."""
    return list(dict.fromkeys(coin.identity for coin in tx.inputs if coin.is_ownable))


@dataclass
class Results:
    """What one profile says of an economy."""

    transfers: list[tuple[int, int, str, Flow, int]] = field(default_factory=list)
    """(height, position in block, name, source and destination, satoshis)"""
    changes: list[tuple[int, Identity, Attributes]] = field(default_factory=list)
    """(height, address, attributes from there on)"""
    conflicts: list[tuple[int, str, Identity, Identity]] = field(default_factory=list)
    """(height, transaction, a, b)"""
    supply: dict[int, tuple[int, int]] = field(default_factory=dict)
    """by height: satoshis of hop 0, of hop 0 and 1"""
    held: dict[int, dict[tuple[str, str], tuple[int, ...]]] = field(default_factory=dict)
    """by height: see reference_sums.holdings"""
    exchange_flows: dict[tuple[int, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    """by day and exchange: satoshis in, satoshis out"""


@dataclass(frozen=True)
class Rules:
    """The rules of a profile, as config/methodology.toml names them."""

    cluster_miners: bool
    retroactive_exchanges: bool
    coinjoins_pay_hop_1: bool
    exchange_excludes_hop: bool


def rules_of(methodology: Path) -> dict[str, Rules]:
    """The profiles of a methodology file."""
    tables = tomllib.loads(methodology.read_text(encoding="utf-8"))
    return {name: Rules(**table) for name, table in tables.items()}


class Profile:
    """What one profile has found out so far (section 5)."""

    def __init__(self, economy: Economy, rules: Rules) -> None:
        self.economy = economy
        self.rules = rules
        self.results = Results()
        self.owners = Ownership(economy.labels)
        self.credits: dict[Identity, list[tuple[int, str]]] = defaultdict(list)
        """(height, pool) of each coinbase that made a miner of an address"""
        self.paid: dict[Identity, str] = {}
        """hop 1, where it is not hop 0: pool by address"""
        self._exchange: dict[Identity, str | None] = {}
        if rules.retroactive_exchanges:
            for block in economy.blocks:
                for tx in block.txs:
                    self._learn(block.height, tx)

    def exchange(self, identity: Identity) -> str | None:
        """Who owns an address, if an exchange does."""
        if not self.rules.retroactive_exchanges:
            return self.owners.exchange(identity)
        if identity not in self._exchange:  # it never changes
            self._exchange[identity] = self.owners.exchange(identity)
        return self._exchange[identity]

    def _mining(self, identity: Identity) -> list[tuple[int, str]]:
        """The credits of the address, or of all in its cluster."""
        mine = self.owners.cluster(identity) if self.rules.cluster_miners else [identity]
        return [credit for each in mine for credit in self.credits.get(each, ())]

    def attributes(self, identity: Identity) -> Attributes:
        """After the blocks so far."""
        exchange = self.exchange(identity)
        if exchange is not None and self.rules.exchange_excludes_hop:
            return None, None, exchange
        credits = self._mining(identity)
        if credits:
            known = [credit for credit in credits if credit[1] != UNKNOWN]
            return 0, min(known)[1] if known else UNKNOWN, exchange
        return (1, self.paid[identity], exchange) if identity in self.paid else (None, None, exchange)

    def credit(self, height: int, pool: str, identity: Identity) -> None:
        """A coinbase output with value > 0 pays an ownable address."""
        if self.exchange(identity) is None or not self.rules.exchange_excludes_hop:
            self.credits[identity].append((height, pool))

    def own(self, height: int, tx: Tx) -> None:
        """Learn from a transaction who owns what, if it was not all learnt before the first block."""
        if not self.rules.retroactive_exchanges:
            self._learn(height, tx)

    def _learn(self, height: int, tx: Tx) -> None:
        first, *others = (distinct_owners(tx) if coinjoin_rule(tx) is None else []) or [0]
        for other in others:
            if self._is_conflict(self.owners.exchange(first), self.owners.exchange(other), first, other):
                self.results.conflicts.append((height, tx.name, first, other))
            else:
                self.owners.join(first, other)

    def _is_conflict(self, mine: str | None, theirs: str | None, one: Identity, other: Identity) -> bool:
        if mine is not None and theirs is not None:
            return mine != theirs
        if not self.rules.cluster_miners:
            return False
        one_mines = theirs is not None and bool(self._mining(one))
        other_mines = mine is not None and bool(self._mining(other))
        return one_mines or other_mines

    def may_become_hop_1(self, tx: Tx, identity: Identity) -> bool:
        """Whether being paid by hop 0 in this transaction makes hop 1."""
        if coinjoin_rule(tx) is not None and not self.rules.coinjoins_pay_hop_1:
            return False
        return self.exchange(identity) is None or not self.rules.exchange_excludes_hop

    def same_miner(self, one: Identity, other: Identity) -> bool:
        """Whether two addresses of hop 0 are one mining cluster."""
        return self.rules.cluster_miners and other in self.owners.cluster(one)

    def of(self, coin: Coin) -> Attributes:
        """Attributes of an input or output: nobody owns what is not ownable."""
        return self.attributes(coin.identity) if coin.is_ownable else NOTHING


def flows(profile: Profile, tx: Tx, *, is_coinbase: bool) -> Iterator[tuple[Flow, int]]:
    """Section 6: the amounts > 0 of one transaction."""
    sources: Counter[Attributes] = Counter()
    for coin in tx.inputs:
        sources[profile.of(coin)] += coin.value_sat
    received: Counter[Attributes] = Counter()
    for coin in tx.outputs:
        if coin.value_sat > 0 and not _is_change(profile, tx, coin):
            received[profile.of(coin)] += coin.value_sat
    if is_coinbase:
        yield from (((None, group), value_sat) for group, value_sat in received.items())
        return
    total = sum(coin.value_sat for coin in tx.inputs)
    for source, spent in sources.items():
        for destination, value_sat in received.items():
            amount = value_sat * spent // total if total else 0
            if amount > 0:
                yield (source, destination), amount


def _is_change(profile: Profile, tx: Tx, coin: Coin) -> bool:
    if coin.identity in {each.identity for each in tx.inputs}:
        return True
    hop, _, exchange = profile.of(coin)
    for each in tx.inputs:
        input_hop, _, input_exchange = profile.of(each)
        if exchange is not None and exchange == input_exchange:
            return True
        if hop == 0 and input_hop == 0 and profile.same_miner(coin.identity, each.identity):
            return True
    return False


class Reference:
    """Results by profile, with pools and CoinJoins.

    `ask_everyone` looks after each block at every address that has appeared; otherwise at those of the
    block and their owners' alone, for a long chain.
    """

    def __init__(
        self, economy: Economy, *, methodology: Path = SHIPPED_METHODOLOGY, ask_everyone: bool = True
    ) -> None:
        self.economy = economy
        self.pools = {block.height: pool_of(economy, block) for block in economy.blocks}
        rules = ((block.height, tx.name, coinjoin_rule(tx)) for block in economy.blocks for tx in block.txs)
        self.coinjoins = [each for each in rules if each[2] is not None]
        self._ask_everyone = ask_everyone
        self.results = {
            name: self._track(Profile(economy, rules)) for name, rules in rules_of(methodology).items()
        }

    def _track(self, profile: Profile) -> Results:
        known: dict[Identity, Attributes] = {}
        balances: Counter[Identity] = Counter()
        miners: dict[Identity, int] = {}
        for block in self.economy.blocks:
            self._attribute(profile, block)
            for identity in self._asked(profile, block, known):
                attributes = profile.attributes(identity)
                if attributes != known.get(identity, NOTHING):
                    profile.results.changes.append((block.height, identity, attributes))
                known[identity] = attributes
                miners.pop(identity, None)
                if attributes[0] is not None:
                    miners[identity] = attributes[0]
            for position, tx in enumerate(block.txs):
                for flow, amount in flows(profile, tx, is_coinbase=position == 0):
                    profile.results.transfers.append((block.height, position, tx.name, flow, amount))
                for exchange, net in net_flows(tx, profile.of).items():
                    profile.results.exchange_flows[block.day, exchange][net < 0] += abs(net)
            self._move(block, balances)
            profile.results.held[block.height] = holdings(known, balances)
            profile.results.supply[block.height] = (
                sum(balances[each] for each, hop in miners.items() if hop == 0),
                sum(balances[each] for each in miners),
            )
        return profile.results

    def _attribute(self, profile: Profile, block: Block) -> None:
        """Section 5: credits, then joins, then what hop 0 pays."""
        for coin in block.txs[0].outputs:
            if coin.is_ownable and coin.value_sat > 0:
                profile.credit(block.height, self.pools[block.height], coin.identity)
        for tx in block.txs[1:]:
            profile.own(block.height, tx)
        for tx in block.txs[1:]:
            payer = next((profile.of(coin) for coin in tx.inputs if profile.of(coin)[0] == 0), None)
            for coin in tx.outputs if payer else ():
                if coin.is_ownable and coin.value_sat > 0 and coin.identity not in profile.paid:
                    is_hop_0 = profile.of(coin)[0] == 0
                    if not is_hop_0 and profile.may_become_hop_1(tx, coin.identity):
                        assert payer is not None
                        profile.paid[coin.identity] = str(payer[1])

    def _asked(self, profile: Profile, block: Block, known: Iterable[Identity]) -> list[Identity]:
        coins = [coin for tx in block.txs for coin in (*tx.inputs, *tx.outputs) if coin.is_ownable]
        named = list(dict.fromkeys(coin.identity for coin in coins))
        if self._ask_everyone:
            return list(dict.fromkeys([*known, *named]))
        owned = [each for identity in named for each in profile.owners.cluster(identity)]
        return [each for each in dict.fromkeys([*named, *owned]) if each in known or each in named]

    def _move(self, block: Block, balances: Counter[Identity]) -> None:
        for position, tx in enumerate(block.txs):
            for coin in tx.inputs:
                balances[coin.identity] -= coin.value_sat * coin.is_ownable
            is_lost = position == 0 and block.height in self.economy.overwritten_coinbases
            for coin in tx.outputs:
                balances[coin.identity] += coin.value_sat * (coin.is_ownable and not is_lost)
