"""Traces a migration: what became of each table and column of before, found in the data alone."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.checks.contents.tables import Name, Relation
from postmigration.diff.row_diff import Comparison
from postmigration.model.changes import Change, DerivedValue, NewIds, RenamedTable, Retyped, Shrinks
from postmigration.postgres.connection import Snapshot
from postmigration.trace.computed import Computed
from postmigration.trace.findings import Found, Trace
from postmigration.trace.identity import find_new_ids, write_old_identity
from postmigration.trace.kept import ColumnTracer, KeptTable
from postmigration.trace.links import LinkFinder
from postmigration.trace.moves import Move, MoveFinder, is_rename
from postmigration.trace.reading import SAMPLE, Row, Side, own_field
from postmigration.trace.telling import Teller
from postmigration.trace.verify import Verifier, list_differing, read_keys


def trace(before: Snapshot, after: Snapshot, schemas: Sequence[str]) -> Trace:
    """Finds what a migration did to the tables of some schemas.

    Raises:
        sa.exc.DBAPIError: a server refused to tell.
    """
    sides = Side(before, schemas), Side(after, schemas)
    for mine, other in (sides, sides[::-1]):
        mine.take_partitions(other)
    return _Tracer(*sides).run()


class _Tracer:
    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self.verifier = Verifier(before, after)
        self.finder = LinkFinder(before, after)
        self.mover = MoveFinder(before, after, self.finder)
        self.columns = ColumnTracer(before, after, self.finder, self.verifier)
        self.kept: dict[Name, KeptTable] = {}
        self.moves: dict[Name, list[Move]] = {}
        # Rows of a table that was there which are gone, and which are more: how many, and a sample of them.
        self.missing: dict[Name, int] = {}
        self.extra: dict[Name, list[Row]] = {}
        self.new_ids: list[NewIds] = []
        # Why what refers to the rows of a table cannot be told apart.
        self.ambiguous: dict[Name, str] = {}

    def run(self) -> Trace:
        """Traces all tables."""
        for name in sorted(self.before.tables.keys() & self.after.tables.keys()):
            self._pair(self.before.tables[name], self.after.tables[name])
        renewed = self._find_renewed()
        lost = [self.before.tables[name] for name in sorted(self.before.tables.keys() - self.after.tables.keys())]
        new = [self.after.tables[name] for name in sorted(self.after.tables.keys() - self.before.tables.keys())]
        self._find_moves(lost, new)
        new = [self.after.tables[relation.key] for relation in new]
        renamed = self._find_renamed(lost)
        for name, rows in self.extra.items():
            if rows:
                self.moves[name] = self.mover.find(self.after.tables[name], rows, self._list_sources(lost, name))
        self.moves = {name: moves for name, moves in self.moves.items() if moves}
        hidden = self._set_apart()
        by_source: dict[Name, list[Move]] = {}
        for moves in self.moves.values():
            for move in (move for move in moves if not isinstance(move.source, Computed)):
                by_source.setdefault(move.source.key, []).append(move)
        self.columns.moves = by_source
        context: list[Change] = [
            *renamed,
            *self.new_ids,
            *(move.declare() for moves in self.moves.values() for move in moves),
        ]
        for ids in renewed:
            words = f"the ids are new ones: rows are known by {', '.join(ids.by)}"
            self.kept[ids.schema, ids.table].found.append(Found(ids, f"{ids.table}.{ids.column}", words))
        for table in self.kept.values():
            for move in by_source.get(table.was.key, ()):
                # Of rows that are still there, none may be gone.
                if 0 < self.before.count(table.was, move.where) <= self.missing.get(table.now.key, 0):
                    change = Shrinks(schema=table.was.schema, table=table.was.name, where=move.where)
                    table.found.append(Found(change, table.was.title))
            table.context = context
            self.columns.trace(table)
        teller = Teller(self.before, self.after, self.verifier, context)
        teller.new_ids, teller.ambiguous = self.new_ids, {**self.mover.composite.ambiguous, **self.ambiguous}
        gone = [relation for relation in lost if not any(table.was is relation for table in self.kept.values())]
        added = [relation for relation in new if relation.key not in self.kept]
        return teller.tell(list(self.kept.values()), gone, added, self.moves, hidden)

    def _set_apart(self) -> list[Move]:
        """Takes out the moves into tables that were there of which a column cannot be declared."""
        found = []
        for name, table in self.kept.items():
            moves = self.moves.get(name, [])
            unknown = list(dict.fromkeys(column for move in moves for column in move.list_unexplained(table.was)))
            if unknown:
                found += self.moves.pop(name)
                sources = " and ".join(dict.fromkeys(move.source.title for move in moves))
                words = f"its new rows come from {sources}, but {', '.join(unknown)} follows from nothing of before: "
                words += "moved_rows cannot say what they hold"
                table.found.append(Found(None, table.now.title, misfits=[words]))
        return found

    def _pair(self, was: Relation, now: Relation) -> None:
        """Takes a table for the same one, and notes which of its rows are gone, more and others."""
        table = self.kept[now.key] = KeptTable(was, now)
        table.key = self.columns.find_key(was, now)
        changes: list[Change] = []
        if was.key != now.key:
            changes.append(_rename(was, now))
        for part in table.key:
            if not part.is_plain or part.source.name != part.column:
                change = Retyped if part.column in was.columns else DerivedValue
                changes.append(change(schema=was.schema, table=was.name, column=part.column, value=part.sql))
        result = self.verifier.compare(now, changes)
        if isinstance(result, str):
            return
        pair, found = result
        table.differing = set(list_differing(pair, found))
        self._note_rows(table, found, pair.key)

    def _find_renewed(self) -> list[NewIds]:
        """The ids that were replaced in tables that were there, whose rows are known by other columns."""
        found = []
        for name, table in self.kept.items():
            was, now = table.was, table.now
            key = now.keys[0] if now.keys else ()
            if len(key) != 1 or key[0] not in was.columns or key[0] in {part.column for part in table.key}:
                continue
            parts = table.key
            if not parts:
                rows = self.after.sample(now, [own_field(column) for column in now.columns.values()])
                link = self.mover.composite.find(was, now, rows) if rows else None
                parts = link.key if link is not None else ()
            own = all(part.is_plain and part.source.name == part.column for part in parts)
            if parts and own and key[0] not in {part.column for part in parts}:
                by = tuple(part.column for part in parts)
                found.append(NewIds(schema=name[0], table=name[1], column=key[0], by=by))
        if found:
            self.before.take_new_ids(found, found)
            self.after.take_new_ids(found, found)
            self.finder.forget_samples()
            for name in list(self.kept):
                self._pair(self.before.tables[name], self.after.tables[name])
        return found

    def _note_rows(self, table: KeptTable, found: Comparison, key: Sequence[str]) -> None:
        if not table.key or set(key) != {part.column for part in table.key}:
            return
        self.missing[table.now.key] = found.counts["missing"]
        if found.counts["extra"]:
            fields = [own_field(column) for column in table.now.columns.values()]
            keys = read_keys(found, "extra")[:SAMPLE]
            self.extra[table.now.key] = self.after.find(
                table.now, fields, [table.now.columns[name].over("r") for name in key], keys
            )

    def _list_sources(self, lost: Sequence[Relation], target: Name) -> list[list[Relation]]:
        """The tables of before that rows may come from: those that are gone or lost rows, and the others."""
        others = [table for table in self.kept.values() if table.now.key != target and table.was not in lost]
        short = [table.was for table in others if self.missing.get(table.now.key)]
        return [[*lost, *short], [table.was for table in others if table.was not in short]]

    def _find_moves(self, lost: Sequence[Relation], new: Sequence[Relation]) -> None:
        for name in self._order(new):
            target = self.after.tables[name]
            rows = self.after.sample(target, [own_field(column) for column in target.columns.values()])
            if rows:
                self.moves[name] = self.mover.find(target, rows, self._list_sources(lost, name))
                self._find_new_ids(target, self.moves[name])
        if not self.new_ids:
            return
        for move in (move for moves in self.moves.values() for move in moves):
            move.link.target = self.after.tables[move.target.key]
        for table in list(self.kept.values()):
            now = self.after.tables[table.now.key]
            if any(column.read for column in now.columns.values()):
                self._pair(table.was, now)

    def _find_new_ids(self, target: Relation, moves: Sequence[Move]) -> None:
        """Reads what refers to a table by what its rows are known by, where their ids are new."""
        if not moves:
            return
        found = find_new_ids(target, moves, self.after)
        if isinstance(found, str):
            self.ambiguous[target.key] = found
        elif found is not None:
            self.new_ids.append(found)
            self.after.take_new_ids(self.new_ids)
            # A row that became several is known by none of them.
            whole = [move for move in moves if not isinstance(move.source, Computed) or not move.source.divides]
            for move in whole if len(found.by) > 1 else ():
                self.finder.forget_samples()
                self.before.identities.setdefault(move.source.key, []).append(write_old_identity(move.link))

    def _order(self, new: Sequence[Relation]) -> list[Name]:
        """The new tables, each behind those that it refers to."""
        names, ordered = [relation.key for relation in new], dict[Name, None]()

        def visit(name: Name, above: tuple[Name, ...]) -> None:
            for link in self.after.links.get(name, ()):
                if link.parent in names and link.parent not in above and link.parent not in ordered:
                    visit(link.parent, (*above, link.parent))
            ordered.setdefault(name)

        for name in names:
            visit(name, (name,))
        return list(ordered)

    def _find_renamed(self, lost: Sequence[Relation]) -> list[RenamedTable]:
        """Takes tables for the same ones that only have another name."""
        into: dict[str, int] = {}
        for moves in self.moves.values():
            for source in {move.source.sql for move in moves}:
                into[source] = into.get(source, 0) + 1
        found = []
        anew = {(ids.schema, ids.table) for ids in self.new_ids}
        for name, moves in list(self.moves.items()):
            # A table whose ids are others holds other rows for all that refers to it.
            if not moves or name in anew:
                continue
            if moves[0].source in lost and is_rename(moves, into, self.before, self.after):
                was, now = moves[0].source, self.after.tables[name]
                del self.moves[name]
                self._pair(was, now)
                found.append(_rename(was, now))
        return found


def _rename(was: Relation, now: Relation) -> RenamedTable:
    to_schema = "" if was.schema == now.schema else now.schema
    return RenamedTable(schema=was.schema, table=was.name, to=now.name, to_schema=to_schema)
