"""Makes a regtest chain of mainnet shape as Bitcoin Core block files, fast and reproducibly.

    python -m tests.benchmarks.chain_maker --transactions 400000 --seed 7 --out DIR

writes `DIR/blocks/` (blk, rev and xor files) and `DIR/chain.json` (what is in them). One seed and
one shape give the same bytes everywhere.

Invariants: the chain starts at the regtest genesis; every block links to the one before, meets the
regtest target, has a right merkle root and witness commitment, a time after the median of the
eleven blocks before it and the height in its coinbase; every input spends an existing, mature,
unspent output; a coinbase claims at most subsidy + fees. Signatures do not verify.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks import wallets as wallet_state
from tests.benchmarks.block_parts import (
    GENESIS_TIME,
    coinbase_input,
    compact_size,
    genesis_block,
    mine_header,
    output,
    push_height,
)
from tests.benchmarks.chain_writer import Block, BlockFiles, OutOfOrderWriter, sha256d
from tests.benchmarks.encoding import put_script
from tests.benchmarks.sha256 import merkle_root
from tests.benchmarks.shape import (
    DEFAULT_POOL_TAGS,
    MATURITY_BLOCKS,
    RICH,
    ChainShape,
    subsidy_sat,
    tables,
)
from tests.benchmarks.transactions import (
    BLOCK_FEES,
    TX_BYTES,
    TX_COUNT,
    UNDO_BYTES,
    fill_block,
    new_buffers,
)
from tests.benchmarks.wallets import add_coin, kind_of, main_address, new_wallets

BLOCK_SECONDS = 600
DEFAULT_WINDOW = 8


class CoinbaseCoin(NamedTuple):
    """A coinbase output that is not mature yet."""

    txid: bytes
    value_sat: int
    height: int
    pool: int
    address: int


@dataclass(kw_only=True)
class ChainReport:
    """What a made chain holds, genesis, coinbases and OP_RETURN outputs included.

    `inputs` leaves out those of coinbases; `addresses` counts distinct output scripts other than
    OP_RETURN; `blk_bytes` and `rev_bytes` leave out the zero bytes preallocated at the end;
    `co_spends` counts inputs that follow one of another address in the same transaction.
    """

    seed: int
    last_height: int
    tip_hash: str
    transactions: int
    inputs: int
    outputs: int
    op_returns: int
    addresses: int
    addresses_used_once: int
    in_block_spends: int
    co_spends: int
    fees_sat: int
    blk_bytes: int
    rev_bytes: int
    seconds: float
    peak_memory_bytes: int
    xor_key: str
    shape: dict[str, float]


def pool_tags(path: Path, count: int) -> tuple[str, ...]:
    """The first tags of `count` pools of a pools.json, and an empty one for a silent pool."""
    pools = json.loads(path.read_text(encoding="utf-8"))
    tags = [pool["tags"][0] for pool in pools if pool.get("tags")]
    short = [tag for tag in tags if 0 < len(tag.encode()) <= 60]
    return (*short[:count], "")


class ChainMaker:
    """Makes the blocks of one chain in height order."""

    def __init__(
        self,
        *,
        transactions: int,
        seed: int,
        shape: ChainShape | None = None,
        tags: tuple[str, ...] = DEFAULT_POOL_TAGS,
    ) -> None:
        self.shape = shape or ChainShape()
        self.tags = tags
        self.transactions_left = transactions
        self.transactions = 0
        self.tables = tables(self.shape, len(tags))
        reserved = len(tags) + self.shape.services + self.shape.miners
        self.wallets = new_wallets(transactions, seed, reserved)
        self.buffers = new_buffers()
        self.height = 0
        self.tip_hash = bytes(32)
        self._random = random.Random(seed)
        self._times: deque[int] = deque(maxlen=11)
        self._immature: deque[CoinbaseCoin] = deque()

    def blocks(self) -> Iterator[Block]:
        """Genesis and all blocks up to the wanted number of transactions."""
        yield self._genesis()
        while self.transactions_left > 0:
            yield self._next_block()

    def _genesis(self) -> Block:
        raw = genesis_block()
        self._times.append(GENESIS_TIME)
        self._advance(raw[:80], 1)
        return Block(0, bytes(32), raw, b"")

    def _advance(self, header: bytes, transactions: int) -> None:
        self.tip_hash = sha256d(header)
        self.transactions += transactions
        self.transactions_left -= transactions

    def _next_block(self) -> Block:
        self.height += 1
        wallet_state.check_room(self.wallets)
        payout_pool = self._mature()
        wanted = min(self._wanted(), self.transactions_left - 1)
        args = (self.height, wanted, payout_pool)
        result = fill_block(self.wallets, self.tables, self.buffers, *args)
        count = int(result[TX_COUNT])
        coinbase = self._coinbase(count, int(result[BLOCK_FEES]))
        previous = self.tip_hash
        header = mine_header(previous, self._merkle(count, self.buffers.txids), self._next_time())
        body = self.buffers.block[: result[TX_BYTES]].tobytes()
        undo = compact_size(count - 1) + self.buffers.undo[: result[UNDO_BYTES]].tobytes()
        self._advance(header, count)
        return Block(self.height, previous, header + compact_size(count) + coinbase + body, undo)

    def _wanted(self) -> int:
        """Transactions beside the coinbase: few at first, until there is enough to spend."""
        live = int(self.wallets.tally[wallet_state.LIVE])
        mean = self.shape.transactions_per_block
        full = round(mean * self._random.uniform(0.9, 1.1)) - 1
        return min(full, 2 + live // 3)

    def _mature(self) -> int:
        """Hand out the coinbase output that may be spent from this height on."""
        if not self._immature or self.height - self._immature[0].height < MATURITY_BLOCKS:
            return -1
        coin = self._immature.popleft()
        words = np.frombuffer(coin.txid, np.int64)
        origin = coin.height * 16 + kind_of(self.wallets, self.tables, coin.pool) * 2 + 1
        add_coin(self.wallets, words, 0, coin.value_sat, origin, coin.pool, coin.address)
        return coin.pool

    def _next_time(self) -> int:
        """About 600 s a block, sometimes before its parent, always after the median."""
        median = sorted(self._times)[len(self._times) // 2]
        planned = GENESIS_TIME + BLOCK_SECONDS * self.height + self._random.randrange(-900, 900)
        self._times.append(max(planned, median + 1))
        return self._times[-1]

    def _merkle(self, count: int, leaves: NDArray[np.uint8]) -> bytes:
        level = leaves[: count + 1].copy()
        merkle_root(level, count, self.buffers.work, self.buffers.scratch)
        return bytes(level[0])

    def _wtxids(self, count: int) -> NDArray[np.uint8]:
        """Witness ids with a row to spare; that of the coinbase is zero."""
        ends = self.buffers.ends[:count].tolist()
        view = self.buffers.block.data
        ids = [sha256d(view[start:end]) for start, end in pairwise(ends)]
        return np.frombuffer(bytes(32) + b"".join(ids) + bytes(32), np.uint8).reshape(-1, 32)

    def _draw_pool(self) -> int:
        shares = [1 / (rank + 2) for rank in range(len(self.tags))]
        return self._random.choices(range(len(self.tags)), shares)[0]

    def _coinbase(self, count: int, fees_sat: int) -> bytes:
        """The coinbase with its witness; its id becomes row 0 of the block's ids."""
        reserved = bytes(32)
        commitment = sha256d(self._merkle(count, self._wtxids(count)) + reserved)
        pool = self._draw_pool()
        claim_sat = subsidy_sat(self.height) + fees_sat
        if self._random.random() < 0.01:
            claim_sat -= min(claim_sat, self._random.randrange(1, 2_000))
        address = main_address(self.wallets, pool)
        outputs = [
            output(claim_sat, self._script(pool, address)),
            output(0, bytes.fromhex("6a24aa21a9ed") + commitment),
        ]
        self.wallets.uses[address] = min(int(self.wallets.uses[address]) + 1, 255)
        body = self._signed_input(pool) + bytes([len(outputs)]) + b"".join(outputs)
        version, locktime = (2).to_bytes(4, "little"), bytes(4)
        txid = sha256d(version + body + locktime)
        self.buffers.txids[0] = np.frombuffer(txid, np.uint8)
        if claim_sat:
            self._immature.append(CoinbaseCoin(txid, claim_sat, self.height, pool, address))
        self.wallets.tally[wallet_state.OUTPUTS] += len(outputs)
        self.wallets.tally[wallet_state.OP_RETURNS] += 1
        return version + b"\x00\x01" + body + b"\x01\x20" + reserved + locktime

    def _signed_input(self, pool: int) -> bytes:
        extra_nonce = b"\x08" + self._random.randbytes(8)
        tag = self.tags[pool].encode()
        return coinbase_input(push_height(self.height) + extra_nonce + tag)

    def _script(self, holder: int, address: int) -> bytes:
        out = np.zeros(64, np.uint8)
        kind = kind_of(self.wallets, self.tables, holder)
        end = put_script(out, 0, kind, address, self.wallets.rng)
        return out[1:end].tobytes()


def make_chain(
    out: Path,
    *,
    transactions: int,
    seed: int,
    xor: bool = True,
    window: int = DEFAULT_WINDOW,
    shape: ChainShape | None = None,
    tags: tuple[str, ...] = DEFAULT_POOL_TAGS,
    progress: bool = False,
) -> ChainReport:
    """Write a chain of exactly `transactions` transactions to `out`, genesis' own included."""
    started = time.perf_counter()
    key = random.Random(seed ^ 0xB10C).randbytes(8) if xor else bytes(8)
    maker = ChainMaker(transactions=transactions, seed=seed, shape=shape, tags=tags)
    files = BlockFiles(out / "blocks", xor_key=key)
    writer = OutOfOrderWriter(files, window=window, seed=seed)
    blk_bytes = rev_bytes = 0
    for block in maker.blocks():
        writer.add(block)
        blk_bytes += len(block.raw) + 8
        rev_bytes += len(block.undo) + 40 if block.height else 0
        if progress and block.height % 200 == 0:
            _show_progress(maker, started)
    writer.close()
    report = _report(maker, seed, key, blk_bytes, rev_bytes, time.perf_counter() - started)
    (out / "chain.json").write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    return report


def _show_progress(maker: ChainMaker, started: float) -> None:
    rate = maker.transactions / (time.perf_counter() - started)
    line = f"height {maker.height:,}  {maker.transactions:,} transactions  {rate:,.0f} tx/s"
    sys.stderr.write(line + "\n")


def _report(
    maker: ChainMaker, seed: int, key: bytes, blk_bytes: int, rev_bytes: int, seconds: float
) -> ChainReport:
    tally = [int(number) for number in maker.wallets.tally]
    uses = maker.wallets.uses[: tally[wallet_state.ADDRESSES]]
    return ChainReport(
        seed=seed,
        last_height=maker.height,
        tip_hash=maker.tip_hash[::-1].hex(),
        transactions=maker.transactions,
        inputs=tally[wallet_state.INPUTS],
        outputs=tally[wallet_state.OUTPUTS] + 1,
        op_returns=tally[wallet_state.OP_RETURNS],
        addresses=len(uses) + 1,
        addresses_used_once=int((uses == 1).sum()) + 1,
        in_block_spends=tally[wallet_state.IN_BLOCK],
        co_spends=tally[wallet_state.CO_SPENDS],
        fees_sat=tally[wallet_state.FEES],
        blk_bytes=blk_bytes,
        rev_bytes=rev_bytes,
        seconds=round(seconds, 2),
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        xor_key=key.hex(),
        shape=asdict(maker.shape),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chain_maker", description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--no-xor", action="store_true", help="a key of zeros, as -blocksxor=0")
    parser.add_argument("--window", type=int, default=DEFAULT_WINDOW, help="0: in height order")
    parser.add_argument("--transactions-per-block", type=int)
    parser.add_argument("--rich", action="store_true", help="most addresses are miners' or exchanges'")
    parser.add_argument("--pools", type=Path, help="a pools.json to take coinbase tags from")
    return parser.parse_args()


def main() -> None:
    """Make a chain as the command line says and print its report."""
    args = _arguments()
    shape = RICH if args.rich else ChainShape()
    if args.transactions_per_block:
        shape = replace(shape, transactions_per_block=args.transactions_per_block)
    report = make_chain(
        args.out,
        transactions=args.transactions,
        seed=args.seed,
        xor=not args.no_xor,
        window=args.window,
        shape=shape,
        tags=pool_tags(args.pools, 24) if args.pools else DEFAULT_POOL_TAGS,
        progress=True,
    )
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")


if __name__ == "__main__":
    main()
