"""What stands in the way of a job here, found out without starting one.

Invariant: nothing is written, and no finding shows credentials.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from etl.chain.blocks import HEADER_SIZE
from etl.chain.networks import NETWORKS, Network, network_by_genesis
from etl.datadir import DataDirectory
from etl.errors import MinerflowError, TransientError
from etl.inputs import load_inputs
from etl.lake import Chunk, Lake
from etl.settings import Settings
from etl.sources.blockfiles.records import block_file, file_numbers, read_xor_key, undo_file
from etl.sources.facts import FIRST_VERSION_WITH_PREVOUTS, NodeFacts, probe_node
from etl.sources.control import NodeControl
from etl.sources.node import blocks_dir, find_node
from etl.sources.retry import Retry
from etl.status import size
from etl.warehouse import refuse_newer_schema
