"""What the store is made of: tables of records with a key.

Invariant: a record begins with its key, one id or two. Where records have one id, a later one stands in
place of an earlier one, and one like that of an address never seen stands for none; where they have two,
they are facts that nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clustering.profiles import Profile
from clustering.waking import MEMBER, is_new, miner_dtype, stored_dtype

Records = npt.NDArray[np.void]
Key = tuple[int, int]
"""the id, and the second one or 0"""

ADDRESSES, MINERS, MEMBERS = "addresses", "miners", "members"
LOWEST: Key = (0, 0)
HIGHEST: Key = (1 << 64, 0)
"""above all keys"""


@dataclass(frozen=True)
class Table:
    """One table."""

    name: str
    dtype: np.dtype[np.void]

    @property
    def is_of_facts(self) -> bool:
        """Whether records have two ids."""
        return self.dtype == MEMBER

    def key(self, record: np.void) -> Key:
        """The key of a record."""
        return int(record["id"]), int(record["member"]) if self.is_of_facts else 0

    def place(self, records: Records, key: Key) -> int:
        """How many of the records, sorted by key, are below `key`."""
        if key == HIGHEST:
            return len(records)
        ids = np.ascontiguousarray(records["id"])
        first = int(np.searchsorted(ids, np.uint64(key[0])))
        if not self.is_of_facts:
            return first
        last = int(np.searchsorted(ids, np.uint64(key[0]), "right"))
        return first + int(np.searchsorted(records["member"][first:last], np.uint64(key[1])))

    def merged(self, parts: Sequence[Records], *, is_whole: bool) -> Records:
        """The records of sorted parts, the latest of which come first.

        `is_whole`: there are no earlier ones, so that what stands for none may go.
        """
        together = np.concatenate(parts)
        if self.is_of_facts:
            together = together[np.lexsort((together["member"], together["id"]))]
            same = (together["id"][1:] == together["id"][:-1]) & (
                together["member"][1:] == together["member"][:-1]
            )
            return np.asarray(together[np.append(True, ~same)[: len(together)]])
        together = together[np.argsort(together["id"], kind="stable")]
        kept = np.append(True, together["id"][1:] != together["id"][:-1])[: len(together)]
        if is_whole and self.name == ADDRESSES:
            kept &= ~is_new(together)
        return np.asarray(together[kept])


def tables(code: npt.DTypeLike, profiles: Sequence[Profile]) -> dict[str, Table]:
    """The tables by name, for codes of that type: one of members for each point-in-time forest."""
    forests = sum(not profile.retroactive_exchanges for profile in profiles)
    found = [Table(ADDRESSES, stored_dtype(code, profiles)), Table(MINERS, miner_dtype(profiles))]
    found += [Table(members(forest), MEMBER) for forest in range(forests)]
    return {table.name: table for table in found}


def members(forest: int) -> str:
    """Name of the table of a forest's members."""
    return f"{MEMBERS}{forest}"
