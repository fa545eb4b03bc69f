"""Whether declared changes can be meant: names that no side knows, SQL that is none, and changes that exclude others.

A target that was not migrated lacks what is new: that is judged, and refused only where a name is nearly that of
something that is new there and that nobody declared.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from postmigration.checks.rows.new_ids import find_references_to_new_ids
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import (
    Change,
    ChangedObject,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    HistoryTable,
    Ignored,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
    describe_change,
)
from postmigration.model.nearest import name_nearest
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_error, is_raised

Name = tuple[str, str]
Tables = Mapping[Name, Collection[str]]

# How like a name that is there one has to be that is not, to be taken for a mistake.
_ALIKE = 0.8
# cannot_coerce; of a constant also what cannot be read as a value of the type.
_NO_CAST = ("42846", "22P02", "22007", "22008", "22003")
_COLUMNS = """
    SELECT n.nspname::text AS schema, c.relname::text AS name,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
# What is of a table that goes on.
_OF_KEPT = (RenamedTable, GoneColumn, RenamedColumn, Retyped, DerivedValue, MayChange, Shrinks, RepointedReference)
_ONCE = (
    *(GoneTable, GoneColumn, NewTable, NewColumn, NewIds, RenamedTable, RenamedColumn, Retyped, RepointedReference),
    *(HistoryTable, Ignored, ChangedObject),
)


def find_mistakes(
    changes: Sequence[Change], target: Snapshot, baseline: Snapshot | None, fingerprint: Fingerprint | None
) -> Iterator[str]:
    """Finds what is wrong with declared changes, each in one line.

    Args:
        changes: what is declared.
        target, baseline, fingerprint: the databases of which it is declared.
    """
    if not changes:
        return
    before = _read_before(baseline, fingerprint)
    names = _Names(changes, before, _read_tables(target))
    read_otherwise = find_references_to_new_ids(target, changes)
    for change in changes:
        yield from (f"{describe_change(change)}: {words}" for words in names.find_mistakes(change))
    yield from _find_overlaps(changes)
    for change in changes:
        title = describe_change(change)
        for field, sql, condition in _list_sql(change):
            side, alias = (target, "t") if _is_of_now(change, field) else (baseline, "r")
            table = (change.schema, change.table) if not isinstance(change, ChangedObject) else ("", "")
            known = names.now if alias == "t" else before or {}
            if alias == "t" and not isinstance(change, Grows):
                table = names.called_now(table)
            if side is None or table not in known:
                continue
            words = _refuse(side, table, alias, sql, condition=condition)
            place = _find_place(change, field, names)
            place = None if place in read_otherwise else place
            if not words and place is not None and place[2] in names.now.get(place[:2], ()):
                words = _disagree(side, table, sql, target, place)
            if words:
                yield f"{field} of {title}: {words}"


def _read_tables(side: Snapshot) -> dict[Name, Collection[str]]:
    return {(row.schema, row.name): set(row.columns) for row in side.rows(_COLUMNS)}


def _read_before(baseline: Snapshot | None, fingerprint: Fingerprint | None) -> Tables | None:
    """The columns of each table of before; None where nothing tells of them."""
    if baseline is not None:
        return _read_tables(baseline)
    if fingerprint is None:
        return None
    found: dict[Name, set[str]] = defaultdict(set)
    for name, table in fingerprint.tables.items():
        found[fingerprint.schema, name] |= set(table.facts().columns)
    for object_ in fingerprint.objects or ():
        if object_.kind == "column":
            found[object_.schema, object_.table].add(object_.name)
    return found


@dataclass
class _Names:
    """Tells which names of a change no side knows.

    Args:
        changes: what is declared.
        before, now: the columns of each table of either side; None where nothing tells of it.
    """

    changes: Sequence[Change]
    before: Tables | None
    now: Tables

    def __post_init__(self) -> None:
        """Notes what is declared to be there afterwards."""
        self.renamed: dict[Name, Name] = {}
        self.new: set[Name] = set()
        self.columns: dict[Name, set[str]] = defaultdict(set)
        for change in self.changes:
            match change:
                case RenamedTable(schema=schema, table=table, to=to, to_schema=other):
                    self.renamed[schema, table] = (other or schema, to)
                case NewTable(schema=schema, table=table):
                    self.new.add((schema, table))
        for change in self.changes:
            match change:
                case NewColumn(schema=schema, table=table, column=column):
                    self.columns[schema, table].add(column)
                case (
                    RenamedColumn(schema=schema, table=table, to=to)
                    | RepointedReference(schema=schema, table=table, to=to)
                ):
                    self.columns[self.called_now((schema, table))].add(to)

    def called_now(self, table: Name) -> Name:
        """What a table of before is called afterwards, as it is declared."""
        return self.renamed.get(table, table)

    def find_mistakes(self, change: Change) -> Iterator[str]:
        """What is wrong with the names of a change, in words."""
        match change:
            case GoneTable() | MovedRows() | Shrinks():
                yield from self._of_before((change.schema, change.table))
            case GoneColumn() | RepointedReference() | RenamedColumn():
                yield from self._of_before((change.schema, change.table), change.column)
            case RenamedTable() | DerivedValue() | Retyped() | MayChange():
                yield from self._of_before((change.schema, change.table))
            case Grows() | HistoryTable() | Ignored():
                yield from self._of_now((change.schema, change.table))
        match change:
            case NewTable(schema=schema, table=table):
                yield from self._is_new((schema, table))
            case RenamedTable(schema=schema, to=to, to_schema=other):
                yield from self._is_new((other or schema, to))
            case NewColumn(schema=schema, table=table, column=column):
                table_now = schema, table
                yield from self._of_now(table_now) or self._is_new_column(table_now, column)
            case RenamedColumn(schema=schema, table=table, to=to):
                yield from self._is_new_column(self.called_now((schema, table)), to)
            case DerivedValue() | Retyped() | MayChange():
                yield from self._of_now(self.called_now((change.schema, change.table)), change.column)
            case MovedRows(schema=schema, to=to, to_schema=other, key=key, columns=columns):
                for column in (*key, *columns):
                    yield from self._of_now((other or schema, to), column)
            case RepointedReference():
                yield from self._of_reference(change)
            case NewIds(schema=schema, table=table, column=column, by=by):
                for name in (column, *by):
                    yield from self._of_now((schema, table), name)
                yield from self._of_new_ids(change)

    def _of_before(self, table: Name, column: str = "") -> list[str]:
        """What is wrong with a name of the state before."""
        if self.before is None:
            return []
        if table not in self.before:
            return [f"the state before has no table {_title(table)}{_near(table, self.before)}"]
        if column and column not in self.before[table]:
            return [f"the state before has no column {table[1]}.{column}{name_nearest(column, self.before[table])}"]
        return []

    def _of_now(self, table: Name, column: str = "") -> list[str]:
        """What is wrong with a name of afterwards, which a target that was not migrated need not have."""
        known = {*self.now, *(self.before or ()), *self.new, *self.renamed.values()}
        if table not in known:
            return [f"neither side has a table {_title(table)}{_near(table, known)}"]
        if not column or (table not in self.now and table in self.new):
            return []
        was = next((old for old, new in self.renamed.items() if new == table), table)
        columns = {*self.now.get(table, ()), *self.columns[table], *(self.before or {}).get(was, ())}
        if self.before is None and table not in self.now:
            return []
        if column in columns or table not in self.now:
            return []
        return [f"neither side has a column {table[1]}.{column}{name_nearest(column, columns)}"]

    def _is_new(self, table: Name) -> list[str]:
        """What is wrong with the name of a table that must not have been there."""
        if self.before is not None and table in self.before and table not in self.renamed:
            gone = any(isinstance(c, GoneTable) and (c.schema, c.table) == table for c in self.changes)
            return [] if gone else [f"the state before has a table {_title(table)} already"]
        if table in self.now:
            return []
        others = {t for t in self.now if t not in (self.before or {})} - self.new - set(self.renamed.values())
        near = difflib.get_close_matches(table[1], [t for _, t in others], n=1, cutoff=_ALIKE)
        return [f"there is no table {_title(table)} (did you mean {near[0]}?)"] if near and self.before else []

    def _is_new_column(self, table: Name, column: str) -> list[str]:
        """What is wrong with the name of a column that must not have been there."""
        was = next((old for old, new in self.renamed.items() if new == table), table)
        before = (self.before or {}).get(was, ())
        if column in before:
            left = any(
                isinstance(c, GoneColumn | RenamedColumn) and (c.schema, c.table, c.column) == (*was, column)
                for c in self.changes
            )
            return [] if left else [f"the state before has a column {table[1]}.{column} already"]
        if table not in self.now or column in self.now[table]:
            return []
        others = set(self.now[table]) - set(before) - self.columns[table]
        near = difflib.get_close_matches(column, others, n=1, cutoff=_ALIKE)
        return [f"there is no column {table[1]}.{column} (did you mean {near[0]}?)"] if near else []

    def _of_reference(self, change: RepointedReference) -> Iterator[str]:
        parent = (change.parent_schema or change.schema, change.parent)
        yield from self._of_before(parent, change.parent_column)
        moves = [c for c in self.changes if isinstance(c, MovedRows) and (c.schema, c.table) == parent]
        through = [move for move in moves if move.to == change.through]
        ids = [c for c in self.changes if isinstance(c, NewIds) and c.table == change.through]
        if through and ids:
            return
        if not through:
            near = name_nearest(change.through, [move.to for move in moves])
            yield f"no moved_rows moves rows of {change.parent} to {change.through}{near}"
        elif change.through_column and all(change.through_column not in move.key for move in through):
            near = name_nearest(change.through_column, through[0].key)
            yield f"through_column {change.through_column} is no key of moved_rows to {change.through}{near}"
        elif not change.through_column and len(through[0].key) > 1:
            yield f"the key of {change.through} has {len(through[0].key)} columns: name one as through_column"

    def _of_new_ids(self, change: NewIds) -> Iterator[str]:
        table = change.schema, change.table
        moves = [c for c in self.changes if isinstance(c, MovedRows) and (c.to_schema or c.schema, c.to) == table]
        if not moves and not {change.column, *change.by} <= set((self.before or self.now).get(table, ())):
            yield f"no moved_rows moves rows to {change.table}, and it was not there with {', '.join(change.by)}"
        for move in moves:
            for name in change.by:
                if name not in move.key:
                    near = name_nearest(name, move.key)
                    yield f"by names {name}, which is no key of {describe_change(move)}{near}"
            if change.column in move.key:
                yield f"{change.column} is a key of {describe_change(move)}: an id that follows from before is not new"


def _title(table: Name) -> str:
    return table[1] if table[0] == "public" else ".".join(table)


def _near(table: Name, known: Collection[Name]) -> str:
    """Which table may have been meant: one of the schema, or one of that name elsewhere."""
    elsewhere = sorted(_title(other) for other in known if other[1] == table[1])
    return f" (did you mean {elsewhere[0]}?)" if elsewhere else name_nearest(_title(table), map(_title, sorted(known)))


def _find_overlaps(changes: Sequence[Change]) -> Iterator[str]:
    """Changes that exclude one another, or are declared twice."""
    seen: set[tuple[type, tuple[str, ...]]] = set()
    gone = {(c.schema, c.table): c for c in changes if isinstance(c, GoneTable)}
    columns = {(c.schema, c.table, c.column): c for c in changes if isinstance(c, GoneColumn)}
    made: dict[tuple[str, ...], Change] = {}
    for change in changes:
        title = describe_change(change)
        subject = _find_subject(change)
        if isinstance(change, _ONCE) and (type(change), subject) in seen:
            yield f"{title} is declared twice"
        seen.add((type(change), subject))
        if isinstance(change, _OF_KEPT) and (change.schema, change.table) in gone:
            yield f"{title}: {describe_change(gone[change.schema, change.table])} is declared too"
        in_place = isinstance(change, RepointedReference) and change.to not in ("", change.column)
        if isinstance(change, RenamedColumn | RepointedReference) and not in_place and subject[:3] in columns:
            yield f"{title}: {describe_change(columns[subject[0], subject[1], subject[2]])} is declared too"
        result = _find_result(change)
        if result and result in made and describe_change(made[result]) != title:
            yield f"{title}: {describe_change(made[result])} is declared too"
        made[result] = change
        if isinstance(change, MayChange) and change.where != "true" and not change.after:
            yield f"{title}: after is empty: say which rows of now are those of where"


def _find_subject(change: Change) -> tuple[str, ...]:
    if isinstance(change, ChangedObject):
        return (change.object,)
    to = change.to if isinstance(change, RepointedReference) else ""
    return change.schema, change.table, getattr(change, "column", ""), to


def _find_result(change: Change) -> tuple[str, ...]:
    """The table or column that a change makes; empty where it makes none."""
    match change:
        case NewTable(schema=schema, table=table):
            return schema, table
        case RenamedTable(schema=schema, to=to, to_schema=other):
            return other or schema, to
        case NewColumn(schema=schema, table=table, column=column):
            return schema, table, column
        case RenamedColumn(schema=schema, table=table, to=to):
            return schema, table, to
    return ()


def _list_sql(change: Change) -> Iterator[tuple[str, str, bool]]:
    """The SQL of a change: in which field it stands, and whether it is a condition."""
    match change:
        case MovedRows(key=key, columns=columns, where=where):
            yield from ((f"key {name}", sql, False) for name, sql in key.items())
            yield from ((f"column {name}", sql, False) for name, sql in columns.items())
            yield "where", where, True
        case DerivedValue(value=value, where=where):
            yield from (("value", value, False), ("where", where, True))
        case Retyped(value=value) if value:
            yield "value", value, False
        case MayChange(where=where, after=after):
            yield "where", where, True
            if after:
                yield "after", after, True
        case Grows(where=where) | Shrinks(where=where):
            yield "where", where, True


def _is_of_now(change: Change, field: str) -> bool:
    return isinstance(change, Grows) or field == "after"


def _find_place(change: Change, field: str, names: _Names) -> tuple[str, str, str] | None:
    """The column of now that must hold the value of a field; None where the field is no value."""
    match change:
        case MovedRows(schema=schema, to=to, to_schema=other) if field != "where":
            return other or schema, to, field.partition(" ")[2]
        case DerivedValue(column=column) | Retyped(column=column) if field == "value":
            return (*names.called_now((change.schema, change.table)), column)
    return None


def _disagree(side: Snapshot, table: Name, sql: str, target: Snapshot, place: tuple[str, str, str]) -> str:
    """Why the value of SQL cannot be that of a column, in words; empty where it can, as far as types tell."""
    source, column = f"{quoted(table[0])}.{quoted(table[1])} r", quoted(place[2])
    type_ = target.types(f"SELECT {column} FROM {quoted(place[0])}.{quoted(place[1])} LIMIT 0")[place[2]]
    if type_ == "enum" or "." in type_:
        # The state before need not have it.
        return ""
    try:
        side.rows(f"EXPLAIN SELECT CAST((\n{sql}\n) AS {type_}) FROM {source}")
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state in _NO_CAST and isinstance(error.orig, psycopg.Error):
            return f"column {place[2]} is {type_}: {describe_error(error.orig)}"
    return ""


def _refuse(side: Snapshot, table: Name, alias: str, sql: str, *, condition: bool) -> str:
    """Why SQL is no expression over a row of a table, in words; empty where it is one."""
    source = f"{quoted(table[0])}.{quoted(table[1])} {alias}"
    ending = "" if condition else " IS NULL"
    # In parentheses and without them: what is right both ways is one expression.
    for wrapped in (f"(\n{sql}\n)", f"CASE WHEN true THEN\n{sql}\nEND"):
        try:
            side.rows(f"EXPLAIN SELECT FROM {source} WHERE {wrapped}{ending}")
        except sa.exc.DBAPIError as error:
            if not isinstance(error.orig, psycopg.Error) or is_raised(error.orig):
                return ""
            state = error.orig.sqlstate or ""
            hint = " ".join((error.orig.diag.message_hint or "").split())
            # A target that was not migrated lacks columns.
            missing = alias == "t" and state == "42703" and not hint
            if state.startswith("42") and state != "42501" and not missing:
                words = describe_error(error.orig)
                return f"{words} ({hint.rstrip('.')})" if hint else words
            return ""
    return ""
