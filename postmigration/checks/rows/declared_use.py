"""What declared changes were used for: how many rows each concerns, and what nothing needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, count, list_names
from postmigration.checks.contents.tables import Name, Relation, title
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_flows import Used, show_declared
from postmigration.checks.rows.declared_pairs import pair_declared
from postmigration.checks.rows.new_ids import find_alike
from postmigration.checks.rows.pairs import Pair
from postmigration.checks.rows.plan import Plan
from postmigration.checks.rows.unsaid import describe_unsaid
from postmigration.diff.row_diff import SHRINKAGE, Comparison, Sides
from postmigration.diff.row_sets import RowSet
from postmigration.model.changes import Change, DerivedValue, MovedRows, Retyped, describe_change
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

_UNUSED = "nothing used it"


class DeclaredUse:
    """Counts the rows that declared changes concern, and finds what was declared of whole tables and did not happen.

    Args:
        found: what the results are added to.
        before, after: the snapshots.
        tables: the tables of before.
        plan: what was compared with what; `declared`: by which changes.
        compared: what came of the tables that were looked into.
        used: how many rows of each table were compared; how many each change concerns is added to it.
        zone: see `plan`.
    """

    def __init__(
        self,
        found: Examination,
        before: Snapshot,
        after: Snapshot,
        tables: Mapping[Name, Relation],
        plan: Plan,
        declared: Declared,
        compared: Mapping[Name, Comparison],
        used: Used,
        zone: str,
    ) -> None:
        self.found, self.before, self.after, self.tables = found, before, after, tables
        self.plan, self.declared, self.compared, self.used, self.zone = plan, declared, compared, used, zone

    def judge(self) -> None:
        """Judges all that is declared of rows."""
        self.found.tell("rows not compared, as declared", self.plan.ignored)
        self._find_homeless()
        self._find_unexplained()
        self._find_alike()
        self._tell_unsaid()
        self._count_sources()
        for pair in self.plan.pairs:
            if pair.changes is not None:
                self._tell_permissions(pair)
        self.found.overviews += show_declared(self.declared, self.used)

    def _find_homeless(self) -> None:
        """Rows that must have moved to a table that is not there."""
        self.used.missing.update(self.plan.homeless)
        for name in self.plan.homeless:
            for move in self.declared.of(name).moves:
                words = f"{title(name)}: there is no such table: {describe_change(move)} did not happen"
                self.found.find(words)

    def _find_unexplained(self) -> None:
        """New tables that hold rows though nothing is declared to bring any."""
        questions = [
            Question(table, f"SELECT count(*) AS rows FROM {table.sql}", table.pages)
            for table in self.plan.added
            if table.is_table
        ]
        for table, answer in ask(self.after, questions):
            if isinstance(answer, Refusal):
                self.found.unjudged.append(f"{table.title}: {answer.reason}")
            elif answer.rows:
                words = "it is declared as new, and neither moved_rows nor grows says which rows it holds"
                self.found.find(f"{table.title}: {count(answer.rows, 'row')}: {words}", wrong=answer.rows)

    def _find_alike(self) -> None:
        """Rows under new ids that cannot be told apart by what they are known by."""
        there = {pair.now.key: pair.now for pair in self.plan.pairs}
        for change in self.declared.new_ids:
            table = there.get((change.schema, change.table))
            if table is None or not set(change.by) <= table.columns.keys():
                continue
            columns, by = [table.columns[name].over("r") for name in change.by], ", ".join(change.by)
            try:
                alike = find_alike(self.after, table, columns)
            except sa.exc.DBAPIError as error:
                self.found.unjudged.append(f"{table.title}: {describe_refusal(error)}")
                continue
            if alike:
                words = "by which its rows are known: what refers to them cannot be told apart"
                self.found.find(
                    f"{table.title}: {count(alike, 'row')} are alike in {by} or lack it, {words}", wrong=alike
                )
            else:
                self.found.notes.append(f"{describe_change(change)}: its rows are known by {by}")

    def _tell_unsaid(self) -> None:
        """Tells of the columns of which no change says what they hold."""
        for pair in self.plan.pairs:
            changes = self.declared.of(pair.now.key)
            ids = {c.column for c in self.declared.new_ids if (c.schema, c.table) == pair.now.key}
            unsaid = pair.now.columns.keys() - {*pair.columns, *changes.free, *ids}
            mine = [name for name in pair.now.columns if name in unsaid and (pair.is_new or name in changes.new)]
            described = describe_unsaid(self.after, pair.now, mine) if mine else []
            self.found.tell(f"{pair.title}: not compared, since no change says what they hold", described)

    def _count_sources(self) -> None:
        """Tells of how many rows of before each change decides, and which rows went with a table."""
        conditions: dict[Name, list[tuple[Change | None, str]]] = defaultdict(list)
        old = {now: was for was, now in self.declared.renamed.items()}
        for name, changes in self.declared.tables.items():
            for derived in (change for those in changes.derived.values() for change in those):
                where = "true" if isinstance(derived, Retyped) else derived.where
                conditions[old.get(name, name)].append((derived, where))
            for reference in changes.references:
                conditions[old.get(name, name)].append((reference, f"r.{quoted(reference.column)} IS NOT NULL"))
        for move in (change for change in self.declared.changes if isinstance(change, MovedRows)):
            conditions[move.schema, move.table].append((move, move.where))
        for gone in self.plan.gone:
            # Of what was in one of its columns only its rows are not made.
            moves = [m for m in self.declared.moves_from((gone.schema, gone.name)) if not m.divides]
            moved = " OR ".join(f"({move.where})" for move in moves) or "false"
            conditions[gone.schema, gone.name].append((None, f"({moved}) IS NOT TRUE"))
        questions = []
        for name, conditions_of in conditions.items():
            source = self.tables.get(name)
            if source is not None:
                counts = ", ".join(f"count(*) FILTER (WHERE ({where}))" for _, where in conditions_of)
                sql = f"SELECT ARRAY[{counts}] AS rows FROM {source.sql} r"
                questions.append(Question((source, conditions_of), sql, source.pages))
        for (relation, those), answer in ask(self.before, questions):
            if isinstance(answer, Refusal):
                self.found.unjudged.append(f"{relation.title}: {answer.reason}")
                continue
            for (change, _), rows in zip(those, answer.rows, strict=True):
                if change is None:
                    went = f"{count(rows, 'row')} went with it" if rows else "no row went with it but those that moved"
                    self.found.notes.append(f"gone_table {relation.title}: {went}")
                    self.used.words[id(self.declared.gone[relation.key])] = went
                else:
                    self.used.rows[id(change)] = int(rows)
                    applies = "" if rows or isinstance(change, DerivedValue) else ": not applicable"
                    self.found.notes.append(f"{describe_change(change)}: {count(rows, 'row')}{applies}")

    def _tell_permissions(self, pair: Pair) -> None:
        """Tells what may have changed, and how many rows did."""
        changes = pair.changes
        assert changes is not None
        result = self.compared.get(pair.now.key)
        grown = result.grown if result is not None else 0
        shrunk = result.marked.get(SHRINKAGE, 0) if result is not None else 0
        self._tell(changes.grows, f"{count(grown, 'row')} are new" if grown != 1 else "1 row is new", grown)
        self._tell(changes.shrinks, f"{count(shrunk, 'row')} are gone" if shrunk != 1 else "1 row is gone", shrunk)
        for name, those in changes.free.items():
            rows = self._count_changed(pair, name)
            if rows is not None:
                self._tell(those, f"{count(rows, 'row')} changed", rows)

    def _tell(self, changes: Sequence[Change], words: str, rows: int) -> None:
        if changes:
            names = list_names([describe_change(change) for change in changes])
            self.found.notes.append(f"{names}: {words if rows else _UNUSED}")
        for change in changes:
            self.used.words[id(change)] = words if rows else _UNUSED

    def _count_changed(self, pair: Pair, name: str) -> int | None:
        """In how many rows a column whose values may be any has another one; None where that cannot be told."""
        changes = pair.changes
        was = None if pair.is_new else pair.was
        if changes is None or was is None or not pair.key or name in pair.key:
            return None
        exact = pair_declared(
            was,
            pair.now,
            replace(changes, free={}),
            self.declared,
            self.tables,
            only=pair.only,
            zone=self.zone,
            pages=pair.pages,
        )
        columns = (*pair.key, name)
        if not set(columns) <= set(exact.columns):
            return None
        want, have = (RowSet(sql, columns, len(pair.key)) for sql in exact.sql)
        try:
            return Sides(self.before, self.after, want, have).compare(keep=0).counts["changed"]
        except sa.exc.DBAPIError as error:
            self.found.notes.append(f"{pair.title}.{name}: {describe_refusal(error)}")
            return None
