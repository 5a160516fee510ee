"""A node that replays recorded answers over REST and JSON-RPC, so that Core's speed is not measured.

    python -m tests.benchmarks.node_server FOLDER RPC_FOLDER

prints its port. FOLDER is what `record_chain` made: all headers, and block and spent outputs of
every height; RPC_FOLDER holds answers to getblock (see peer_inputs). Invariants: a block's answers
are files sent as they are; spent outputs are serialised as by /rest/spenttxouts (Core 30).
"""

from __future__ import annotations

import json
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.benchmarks.block_parts import compact_size
from tests.benchmarks.chain_reader import SpentOutput, StoredChain, parse_undo
from tests.benchmarks.peer_server import Handler, Node

HEADER_BYTES = 80


def record_chain(chain: StoredChain, folder: Path) -> None:
    """Write what REST answers about a chain, where it is not there yet."""
    if (folder / "hashes.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    headers = []
    for height, block_hash in enumerate(chain.hashes):
        raw = chain.raw_block(height)
        undo = parse_undo(chain.raw_undo(height)) if height else []
        name = block_hash[::-1].hex()
        (folder / f"{name}.block").write_bytes(raw)
        (folder / f"{name}.spent").write_bytes(spent_bytes([[], *undo]))
        headers.append(raw[:HEADER_BYTES])
    (folder / "headers").write_bytes(b"".join(headers))
    hashes = [block_hash[::-1].hex() for block_hash in chain.hashes]
    content = json.dumps({"first_height": 0, "hashes": hashes})
    (folder / "hashes.json").write_text(content, encoding="utf-8")


def spent_bytes(groups: list[list[SpentOutput]]) -> bytes:
    """Outputs that each transaction of a block spends, none for its coinbase, as REST gives them."""
    parts = [compact_size(len(groups))]
    for group in groups:
        parts.append(compact_size(len(group)))
        for spent in group:
            parts.append(spent.value_sat.to_bytes(8, "little"))
            parts.append(compact_size(len(spent.script)) + spent.script)
    return b"".join(parts)


class ReplayNode(Node):
    """The calls and paths that minerflow's sources ask for."""

    def __init__(self, folder: Path, rpc_folder: Path) -> None:
        super().__init__(folder)
        self.rpc_folder = rpc_folder
        self.headers = (folder / "headers").read_bytes()
        self.heights = {block_hash: height for height, block_hash in enumerate(self.hashes)}
        tip = len(self.hashes) - 1
        self.chain: dict[str, Any] = {
            "chain": "regtest", "blocks": tip, "headers": tip, "bestblockhash": self.hashes[tip],
            "pruned": False, "initialblockdownload": False, "verificationprogress": 1.0,
        }  # fmt: skip

    def result(self, method: str, params: list[Any]) -> bytes:
        """JSON of the result of one call."""
        if method == "getblock":
            return (self.rpc_folder / f"{params[0]}.{params[1]}.json").read_bytes()
        if method == "getblockchaininfo":
            return json.dumps(self.chain).encode()
        if method == "getnetworkinfo":
            facts = {"version": 310000, "subversion": "/Satoshi:31.0.0/", "warnings": []}
            return json.dumps(facts).encode()
        if method == "getblockheader":
            return json.dumps(self.header(self.heights[params[0]]).hex()).encode()
        return super().result(method, params)

    def header(self, height: int, count: int = 1) -> bytes:
        """Headers from a height on."""
        return self.headers[height * HEADER_BYTES : (height + count) * HEADER_BYTES]

    def rest(self, path: str) -> bytes:
        """The answer to GET /rest/`path`. Raises LookupError and OSError for what is not there."""
        path, _, query = path.partition("?")
        kind, _, name = path.partition("/")
        stem = name.removesuffix(".bin")
        if kind == "chaininfo.json":
            return json.dumps(self.chain).encode()
        if kind == "blockhashbyheight":
            return bytes.fromhex(self.hashes[int(stem)])[::-1]
        if kind == "headers":
            return self.header(self.heights[stem], int(query.removeprefix("count=")))
        suffix = {"block": "block", "spenttxouts": "spent"}[kind]
        return (self.folder / f"{stem}.{suffix}").read_bytes()


class ReplayHandler(Handler):
    """One connection."""

    disable_nagle_algorithm = True
    node: ReplayNode

    def do_GET(self) -> None:
        """Answer a REST call."""
        try:
            status, body = 200, self.node.rest(self.path.removeprefix("/rest/"))
        except (LookupError, OSError) as reason:
            status, body = 404, f"{reason!r}\r\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until killed."""
    ReplayHandler.node = ReplayNode(Path(sys.argv[1]), Path(sys.argv[2]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), ReplayHandler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
