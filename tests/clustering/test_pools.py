"""Which pool mined a block, by the rule of methodology section 3, on cases worked out by hand."""

from __future__ import annotations

import pytest

from clustering.pools import PoolBook

NAMES = ("Unknown", "Ant", "Bee", "Cat", "Dog")
BOOK = PoolBook(
    NAMES[1:],
    {10: 1, 20: 2},
    ((b"/ant/", 1), (b"bee", 2), (b"bee hive", 3), (b"/cat/", 3), (b"hive", 4), ("Ünder".encode(), 4)),
)


@pytest.mark.parametrize(
    ("paid", "script", "pool"),
    [
        ([], b"", "Unknown"),
        ([99], b"who", "Unknown"),
        ([99, 20, 10], b"", "Bee"),  # the first address that is a pool's
        ([], b"x BEE", "Bee"),  # whatever the case
        ([10], b"bee", "Ant"),  # a mere tag comes after the address
        ([10], b"/CAT/", "Cat"),  # a signature comes before it
        ([10], b"bee /cat/", "Ant"),  # but only where it begins first
        ([10], b"/cat/ bee", "Cat"),
        ([10, 90, 91, 92], b"bee", "Ant"),
        ([10, 90, 91, 92, 93], b"bee", "Bee"),  # who pays more than four is asked for its tag first
        ([10, 90, 91, 92, 93], b"who", "Ant"),
        ([], b"hive bee", "Dog"),  # the tag that begins earliest, not the first in the list
        ([], b"a bee hive", "Cat"),  # of those that begin together the longest
        ([], "Ünder".encode(), "Dog"),
        ([], "ünder".encode(), "Unknown"),  # letters beyond ASCII are compared as they are
    ],
)
def test_rule(paid: list[int], script: bytes, pool: str) -> None:
    assert NAMES[BOOK.pool_of(paid, script)] == pool


def test_of_equal_tags_the_first_in_the_list() -> None:
    book = PoolBook(("A", "B"), {}, ((b"Tag", 2), (b"tAG", 1)))
    assert book.pool_of([], b"TAG") == 2
