"""Counts what columns hold of which no change says anything, so that a person can judge it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from postmigration.checks.contents.examination import count
from postmigration.checks.contents.tables import Relation
from postmigration.checks.rows import retyped
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

# In a larger table only the rows are counted: to find all values alike takes long.
_MOST_PAGES = 64 * 1024 * 1024 // 8192


def describe_unsaid(snapshot: Snapshot, table: Relation, names: Sequence[str]) -> list[str]:
    """Each column with the number of rows that hold something, and of the values that differ.

    Args:
        names: some of the columns of the table.
    """
    counts = ["count(*)"]
    for name in names:
        value = f"t.{quoted(name)}"
        different = f"count(DISTINCT {retyped.TEXT.replace('{0}', value)})" if table.pages <= _MOST_PAGES else "NULL"
        counts += [f"count({value})", different]
    try:
        (row,) = snapshot.rows(f"SELECT CAST(ARRAY[{', '.join(counts)}] AS bigint[]) AS counts FROM {table.sql} t")
    except sa.exc.DBAPIError:
        # That its rows cannot be read is told where they are compared.
        return list(names)
    rows, *found = row.counts
    described = []
    for name, filled, different in zip(names, found[::2], found[1::2], strict=True):
        words = f"filled in {filled:,} of {count(rows, 'row')}"
        words += f", {count(different, 'different value')}" if filled and different is not None else ""
        described.append(f"{name} ({words})")
    return described
