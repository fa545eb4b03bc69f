"""Traces the columns of a table that is there on both sides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from postmigration.checks.contents.tables import Column, Name, Relation
from postmigration.checks.rows.new_ids import Link
from postmigration.checks.rows.unsaid import describe_unsaid
from postmigration.diff.value_texts import family
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    NewColumn,
    NewIds,
    RenamedColumn,
    RepointedReference,
    Retyped,
)
from postmigration.model.sqltext import quoted
from postmigration.trace.conditions import find_condition
from postmigration.trace.findings import Flow, Found
from postmigration.trace.links import KeyPart, LinkFinder, RowLink
from postmigration.trace.moves import Move
from postmigration.trace.reading import Field, Side, name_far, name_identity, own_field
from postmigration.trace.values.cases import explain_codes
from postmigration.trace.values.explain import explain
from postmigration.trace.values.explanation import MAJORITY, Explanation, Pairs
from postmigration.trace.verify import Verifier, list_differing

# What is made of a value by these is rather damage where the column is the same.
_DAMAGING = ("lower(", "upper(", "btrim(")
# NULL, and what a tool writes for it where it stands as a text.
_EMPTY = (None, "", "NULL", "null", "None", "nil", "nan", "NaN", "undefined", r"\N")
# Fewer rows are told from others by an accident.
_LEAST_ROWS = 3


@dataclass
class KeptTable:
    """A table that was there, perhaps under another name.

    Args:
        was, now: the table.
        key: how its rows are found again; empty where they are not.
        group: what its changes belong to.
        found: what was found so far, by column of now.
        context: changes of other tables that its own refer to.
    """

    was: Relation
    now: Relation
    key: tuple[KeyPart, ...] = ()
    context: list[Change] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    differing: set[str] = field(default_factory=set)

    @property
    def changes(self) -> list[Change]:
        """The declarations of what was found."""
        return [found.change for found in self.found if found.change is not None]


class ColumnTracer:
    """Finds what became of the columns of tables that are there on both sides.

    Args:
        before, after: the databases.
        finder: finds rows again; verifier: verifies over all rows.
        moves: the moves that were found, by the table of before.
    """

    def __init__(self, before: Side, after: Side, finder: LinkFinder, verifier: Verifier) -> None:
        self.before, self.after = before, after
        self.finder, self.verifier = finder, verifier
        self.moves: Mapping[Name, Sequence[Move]] = {}

    def find_key(self, was: Relation, now: Relation) -> tuple[KeyPart, ...]:
        """How the rows of a table are found again; empty where they are not."""
        best: tuple[KeyPart, ...] = ()
        rows = None
        for key in now.keys:
            plain = {
                name: KeyPart(name, own_field(was.columns[name]))
                for name in key
                if name in was.columns and was.columns[name].root == now.columns[name].root
            }
            if len(plain) == len(key) and self._fits(was, now, list(plain.values())):
                return tuple(plain.values())
            if rows is None:
                rows = self.after.sample(now, [own_field(column) for column in now.columns.values()])
            parts: list[KeyPart] = []
            for name in key:
                if name in plain and len(plain) < len(key):
                    parts.append(plain[name])
                    continue
                candidates = self.finder.find_candidates(was, now, rows, [name])
                # Small numbers are values of many columns: one that is gone, and is no other part, is the likelier one.
                taken = {one.source.name for one in parts} | (plain.keys() if len(plain) < len(key) else set())
                candidates.sort(
                    key=lambda part: (
                        part.source.name == part.column,
                        part.source.name not in taken,
                        part.source.name not in now.columns,
                    ),
                    reverse=True,
                )
                parts += candidates[:1]
            if len(parts) == len(key) and not best and self._fits(was, now, parts):
                best = tuple(parts)
        return best

    def _fits(self, was: Relation, now: Relation, parts: Sequence[KeyPart]) -> bool:
        rows = self.after.sample(now, [own_field(column) for column in now.columns.values()], limit=200)
        link = self.finder.follow(was, now, parts, rows, quick=True)
        return not rows or len(link.pairs) >= MAJORITY * len(rows)

    def trace(self, table: KeptTable) -> None:
        """Finds the changes of the columns of a table."""
        was, now = table.was, table.now
        new = [column for column in now.columns.values() if column.name not in was.columns]
        lost = [column for column in was.columns.values() if column.name not in now.columns]
        retyped = [
            column
            for column in now.columns.values()
            if column.name in was.columns and was.columns[column.name].root_type != column.root_type
        ]
        changed = [
            now.columns[name] for name in now.columns if name in table.differing and now.columns[name] not in new
        ]
        changed = [column for column in changed if column not in retyped]
        if not (new or lost or retyped or changed):
            return
        rows = self.after.sample(now, [own_field(column) for column in now.columns.values()])
        link = self.finder.follow(was, now, table.key, rows) if table.key else RowLink(was, now, ())
        fields = self.before.fields(was)
        renamed: set[str] = set()
        for column in [*retyped, *changed, *new]:
            self._trace_column(table, column, link, fields, lost, renamed)
        for column in lost:
            if column.name not in renamed:
                self._tell_gone(table, column)

    def _trace_column(
        self,
        table: KeptTable,
        column: Column,
        link: RowLink,
        fields: Sequence[Field],
        lost: Sequence[Column],
        renamed: set[str],
    ) -> None:
        was, now, name = table.was, table.now, column.name
        where = {"schema": was.schema, "table": was.name}
        is_new = name not in was.columns
        if is_new:
            addition = NewColumn(schema=now.schema, table=now.name, column=name)
        found = explain(link.pairs, fields, column)
        same = self._find_renamed(column, found, lost, renamed) if is_new else None
        if found is not None and same is not None and found.share == 1:
            # Where it leads is another matter: the rows that it led to may have moved with their ids.
            self._tell_renamed(table, same, column, found, renamed)
            return
        if repointed := self._find_repointed(table, column, link):
            table.found += [Found(addition, f"{now.title}.{name}")] if is_new else []
            table.found += repointed
            return
        old = was.columns.get(name)
        codes = self.after.list_codes(now, name) if old is not None and family(column.root) == "text" else set()
        coded = explain_codes(link.pairs, own_field(old), column, codes) if old is not None and codes else None
        found = coded or found
        some = (
            None if coded or (found is not None and found.share == 1) else self._find_some(table, column, link, fields)
        )
        if some is not None:
            table.found += [Found(addition, f"{now.title}.{name}")] if is_new else []
            table.found.append(some)
            return
        if found is None or not found.is_likely or (is_new and same is None and found.sql == "NULL"):
            if is_new:
                (held,) = describe_unsaid(self.after.snapshot, now, [name])
                words = "follows from nothing of before: " + held
                table.found.append(Found(addition, f"{now.title}.{name}", words))
            elif old is not None and old.root_type != column.root_type:
                table.found.append(Found(Retyped(**where, column=name), f"{now.title}.{name}", _types(old, column)))
            return
        flow = _as_flow(column, found)
        if is_new:
            if same is not None:
                self._tell_renamed(table, same, column, found, renamed)
                return
            table.found.append(Found(addition, f"{now.title}.{name}"))
            change: Change = DerivedValue(**where, column=name, value=found.sql)
            table.found.append(Found(change, f"{now.title}.{name}", "", (flow,)))
            return
        assert old is not None
        plain = found.sql == f"r.{quoted(name)}"
        if old.root_type != column.root_type:
            value = "" if plain or self._is_retyped_alike(table, column) else found.sql
            flow = replace(flow, sql=value or flow.sql, source=flow.source if value else name)
            change = Retyped(**where, column=name, value=value)
            table.found.append(Found(change, f"{now.title}.{name}", _types(old, column), (flow,)))
        elif coded or (not plain and found.share == 1 and not _is_damage(found, name, link.pairs)):
            change = DerivedValue(**where, column=name, value=found.sql)
            table.found.append(Found(change, f"{now.title}.{name}", "", (flow,)))

    @staticmethod
    def _find_renamed(
        column: Column, found: Explanation | None, lost: Sequence[Column], renamed: set[str]
    ) -> Column | None:
        """The column that is gone whose values a new one of the same type holds."""
        for one in lost:
            if found is not None and found.sql == f"r.{quoted(one.name)}":
                return one if one.name not in renamed and one.root_type == column.root_type else None
        return None

    @staticmethod
    def _tell_renamed(table: KeptTable, same: Column, column: Column, found: Explanation, renamed: set[str]) -> None:
        renamed.add(same.name)
        change = RenamedColumn(schema=table.was.schema, table=table.was.name, column=same.name, to=column.name)
        words = f"{table.was.title}.{same.name} to {column.name}"
        table.found.append(Found(change, words, "", (_as_flow(column, found),)))

    def _find_some(self, table: KeptTable, column: Column, link: RowLink, fields: Sequence[Field]) -> Found | None:
        """What a column holds in the rows that a condition tells from others; in these it holds what it held.

        What may be damage is never taken for meant: one condition must tell exactly these rows, and one value all that
        they hold.
        """
        was, name = table.was, column.name
        old = was.columns.get(name)
        if old is not None and old.root_type != column.root_type:
            return None
        others = [(row, new) for row, new in link.pairs if new[name] == (None if old is None else row[name])]
        some = [(row, new) for row, new in link.pairs if new[name] != (None if old is None else row[name])]
        if len(some) < _LEAST_ROWS or not others:
            return None
        condition = find_condition([row for row, _ in some], [row for row, _ in others], fields)
        found = explain(some, fields, column)
        if condition.wrong or condition.sql == "true" or found is None or found.share < 1:
            return None
        if old is not None and (found.sql == "NULL" or _is_damage(found, name, some)):
            return None
        change = DerivedValue(schema=was.schema, table=was.name, column=name, value=found.sql, where=condition.sql)
        of = self.before.count(was)
        figures = f"{self.before.count(was, condition.sql):,} of {of:,} row{'s' * (of != 1)}"
        return Found(change, f"{table.now.title}.{name}", figures, (_as_flow(column, found),))

    def _is_retyped_alike(self, table: KeptTable, column: Column) -> bool:
        """Whether a column of another type says the same in all rows, as the comparison takes it."""
        result = self.verifier.compare(table.now, [*table.context, *table.changes], keep=200)
        if isinstance(result, str):
            return False
        pair, found = result
        # Rows of which the key says something else are no longer the same rows.
        lost = column.name in pair.key and found.counts["missing"] > (1 - MAJORITY) * found.want_rows
        return not lost and column.name not in list_differing(pair, found)

    def _find_repointed(self, table: KeptTable, column: Column, link: RowLink) -> list[Found]:
        """The reference that leads to what the parent became, or those of which each row holds one."""
        held = table.was.columns.get(column.name)
        whole: Found | None = None
        some: dict[str, Found] = {}
        holds = [pair for pair in link.pairs if pair[1][column.name] is not None]
        for new in self.after.links.get(table.now.key, ()):
            for old in self.before.links.get(table.was.key, ()):
                if new.column != column.name or (held is not None and old.column != column.name):
                    continue
                for move in (move for move in self.moves.get(old.parent, ()) if move.target.key == new.parent):
                    whole = whole or self._try(table, link, old, new, move, holds)
                    mine = [pair for pair in holds if pair[0].get(old.column) is not None]
                    if (found := self._try(table, link, old, new, move, mine)) is not None:
                        some.setdefault(old.column, found)
        filled = sum(sum(row.get(name) is not None for name in some) == 1 for row, _ in holds)
        both = len(some) > 1 and filled >= MAJORITY * len(holds)
        return [*some.values()] if both else [whole] if whole else []

    def _try(self, table: KeptTable, link: RowLink, old: Link, new: Link, move: Move, holds: Pairs) -> Found | None:
        source, target = move.source, move.target
        ids = any(
            isinstance(change, NewIds)
            and (change.schema, change.table, change.column) == (*target.key, new.parent_column)
            for change in table.context
        )
        part = next((part for part in move.link.key if part.column == new.parent_column), None)
        if ids and len(move.link.key) == 1:
            part = move.link.key[0]
        if ids and len(move.link.key) > 1:
            several = len(self.before.identities.get(source.key, ()))
            names = [name_far(name_identity(source, n), old.column) for n in range(several)]
            fits = [pair for pair in holds if pair[1][new.column] in [pair[0].get(name) for name in names]]
            sql = f"r.{quoted(old.column)}"
        elif part is None or (part.source.name != old.parent_column and not ids):
            return None
        else:
            own = part.source.name == old.parent_column
            name = old.column if own else name_far(f"{source.title}.{part.source.name}", old.column)
            fits = [pair for pair in holds if part.apply(pair[0].get(name)) == pair[1][new.column]]
            sql = part.sql
        if not holds or len(fits) < MAJORITY * len(holds):
            return None
        change = RepointedReference(
            schema=table.was.schema,
            table=table.was.name,
            column=old.column,
            to="" if new.column == old.column else new.column,
            parent=source.name,
            parent_schema="" if source.schema == table.was.schema else source.schema,
            parent_column=old.parent_column,
            through=target.name,
            through_column="" if ids or len(move.link.key) == 1 else new.parent_column,
        )
        flow = Flow(new.column, f"what {source.title} of {old.column} became", sql, len(fits), len(link.pairs))
        words = f"{table.was.title}.{old.column} to {new.column}"
        return Found(change, words, f"leads to what {source.title} became in {target.title}", (flow,))

    def _tell_gone(self, table: KeptTable, column: Column) -> None:
        was = table.was
        held = self.before.count(was, f"r.{quoted(column.name)} IS NOT NULL")
        figures = f"it held {held:,} value{'s' * (held != 1)}"
        change = GoneColumn(schema=was.schema, table=was.name, column=column.name)
        table.found.append(Found(change, f"{was.title}.{column.name}", figures))


def _as_flow(column: Column, found: Explanation) -> Flow:
    return Flow(column.name, found.words, found.sql, found.fits, found.of)


def _types(old: Column, new: Column) -> str:
    return f"was {old.type}, is {new.type}"


def _is_damage(found: Explanation, name: str, pairs: Pairs) -> bool:
    """Whether a column holds what damage would have made of it."""
    if [field.name for field in found.fields] != [name]:
        return False
    others = {(old[name], new[name]) for old, new in pairs if old[name] != new[name]}
    emptied = all(was in _EMPTY and now in _EMPTY for was, now in others)
    return emptied or found.sql.startswith(_DAMAGING) or bool(re.search(" [*/] ", found.sql))
