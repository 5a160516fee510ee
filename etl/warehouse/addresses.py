"""The addresses that results name: by id, with the text of each once.

Invariants: address_texts has exactly the ids that address_changes and refused_joins name, each with the
lowest height of the rows that name it, so rows of a height on need no look at those below. What is held is
read once, and of that the ids alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import duckdb

    from etl.compiled.arrays import Ids
    from etl.tracking.run import Tracked

_NAME = """
CREATE OR REPLACE TEMP TABLE named_addresses AS
SELECT address_id, CAST(min(height) AS INTEGER) AS first_height
FROM (
    SELECT address_id, height FROM read_parquet($changes)
    UNION ALL SELECT a, height FROM read_parquet($conflicts)
    UNION ALL SELECT b, height FROM read_parquet($conflicts)
)
GROUP BY address_id
"""
_FIND_HELD = """
CREATE OR REPLACE TEMP TABLE held_addresses AS
SELECT texts.address_id FROM address_texts AS texts SEMI JOIN named_addresses AS named USING (address_id)
"""
_UNSPELLED = "SELECT address_id FROM named_addresses ANTI JOIN held_addresses USING (address_id) ORDER BY ALL"

# Texts that rows from $from on alone named go, or are named from another height on.
_FORGET = """
DELETE FROM address_texts
WHERE first_height >= $from AND address_id NOT IN (SELECT address_id FROM named_addresses)
"""
_MOVE = """
UPDATE address_texts SET first_height = named.first_height
FROM named_addresses AS named
WHERE address_texts.first_height >= $from
    AND named.address_id = address_texts.address_id AND named.first_height <> address_texts.first_height
"""
_ADD = """
INSERT INTO address_texts
SELECT texts.address_id, texts.address, named.first_height
FROM read_parquet(?) AS texts
JOIN named_addresses AS named ON named.address_id = texts.address_id
"""


def name_addresses(con: duckdb.DuckDBPyConnection, tracked: Tracked) -> Ids:
    """Note which addresses the results name; returns the ids whose text is not held, sorted."""
    files = {"changes": str(tracked.path("changes")), "conflicts": str(tracked.path("conflicts"))}
    con.execute(_NAME, files)
    con.execute(_FIND_HELD)
    return np.asarray(con.execute(_UNSPELLED).fetchnumpy()["address_id"])


def load_texts(con: duckdb.DuckDBPyConnection, tracked: Tracked, from_height: int) -> None:
    """Bring address_texts in line with results from a height on, after `name_addresses`.

    The texts that were not held are those of the file `texts`.
    """
    con.execute(_FORGET, {"from": from_height})
    con.execute(_MOVE, {"from": from_height})
    con.execute(_ADD, [str(tracked.path("texts"))])
    con.execute("DROP TABLE named_addresses")
    con.execute("DROP TABLE held_addresses")
