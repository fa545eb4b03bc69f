"""Facts of a schema, read from the catalogs and judged by what they enforce, never by their names.

The functions named `…_problems` return what is wrong, in words, and nothing when all is well.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from postmigration.model.evidence import Problem, Subject
from postmigration.model.migration import Conventions
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.table_facts import COLUMNS, FOREIGN_KEYS, INDEXES, TABLES, TRIGGERS


@dataclass(frozen=True)
class Column:
    """A column: its type as PostgreSQL writes it, and its default as an expression or None."""

    name: str
    type: str
    nullable: bool
    default: str | None


@dataclass(frozen=True)
class Index:
    """An index; `columns` are its key columns in order (an expression stands as itself).

    Args:
        only_null: what a partial index leaves out is rows whose first column is NULL, and no other.
    """

    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    method: str
    usable: bool
    predicate: str | None
    only_null: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key; `enforced` is false when it is not validated or its triggers are switched off.

    Args:
        parent_schema: where the parent stands; empty where that is the schema of the table itself.
        validated: it is not NOT VALID.
    """

    name: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]
    on_delete: str
    enforced: bool
    parent_schema: str = ""
    validated: bool = True

    @property
    def leads_to(self) -> str:
        """The parent, for people."""
        return f"{self.parent_schema}.{self.parent}" if self.parent_schema else self.parent


@dataclass(frozen=True)
class Trigger:
    """A row trigger: when it fires, and the source and the arguments of its function.

    Args:
        always: it fires for every row, whatever is in it and whichever column changes.
        function: what its function is called.
        state: how it is switched: as pg_trigger.tgenabled has it.
    """

    name: str
    before: bool
    events: frozenset[str]
    source: str
    always: bool
    function: str = ""
    state: str = "O"


@dataclass(frozen=True)
class Table:
    """What the catalogs say of one table. A table that does not exist has no columns.

    Args:
        triggers: those of its rows that are enabled; `disabled`: those that are not.
    """

    name: str
    columns: dict[str, Column]
    indexes: tuple[Index, ...]
    foreign_keys: tuple[ForeignKey, ...]
    triggers: tuple[Trigger, ...]
    row_security: bool
    disabled: tuple[Trigger, ...] = ()

    @property
    def unique(self) -> set[str]:
        """The columns each of which alone identifies a row."""
        return {index.columns[0] for index in self.indexes if index.unique and len(index.columns) == 1}

    @property
    def exists(self) -> bool:
        """Whether there is such a table."""
        return bool(self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row: the primary key's, else those of a unique index without NULLs, else none."""
        unique = [
            index.columns
            for index in sorted(self.indexes, key=lambda index: not index.primary)
            if index.unique and index.usable and index.predicate is None
        ]
        filled = {name for name, column in self.columns.items() if not column.nullable}
        return next((columns for columns in unique if filled.issuperset(columns)), ())

    def created(self, conventions: Conventions) -> str | None:
        """The column that says when a row was made."""
        return next((name for name in conventions.find_creation_columns(self.columns) if self._is_time(name)), None)

    def updated(self, conventions: Conventions) -> list[str]:
        """The columns that say when a row was last changed."""
        return [name for name in self.columns if conventions.is_updated(name) and self._is_time(name)]

    def _is_time(self, name: str) -> bool:
        return re.fullmatch(r"date|timestamp(\(\d\))? with(out)? time zone", self.columns[name].type) is not None

    def column_problems(
        self, name: str, type_: str, *, default: str | None = None, filled: bool = False
    ) -> list[Problem]:
        """What is wrong with a column.

        Args:
            name: the column.
            type_: its type as format_type() writes it, for example `character varying(100)`.
            default: what its default must be: `false`, `now` for the current time, `any` for some expression that is
                evaluated per row; None where it does not matter.
            filled: every writer gives it a value, so that it may be NOT NULL without a default.
        """
        column, at = self.columns.get(name), f"{self._alter} ALTER COLUMN {quoted(name)}"
        subject = Subject("column", "", name, self.name)
        makes = {"false": "false", "now": "now()", "any": "gen_random_uuid()" if type_ == "uuid" else ""}.get(
            str(default), ""
        )
        if column is None:
            words = f"column {self.name}.{name} does not exist, want {type_}"
            filling = f" DEFAULT {makes}" if makes else ""
            add = f"{self._alter} ADD COLUMN {quoted(name)} {type_}{filling};"
            repair = f"{_DBA}; its values are the data script's\n{add}" if self.exists else ""
            return [Problem(words, repair, subject)]
        problems = []
        if column.type != type_:
            # Where texts become others, one that is too long must be an error, and is no longer one with USING.
            using = "" if type_.startswith(_ASSIGNED) else f" USING {quoted(name)}::text::{type_}"
            words = f"column {self.name}.{name} is {column.type}, want {type_}"
            repair = f"{_DBA}: the table is locked and written anew\n{at} TYPE {type_}{using};"
            problems.append(Problem(words, repair, subject))
        have = column.default or "no default"
        fits = {
            None: True,
            "false": have == "false",
            "now": any(word in have.lower() for word in ("now()", "current_timestamp", "_timestamp()")),
            "any": "(" in have,
        }
        if not fits[default]:
            want = {"now": "now()", "any": "one that makes a new value for each row"}.get(str(default), default)
            repair = f"{_DBA}\n{at} SET DEFAULT {makes};" if makes else ""
            problems.append(Problem(f"the default of {self.name}.{name} is {have}, want {want}", repair, subject))
        if not column.nullable and column.default is None and default is None and not filled:
            words = f"column {self.name}.{name} is NOT NULL without a default: older writers cannot insert"
            problems.append(Problem(words, f"{_DBA}\n{at} DROP NOT NULL;", subject))
        return problems

    @property
    def _alter(self) -> str:
        return f"ALTER TABLE {quoted(self.name)}"

    def nullable_problems(self, name: str) -> list[Problem]:
        """Whether a column that may be empty must not be."""
        column = self.columns.get(name)
        repair = f"{_DBA}\n{self._alter} ALTER COLUMN {quoted(name)} DROP NOT NULL;"
        words = f"column {self.name}.{name} is NOT NULL"
        subject = Subject("column", "", name, self.name)
        return [Problem(words, repair, subject)] if column is not None and not column.nullable else []

    def reference_problems(self, column: str, parent: str, *, cascades: bool) -> list[Problem]:
        """What is wrong with the one foreign key that must stand on a column, referring to `parent`'s id.

        Args:
            cascades: whether deleting the parent must delete the row, or must not.
        """
        keys = [key for key in self.foreign_keys if key.columns == (column,)]
        where = f"{self.name}.{column}"
        deletes = "CASCADE" if cascades else "RESTRICT"
        add = f"ADD FOREIGN KEY ({quoted(column)}) REFERENCES {quoted(parent)} (id) ON DELETE {deletes}"
        who = f"{_DBA}, once no row dangles: both tables are locked while it is checked"
        if not keys:
            there = f"{who}\n{self._alter} {add};" if column in self.columns else ""
            return [Problem(f"no foreign key on {where}, want one to {parent}(id)", there)]
        anew = ", ".join([*(f"DROP CONSTRAINT {quoted(key.name)}" for key in keys), add])
        if len(keys) > 1:
            names = ", ".join(sorted(key.name for key in keys))
            words = f"{len(keys)} foreign keys on {where}, want one: {names}"
            return [Problem(words, f"{who}\n{self._alter} {anew};")]
        key, problems = keys[0], []
        again = f"{who}\n{self._alter} {anew};"
        if (key.leads_to, key.parent_columns) != (parent, ("id",)):
            words = f"{where} refers to {key.leads_to}({', '.join(key.parent_columns)}), want {parent}(id)"
            problems.append(Problem(words, again))
        if not key.enforced:
            state = "NOT VALID" if not key.validated else "its triggers are disabled, or it is NOT ENFORCED"
            words = f"the foreign key {key.name} on {where} is not validated or not enforced: {state}"
            enable = f"{self._alter} ENABLE TRIGGER ALL; ALTER TABLE {quoted(key.parent)} ENABLE TRIGGER ALL;"
            validate = f"{self._alter} VALIDATE CONSTRAINT {quoted(key.name)};"
            repair = (
                f"{_DBA}, once its rows are right; triggers that were off on purpose come on, too\n{enable}\n{validate}"
            )
            problems.append(Problem(words, "" if problems else repair, Subject("constraint", "", key.name, self.name)))
        if (key.on_delete == "CASCADE") != cascades:
            want = "CASCADE" if cascades else "anything but CASCADE"
            words = f"the foreign key {key.name} on {where} is ON DELETE {key.on_delete}, want {want}"
            problems.append(Problem(words, again, Subject("constraint", "", key.name, self.name)))
        return problems

    def index_problems(self, column: str) -> list[Problem]:
        """What is wrong with the indexes that let rows be found by a column."""
        leading = [index for index in self.indexes if index.columns[:1] == (column,)]
        fit = [index for index in leading if index.usable and index.method in ("btree", "hash")]
        # A partial index serves every look-up by value only when it leaves out nothing but NULL.
        if any(index.predicate is None or index.only_null for index in fit):
            return []
        repair = f"{_DBA}: it takes its time and locks nobody out\n"
        if broken := [index for index in leading if not index.usable]:
            repair += f"REINDEX INDEX CONCURRENTLY {quoted(broken[0].name)};"
            words = f"no usable index whose first column is {self.name}.{column}: index {broken[0].name} is invalid"
            return [Problem(words, repair, Subject("index", "", broken[0].name, self.name))]
        repair += f"CREATE INDEX CONCURRENTLY ON {quoted(self.name)} ({quoted(column)});"
        there = repair if column in self.columns else ""
        have = ", ".join(f"{index.name} ({index.method}{', partial' * bool(index.predicate)})" for index in leading)
        words = f"no usable index whose first column is {self.name}.{column}{f': there is {have}' if have else ''}"
        return [Problem(words, there, Subject("column", "", column, self.name))]

    def invalid_index_problems(self) -> list[Problem]:
        """The indexes that PostgreSQL maintains but cannot use, as a failed CREATE INDEX CONCURRENTLY leaves them."""
        return [
            Problem(
                f"index {index.name} on {self.name} is invalid",
                f"{_DBA}; a unique one fails on doubled values\nREINDEX INDEX CONCURRENTLY {quoted(index.name)};",
                Subject("index", "", index.name, self.name),
            )
            for index in self.indexes
            if not index.usable
        ]

    def uniqueness_problems(self, *columns: str, where: str = "") -> list[Problem]:
        """Whether rows may be doubled, since no unique index is on these columns, in whatever order.

        Args:
            where: SQL: which rows must not be doubled; any partial index over these columns is taken for one over them.
        """
        whole = [index for index in self.indexes if index.unique and index.usable and (where or not index.predicate)]
        if not self.exists or any(set(index.columns) == {*columns} for index in whole):
            return []
        listed = ", ".join(columns)
        condition = f" WHERE {where}" if where else ""
        repair = (
            f"{_DBA}: it takes its time and locks nobody out, and fails on doubled values\n"
            f"CREATE UNIQUE INDEX CONCURRENTLY ON {quoted(self.name)} ({', '.join(map(quoted, columns))}){condition};"
        )
        words = f"rows of {self.name} may be doubled: no usable unique index is on ({listed}){condition}"
        there = repair if self.columns.keys() >= {*columns} else ""
        return [Problem(words, there, Subject("key", "", listed, self.name))]

    def primary_key_problems(self, column: str) -> list[Problem]:
        """What is wrong with the primary key, which must be this one column."""
        if any(index.primary and index.usable and index.columns == (column,) for index in self.indexes):
            return []
        other = any(index.primary for index in self.indexes)
        repair = f"{_DBA}: the table is locked meanwhile\n{self._alter} ADD PRIMARY KEY ({quoted(column)});"
        return [Problem(f"the primary key of {self.name} is not ({column})", "" if other else repair)]

    def updated_at_problems(self) -> list[Problem]:
        """Whether an enabled trigger keeps updated_at, and which one would, or fires there instead."""
        before = [t for t in (*self.triggers, *self.disabled) if t.before and "UPDATE" in t.events]
        keeping = [t for t in before if "updated_at" in t.source]
        if any(t in self.triggers for t in keeping):
            return []
        words = f"no enabled trigger keeps {self.name}.updated_at"
        if keeping:
            one = keeping[0]
            state = "fires in replication alone" if one.state == "R" else "is disabled"
            enable = f"{self._alter} ENABLE TRIGGER {quoted(one.name)};"
            repair = f"{_DBA}: rows that were changed meanwhile keep the time that they have\n{enable}"
            words += f": trigger {one.name}, which calls {one.function}(), {state}"
            return [Problem(words, repair, Subject("trigger", "", one.name, self.name), "trigger_disabled")]
        others = ", ".join(f"{t.name} calls {t.function}()" for t in before)
        return [Problem(f"{words}: {f'before UPDATE only {others}' if others else 'there is none before UPDATE'}")]


# Types that a value becomes by assignment.
_ASSIGNED = ("character varying", "text", "timestamp", "numeric")
_DBA = "-- the DBA"


_Facts = TypeVar("_Facts", Index, ForeignKey)
_ENABLED = ("O", "A")
_EVENTS = {4: "INSERT", 8: "DELETE", 16: "UPDATE"}


@functools.lru_cache(maxsize=4)
def tables(snapshot: Snapshot, *, expressions: bool = True) -> dict[str, Table]:
    """The facts of all tables of the snapshot's schema, by name; a snapshot does not change, so they are read once.

    Args:
        expressions: with defaults, predicates and expressions, for which the server waits for whoever locks a table.
    """

    def group(sql: str) -> dict[str, list[sa.Row[Any]]]:
        found: dict[str, list[sa.Row[Any]]] = {}
        asked = {"expressions": expressions} if ":expressions" in sql else {}
        for row in snapshot.rows(sql, schema=snapshot.database.schema, **asked):
            found.setdefault(row[0], []).append(row)
        return found

    indexes, keys, triggers = group(INDEXES), group(FOREIGN_KEYS), group(TRIGGERS)
    return {
        name: Table(
            name,
            {row.name: Column(row.name, row.type, row.nullable, row.default) for row in columns},
            tuple(_facts(Index, row) for row in indexes.get(name, [])),
            tuple(_facts(ForeignKey, row) for row in keys.get(name, [])),
            tuple(_trigger(row) for row in triggers.get(name, []) if row.enabled in _ENABLED),
            row_security=columns[0].row_security,
            disabled=tuple(_trigger(row) for row in triggers.get(name, []) if row.enabled not in _ENABLED),
        )
        for name, columns in group(COLUMNS).items()
    }


def _trigger(row: sa.Row[Any]) -> Trigger:
    events = frozenset(event for bit, event in _EVENTS.items() if row.bits & bit)
    return Trigger(row.name, row.before, events, row.source, row.always, row.function, row.enabled)


def _facts(kind: Callable[..., _Facts], row: sa.Row[Any]) -> _Facts:
    """What a row tells under the names of its fields."""
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in row._mapping.items()}
    del fields["of"]
    return kind(**fields)


def table(snapshot: Snapshot, name: str, *, expressions: bool = True) -> Table:
    """The facts of one table, as `tables` tells them; a table without columns if the schema has none of that name."""
    return tables(snapshot, expressions=expressions).get(name, Table(name, {}, (), (), (), row_security=False))


def absent(snapshot: Snapshot, names: Collection[str]) -> list[str]:
    """Those of the tables that the snapshot's schema does not have; unlike `tables`, this waits for no lock."""
    have = snapshot.rows(f"SELECT c.relname::text AS name FROM {TABLES}", schema=snapshot.database.schema)
    return [name for name in names if name not in {row.name for row in have}]


def has_columns(snapshot: Snapshot, name: str, columns: Collection[str]) -> bool:
    """Whether the snapshot's schema has a table with these columns."""
    return set(columns) <= set(table(snapshot, name, expressions=False).columns)
