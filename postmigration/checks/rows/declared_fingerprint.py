"""What declared changes make of rows, held against a fingerprint that was taken before they happened.

The table that rows are moved to is not there yet when the fingerprint is taken. So each value is hashed as a text that
says the same whatever the type of its column is going to be; where types are such that there is none, it is not judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import sqlalchemy as sa

from postmigration.checks.contents.examination import Examination, count, list_names
from postmigration.checks.contents.tables import Column, Name, Relation, read_tables, title
from postmigration.checks.rows import retyped
from postmigration.checks.rows.declared import Declared, TableChanges
from postmigration.checks.rows.declared_flows import Used
from postmigration.checks.rows.declared_pairs import pair_declared
from postmigration.checks.rows.new_ids import read_by_identity, read_links, write_identity
from postmigration.checks.rows.unsaid import describe_unsaid
from postmigration.diff.expected_rows import Expectation
from postmigration.diff.findings import of_buckets
from postmigration.diff.fingerprint import MUST_BE, DeclaredFingerprint, Fingerprint, diff_fingerprint, take_rows
from postmigration.model.changes import Change, ChangedObject, MovedRows, NewColumn, NewTable, describe_change
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.evidence import Subject, show_value
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

OTHERS = "a dump or a database as the state before"
_INTEGERS = ("smallint", "integer", "bigint")
_STRINGS = ("text", "character varying")
# As what the values of a numeric expression are hashed that are all whole: no column of numbers rounds them.
_WHOLE = "whole numeric"
# How a value is written that its output function would write in several ways, or as no cast does.
_WRITTEN = {
    "numeric": retyped.write_number("{0}"),
    "character": "({0})::text",
    "boolean": "CASE {0} WHEN true THEN 'true' WHEN false THEN 'false' END",
}


def list_declared(declared: Declared) -> list[Name]:
    """The tables whose rows declared changes concern, as they are called now."""
    names = [name for name, those in declared.tables.items() if those.changes_rows or those.gone or those.retyped]
    return sorted({*names, *declared.renamed.values()} - declared.ignored)


def take_declared(
    snapshot: Snapshot, schemas: Sequence[str], changes: Sequence[Change], taken: Fingerprint
) -> Fingerprint:
    """Adds to a fingerprint what declared changes are going to make of the rows.

    Args:
        schemas: where the tables of before are.
        taken: the fingerprint without that.
    """
    declared, before = Declared(changes), read_tables(snapshot, schemas)
    called_now = declared.rename(before)
    found = []
    for name in list_declared(declared):
        was = called_now.get(name)
        if (was is not None and was.is_table) or declared.of(name).moves:
            found.append(_take(snapshot, name, was, declared, before, taken))
    return replace(taken, declared=tuple(found))


def _take(
    snapshot: Snapshot,
    name: Name,
    was: Relation | None,
    declared: Declared,
    before: Mapping[Name, Relation],
    taken: Fingerprint,
) -> DeclaredFingerprint:
    changes = declared.of(name)
    none = DeclaredFingerprint(*name, _digest(changes, declared))
    if permitted := [*changes.grows, *changes.shrinks]:
        return replace(none, reason=f"which rows {describe_change(permitted[0])} is used for, it cannot tell")
    try:
        now, said = _foresee(snapshot, name, was, declared, before)
        pair = pair_declared(was, now, changes, declared, before, only=False, zone="UTC", pages=0, foreseen=True)
        if not pair.columns:
            return replace(none, reason="no change says what one of its columns holds")
        roots = {column: now.columns[column].root for column in pair.columns}
        values = []
        for column, type_ in roots.items():
            # What a change says is written already, but for a truth value.
            how = _write(type_) if column not in said or type_ == "boolean" else "{0}"
            values.append(f"{how.replace('{0}', f'w.{quoted(column)}')} AS {quoted(column)}")
        types = {**roots, **_find_whole(snapshot, pair.sql[0], [name for name in said if roots.get(name) == "numeric"])}
        sql = f"SELECT {', '.join(values)} FROM ({pair.sql[0]}) w"
        rows = take_rows(snapshot, name[1], sql, types, pair.key or pair.columns, taken.method, taken.secret)
    except sa.exc.DBAPIError as error:
        return replace(none, reason=describe_refusal(error))
    except CannotJudge as error:
        return replace(none, reason=str(error))
    return replace(none, said=tuple(name for name in pair.columns if name in said), rows=rows)


def _find_whole(snapshot: Snapshot, sql: str, names: Sequence[str]) -> dict[str, str]:
    """Which numeric columns of a query, whose values are text already, hold whole numbers alone."""
    if not names:
        return {}
    whole = ", ".join(f"bool_and(w.{quoted(name)} ~ '^-?[0-9]+$')" for name in names)
    found = snapshot.scalar(f"SELECT ARRAY[{whole}] FROM ({sql}) w")
    return {name: _WHOLE for name, is_so in zip(names, found, strict=True) if is_so}


def _write(type_: str) -> str:
    return _WRITTEN.get(type_, "{0}")


def _digest(changes: TableChanges, declared: Declared) -> str:
    """Tells what is declared of a table from anything else, but for the reasons."""
    moves = [move for change in changes.references for move in declared.moves_through(change)]
    of_all = (*changes.listed, *moves, *declared.new_ids)
    plain = [msgspec.structs.replace(change, reason="", group="") for change in of_all]
    names = sorted(changes.columns.items()), sorted(changes.gone), sorted(changes.new)
    return hashlib.sha256(repr((plain, names)).encode()).hexdigest()


def _foresee(
    snapshot: Snapshot, name: Name, was: Relation | None, declared: Declared, before: Mapping[Name, Relation]
) -> tuple[Relation, set[str]]:
    """The table as it is going to be, as far as that is declared, and the columns whose values changes say."""
    changes = declared.of(name)
    called = {old: new for new, old in changes.columns.items()}
    kept = {called.get(column.name, column.name): column for column in (was.columns.values() if was else ())}
    columns = {
        new: replace(column, name=new, root_type=column.root)
        for new, column in kept.items()
        if column.name not in changes.gone
    }
    said: dict[str, set[str]] = {}
    for source, column, sql in _list_said(was, changes, declared, before):
        types = snapshot.types(f"SELECT ({sql}) AS value FROM {source.sql} r")
        said.setdefault(column, set()).add(types["value"])
    for column, types_of in said.items():
        held = {columns[column].root} if column in columns and column not in changes.new else set[str]()
        root = _unite(types_of | held)
        if not root:
            raise CannotJudge(
                f"the changes give {column} values of several types: {', '.join(sorted(types_of | held))}"
            )
        columns[column] = Column(column, root, False, "", root, root, 0)
    first = was or next(source for source, _, _ in _list_said(was, changes, declared, before))
    return replace(first, schema=name[0], name=name[1], columns=columns, keys=was.keys if was else ()), set(said)


def _list_said(
    was: Relation | None, changes: TableChanges, declared: Declared, before: Mapping[Name, Relation]
) -> Iterator[tuple[Relation, str, str]]:
    """Each value that is declared: over the rows of which table, for which column, and its SQL."""
    for move in changes.moves:
        name = (move.schema, move.table)
        if name not in before:
            raise CannotJudge(f"there was no table {title(name)}")
        for column, sql in {**move.columns, **move.key}.items():
            yield before[name], column, sql
    if was is None:
        return
    for column, those in changes.derived.items():
        for derived in those:
            yield was, column, derived.value
    for change in changes.references:
        for move in declared.moves_through(change):
            if (move.schema, move.table) in before:
                by = declared.identify(move) or (change.through_column or next(iter(move.key)),)
                key = write_identity([move.key[name] for name in by if name in move.key])
                yield before[move.schema, move.table], change.to or change.column, key


def _unite(types: Collection[str]) -> str:
    """The type that holds the values of several; empty where their texts would be others in it."""
    if len(types) == 1:
        return next(iter(types))
    if set(types) <= set(_INTEGERS):
        return "bigint"
    return "text" if set(types) <= set(_STRINGS) else ""


class DeclaredRows:
    """Compares the tables that declared changes concern with what a fingerprint holds of them.

    Args:
        after: the database that is judged.
        before: the fingerprint.
        declared: the changes.
        found: what the results are added to.
        keep: of how many buckets that differ to tell the keys.
        show_values: values that may describe a person are shown.
    """

    def __init__(
        self,
        after: Snapshot,
        before: Fingerprint,
        declared: Declared,
        found: Examination,
        *,
        keep: int,
        show_values: bool,
    ) -> None:
        self.after, self.before, self.declared, self.found = after, before, declared, found
        self.keep, self.show_values = keep, show_values
        self.used = Used()
        self._held = {(each.schema, each.name): each for each in before.declared}
        schemas = sorted({schema for schema, _ in list_declared(declared)})
        self._tables = read_tables(after, schemas) if schemas else {}
        if declared.new_ids:
            self._tables = read_by_identity(self._tables, read_links(after, schemas), declared.new_ids)

    def compare(self, name: Name) -> None:
        """Compares a table.

        Args:
            name: what it is called now.
        """
        held, changes = self._held.get(name), self.declared.of(name)
        reason = "what declared changes make of rows it was not taken for: take it in the directory of the project"
        if held is not None:
            reason = held.reason
            if held.digest != _digest(changes, self.declared):
                reason = "the changes are declared otherwise than when the fingerprint was taken"
        if held is None or held.rows is None or reason:
            self.found.unjudged.append(f"{title(name)}: {reason}; or name {OTHERS}")
            return
        now = self._tables.get(name)
        rows = held.rows.rows
        if now is None or not now.is_table:
            self.used.missing.add(name)
            happened = [f"{describe_change(move)} did not happen" for move in changes.moves]
            words = f": {happened[0]}" if happened else f", and {count(rows, 'row')} must be in it"
            self.found.find(f"{title(name)}: there is no such table{words}", wrong=max(1, rows))
        elif now.hindrance:
            self.found.unjudged.append(f"{title(name)}: {now.hindrance}")
        else:
            self._compare(held, now, changes)

    def _list_changes(self, name: Name) -> list[Change]:
        """What is declared of a table beside that it, or a column of it, is new."""
        found: list[Change] = []
        for change in self.declared.changes:
            if isinstance(change, ChangedObject | NewTable | NewColumn):
                continue
            called = (change.schema, change.table)
            if isinstance(change, MovedRows):
                called = (change.to_schema or change.schema, change.to)
            if self.declared.renamed.get(called, called) == name:
                found.append(change)
        return found

    def _compare(self, held: DeclaredFingerprint, now: Relation, changes: TableChanges) -> None:
        table = held.rows
        assert table is not None
        if lacking := [name for name in table.columns if name not in now.columns]:
            for name in lacking:
                words = f"{now.title}.{name}: there is no such column, and {count(table.rows, 'row')} must hold it"
                self.found.find(words, wrong=max(1, table.rows))
            return
        values = []
        for name, (type_, _) in table.columns.items():
            how = write_now(type_, now.columns[name], said=name in held.said)
            if how is None:
                words = f"{name} was hashed as {type_}, and is {now.columns[name].type}"
                self.found.unjudged.append(f"{now.title}: {words}: name {OTHERS}")
                return
            value = how.replace("{0}", now.columns[name].over("t"))
            masks = " OR ".join(f"({change.after})" for change in changes.free.get(name, ()) if change.after)
            values.append(f"{f'CASE WHEN {masks} THEN NULL ELSE {value} END' if masks else value} AS {quoted(name)}")
        have = f"SELECT {', '.join(values)}, true AS postmigration_settled, false AS postmigration_new FROM {now.sql} t"
        expected = Expectation("", {}, have, tuple(table.columns), len(table.key), "", "NULL", (), {}, False)
        try:
            result = diff_fingerprint(self.after, self.before, table, MUST_BE, expected, "infinity", keep=self.keep)
        except sa.exc.DBAPIError as error:
            self.found.unjudged.append(f"{now.title}: {describe_refusal(error)}")
            return
        except NotJudged as error:
            self.found.unjudged.append(f"{now.title}: {error}")
            return
        self.found.tables += 1
        self.used.tables[now.key] = table.rows
        if result.different:
            self.used.different.add(now.key)
        self.found.rows += max(result.want_rows, result.have_rows)
        listed = list_names(list(map(describe_change, self._list_changes(now.key))), most=5)
        self.found.notes.append(f"{now.title}: {count(table.rows, 'row')} by the fingerprint; declared: {listed}")
        unsaid = [name for name in now.columns if name not in table.columns and name not in changes.free]
        described = describe_unsaid(self.after, now, unsaid) if unsaid else []
        self.found.tell(f"{now.title}: not compared, since no change says what they hold", described)
        if result.different:

            def mask(text: str | None, name: str) -> str:
                return show_value(text, plain=self.show_values or name in result.plain)

            words = f"{now.title}: rows differ from those that must have become of those of before; declared: {listed}"
            subject = Subject.of_table(*now.key, traits=("sentence",))
            self.found.findings.append(of_buckets(result, table.key, words, mask, result.sql, subject))


def write_now(hashed: str, now: Column, *, said: bool) -> str | None:
    """How a value is written that was hashed as one of a type, and may be one of another now; {0} is the value.

    Args:
        hashed: the type that it was hashed as.
        now: the column that holds it.
        said: a change says the value, which is then cast to the column's type; else it is the value of before.

    Returns:
        SQL; None where its text can be another one although it is right.
    """
    if hashed == now.root or {hashed, now.root} <= set(_INTEGERS):
        return _write(now.root)
    if said:
        if (now.root == "numeric" and hashed in _INTEGERS) or (
            hashed == _WHOLE and now.root in (*_INTEGERS, "numeric")
        ):
            return _write(now.root)
        as_text = hashed in (*_INTEGERS, *_STRINGS, "uuid", "enum", "boolean") and now.root in _STRINGS
        return "{0}" if as_text or (now.root == "enum" and hashed in _STRINGS) else None
    how = retyped.write_values(Column(now.name, hashed, False, "", hashed, hashed, 0), now, "UTC")
    same = {
        **dict.fromkeys(_INTEGERS, (retyped.write_number("{0}"), retyped.TEXT)),
        **dict.fromkeys(_STRINGS, ("({0})::text", retyped.TEXT)),
        "numeric": (retyped.write_number("{0}"),),
        "uuid": ("lower(({0})::text)",),
        "enum": (retyped.TEXT,),
    }
    return how[1] if how is not None and how[0] in same.get(hashed, ()) else None
