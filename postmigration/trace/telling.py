"""Verifies what was found over all rows, and puts it into words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from postmigration.checks.contents.tables import Name, Relation, title
from postmigration.checks.rows.pairs import Pair
from postmigration.diff.row_diff import Comparison
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.model.sqltext import list_row_columns, quoted
from postmigration.trace.computed import Computed
from postmigration.trace.findings import Flow, Found, Trace
from postmigration.trace.kept import KeptTable
from postmigration.trace.moves import Move, count_move
from postmigration.trace.reading import SAMPLE, Side
from postmigration.trace.values.explanation import MAJORITY
from postmigration.trace.verify import Verifier, list_differing

# What may leave out something of a value: that the column of before is gone is another decision.
_LOSSY = re.compile(r"\b(CASE|lower|upper|btrim|substr|left|right|round)\b| [<>] ").search


def count_rows(rows: int) -> str:
    """A number of rows in words."""
    return f"{rows:,} row{'s' * (rows != 1)}"


class Teller:
    """Tells what was found.

    Args:
        before, after: the databases.
        verifier: verifies over all rows.
        context: the renamed tables and the moved rows, which other changes refer to.
    """

    def __init__(self, before: Side, after: Side, verifier: Verifier, context: Sequence[Change]) -> None:
        self.before, self.after, self.verifier, self.context = before, after, verifier, context
        self.trace = Trace()
        # The ids that are new, and why rows of a table cannot be told apart.
        self.new_ids: Sequence[NewIds] = ()
        self.ambiguous: Mapping[Name, str] = {}
        self._heads: dict[str, str] = {}

    def tell(
        self,
        kept: Sequence[KeptTable],
        gone: Sequence[Relation],
        added: Sequence[Relation],
        moves: Mapping[Name, Sequence[Move]],
        hidden: Sequence[Move],
    ) -> Trace:
        """Tells everything.

        Args:
            kept: the tables that stayed; `gone`, `added`: those of one side.
            moves: what can be declared, by the table of now.
            hidden: other moves.
        """
        gone_columns = [
            (table.was, change.column, _column(table, change.column))
            for table in kept
            for change in table.changes
            if isinstance(change, GoneColumn)
        ]
        for name, those in moves.items():
            for move in those:
                self._join(_old(move.source.key), _new(name))
                self._join_carried(_old(move.source.key), move.source, move.list_sql()[1:], gone_columns)
        for table in kept:
            self._join(_old(table.was.key), _new(table.now.key))
            for found in table.found:
                change = found.change
                if isinstance(change, DerivedValue):
                    self._join_carried(_column(table, change.column), table.was, [change.value], gone_columns)
                if isinstance(change, RepointedReference):
                    parent = (change.parent_schema or change.schema, change.parent)
                    for column in (change.column, change.to or change.column):
                        self._join(_old(parent), _column(table, column))
        done = self.trace
        for relation in added:
            self._tell_added(relation, moves.get(relation.key, ()))
        for table in kept:
            self._tell_kept(table, moves.get(table.now.key, ()))
        for relation in gone:
            self._tell_gone(relation, [*hidden, *(move for those in moves.values() for move in those)])
        done.found = self._group(done.found)
        large = [side.count(relation) for side in (self.before, self.after) for relation in side.tables.values()]
        if any(rows > SAMPLE for rows in large):
            done.notes.append(f"found in samples of {SAMPLE:,} rows of each table; the figures are of all rows")
        done.notes += [f"not read: {words}" for words in (*self.before.unread, *self.after.unread)]
        done.rows = (
            sum(map(self.before.count, self.before.tables.values())),
            sum(map(self.after.count, self.after.tables.values())),
        )
        return done

    def _add(self, found: Found, node: str) -> None:
        self.trace.found.append(replace(found, group=node))

    def _tell_added(self, relation: Relation, moves: Sequence[Move]) -> None:
        node, rows = _new(relation.key), self.after.count(relation)
        change = NewTable(schema=relation.schema, table=relation.name)
        self._add(Found(change, relation.title, count_rows(rows)), node)
        if relation.key in self.ambiguous:
            self._add(Found(None, relation.title, misfits=[self.ambiguous[relation.key]]), node)
        for ids in self.new_ids:
            if (ids.schema, ids.table) == relation.key:
                self._add(Found(ids, f"{relation.title}.{ids.column}", f"rows are known by {', '.join(ids.by)}"), node)
        if self._tell_moves(relation, moves, [change], node) or not rows:
            return
        words = f"all {count_rows(rows)}: none was found in the state before" if rows != 1 else "its row is new"
        self._add(Found(Grows(schema=relation.schema, table=relation.name), relation.title, words), node)

    def _tell_moves(self, relation: Relation, moves: Sequence[Move], beside: Sequence[Change], node: str) -> bool:
        """Tells what rows of other tables became those of one; False where that does not hold for most of them."""
        if not moves:
            return False
        result = self.verifier.compare(relation, [*beside, *self.context])
        if isinstance(result, str):
            self._add(Found(None, relation.title, misfits=[f"its rows cannot be compared: {result}"]), node)
            return False
        pair, found = result
        lost, invented = found.counts["missing"], found.counts["extra"]
        if lost > (1 - MAJORITY) * found.want_rows:
            sources = ", ".join(dict.fromkeys(move.source.title for move in moves))
            words = f"{lost:,} of {count_rows(found.want_rows)} of {sources} that look like its rows are not there"
            self._add(Found(None, relation.title, misfits=[words]), node)
            return False
        damage = self._count_damage(pair, found)
        for n, move in enumerate(moves):
            self._add(self._tell_move(move, found, damage, with_rows=n == len(moves) - 1), node)
        if invented:
            self.trace.invented.add(relation.key)
            words = f"{invented:,} of its {count_rows(found.have_rows)} come from nowhere"
            self._add(Found(None, relation.title, misfits=[words]), node)
        return True

    def _count_damage(self, pair: Pair, found: Comparison) -> dict[str, tuple[int, str]]:
        """For each column that does not fit everywhere in how many rows, and what became of the values."""
        return {name: self.verifier.count_column(pair, name) for name in list_differing(pair, found)}

    def _tell_move(
        self, move: Move, found: Comparison, damage: Mapping[str, tuple[int, str]], *, with_rows: bool
    ) -> Found:
        wanted = count_move(move, self.before)
        there = found.want_rows - found.counts["missing"]
        whole = there == found.want_rows
        flows = [
            Flow(
                part.column,
                part.words,
                move.write(part.sql),
                *((wanted, wanted) if whole else (there, found.want_rows)),
            )
            for part in move.link.key
        ]
        others = []
        new_ids = {ids.column for ids in self.new_ids if (ids.schema, ids.table) == move.target.key}
        for name, explanation in move.columns.items():
            if explanation is None and name not in new_ids:
                flows.append(Flow(name, "", "", 0, 0, "nothing of before explains it: not compared", declared=False))
            if explanation is None:
                continue
            declared = name in move.declared
            wrong, words = damage.get(name, (0, "")) if declared else (0, "")
            of = there if wrong else wanted
            flow = Flow(name, explanation.words, move.write(explanation.sql), of - wrong, of, words, declared)
            if not declared:
                share = f"{explanation.fits:,} of {explanation.of:,} rows that were looked at hold it"
                share += f", {move.withheld[name]}" if name in move.withheld else ": not compared"
                flow = replace(flow, rows=explanation.fits, of=explanation.of, misfit=share)
                others.append(f"{name}: {explanation.words}: {share}")
            flows.append(flow)
        misfits = [
            f"{flow.target}: {flow.of - flow.rows:,} of {flow.of:,} are others: {flow.misfit}"
            for flow in flows
            if flow.declared and flow.misfit
        ] + others
        if found.counts["missing"] and with_rows:
            misfits.append(f"{found.counts['missing']:,} of {count_rows(found.want_rows)} are lost")
        rows = self.before.count(move.source, move.where)
        figures = count_rows(rows)
        if isinstance(move.source, Computed) and move.source.divides:
            figures = f"{rows:,} value{'s' * (rows != 1)} of {count_rows(self.before.count(move.source.source))}"
        if move.where != "true":
            figures += f" of {self.before.count(move.source):,}"
        if move.merged:
            figures += f" become {wanted:,}"
        subject = f"{move.source.title} to {move.target.title}"
        return Found(move.declare(), subject, figures, flows, misfits, rows=(flows[0].rows, flows[0].of))

    def _tell_kept(self, table: KeptTable, moves: Sequence[Move]) -> None:
        was, now, node = table.was, table.now, _old(table.was.key)
        if was.key != now.key:
            change = RenamedTable(
                schema=was.schema,
                table=was.name,
                to=now.name,
                to_schema="" if was.schema == now.schema else now.schema,
            )
            rows = self.before.count(was)
            self._add(Found(change, f"{was.title} to {now.title}", count_rows(rows), rows=(rows, rows)), node)
        result = self.verifier.compare(now, [*self.context, *table.changes])
        if isinstance(result, str):
            for found in table.found:
                self._add(found, self._place(table, found))
            if table.found or self.before.count(was) or self.after.count(now):
                self._add(Found(None, now.title, misfits=[f"its rows cannot be compared: {result}"]), node)
            return
        pair, compared = result
        damage = self._count_damage(pair, compared)
        of = compared.want_rows - compared.counts["missing"]
        for found in table.found:
            flows = [self._complete(flow, damage, of) for flow in found.flows]
            misfits = [*found.misfits, *(f"{flow.target}: {flow.misfit}" for flow in flows if flow.misfit)]
            self._add(replace(found, flows=flows, misfits=misfits), self._place(table, found))
        if moves:
            for move in moves:
                self._add(self._tell_move(move, compared, damage, with_rows=False), node)
        told = {flow.target for found in table.found for flow in found.flows}
        self._tell_rest(table, compared, {name: what for name, what in damage.items() if name not in told}, node)
        if not table.found and not moves and not compared.wrong and was.key == now.key:
            self.trace.same += 1

    def _place(self, table: KeptTable, found: Found) -> str:
        """What a change of a table belongs to: its column, so far as that has nothing to do with moved rows."""
        match found.change:
            case RenamedColumn(to=name) | RepointedReference(to=name) if name:
                return _column(table, name)
            case (
                GoneColumn(column=name)
                | NewColumn(column=name)
                | DerivedValue(column=name)
                | Retyped(column=name)
                | RepointedReference(column=name)
            ):
                return _column(table, name)
        return _old(table.was.key)

    def _complete(self, flow: Flow, damage: Mapping[str, tuple[int, str]], of: int) -> Flow:
        wrong, words = damage.get(flow.target, (0, ""))
        misfit = f"{wrong:,} of {of:,} are others: {words}" if wrong else ""
        return replace(flow, rows=of - wrong, of=of, misfit=misfit)

    def _tell_rest(
        self, table: KeptTable, compared: Comparison, damage: Mapping[str, tuple[int, str]], node: str
    ) -> None:
        """Tells what no change explains."""
        misfits = []
        if lost := compared.counts["missing"]:
            misfits.append(f"{lost:,} of {count_rows(compared.want_rows)} are lost")
        if invented := compared.counts["extra"]:
            self.trace.invented.add(table.now.key)
            misfits.append(f"{invented:,} of {count_rows(compared.have_rows)} come from nowhere")
        for name, (wrong, words) in damage.items():
            misfits.append(f"{name}: {wrong:,} of {compared.want_rows - lost:,} are others: {words}")
        if misfits:
            self._add(Found(None, table.now.title, misfits=misfits), node)

    def _tell_gone(self, relation: Relation, moves: Sequence[Move]) -> None:
        rows = self.before.count(relation)
        mine = [move for move in moves if move.source.key == relation.key]
        words, misfits = f"it held {count_rows(rows)}", []
        unused: list[str] = []
        if mine and rows:
            # What is computed of a row is not the row.
            moved = " OR ".join(f"({m.where})" for m in mine if not isinstance(m.source, Computed)) or "false"
            left = self.before.count(relation, f"({moved}) IS NOT TRUE")
            words += ", all of which moved" if not left else f", of which {rows - left:,} moved"
            if left:
                misfits.append(f"{count_rows(left)} of {relation.title} went nowhere")
            used = {name for move in mine for sql in move.list_sql() for name in list_row_columns(sql)}
            unused = [name for name in relation.columns if name not in used]
            if unused:
                words += f"; no column holds what {', '.join(unused)} held"
        elif rows and (heirs := self._find_heirs(relation)):
            words += f"; {', '.join(heirs)} follow{'s' * (len(heirs) == 1)} from it"
        elif rows:
            misfits.append("none of its rows was found elsewhere")
        change = GoneTable(schema=relation.schema, table=relation.name)
        self._add(Found(change, relation.title, words, misfits=misfits, unused=unused), _old(relation.key))

    def _find_heirs(self, relation: Relation) -> list[str]:
        """The columns that hold what follows from the rows of a table that is gone, or from what referred to it."""
        found: dict[str, None] = {}
        referring = {
            (link.child, link.column)
            for those in self.before.links.values()
            for link in those
            if link.parent == relation.key
        }
        for one in self.trace.found:
            change = one.change
            if not isinstance(change, MovedRows | DerivedValue):
                continue
            if isinstance(change, MovedRows):
                table = title((change.to_schema or change.schema, change.to))
            else:
                table = one.subject.removesuffix(f".{change.column}")
            for flow in one.flows:
                names = {((change.schema, change.table), name) for name in list_row_columns(flow.sql)}
                if flow.declared and (f" {relation.sql} " in flow.sql or names & referring):
                    found[f"{table}.{flow.target}"] = None
        return list(found)

    # What has one reason: tables between which rows moved, and those that refer to them.

    def _join_carried(
        self, node: str, source: Relation, values: Sequence[str], gone: Sequence[tuple[Relation, str, str]]
    ) -> None:
        """Joins to what holds some values now the columns that are gone whose values these are, whole."""
        for sql in (sql for sql in values if not _LOSSY(sql)):
            own = () if "(SELECT " in sql else list_row_columns(sql)
            for table, name, other in gone:
                far = f"(SELECT p.{quoted(name)} FROM {table.sql} p WHERE "
                if far in sql or (table.key == source.key and name in own):
                    self._join(node, other)

    def _join(self, one: str, other: str) -> None:
        first, second = self._head(one), self._head(other)
        if first != second:
            head, other = sorted((first, second), key=lambda node: (not node.startswith("old:"), node))
            self._heads[other] = head

    def _head(self, node: str) -> str:
        while node in self._heads:
            node = self._heads[node]
        return node

    def _group(self, found: Sequence[Found]) -> list[Found]:
        by_head: dict[str, list[Found]] = {}
        for one in found:
            by_head.setdefault(self._head(one.group), []).append(one)
        # Columns of one table that only came, or only went, have one reason.
        for head, those in list(by_head.items()):
            kinds = {type(one.change) for one in those}
            came = NewColumn in kinds and kinds <= {NewColumn, DerivedValue}
            if came or kinds == {GoneColumn}:
                beside = f"{head.rpartition('.')[0]} {'new' if came else 'gone'} columns"
                by_head.setdefault(beside, []).extend(by_head.pop(head))
        names: set[str] = set()
        grouped = []
        for head, those in by_head.items():
            name = base = re.sub(r"[^a-z0-9]+", "_", _divide(head.partition(":")[2]).lower()).strip("_") or "change"
            n = 1
            while name in names:
                n += 1
                name = f"{base}_{n}"
            names.add(name)
            grouped += [replace(one, group=name) for one in those]
        return grouped


def _old(name: Name) -> str:
    return f"old:{_title(name)}"


def _column(table: KeptTable, name: str) -> str:
    return f"{_old(table.was.key)}.{name}"


def _new(name: Name) -> str:
    return f"new:{_title(name)}"


def _title(name: Name) -> str:
    return name[1] if name[0] == "public" else ".".join(name)


def _divide(name: str) -> str:
    """A name with its words apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
