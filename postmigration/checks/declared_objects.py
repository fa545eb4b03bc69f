"""What a migration declares of objects: whether it happened, and which new ones and which differences it explains."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from postmigration.diff.objects.expected import (
    find_through,
    list_columns,
    list_made,
    list_made_columns,
    list_used_types,
    read_renames,
    spread,
    uses_of,
)
from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.renames import Column, Table, list_tables
from postmigration.model.changes import (
    PERMISSIONS,
    Change,
    ChangedObject,
    DerivedValue,
    GoneColumn,
    GoneTable,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.model.migration import Migration
from postmigration.postgres.schema_objects import ObjectName, Objects


def list_patterns(migration: Migration) -> tuple[str, ...]:
    """Patterns of the names of objects that may be added or be others."""
    return (*migration.objects, *(c.object for c in migration.changes if isinstance(c, ChangedObject)))


def list_gone(migration: Migration) -> tuple[str, ...]:
    """Patterns of the names of objects that may be dropped."""
    return (*migration.objects, *(c.object for c in migration.changes if isinstance(c, ChangedObject) and c.gone))


def is_declared(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns of what a migration declares names an object."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class NewParts:
    """The tables and columns that are declared to be new, and the types that only these have."""

    tables: Collection[Table]
    columns: Collection[Column]
    types: Collection[str] = ()

    @classmethod
    def of(cls, changes: Sequence[Change], after: Objects) -> Self:
        """Those of some changes.

        Args:
            after: the objects of the target, which tell whose a type is.
        """
        columns = {(c.schema, c.table, c.column) for c in changes if isinstance(c, NewColumn | DerivedValue)}
        columns |= {(c.schema, c.table, c.to or c.column) for c in changes if isinstance(c, RepointedReference)}
        tables = {(c.schema, c.table) for c in changes if isinstance(c, NewTable)}
        retyped = {(c.schema, c.table, c.column) for c in changes if isinstance(c, Retyped)}
        typed = set(spread(columns | retyped, after))
        types = {
            name
            for name, used in list_used_types(after).items()
            if all(column[:2] in tables or column in typed for column in used)
        }
        return cls(tables, columns, types)

    def explain(self, name: ObjectName, facts: Facts) -> bool:
        """Whether an object came with one of them."""
        if name.kind == "type":
            return facts.get("~on") in self.types
        own = (name.schema, name.table or name.name)
        used = list(uses_of(name, facts))
        if name.kind == "sequence" and used:
            own = used[0][:2]
        elif not name.table and name.kind not in ("table", "sequence"):
            return False
        return own in self.tables or any(column in self.columns for column in used if column[:2] == own)


def find_undone(before: Objects | None, after: Objects, changes: Sequence[Change]) -> Iterator[tuple[Change, str]]:
    """The declared changes that did not happen, with what is there instead.

    Args:
        before: the objects of the baseline; None where there is none.
    """
    undone = _Undone(before, after, changes)
    for change in changes:
        if words := undone.describe(change):
            yield change, words


def list_obligations(changes: Sequence[Change]) -> list[Change]:
    """The changes of objects that must have happened."""
    return [change for change in changes if not isinstance(change, PERMISSIONS)]


class _Undone:
    """Says of a declared change why it did not happen; nothing of one that did."""

    def __init__(self, before: Objects | None, after: Objects, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._before, self._after = before or {}, after
        self._tables, self._columns = list_tables(after), list_columns(after)
        # Under the name of one that is gone there may be another one.
        self._others = self._tables - list_made(changes), self._columns - list_made_columns(changes)
        self._renames = read_renames(self._before, after, changes)

    def describe(self, change: Change) -> str:
        match change:
            case GoneTable(schema=schema, table=table):
                return "it is still there" if (schema, table) in self._others[0] else ""
            case NewTable(schema=schema, table=table):
                return "" if (schema, table) in self._tables else "there is none"
            case GoneColumn(schema=schema, table=table, column=column):
                return "it is still there" if (*self._now((schema, table)), column) in self._others[1] else ""
            case NewColumn(schema=schema, table=table, column=column):
                return self._lacks((schema, table), column)
            case NewIds(schema=schema, table=table, column=column, by=by):
                return next((words for name in (column, *by) if (words := self._lacks((schema, table), name))), "")
            case RenamedTable(schema=schema, table=table, to=to, to_schema=other):
                there = (schema, table) in self._others[0], (other or schema, to) in self._tables
                return _of_names(there, table, to)
            case RenamedColumn(schema=schema, table=table, column=column, to=to):
                now = self._now((schema, table))
                if now not in self._tables:
                    return f"there is no table {now[1]}"
                return _of_names(((*now, column) in self._others[1], (*now, to) in self._columns), column, to)
            case Retyped(schema=schema, table=table, column=column):
                return self._keeps_type((schema, table), column)
            case RepointedReference(schema=schema, table=table, column=column, to=to):
                lacking = self._lacks(self._now((schema, table)), to or column)
                return lacking or self._leads_back(change)
        return ""

    def _now(self, table: Table) -> Table:
        """What a table of before is called."""
        for change in self._changes:
            if isinstance(change, RenamedTable) and (change.schema, change.table) == table:
                now = change.to_schema or change.schema, change.to
                return now if now in self._tables else table
        return table

    def _lacks(self, table: Table, column: str) -> str:
        if table not in self._tables:
            return f"there is no table {table[1]}"
        return "" if (*table, column) in self._columns else f"there is no column {column}"

    def _keeps_type(self, table: Table, column: str) -> str:
        now = self._now(table)
        if lacking := self._lacks(now, column):
            return lacking
        was = next(
            (old for (*of, old), new in self._renames.columns.items() if (tuple(of), new) == (table, column)), ""
        )
        types = [
            _type_of(side, name, called)
            for side, name, called in ((self._before, table, was or column), (self._after, now, column))
        ]
        return f"it has the type that it had: {types[0]}" if types[0] == types[1] else ""

    def _leads_back(self, change: RepointedReference) -> str:
        """Why a foreign key that was there leads where it led."""
        table, parent = self._now((change.schema, change.table)), (change.parent_schema or change.schema, change.parent)
        if find_through(change, self._changes) == self._now(parent):
            return ""
        for name, facts in self._after.items():
            if (name.kind, name.schema, name.table) == ("constraint", *table) and facts.get("kind") == "foreign key":
                columns = facts.get("columns", "").split(", ")
                led = {used[:2] for used in uses_of(name, facts)} - {table}
                if (change.to or change.column) in columns and parent in led:
                    return f"its foreign key {name.name} still leads to {change.parent}"
        return ""


def _of_names(there: tuple[bool, bool], old: str, new: str) -> str:
    """Why something does not have another name."""
    return {
        (True, True): "both are there",
        (True, False): f"it is still called {old}",
        (False, False): f"there is neither {old} nor {new}",
    }.get(there, "")


def _type_of(objects: Objects, table: Table, column: str) -> str:
    for name, facts in objects.items():
        if (name.kind, name.schema, name.table, name.name) == ("column", *table, column):
            return facts["type"]
    return ""
