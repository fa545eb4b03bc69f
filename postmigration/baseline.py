"""What a table must hold after the migration, derived from what it held before and the changes that were intended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from postmigration.catalog import Table
from postmigration.migration import IntendedChange, Migration
from postmigration.sql import quoted


@dataclass(frozen=True)
class Expectation:
    """Two queries that must give the same rows: `want` on the baseline, `have` on the target.

    Both may name `:newest`, when the youngest row of before was made, and `:cutover`.

    Args:
        columns: the columns that are compared, the key's first.
        key: how many leading columns identify a row; all where nothing does.
        newest: a query on the baseline for `:newest`.
        free: the columns that are not compared, because they may hold anything.
    """

    want: str
    have: str
    columns: tuple[str, ...]
    key: int
    newest: str
    free: tuple[str, ...] = ()


def expectation(migration: Migration, before: Table) -> Expectation:
    """What one table must hold, in every column that it had before.

    Args:
        migration: its intended changes.
        before: the table as the baseline's catalogs describe it.
    """
    intended = [change for change in migration.intended if change.table == before.name]
    free = tuple(change.column for change in intended if change.everywhere and change.column in before.columns)
    primary = before.key
    names = (*primary, *(name for name in before.columns if name not in (*primary, *free)))
    source = migration.before.get(before.name, f"SELECT * FROM {quoted(before.name)}")
    times = [name for name in ("created_at", "updated_at") if before.is_time(name)]
    latest = ", ".join([*(f"t.{name}" for name in times), "CAST('-infinity' AS timestamptz)"])
    settled = f"greatest({latest}) <= CAST(:cutover AS timestamptz)"
    growth = migration.growth.get(before.name, "false")
    # What came after the youngest row of before cannot have been there, and need not be looked for.
    new = "false"
    if "created_at" in times:
        new = f"t.created_at > CAST(:newest AS timestamptz) AND (({growth}) OR NOT ({settled}))"
    newest = 'max("created_at")' if "created_at" in times else "CAST(NULL AS timestamptz)"
    return Expectation(
        want=f"SELECT {_values(names, 'r', intended)} FROM ({source}) r",
        have=f"SELECT {_values(names, 't', intended)}, {settled} AS postmigration_settled, "
        f"{growth} AS postmigration_growth, {new} AS postmigration_new FROM {quoted(before.name)} t",
        columns=names,
        key=len(primary) or len(names),
        newest=f"SELECT coalesce({newest}, 'infinity')::text FROM {quoted(before.name)}",
        free=free,
    )


def _values(names: tuple[str, ...], row: Literal["r", "t"], intended: list[IntendedChange]) -> str:
    """The values of a row of before (`r`) as they must have become, or of one of after (`t`); NULL where any may be."""
    values = []
    for name in names:
        column = f"{row}.{quoted(name)}"
        cases = ""
        for change in intended:
            if change.column == name and change.want is None:
                cases += f" WHEN {change.rows if row == 'r' else change.after} THEN NULL"
            elif change.column == name and row == "r":
                cases += f" WHEN {change.rows} THEN {change.want}"
        values.append(f"{f'CASE{cases} ELSE {column} END' if cases else column} AS {quoted(name)}")
    return ", ".join(values)


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
