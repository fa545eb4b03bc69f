"""The rows of other schemas that a project declares to be kept: who can sign in, and the files."""

from __future__ import annotations

from postmigration.checks.assertions import Target
from postmigration.model.comparison import RowComparison
from postmigration.model.migration import OuterTable
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot


def compare_outer_tables(target: Target) -> None:
    """States that the rows of outer tables are there with the values that a project declares to be kept.

    Raises:
        NeedsBaseline: there is no state before.
    """
    before = target.before.rows()
    for outer in target.migration.outer_tables:
        name = f"{outer.schema}.{outer.table}"
        was, now = _columns(before, outer), _columns(target.snapshot, outer)
        if not was and not now:
            continue
        if not was:
            target.note(f"{name} is not compared: the state before has none, or it may not be read there")
        elif not now and target.value(f"SELECT to_regclass('{name}') IS NOT NULL"):
            target.note(f"{name} is not compared: it may not be read")
        elif not set(outer.key) <= set(now):
            target.expect(False, f"table {name} is gone, or has lost its key")
        else:
            _compare(target, outer, was, now)


def _compare(target: Target, outer: OuterTable, was: list[str], now: list[str]) -> None:
    of = f"{quoted(outer.schema)}.{quoted(outer.table)}"
    kept = [column for column in outer.kept if column in was and column in now]
    # Passwords, even encrypted ones, are nobody's to see.
    values = "".join(
        f", encode(sha256(convert_to({quoted(column)}::text, 'UTF8')), 'hex') AS {quoted(column)}" for column in kept
    )
    rows = f"SELECT {', '.join(map(quoted, outer.key))}{values}"
    dated = "updated_at" in was and "updated_at" in now
    settled = "(updated_at <= CAST(:cutover AS timestamptz)) IS NOT FALSE" if dated else "true"
    target.expect_same(
        RowComparison(
            f"{rows} FROM {of}",
            f"{rows}, {settled} AS unchanged_since_cutover FROM {of}",
            columns=[*outer.key, *kept],
            key=len(outer.key),
            settled="unchanged_since_cutover",
        ),
        ignore=["extra"],
        statement=f"rows of {outer.schema}.{outer.table} that are gone, or whose {' or '.join(kept)} is another",
        optional=True,
    )


def _columns(snapshot: Snapshot, outer: OuterTable) -> list[str]:
    """The columns of a table that may be read; none where there is no such table."""
    rows = snapshot.rows(
        """
        SELECT a.attname::text AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname = :table AND a.attnum > 0 AND NOT a.attisdropped
          AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
        """,
        schema=outer.schema,
        table=outer.table,
    )
    return [row.name for row in rows]
