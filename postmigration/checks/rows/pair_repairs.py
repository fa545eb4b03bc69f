"""What brings the rows of a table back that was compared on both sides."""

from __future__ import annotations

from postmigration.checks.repairs.rows import TableRows, find_zone, repair_lost_column, repair_rows
from postmigration.checks.rows.pairs import Pair
from postmigration.diff.row_diff import Comparison


def bring_back_column(pair: Pair, lost: str) -> str:
    """The SQL that brings a lost column back with its values."""
    column, names = pair.was.columns[lost], [*pair.key, lost]
    if column.generated or not pair.now.is_table:
        return ""
    table = TableRows(pair.title, names, pair.was.sql, pair.now.sql, names, pair.key)
    return repair_lost_column(table, lost, column.type, filled=column.filled)


def repair_pair(pair: Pair, found: Comparison, *, shown: bool, zone: str) -> str:
    """The SQL that brings the rows of a table back, of which nothing is declared.

    Args:
        found: what differs.
        shown: the values of its key say nothing of a person.
        zone: the time zone in which a time without one was read.
    """
    if pair.changes is not None or pair.is_new or "UNION ALL" in pair.sql[0] or not pair.now.is_table:
        return ""
    sides = (pair.was, pair.now)
    written = [name for name in pair.columns if not any(side.columns[name].generated for side in sides)]
    types = ((sides[0].columns[name].root, sides[1].columns[name].root) for name in pair.columns)
    needed = find_zone(types, zone)
    names = (pair.was.sql, pair.now.sql)
    table = TableRows(pair.title, pair.columns, *names, written, pair.key, shown=shown, zone=needed)
    return repair_rows(table, found)
