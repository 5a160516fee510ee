"""A node that answers JSON-RPC from files, so that what is measured is the peer and not Core.

    python peer_server.py FOLDER

prints its port and serves `FOLDER/hashes.json` (block hashes by height, with the first height) and
`FOLDER/<hash>.<verbosity>.json` (results of getblock). It stands alone: no import of the project.
Invariants: an answer's result is the file's bytes unchanged; single calls and batches are answered
alike; connections stay open as Core's do.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()


class Node:
    """The calls that peers make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        content = json.loads((folder / "hashes.json").read_text())
        self.first_height: int = content["first_height"]
        self.hashes: list[str] = content["hashes"]

    def result(self, method: str, params: list[Any]) -> bytes:
        """JSON of the result of one call."""
        if method == "getblock":
            verbosity = params[1] if len(params) > 1 else 1
            return (self.folder / f"{params[0]}.{verbosity}.json").read_bytes()
        tip = self.first_height + len(self.hashes) - 1
        if method == "getblockhash":
            return json.dumps(self.hashes[params[0] - self.first_height]).encode()
        if method == "getblockcount":
            return str(tip).encode()
        if method == "getblockchaininfo":
            return json.dumps({"chain": "regtest", "blocks": tip, "headers": tip}).encode()
        raise LookupError(method)

    def answer(self, call: dict[str, Any]) -> bytes:
        """JSON of the answer to one call."""
        call_id = json.dumps(call.get("id")).encode()
        try:
            result, error = self.result(call["method"], call.get("params", [])), b"null"
        except (LookupError, OSError) as reason:
            text = f"not served here: {reason}"
            result, error = b"null", json.dumps({"code": -32601, "message": text}).encode()
        return b'{"result":' + result + b',"error":' + error + b',"id":' + call_id + b"}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    node: Node

    def do_POST(self) -> None:
        """Answer a call or a batch of calls."""
        calls = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if isinstance(calls, list):
            body = b"[" + b",".join(self.node.answer(call) for call in calls) + b"]\n"
        else:
            body = self.node.answer(calls) + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until killed."""
    Handler.node = Node(FOLDER)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
