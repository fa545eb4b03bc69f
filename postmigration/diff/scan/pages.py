"""Which pages of a large table each of several connections reads.

A range of pages holds whole rows, each row of a snapshot lies on one page, and half-open ranges that follow each other
leave no page out and read none twice: whatever the key is, whether it is NULL, how its collation sorts, and whatever
the statistics say. Ranges of keys would depend on all of that, and would be read through an index, which may be
damaged, or else by as many scans of the whole table as there are ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlalchemy as sa

from postmigration.model.comparison import Part
from postmigration.postgres.connection import Snapshot

# Smaller tables are read before another connection has begun to help: 64 MB, where a page has 8 kB.
LEAST_PAGES = 8_192
# A range that takes long may run into the timeout of a statement, and leaves the others without work at the end: 1 GB.
_MOST_PAGES = 131_072
# Each range gives as many sums as there are buckets, which the client adds.
_MOST_RANGES = 64
# No page has this number: PostgreSQL's InvalidBlockNumber.
_BEYOND = 0xFFFF_FFFF
# Since then only the pages of a range are read, and not all to leave the others out.
_FIRST_VERSION = 140_000

_PAGES = """
    WITH RECURSIVE tree(oid) AS (
        SELECT CAST(to_regclass(name) AS oid) FROM unnest(CAST(:tables AS text[])) AS t(name)
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN tree ON tree.oid = i.inhparent WHERE NOT CAST(:only AS boolean)
    )
    SELECT c.relkind = 'p' OR (c.relkind = 'r' AND m.amname = 'heap') AS divisible,
           CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) / CAST(current_setting('block_size') AS bigint)
           ELSE 0 END AS pages
    FROM tree JOIN pg_class c ON c.oid = tree.oid LEFT JOIN pg_am m ON m.oid = c.relam
"""


@dataclass(frozen=True)
class Pages:
    """The pages from the first to the one before the end, of each table of a part."""

    first: int
    end: int

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of a `Part`; no row has the number 0 on its page."""
        return {"postmigration_first": f"({self.first},0)", "postmigration_end": f"({self.end},0)"}


def count_pages(snapshot: Snapshot, part: Part) -> list[int]:
    """How many pages each table of a part has, a partition being one; none where all are small, or are read whole."""
    if snapshot.info.server_version < _FIRST_VERSION:
        return []
    try:
        rows = snapshot.rows(_PAGES, tables=list(part.tables), only=part.only)
    except sa.exc.DBAPIError:
        # Whoever reads the table as a whole is told why that cannot be.
        return []
    pages = [int(row.pages) for row in rows]
    # A table of another server or of another kind of storage may number its rows otherwise.
    return pages if all(row.divisible for row in rows) and sum(pages) >= LEAST_PAGES else []


def divide(pages: Sequence[int], connections: int, *, once: bool = False) -> list[Pages]:
    """The ranges that connections read at the same time.

    Args:
        pages: see `find_bounds`.
        once: each connection reads one range and no more.
    """
    each = 1 if once else max(1, min(_MOST_RANGES, -(-sum(pages) // (_MOST_PAGES * connections))))
    bounds = [0, *find_bounds(pages, connections * each), _BEYOND]
    return [Pages(first, end) for first, end in pairwise(bounds) if first < end]


def find_bounds(pages: Sequence[int], ranges: int) -> list[int]:
    """The first page of each range but the first one, so that all ranges hold about as many.

    Args:
        pages: how many each table has, a partition being one; all are divided at the same numbers.
    """
    bounds = []
    for number in range(1, ranges):
        low, high = 0, max(pages, default=0)
        while low < high:
            middle = (low + high) // 2
            if sum(min(each, middle) for each in pages) * ranges < sum(pages) * number:
                low = middle + 1
            else:
                high = middle
        bounds.append(low)
    return bounds
