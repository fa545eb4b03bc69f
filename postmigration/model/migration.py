"""The one object through which the engine knows the migration that it judges."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from postmigration.model.changes import Change, Name


@dataclass(frozen=True)
class Reference:
    """A column whose values must be keys of another table, whether or not a constraint says so.

    Args:
        table, column: where the reference stands; an array column holds many.
        parent, parent_column: the table and the key that it refers to.
        parent_schema: where that table stands, if it is another schema than the application's.
        array: the column is an array of keys, for which PostgreSQL has no foreign keys.
        added: the migration brought the column, so that a dangling value cannot be older than it.
    """

    table: str
    column: str
    parent: str
    parent_column: str = "id"
    array: bool = False
    added: bool = False
    parent_schema: str = ""


_MADE = re.compile("(date|time)?(created|creation|inserted|insertion)(at|on|date|time|timestamp|ts|utc)*")
_CHANGED = re.compile(
    "(date|time)?(last)?(updated|update|modified|modification|changed|change)(at|on|date|time|timestamp|ts|utc)*"
)


@dataclass(frozen=True)
class Conventions:
    """Which columns say when a row was made and when it was last changed.

    Those with usual names are found by themselves, in any style: `created_at`, `createdAt`, `"CreatedAt"`,
    `inserted_at`, `date_created`; `updated_at`, `updatedAt`, `last_modified`, `changed_on`. They hold a timestamp or a
    date; a date counts from its midnight.

    Args:
        created: the names of further columns that say when a row was made; they come before those that are found.
        updated: the names of further columns that say when it was last changed.
    """

    created: Sequence[str] = ()
    updated: Sequence[str] = ()

    def find_creation_columns(self, columns: Collection[str]) -> list[str]:
        """Those of some columns whose names say when a row was made, the likeliest first."""
        found = [name for name in columns if name not in self.updated and _MADE.fullmatch(_spelling(name))]
        return list(dict.fromkeys([*(name for name in self.created if name in columns), *found]))

    def is_updated(self, column: str) -> bool:
        """Whether the name of a column says when a row was last changed."""
        return column in self.updated or (column not in self.created and bool(_CHANGED.fullmatch(_spelling(column))))


def _spelling(name: str) -> str:
    """A name without what styles differ in."""
    return re.sub(r"[\W_]", "", name).lower()


@dataclass(frozen=True)
class OuterTable:
    """A table of another schema that holds something of the application's people, and that the migration leaves alone.

    Args:
        schema, table: which; it need not be there.
        key: the columns that identify a row.
        kept: the columns that must keep their values, as far as they are there; all others may change.
    """

    schema: str
    table: str
    key: tuple[str, ...]
    kept: tuple[str, ...]


# In the order in which they come; each begins when all of those before it are done.
Phase = Literal["development", "staging", "preparation", "production", "after"]
PHASES: tuple[Phase, ...] = get_args(Phase)
RecordedCommand = Literal["verify-backup", "rehearse", "fingerprint", "gate", "check", "workload", "watch"]
Hours = Annotated[float, msgspec.Meta(ge=0)]
Words = Annotated[str, msgspec.Meta(min_length=1)]


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of a command that a point of the plan rests on.

    Args:
        command: which.
        environment: where the database of the record stands in the plan; any where it is empty.
        steps: those steps of a rehearsal that must have passed, by the beginning of their titles; where it is empty,
            the exit status 0 says all.
        within_hours: a record that is older proves nothing any more.
        lasts_hours: for how long the command must have run at least, as a watch must.
    """

    command: RecordedCommand
    environment: str = ""
    steps: tuple[Words, ...] = ()
    within_hours: Hours | None = None
    lasts_hours: Hours = 0


class Criterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the deployment plan asks for besides its numbered checks, as a reader finds it again.

    All that is named must show that it is so: each check, each record, and a signature. What names neither checks nor
    records is for a person to sign. Where records prove it, checks that did not run are not missed.

    Args:
        section: where in the plan it stands.
        text: what it asks for.
        decided_by: the checks that decide it: numbers of the plan, names of functions (one case of a function as
            `function[case]`), or families beyond the plan. Empty where a person has to.
        how: what a person does for it, or what else proves it: a command, a person to ask.
        by_warnings: a warning of these checks, too, says that it is not met.
        codes: of what these checks find only findings of these codes say so; all where empty.
        id: by which it is signed; made of the text where it is empty.
        phase: in which phase it is done; the next one waits for it.
        environment: the environment whose gate's record tells how the checks ended; that of the phase where it is
            empty: of staging until production has begun.
        proven_by: the records that prove it.
        signed: a person must sign it besides.
        again: once the scripts have changed, an older signature says nothing of it.
        role: who does it or signs it.
        due: by when, in words.
        due_hours: so many hours after the application went live.
        hours: how long it is planned to take, at least and at most.
        replaces: what the plan says of it that does not work, and why.
    """

    section: str
    text: str
    decided_by: tuple[int | str, ...] = ()
    how: str = ""
    by_warnings: bool = False
    codes: tuple[str, ...] = ()
    id: Annotated[str, msgspec.Meta(pattern="^([a-z0-9]+(-[a-z0-9]+)*)?$")] = ""
    phase: Phase = "production"
    environment: str = ""
    proven_by: tuple[Proof, ...] = ()
    signed: bool = False
    again: bool = False
    role: str = ""
    due: str = ""
    due_hours: Hours | None = None
    hours: tuple[Hours, Hours] | None = None
    replaces: str = ""

    @property
    def name(self) -> str:
        """The id by which it is signed."""
        return self.id or re.sub(r"[^a-z0-9]+", "-", self.text.lower()).strip("-")

    @property
    def place(self) -> str:
        """The environment whose gate decides it."""
        if self.environment:
            return self.environment
        return "production" if PHASES.index(self.phase) >= PHASES.index("production") else "staging"

    @property
    def needs_signature(self) -> bool:
        """Whether a person must sign it."""
        return self.signed or not (self.decided_by or self.proven_by)


class Window(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The maintenance window.

    Args:
        begins, ends: when, with a time zone.
    """

    begins: Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    ends: Annotated[datetime.datetime, msgspec.Meta(tz=True)]


class Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric of `postmigration watch`, and what it must be.

    Args:
        name: a metric of the project's own, or one that is built in (`connections.share`), whose range this replaces.
        sql: a query for one number, which finds tables as the application does; empty for one that is built in.
        promql: a query of Prometheus for one number, asked of the server that `--prometheus` names, in place of `sql`.
        counter: the number only grows; judged is what it grows by in a minute.
        growth: the number may go up and down; judged is what it grows by in a minute.
        min, max: the range; what has neither is only recorded, and compared.
        interval: the seconds between two values that are judged; 0 for every sample.
        failures: so many values in a row outside of the range are a finding.
        critical: a finding is NO-GO; of others the reader is told.
        must_have_data: what could not be judged for want of data stands in the way of GO.
        compare: which change against a series of before is a finding: more, less, or none.
        critical_factor: so many times as much, or as little, as before is NO-GO; less is told. None: all is told.
        fix: what to do about a finding.
    """

    name: Name
    sql: str = ""
    promql: str = ""
    counter: bool = False
    growth: bool = False
    min: float | None = None
    max: float | None = None
    interval: Annotated[float, msgspec.Meta(ge=0)] = 0
    failures: Annotated[int, msgspec.Meta(ge=1)] = 3
    critical: bool = True
    must_have_data: bool = True
    compare: Literal["more", "less", "none"] = "none"
    critical_factor: Annotated[float, msgspec.Meta(ge=1)] | None = None
    fix: str = ""

    @property
    def own(self) -> bool:
        """Whether it is of the project's own."""
        return bool(self.sql or self.promql)


def declares_none(*_: Any, **__: Any) -> None:
    """Stands for what a migration does not declare."""


@dataclass(frozen=True)
class Migration:
    """What is validated: its tables, its intended changes, its scripts, its worlds and its faults.

    All but the name may be left out: then the checks that need it do not apply.

    Args:
        name: what the migration is called in reports.
        plan_checks: how many checks the deployment plan counts; markers number them from 1.
        tables: the tables of the model; each must hold rows.
        legacy_tables: those of them that stood before the migration.
        references: columns that must refer to existing rows.
        before: for one of `legacy_tables`, a query on the state before that gives its rows `r` with what the SQL of
            `changes` needs beside them.
        legacy_scripts: SQL that builds the schema before the migration.
        scripts: SQL that migrates, in this order.
        rollback: SQL that takes the migration back, schema and rows, in this order.
        selective_rollback: those of them that take the rows back only, once the migrated application was used.
        later: SQL that writes what people write in the migrated application, to see what a rollback makes of it.
        load: fills an empty legacy schema: `load(connection, seed=…, size=…)`.
        people: a query for the people as whom to try it (see `postmigration.checks.access.principals.population`).
        invent: inserts such a person where there is none.
        faults: the directory of the SQL scripts that break a migrated database, one fault each.
        criteria: what the deployment plan asks for besides its checks.
        everybody: a query for the ids of all who work with the application, of whom `people` are some.
        conventions: which columns say when a row was made and changed, where their names are not usual ones.
        objects: patterns of the names of objects that it adds, changes or drops, with `*` for any text, as findings
            name them: `policy read_* on public.orders`, `column public.orders.total`.
        outer_tables: tables of other schemas, such as the platform's, whose rows must be kept.
        codes: columns of text whose values name things and nobody: `table.column`, or with the schema before it. They
            are shown where other text is masked, so that a row is found by its key.
        changes: what it changes of tables and rows (see `postmigration.changes`); everything else must be as it was.
            Of `legacy_tables`, which keep their columns, these are derived values, what may change and what grows: the
            SQL finds tables and functions as the application does. A row that such a table may add is no older than
            the youngest of before (by the time of its creation), and none of days to come.
        metrics: what `postmigration watch` reads besides, and the ranges that it judges by.
    """

    name: str
    plan_checks: int = 0
    tables: Sequence[str] = ()
    legacy_tables: Sequence[str] = ()
    references: Sequence[Reference] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    legacy_scripts: Sequence[Path] = ()
    scripts: Sequence[Path] = ()
    rollback: Sequence[Path] = ()
    selective_rollback: Sequence[Path] = ()
    later: Path = Path("later.sql")
    load: Callable[..., Any] = declares_none
    people: str = ""
    invent: Callable[..., Any] = declares_none
    faults: Path = Path("faults")
    criteria: Sequence[Criterion] = ()
    everybody: str = ""
    conventions: Conventions = Conventions()
    objects: Sequence[str] = ()
    outer_tables: Sequence[OuterTable] = ()
    changes: Sequence[Change] = ()
    codes: Sequence[str] = ()
    metrics: Sequence[Metric] = ()

    def find_codes(self, schema: str, table: str) -> set[str]:
        """The columns of a table whose values name nobody, as far as that is declared.

        Args:
            schema: where the table stands.
        """
        begin = (f"{table}.", f"{schema}.{table}.")
        return {code.removeprefix(start) for code in self.codes for start in begin if code.startswith(start)}
