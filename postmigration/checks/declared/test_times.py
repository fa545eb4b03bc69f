"""The times that rows tell of themselves can be: the rules let them change, and the cut-over excuses rows by them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from postmigration import RowComparison, Target
from postmigration.checks.repairs.rows import TableRows, repair_rows
from postmigration.diff.row_diff import Comparison
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.catalog import Table

# A clock, or the time zone of one, may be wrong by so much.
_LATEST = "now() + interval '1 day'"
# A transaction that was open when the state before was taken may have committed later what it dated earlier.
_LATE = "interval '1 hour'"
_NEVER = "infinity"


def test_times_of_rows_are_possible(target: Target) -> None:
    """No row was created or changed in days to come; and when it was changed is what it was, or since the migration.

    Impact: Lists sorted by the last change are wrong for good, whatever synchronizes by it misses rows or takes them
    again and again, and with --cutover such rows excuse themselves from the rules.

    Likely causes: A script wrote times of its own into updated_at, or switched off the trigger that keeps it and
    cleared it.

    Fix: Restore created_at and updated_at from the state before; set them to now where the row was really changed.
    """
    conventions, found = target.migration.conventions, False
    for name in target.migration.tables:
        table = catalog.table(target.snapshot, name)
        made = table.created(conventions)
        times = [*([made] if made else []), *table.updated(conventions)]
        found = found or bool(times)
        for column in times:
            known = target.baseline is not None and catalog.has_columns(target.baseline, name, [*table.key, column])
            if known and table.key:
                _compare(target, table, column)
            else:
                _judge_alone(target, table, column)
        if target.options.cutover != _NEVER and times:
            _tell_excused(target, table, times)
    if not target.migration.tables:
        target.not_applicable("the migration names no tables of its model, and only the times of their rows are judged")
    elif not found:
        target.not_applicable("no table of the model has a column that says when a row was made or changed")


def _compare(target: Target, table: Table, column: str) -> None:
    key, of, time = ", ".join(map(quoted, table.key)), quoted(table.name), quoted(column)
    # Where it was NULL it may be so still; what was set since is later than all that was set before.
    later = f"{time} <= {_LATEST} AND {time} > CAST(:newest AS timestamptz) - {_LATE}"
    target.expect_same(
        RowComparison(
            f"SELECT {key}, {time} FROM {of}",
            f"SELECT {key}, {time}, NOT coalesce({later}, false) AS unchanged_since_cutover FROM {of}",
            columns=[*table.key, column],
            key=len(table.key),
            newest=f"SELECT coalesce(max({time}) FILTER (WHERE {time} <= {_LATEST}), '-infinity')::text FROM {of}",
            settled="unchanged_since_cutover",
        ),
        statement=f"rows of {table.name} whose {column} is neither what it was nor a time since",
        ignore=["missing"],
        optional=True,
        repair=partial(_restore_times, table, column, target.snapshot.database.schema),
    )


def _restore_times(table: Table, column: str, schema: str, found: Comparison, plain: Collection[str]) -> str:
    """Gives the rows that were there before the times that they had; others have none that anybody knows."""
    changed = tuple(difference for difference in found.differences if difference.kind == "changed")
    name, columns = f"{quoted(schema)}.{quoted(table.name)}", [*table.key, column]
    rows = TableRows(table.name, columns, name, name, columns, table.key, shown=set(plain).issuperset(table.key))
    counts = {**found.counts, "missing": 0, "extra": 0}
    return repair_rows(rows, replace(found, counts=counts, differences=changed))


def _judge_alone(target: Target, table: Table, column: str) -> None:
    of, time = quoted(table.name), quoted(column)
    key = ", ".join(map(quoted, dict.fromkeys((*table.key, column))))
    target.expect_none(
        f"SELECT {key} FROM {of} WHERE {time} > {_LATEST} OR {time} = '-infinity'",
        statement=f"rows of {table.name} whose {column} is in the future, or never was",
        examined=f"SELECT count(*) FROM {of}",
        severity="warning" if target.options.cutover == _NEVER else "blocker",
        optional=True,
    )


def _tell_excused(target: Target, table: Table, times: Sequence[str]) -> None:
    """Shows how many rows owe less, since they were created or changed after the cut-over."""
    latest = f"greatest({', '.join(map(quoted, times))}) > CAST(:cutover AS timestamptz)"
    since = target.value(f"SELECT count(*) FROM {quoted(table.name)} WHERE {latest}") or 0
    rows = target.value(f"SELECT count(*) FROM {quoted(table.name)}") or 0
    if since:
        share = f"{since:,} of {rows:,} rows ({since / rows:.0%})"
        target.note(f"{table.name}: {share} were created or changed since the cut-over, and owe less")
