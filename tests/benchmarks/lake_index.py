"""What an update of mainnet's lake spends on knowing its chunks.

    python -m tests.benchmarks.lake_index [CHUNKS]

Prints the seconds of processor time of one update's work with the index: read it, clean up, find the span and
whether blocks are missing, find a hash, take in a chunk, save.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from etl.lake.lake import Lake
from tests.support.chunks import empty_chunk, write_chunks

CHUNKS = 8000
_REPEATS = 5


def seconds_of_an_update(lake_dir: Path, last_height: int) -> float:
    """Processor time of all that a job asks of the index, with one new block."""
    started = time.process_time()
    lake = Lake(lake_dir)
    lake.clean()
    lake.span()
    lake.index.breaks()
    lake.compact()
    lake.check_complete()
    lake.hash_at(last_height)
    spent = time.process_time() - started
    new = empty_chunk(last_height + 1, last_height + 1)
    write_chunks(lake_dir, [new])
    started = time.process_time()
    lake.add(new)
    lake.save_index()
    return spent + time.process_time() - started


def main() -> None:
    """Make a lake of empty chunks and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CHUNKS
    with tempfile.TemporaryDirectory() as folder:
        lake_dir = Path(folder)
        write_chunks(lake_dir, [empty_chunk(128 * n, 128 * n + 127) for n in range(count)])
        started = time.process_time()
        Lake(lake_dir).save_index()
        sys.stdout.write(f"without index.json: {time.process_time() - started:.3f} s\n")
        last = 128 * count - 1
        seconds = [seconds_of_an_update(lake_dir, last + n) for n in range(_REPEATS)]
        sys.stdout.write(f"an update at {count} chunks: {min(seconds):.3f} s\n")


if __name__ == "__main__":
    main()
