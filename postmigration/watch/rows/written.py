"""The rows that were written since a time, by the columns that say when a row was made or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.model.evidence import show_value
from postmigration.model.migration import Conventions
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

_LISTED = 10


@dataclass(frozen=True)
class Written:
    """What was written to one table since a time.

    Args:
        table: its name.
        made, changed: how many rows were made since, and how many older ones were changed.
    """

    table: str
    made: int
    changed: int


@dataclass(frozen=True)
class Lost:
    """What a rollback would lose.

    Args:
        since: the time since when.
        tables: what was written, for each table in which something was.
        unknown: the tables of which nobody can tell, and why.
    """

    since: str
    tables: Sequence[Written]
    unknown: Sequence[str]


def is_since(table: catalog.Table, columns: Sequence[str], alias: str) -> str:
    """SQL that tells whether one of some columns holds `:since` or later; a date counts from its midnight."""
    kinds = {name: "date" if table.columns[name].type == "date" else "timestamptz" for name in columns}
    return " OR ".join(f"{alias}.{quoted(name)} >= CAST(:since AS {kind})" for name, kind in kinds.items())


def find_time_columns(table: catalog.Table, conventions: Conventions) -> tuple[list[str], list[str]]:
    """The column that says when a row of a table was made, if there is one, and those that say when it was changed."""
    made = table.created(conventions)
    return [made] if made else [], table.updated(conventions)


def count_written(snapshot: Snapshot, conventions: Conventions, since: str) -> Lost:
    """Counts the rows of each table that were made or changed since a time.

    Args:
        since: the time, as PostgreSQL reads it.
    """
    written, unknown = [], []
    for name, table in catalog.tables(snapshot, expressions=False).items():
        made, changed = find_time_columns(table, conventions)
        if not made and not changed:
            unknown.append(f"{name} (no column says when a row was written)")
            continue
        is_made = is_since(table, made, "r") or "false"
        is_written = is_since(table, [*made, *changed], "r")
        sql = f"""
            SELECT count(*) FILTER (WHERE {is_made}) AS made, count(*) FILTER (WHERE NOT coalesce({is_made}, false))
                AS changed
            FROM {quoted(name)} r WHERE {is_written}
        """
        try:
            (row,) = snapshot.rows(sql, snapshot.application, since=since)
        except sa.exc.DBAPIError as error:
            unknown.append(f"{name} ({describe_refusal(error)})")
            continue
        if row.made or row.changed:
            written.append(Written(name, row.made, row.changed))
    written.sort(key=lambda one: (-one.made - one.changed, one.table))
    return Lost(since, written, unknown)


def describe_lost(lost: Lost) -> list[str]:
    """What a rollback would lose, in words."""
    told = [f"{show_value(one.table, plain=True)}: {_describe(one)}" for one in lost.tables[:_LISTED]]
    if (more := len(lost.tables) - _LISTED) > 0:
        told.append(f"and {more:,} tables more")
    words = f"a rollback would lose what was written since {lost.since}"
    lines = [f"{words}: {'; '.join(told)}" if told else f"{words}: no row that its columns tell of"]
    if lost.unknown:
        listed = ", ".join(show_value(words, plain=True) for words in lost.unknown[:_LISTED])
        more = len(lost.unknown) - _LISTED
        lines.append(f"not known of {listed}{f' and {more:,} tables more' if more > 0 else ''}")
    return [*lines, "rows that were deleted since are not counted: no column tells of them"]


def _describe(written: Written) -> str:
    parts = [f"{written.made:,} row{'s' * (written.made != 1)} made"] if written.made else []
    parts += [f"{written.changed:,} row{'s' * (written.changed != 1)} changed"] if written.changed else []
    return ", ".join(parts)
