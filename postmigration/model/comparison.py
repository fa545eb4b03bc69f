"""What two queries give, one on the state before and one on the database, and how it is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A query for those rows of some tables that lie on some of their pages.

    Args:
        tables: the tables, in SQL.
        sql: the query, with the condition of `within` on a row of each of them.
        only: the tables that inherit from them are not read.
    """

    tables: tuple[str, ...]
    sql: str
    only: bool = False


def within(row: str) -> str:
    """SQL condition on a row of a table, by its name in the query: that it lies on the pages of a range, half-open."""
    return f"{row}.ctid >= CAST(:postmigration_first AS tid) AND {row}.ctid < CAST(:postmigration_end AS tid)"


@dataclass(frozen=True)
class RowComparison:
    """A query on the state before and a query on the database, which must give the same rows.

    Args:
        want: the query on the state before.
        have: the query on the database.
        columns: the columns that are compared, the key's first.
        key: how many leading columns identify a row.
        settled: a column of `have` that is false for rows that were created or changed after the cut-over: they may be
            new or differ. Empty where there is none; so for the next two.
        growth: a column of `have` that is true for rows that may be new.
        new: a column of `have` that is true for those of them that the state before surely does not have.
        newest: a query on the state before for the parameter `:newest` of the other two.
        examined: a query on the database that counts the rows looked at; by default all rows of `want` were.
        parts: the two queries for some pages of a table, where that is the same for all pages together.
    """

    want: str
    have: str
    columns: Sequence[str]
    key: int = 1
    settled: str = ""
    growth: str = ""
    new: str = ""
    newest: str = ""
    examined: str = ""
    parts: tuple[Part | None, Part | None] = (None, None)


@dataclass(frozen=True)
class Recheck:
    """How rows are read again that differ between two databases, one of which follows the other.

    Args:
        times: how often, at the most.
        pause: the seconds before each time.
    """

    times: int
    pause: float
