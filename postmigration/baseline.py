"""What a table must hold after the migration, derived from what it held before and the changes that were intended."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.catalog import Table
from postmigration.migration import Migration
from postmigration.sql import quoted


@dataclass(frozen=True)
class Expectation:
    """Two queries that must give the same rows: `want` on the baseline, `have` on the target.

    Args:
        columns: the columns that are compared, the key's first.
        key: how many leading columns identify a row.
    """

    want: str
    have: str
    columns: tuple[str, ...]
    key: int


def expectation(migration: Migration, before: Table) -> Expectation:
    """What one table must hold, in every column that it had before.

    Args:
        migration: its intended changes.
        before: the table as the baseline's catalogs describe it.
    """
    primary = next((index.columns for index in before.indexes if index.primary), tuple(before.columns))
    names = (*primary, *(name for name in before.columns if name not in primary))
    intended = [change for change in migration.intended if change.table == before.name and change.column in names]
    expressions = []
    for name in names:
        cases = "".join(
            f" WHEN {change.rows} THEN {change.want}"
            for change in intended
            if change.column == name and change.want is not None
        )
        column = f"r.{quoted(name)}"
        expressions.append(f"{f'CASE{cases} ELSE {column} END' if cases else column} AS {quoted(name)}")
    free = "".join(
        f", CASE WHEN {change.rows} THEN '{change.column}' END" for change in intended if change.want is None
    )
    source = migration.before.get(before.name, f"SELECT * FROM {quoted(before.name)}")
    times = [
        f"t.{name}"
        for name in ("created_at", "updated_at")
        if name in before.columns and before.columns[name].type.startswith("timestamp")
    ]
    latest = ", ".join([*times, "CAST('-infinity' AS timestamptz)"])
    settled = f"greatest({latest}) <= CAST(:cutover AS timestamptz)"
    growth = migration.growth.get(before.name, "false")
    have = ", ".join(f"t.{quoted(name)}" for name in names)
    return Expectation(
        want=f"SELECT {', '.join(expressions)}, concat_ws(',', NULL{free}) AS postmigration_free FROM ({source}) r",
        have=f"SELECT {have}, {settled} AS postmigration_settled, {growth} AS postmigration_growth "
        f"FROM {quoted(before.name)} t",
        columns=tuple(quoted(name) for name in names),
        key=len(primary),
    )


def lost_columns(before: Table, after: Table) -> list[str]:
    """The columns of before that are gone or of another type, in words."""
    problems = []
    for name, column in before.columns.items():
        now = after.columns.get(name)
        if now is None:
            problems.append(f"column {before.name}.{name} is gone")
        elif now.type != column.type:
            problems.append(f"column {before.name}.{name} was {column.type} and is {now.type}")
        elif now.nullable and not column.nullable:
            problems.append(f"column {before.name}.{name} was NOT NULL and may be NULL now")
    return problems
