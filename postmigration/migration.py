"""The one object through which the engine knows the migration that it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reference:
    """A column whose values must be keys of another table, whether or not a constraint says so.

    Args:
        table, column: where the reference stands; an array column holds many.
        parent, parent_column: the table and the key that it refers to.
        array: the column is an array of keys, for which PostgreSQL has no foreign keys.
        added: the migration brought the column, so that a dangling value cannot be older than it.
    """

    table: str
    column: str
    parent: str
    parent_column: str = "id"
    array: bool = False
    added: bool = False


@dataclass(frozen=True)
class IntendedChange:
    """A value that the migration changes on purpose; every other difference from before is a fault.

    Args:
        table, column: what changes.
        rows: SQL condition on a row `r` of the state before (see `Migration.before`): which rows change.
        why: the rule that wants it, for the reader of the report.
        want: SQL expression over the row `r` of the state before: the value that it *must* have afterwards;
            None where the value *may* be any (another check judges it, or none has to).
        after: for what may be any, SQL condition on a row `t` of the target that holds for the same rows; `true` when
            that is all of them.
    """

    table: str
    column: str
    rows: str
    why: str
    want: str | None = None
    after: str = "true"

    @property
    def everywhere(self) -> bool:
        """Whether the value may be any in all rows, so that there is nothing to compare."""
        return self.want is None and self.rows == self.after == "true"


@dataclass(frozen=True)
class Criterion:
    """What the deployment plan asks for besides its checks, as a reader of the report finds it again.

    Args:
        section: where in the plan it stands.
        text: what it asks for.
        decided_by: the checks that decide it: numbers of the plan, names of functions, or families beyond the plan.
            Empty where a person has to.
        how: what a person does for it, or what else proves it: a command, a person to ask.
    """

    section: str
    text: str
    decided_by: tuple[int | str, ...] = ()
    how: str = ""


@dataclass(frozen=True)
class Migration:
    """What is validated: its tables, its intended changes, its scripts, its worlds and its faults.

    Args:
        name: what the migration is called in reports.
        plan_checks: how many checks the deployment plan counts; markers number them from 1.
        tables: the tables of the model; each must hold rows.
        legacy_tables: those of them that stood before the migration.
        references: columns that must refer to existing rows.
        before: for a table, a query on the state before that gives its rows with what `intended` needs beside them.
        intended: the changes that the migration makes on purpose.
        growth: for a table, SQL condition on a row `t` of the target: rows that the migration may add.
        legacy_scripts: SQL that builds the schema before the migration.
        scripts: SQL that migrates, in this order.
        rollback: SQL that takes the migration back, schema and rows, in this order.
        selective_rollback: those of them that take the rows back only, once the migrated application was used.
        later: SQL that writes what people write in the migrated application, to see what a rollback makes of it.
        load: fills an empty legacy schema: `load(connection, seed=…, size=…)`.
        people: a query for the people as whom to try it (see `postmigration.actors.population`).
        invent: inserts such a person where there is none.
        faults: the directory of the SQL scripts that break a migrated database, one fault each.
        criteria: what the deployment plan asks for besides its checks.
        everybody: a query for the ids of all who work with the application, of whom `people` are some.
    """

    name: str
    plan_checks: int
    tables: Sequence[str]
    legacy_tables: Sequence[str]
    references: Sequence[Reference]
    before: Mapping[str, str]
    intended: Sequence[IntendedChange]
    growth: Mapping[str, str]
    legacy_scripts: Sequence[Path]
    scripts: Sequence[Path]
    rollback: Sequence[Path]
    selective_rollback: Sequence[Path]
    later: Path
    load: Callable[..., Any]
    people: str
    invent: Callable[..., Any]
    faults: Path
    criteria: Sequence[Criterion] = ()
    everybody: str = ""
