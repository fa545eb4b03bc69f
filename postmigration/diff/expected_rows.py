"""What a table must hold after the migration, derived from what it held before and the changes that were intended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from postmigration.model.changes import DerivedValue, Grows, HistoryTable, MayChange
from postmigration.model.comparison import Part, RowComparison, within
from postmigration.model.migration import Conventions, Migration
from postmigration.model.sqltext import quoted
from postmigration.postgres.catalog import Table


@dataclass(frozen=True)
class Expectation:
    """Two queries that must give the same rows: `want` on the baseline, `have` on the target.

    `have` names `:newest`, when the youngest row of before was made, and `:cutover`. Beside the columns it says of each
    row whether it is settled, may be one more than before, and surely is (see `RowComparison`).

    Args:
        source: a query on the baseline for its rows `r`.
        altered: for values that become others or may, SQL over `r` for what to compare: NULL where they may be any.
        have: see above.
        columns: the columns that are compared, the key's first.
        key: how many leading columns identify a row; all where nothing does.
        newest: a query on the baseline for `:newest`.
        youngest: SQL over its rows for the same; NULL where nothing tells.
        free: the columns that are not compared, because they may hold anything.
        accepted: conditions on a row of either side, by name, under which its differences are accepted.
        application: SQL of the project is in it, which names what it needs as the application does.
        parts: `source` and `have` for some pages of the table; None for a source that a project declares.
    """

    source: str
    altered: Mapping[str, str]
    have: str
    columns: tuple[str, ...]
    key: int
    newest: str
    youngest: str
    free: tuple[str, ...]
    accepted: Mapping[str, str]
    application: bool
    parts: tuple[Part | None, Part | None] = (None, None)

    @property
    def comparison(self) -> RowComparison:
        """The two queries as they are compared."""
        return RowComparison(
            self.want,
            self.have,
            self.columns,
            self.key,
            settled="postmigration_settled",
            growth="postmigration_growth",
            new="postmigration_new",
            newest=self.newest,
            parts=(self.part, self.parts[1]),
        )

    @property
    def want(self) -> str:
        """See above."""
        return self._want(self.source)

    @property
    def part(self) -> Part | None:
        """The same for some pages of the table, where its rows are those of the baseline."""
        source = self.parts[0]
        return None if source is None else replace(source, sql=self._want(source.sql))

    def _want(self, source: str) -> str:
        values = (f"{self.altered.get(name, f'r.{quoted(name)}')} AS {quoted(name)}" for name in self.columns)
        return f"SELECT {', '.join(values)}{_flags(self.accepted)} FROM ({source}) r"


def expectation(
    migration: Migration | None, before: Table, schema: str, accepted: Mapping[str, str] | None = None
) -> Expectation:
    """What one table must hold, in every column that it had before.

    Args:
        migration: its intended changes; None where nothing may have changed.
        before: the table as the baseline's catalogs describe it.
        schema: where the table stands, on both sides.
        accepted: see `Expectation`.
    """
    name, table = before.name, f"{quoted(schema)}.{quoted(before.name)}"
    intended = [] if migration is None else list_value_changes(migration, name)
    growth = "false" if migration is None else describe_growth(migration, name)
    source = "" if migration is None else migration.before.get(name, "")
    free = tuple(change.column for change in intended if is_free(change) and change.column in before.columns)
    columns = (*before.key, *(column for column in before.columns if column not in (*before.key, *free)))
    wanted, held = _cases(intended, "r"), _cases(intended, "t")
    conventions = Conventions() if migration is None else migration.conventions
    created = before.created(conventions)
    made = None if created is None else quoted(created)
    times = [*([made] if made else []), *map(quoted, before.updated(conventions))]
    latest = ", ".join(f"t.{column}" for column in times)
    settled = f"(greatest({latest}) <= CAST(:cutover AS timestamptz)) IS NOT FALSE" if times else "true"
    # What came after the youngest row of before cannot have been there, and need not be looked for.
    new = "false"
    if made and growth != "false":
        growth = f"({growth}) AND {_RECENT.format(made=made)}"
    if made:
        new = f"t.{made} > CAST(:newest AS timestamptz) AND (({growth}) OR NOT ({settled}))"
    youngest = f"max({made})" if made else "CAST(NULL AS timestamptz)"
    values = ", ".join(f"{held.get(column, f't.{quoted(column)}')} AS {quoted(column)}" for column in columns)
    have = (
        f"SELECT {values}, {settled} AS postmigration_settled, {growth} AS postmigration_growth, "
        f"{new} AS postmigration_new{_flags(accepted or {})} FROM {table} t"
    )
    whole = Part((table,), f"SELECT t.* FROM {table} t WHERE {within('t')}")
    return Expectation(
        source=source or f"SELECT * FROM {table}",
        altered={column: case for column, case in wanted.items() if column in columns},
        have=have,
        columns=columns,
        key=len(before.key) or len(columns),
        newest=f"SELECT coalesce({youngest}, 'infinity')::text FROM {table}",
        youngest=youngest,
        free=free,
        accepted=accepted or {},
        application=bool(intended or source or accepted or growth != "false"),
        parts=(None if source else whole, replace(whole, sql=f"{have} WHERE {within('t')}")),
    )


# A row that the migration adds is no older than what stood there before it, and none of days to come. A transaction
# that was open when the state before was taken may have committed later what it dated a little earlier; a clock, or the
# time zone of one, may be wrong. Where the youngest row of before is of days to come itself, nothing follows from it.
_RECENT = (
    "t.{made} <= now() + interval '1 day' AND (CAST(:newest AS timestamptz) > now() "
    "OR t.{made} > CAST(:newest AS timestamptz) - interval '1 hour')"
)


def _flags(accepted: Mapping[str, str]) -> str:
    return "".join(f", (\n{condition}\n) AS {quoted(name)}" for name, condition in accepted.items())


def list_value_changes(migration: Migration, table: str) -> list[DerivedValue | MayChange]:
    """What is declared of the values of one of the legacy tables."""
    changes = [change for change in migration.changes if isinstance(change, DerivedValue | MayChange)]
    return [change for change in changes if change.table == table]


def describe_growth(migration: Migration, table: str) -> str:
    """SQL condition on a row `t` of a table: that the migration may have added it."""
    grows = [change for change in migration.changes if isinstance(change, Grows | HistoryTable)]
    conditions = [change.where if isinstance(change, Grows) else "true" for change in grows if change.table == table]
    return " OR ".join(f"({condition})" for condition in conditions) or "false"


def is_free(change: DerivedValue | MayChange) -> bool:
    """Whether the value of a column may be any in all rows, so that there is nothing to compare."""
    return isinstance(change, MayChange) and change.where == "true" and change.after in ("", "true")


def _cases(changes: Sequence[DerivedValue | MayChange], row: Literal["r", "t"]) -> dict[str, str]:
    """For columns that change, SQL for the value to compare of a row of before (`r`) or after (`t`)."""
    cases: dict[str, str] = {}
    for change in changes:
        if isinstance(change, MayChange):
            condition = change.where if row == "r" else change.after or "true"
            cases[change.column] = cases.get(change.column, "") + f" WHEN {condition} THEN NULL"
        elif row == "r":
            cases[change.column] = cases.get(change.column, "") + f" WHEN {change.where} THEN {change.value}"
    return {column: f"CASE{whens} ELSE {row}.{quoted(column)} END" for column, whens in cases.items()}
