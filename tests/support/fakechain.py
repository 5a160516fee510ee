"""What a Bitcoin Core 31 node answers over JSON-RPC and REST, from recorded blocks.

Invariant: an answer that `golden/core_recordings` holds is equal byte for byte.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.support.wire import (
    Json,
    block_bytes,
    block_header,
    recorded_result,
    recordings,
    spent_bytes,
    wire,
)

WARMING_UP = "Loading block index…"

Reply = tuple[int, str, bytes]
"""status, content type, body"""

_JSON, _TEXT, HTML = "application/json", "text/plain", "text/html; charset=ISO-8859-1"
_BINARY = "application/octet-stream"
_HEADER_KEYS = (
    "hash",
    "confirmations",
    "height",
    "version",
    "versionHex",
    "merkleroot",
    "time",
    "mediantime",
    "nonce",
    "bits",
    "target",
    "difficulty",
    "chainwork",
    "nTx",
    "previousblockhash",
    "nextblockhash",
)


class RpcError(Exception):
    """A JSON-RPC error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FakeChain:
    """A chain with what a node has and offers of it. Not for two threads."""

    def __init__(
        self,
        blocks: Sequence[Json],
        chain: str,
        warm_up_calls: int,
        prune_height: int | None,
        version: int,
        rest: bool,
    ) -> None:
        self.chain = chain
        self.warm_up_calls = warm_up_calls
        self.prune_height = prune_height
        self.version = version
        self.rest = rest
        self.background_height: int | None = None
        """up to which the chain before a snapshot is validated, which the node was started from"""
        self.calls: Counter[str] = Counter()
        """by RPC method or first part of a REST path"""
        self._known: dict[str, Json] = {}
        self._other_tips: list[Json] = []
        self._tx_json: dict[tuple[str, int], orjson.Fragment] = {}
        self._active: list[Json] = []
        self.set_chain(blocks)

    def add_recorded_stale_branches(self) -> None:
        """Know the stale blocks of the economy's node, as far as they were recorded."""
        stale = recorded_result("getblock", "stale")
        self._known[stale["hash"]] = stale
        self._other_tips = recorded_result("getchaintips")[1:]

    def set_chain(self, blocks: Sequence[Json]) -> None:
        """Make `blocks`, from genesis, the active chain; blocks that leave it stay known."""
        if self._active and self._active[-1]["hash"] not in {b["hash"] for b in blocks}:
            self._other_tips.insert(0, self._fork_tip(blocks))
        self._active = list(blocks)
        self._known.update({block["hash"]: block for block in blocks})

    def mark_left_branch(self, status: str) -> None:
        """Have getchaintips say so of the branch that was left last."""
        self._other_tips[0]["status"] = status

    def _fork_tip(self, blocks: Sequence[Json]) -> Json:
        kept = {block["hash"] for block in blocks}
        tip = self._active[-1]
        length = sum(block["hash"] not in kept for block in self._active)
        return {
            "height": tip["height"],
            "hash": tip["hash"],
            "branchlen": length,
            "status": "valid-fork",
        }

    def _warming_up(self) -> bool:
        self.warm_up_calls -= 1
        return self.warm_up_calls >= 0

    # JSON-RPC: httprpc.cpp and rpc/request.cpp

    def rpc_reply(self, body: bytes) -> Reply:
        try:
            request = json.loads(body)
        except ValueError:
            return self._legacy(None, RpcError(-32700, "Parse error"))
        if self._warming_up():
            identity = request["id"] if isinstance(request, dict) else None
            return self._legacy(identity, RpcError(-28, WARMING_UP))
        if isinstance(request, list):
            replies = [self._modern(each["id"], self._call(each)) for each in request]
            return 200, _JSON, orjson.dumps(replies) + b"\n"
        return self._legacy(request["id"], self._call(request))

    def _legacy(self, identity: Any, result: Any) -> Reply:
        reply: Json = {"result": result, "error": None, "id": identity}
        status = 200
        if isinstance(result, RpcError):
            reply.update(result=None, error={"code": result.code, "message": result.message})
            status = 404 if result.code == -32601 else 500
        return status, _JSON, orjson.dumps(reply) + b"\n"

    def _modern(self, identity: Any, result: Any) -> Json:
        if isinstance(result, RpcError):
            error = {"code": result.code, "message": result.message}
            return {"jsonrpc": "2.0", "error": error, "id": identity}
        return {"jsonrpc": "2.0", "result": result, "id": identity}

    def _call(self, request: Json) -> Any:
        method = request["method"]
        self.calls[method] += 1
        handler = getattr(self, f"_rpc_{method}", None)
        if handler is None:
            return RpcError(-32601, "Method not found")
        try:
            return wire(handler(*request["params"]))
        except RpcError as error:
            return error

    def _rpc_getblockchaininfo(self) -> Json:
        tip = self._active[-1]
        info: Json = recorded_result("getblockchaininfo") | {
            "chain": self.chain,
            "blocks": tip["height"],
            "headers": tip["height"],
            "bestblockhash": tip["hash"],
        }
        for key in ("bits", "target", "difficulty", "time", "mediantime", "chainwork"):
            info[key] = tip[key]
        warnings = info.pop("warnings")
        if self.background_height is not None and self.version >= 310000:
            info["backgroundvalidation"] = self._state(self.background_height)
        if self.prune_height is not None:
            info.update(pruned=True, pruneheight=self.prune_height, automatic_pruning=False)
        return info | {"warnings": warnings}

    def _rpc_getnetworkinfo(self) -> Json:
        numbers = f"{self.version // 10000}.{self.version // 100 % 100}.{self.version % 100}"
        known: Json = recorded_result("getnetworkinfo")
        return known | {"version": self.version, "subversion": f"/Satoshi:{numbers}/"}

    def _rpc_getchainstates(self) -> Json:
        tips = [len(self._active) - 1]
        if self.background_height is not None:
            tips.insert(0, self.background_height)
        return {"headers": tips[-1], "chainstates": [self._state(height) for height in tips]}

    def _state(self, height: int) -> Json:
        block = self._active[height]
        return {"blocks": height, "bestblockhash": block["hash"], "verificationprogress": 1}

    def _rpc_getblockcount(self) -> int:
        return len(self._active) - 1

    def _rpc_getbestblockhash(self) -> str:
        return str(self._active[-1]["hash"])

    def _rpc_getblockhash(self, height: int) -> str:
        if not 0 <= height < len(self._active):
            raise RpcError(-8, "Block height out of range")
        return str(self._active[height]["hash"])

    def _rpc_getblockheader(self, block_hash: str, verbose: bool = True) -> Json | str:
        block = self._block(block_hash)
        return self._header_json(block) if verbose else block_header(block).hex()

    def _rpc_getblock(self, block_hash: str = "", verbosity: int = 1) -> Json | str:
        if not block_hash:
            recorded = next(r for r in recordings("rpc") if r["note"] == "missing parameter")
            raise RpcError(-1, json.loads(recorded["body"])["error"]["message"])
        block = self._block(block_hash)
        if self._is_pruned(block):
            raise RpcError(-1, "Block not available (pruned data)")
        if self._is_lacking(block):
            raise RpcError(-1, "Block not available (not fully downloaded)")
        if verbosity == 0:
            return block_bytes(block).hex()
        document = self._header_json(block)
        for key in ("strippedsize", "size", "weight", "coinbase_tx"):
            document[key] = block[key]
        return document | {"tx": self._txs(block, verbosity)}

    def _rpc_getchaintips(self) -> list[Json]:
        tip = self._active[-1]
        active = {"height": tip["height"], "hash": tip["hash"], "branchlen": 0, "status": "active"}
        return [active, *self._other_tips]

    def _rpc_gettxoutsetinfo(self, _kind: str) -> Json:
        known: Json = recorded_result("gettxoutsetinfo")
        if known["bestblock"] != self._active[-1]["hash"]:
            raise RpcError(-32603, "Unable to read UTXO set")
        return known

    def _block(self, block_hash: str) -> Json:
        if len(block_hash) != 64:
            length = f"{len(block_hash)}, for '{block_hash}'"
            raise RpcError(-8, f"blockhash must be of length 64 (not {length})")
        if block_hash not in self._known:
            raise RpcError(-5, "Block not found")
        return self._known[block_hash]

    def _is_active(self, block: Json) -> bool:
        height = block["height"]
        return any(each["hash"] == block["hash"] for each in self._active[height : height + 1])

    def _is_pruned(self, block: Json) -> bool:
        return self.prune_height is not None and int(block["height"]) < self.prune_height

    def _is_lacking(self, block: Json) -> bool:
        """Whether the block lies between what is validated and the snapshot, here the tip's predecessor."""
        first = self.background_height
        return first is not None and first < int(block["height"]) < len(self._active) - 1

    def _header_json(self, block: Json) -> Json:
        document = {key: block[key] for key in _HEADER_KEYS if key in block}
        document.pop("nextblockhash", None)
        document["confirmations"] = -1
        if self._is_active(block):
            document["confirmations"] = len(self._active) - block["height"]
            if block["height"] + 1 < len(self._active):
                document["nextblockhash"] = self._active[block["height"] + 1]["hash"]
        return document

    def _txs(self, block: Json, verbosity: int) -> Any:
        if verbosity == 1:
            return [tx["txid"] for tx in block["tx"]]
        with_prevouts = verbosity == 3 and self.version >= 230000
        key = (block["hash"], int(with_prevouts))
        if key not in self._tx_json:
            txs = block["tx"] if with_prevouts else [_without_prevouts(tx) for tx in block["tx"]]
            self._tx_json[key] = orjson.Fragment(orjson.dumps(wire(txs)))
        return self._tx_json[key]

    # REST: rest.cpp

    def rest_reply(self, target: str) -> Reply:
        parts = urlsplit(target)
        names = parts.path.split("/")
        if not self.rest or len(names) < 3:
            return 404, HTML, b""
        kind = names[2].split(".")[0]
        handler = getattr(self, f"_rest_{kind}", None)
        if handler is None or (kind == "spenttxouts" and self.version < 300000):
            return 404, HTML, b""
        self.calls[kind] += 1
        if self._warming_up():
            return _text(503, f"Service temporarily unavailable: {WARMING_UP}")
        reply: Reply = handler(names[-1].split(".")[0], parse_qs(parts.query), names[-1])
        return reply

    def _rest_chaininfo(self, *_: Any) -> Reply:
        return 200, _JSON, orjson.dumps(wire(self._rpc_getblockchaininfo())) + b"\n"

    def _rest_blockhashbyheight(self, height: str, _query: Json, name: str) -> Reply:
        if int(height) >= len(self._active):
            return _text(404, "Block height out of range")
        block_hash = self._active[int(height)]["hash"]
        if name.endswith(".bin"):
            return 200, _BINARY, bytes.fromhex(block_hash)[::-1]
        return 200, _JSON, orjson.dumps({"blockhash": block_hash}) + b"\n"

    def _rest_headers(self, block_hash: str, query: Json, _name: str) -> Reply:
        count = int(query.get("count", ["5"])[0])
        if not 1 <= count <= 2000:
            return _text(400, f"Header count is invalid or out of acceptable range (1-2000): {count}")
        block = self._known.get(block_hash)
        if block is None or not self._is_active(block):
            return 200, _BINARY, b""
        following = self._active[block["height"] : block["height"] + count]
        return 200, _BINARY, b"".join(block_header(each) for each in following)

    def _rest_block(self, block_hash: str, _query: Json, _name: str) -> Reply:
        block = self._known.get(block_hash)
        if block is None:
            return _text(404, f"{block_hash} not found")
        if self._is_pruned(block):
            return _text(404, f"{block_hash} not available (pruned data)")
        if self._is_lacking(block):
            return _text(404, f"{block_hash} not available (not fully downloaded)")
        return 200, _BINARY, block_bytes(block)

    def _rest_spenttxouts(self, block_hash: str, _query: Json, _name: str) -> Reply:
        block = self._known.get(block_hash)
        if block is None:
            return _text(404, f"{block_hash} not found")
        if self._is_pruned(block) or self._is_lacking(block):
            return _text(404, f"{block_hash} undo not available")
        return 200, _BINARY, spent_bytes(block)


def _text(status: int, text: str) -> Reply:
    return status, _TEXT, f"{text}\r\n".encode()


def _without_prevouts(tx: Json) -> Json:
    inputs = [{key: vin[key] for key in vin if key != "prevout"} for vin in tx["vin"]]
    return tx | {"vin": inputs}
