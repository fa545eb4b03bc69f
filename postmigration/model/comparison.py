"""What two queries give, one on the state before and one on the database, and how it is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
