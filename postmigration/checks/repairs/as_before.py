"""The repair of a table that the migration keeps, but for the changes that are declared of it."""

from __future__ import annotations

from collections.abc import Collection

from postmigration.checks.repairs.rows import TableRows, find_zone, repair_lost_column, repair_rows
from postmigration.diff.expected_rows import Expectation
from postmigration.diff.row_diff import Comparison
from postmigration.model.sqltext import copy_objects, quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot

_WRITTEN = """
    SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relname = :table AND c.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
"""


def repair_as_before(
    after: Snapshot, before: catalog.Table, expected: Expectation, found: Comparison, plain: Collection[str]
) -> str:
    """Writes what gives a table the rows that it must hold.

    Args:
        after: the database.
        before: the table as the baseline has it.
        expected: what it must hold.
        found: what differs.
        plain: columns whose values say nothing of a person.
    """
    schema = after.database.schema
    written = {row.name: row.type for row in after.rows(_WRITTEN, schema=schema, table=before.name)}
    name = f"{quoted(schema)}.{quoted(before.name)}"
    table = TableRows(
        before.name,
        expected.columns,
        name,
        name,
        [column for column in before.columns if column in written],
        before.key if written.keys() >= {*before.key} else (),
        want=expected.want,
        altered=frozenset(expected.altered),
        shown=set(plain).issuperset(before.key),
        # A check of a plan compares values as texts, as its sessions write them.
        zone=find_zone(
            [(before.columns[name].type, type_) for name, type_ in written.items() if name in before.columns],
            str(after.scalar("SHOW TimeZone")),
        ),
    )
    return repair_rows(table, found)


def repair_lost(schema: str, before: catalog.Table, now: catalog.Table) -> str:
    """Writes what brings a table back, or the columns that it has lost; nothing where it has them all."""
    name = f"{quoted(schema)}.{quoted(before.name)}"
    if not now.exists:
        return copy_objects("table", name, "the DBA: the table with its rows, as the baseline has them")
    found = []
    for column in before.columns.values():
        if column.name not in now.columns:
            columns = [*before.key, column.name]
            table = TableRows(before.name, columns, name, name, columns, before.key)
            found.append(repair_lost_column(table, column.name, column.type, filled=not column.nullable))
    return "\n".join(filter(None, found))
