"""Which network block files are of."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from etl.chain.blocks import HEADER_SIZE
from etl.chain.networks import NETWORKS, Network, network_by_genesis
from etl.compiled.arrays import Bytes
from etl.errors import BlockDataError, BlocksDirectoryError
from etl.sources.blockfiles.records import block_file, unreadable_named

_PREAMBLE = 8


def network_of(blocks_dir: Path, key: Bytes) -> Network:
    """The network, with the magic in use, by the first record's genesis block, else by its magic.

    Raises BlocksDirectoryError, BlockDataError.
    """
    path = block_file(blocks_dir, 0)
    with unreadable_named(path), path.open("rb") as file:
        stored = file.read(_PREAMBLE + HEADER_SIZE)
    if len(stored) < _PREAMBLE + HEADER_SIZE:
        raise BlockDataError(
            f"{path} is too short to hold a block", "copy it again from the node's blocks directory"
        )
    head = (np.frombuffer(stored, dtype=np.uint8) ^ np.resize(key, len(stored))).tobytes()
    magic = head[:4]
    first_hash = sha256(sha256(head[_PREAMBLE:]).digest()).digest()[::-1].hex()
    network = network_by_genesis(first_hash)
    if network is not None:
        return replace(network, magic=magic)
    for known in NETWORKS:
        if known.magic == magic:
            return known
    raise BlocksDirectoryError(
        f"{path} starts with the bytes {magic.hex()}, which no Bitcoin network uses",
        "check that xor.dat lies beside the block files and that this is a node's blocks directory",
    )
