"""Whether every table holds the rows that it held before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.contents.tables import Name, Relation, explain_few, read_tables
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_flows import Used
from postmigration.checks.rows.declared_use import DeclaredUse
from postmigration.checks.rows.new_ids import list_renewed, read_by_identity, read_links
from postmigration.checks.rows.pair_repairs import bring_back_column, repair_pair
from postmigration.checks.rows.pairs import Pair, pair_tables
from postmigration.checks.rows.plan import Plan, plan
from postmigration.diff.findings import find_code, of_keys, of_rows
from postmigration.diff.hashing import new_secret
from postmigration.diff.live.recheck import compare_live, describe_flight
from postmigration.diff.row_diff import Comparison, Sides, method
from postmigration.diff.side_by_side import SideBySide
from postmigration.model.changes import describe_change
from postmigration.model.comparison import Recheck
from postmigration.model.evidence import IMPERSONAL_TYPES, Letters, Reference, Subject, show_value
from postmigration.model.migration import Migration
from postmigration.model.sqltext import copy_objects, quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

# Larger tables are divided at once when they are read, so that they are not read twice when they differ.
_SMALL_TABLE = 1_000
_WITH_ROWS = "the DBA: the table with its rows, as the baseline has them"
_BAD_VALUE = "22"
# Of so many tables that differ all rows are kept for the files beside the report; of more only the first few.
_SHOWN_WHOLE, _KEPT_OF_MANY = 20, 5

Sums = dict[int, tuple[int, int] | Refusal]


class RowExamination:
    """Compares the rows of two databases.

    Args:
        before, after: the snapshots.
        schemas: whose tables are compared.
        keep: how many differences of a table to show.
        show_values: values that may describe a person are shown.
        logged: only logged tables of before hold what they held: it is a base backup.
        migration: what it declares of the tables.
        recheck: how rows that differ are read again; None for not at all.
    """

    def __init__(
        self,
        before: Snapshot,
        after: Snapshot,
        schemas: Sequence[str],
        *,
        keep: int = 5,
        show_values: bool = False,
        logged: bool = False,
        migration: Migration | None = None,
        recheck: Recheck | None = None,
    ) -> None:
        self._recheck = recheck
        self._find_codes = Migration("").find_codes if migration is None else migration.find_codes
        self._logged = logged
        self.before, self.after = before, after
        self.keep, self.show_values = keep, show_values
        self.found = Examination()
        self.zone = str(after.scalar("SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'"))
        self.relations = read_tables(before, schemas), read_tables(after, schemas)
        self.declared = Declared(() if migration is None else migration.changes)
        if self.declared.new_ids:
            renewed = list_renewed(self.declared.changes)
            was = read_by_identity(self.relations[0], read_links(before, schemas), renewed, renewed)
            now = read_by_identity(self.relations[1], read_links(after, schemas), self.declared.new_ids, renewed)
            self.relations = was, now
        self.plan = plan(*self.relations, self.zone, self.declared)
        # What came of the tables of which changes are declared, by their names.
        self.compared: dict[Name, Comparison] = {}
        self.used = Used()

    def compare(self) -> Examination:
        """Compares everything."""
        found, tables = self.found, self.plan
        if not any(self.relations):
            found.inapplicable = "there is no table on either side"
            return found
        ledgers = [relation.title for relation in tables.ledgers]
        found.tell("rows not compared, what a migration tool has done stands there", ledgers)
        if tables.lost and not any(relation.is_table for relation in self.relations[1].values()):
            self._tell_all_lost(tables)
            return found
        self._compare_pairs(tables.pairs)
        with found.keep_going("tables that are lost"):
            self._count_lost([(relation, relation.title) for relation in tables.lost])
        for was, now in tables.apart:
            found.find(f"{now.title}: none of its columns is one that it had: its rows cannot be those of before")
            found.notes.append(f"{was.title} was compared in no column")
        with found.keep_going("columns that are lost"):
            self._count_lost_columns(tables.pairs)
        with found.keep_going("rows in tables that inherit"):
            self._count_moved_to_children(tables.pairs)
        if self.declared.changes:
            sides = self.before, self.after
            of_before, compared = self.relations[0], self.compared
            with found.keep_going("declared changes"):
                DeclaredUse(found, *sides, of_before, tables, self.declared, compared, self.used, self.zone).judge()
        found.tell("new, and compared with nothing", [relation.title for relation in tables.new])
        found.tell("rows not compared", tables.other)
        found.notes += [side.alone for side in (self.before, self.after) if side.alone]
        return found

    def _tell_all_lost(self, tables: Plan) -> None:
        rows = self._counts(self.before, tables.lost)
        total = sum(number for number in rows.values() if isinstance(number, int))
        names = [relation.title for relation in tables.lost]
        self.found.rows += total
        all_of = f"all {len(names):,} tables are lost" if len(names) != 1 else "the only table is lost"
        words = f"{all_of}, with {count(total, 'row')}: {list_names(names)}"
        self.found.find(words, wrong=max(1, total), code="table_lost", subject=Subject("table"))

    def _counts(self, side: Snapshot, relations: Sequence[Relation]) -> dict[str, int | Refusal]:
        questions = [
            Question(relation.title, f"SELECT count(*) AS rows FROM {relation.sql}", relation.pages)
            for relation in relations
        ]
        return {
            name: answer if isinstance(answer, Refusal) else int(answer.rows) for name, answer in ask(side, questions)
        }

    def _count_lost(self, lost: Sequence[tuple[Relation, str]]) -> None:
        rows = self._counts(self.before, [relation for relation, _ in lost])
        empty = []
        for relation, name in lost:
            number = rows[name]
            if isinstance(number, Refusal):
                self.found.unjudged.append(f"{name}: {number.reason}")
            elif number:
                self.found.rows += number
                like = [r.title for r in self.plan.new if r.columns.keys() == relation.columns.keys()]
                hint = f" (the new table {like[0]} has the same columns)" if like else ""
                words = f"{name}: the table is lost, with {count(number, 'row')}{hint}"
                subject = Subject.of_table(*relation.key)
                repair = copy_objects("table", relation.sql, _WITH_ROWS) if relation.is_table else ""
                self.found.find(words, wrong=number, repair=repair, code="table_lost", subject=subject)
            else:
                empty.append(name)
        self.found.tell("lost, and was empty", empty)

    def _compare_pairs(self, pairs: Sequence[Pair]) -> None:
        readable = []
        unlogged = [pair for pair in pairs if self._logged and pair.was.persistence == "u"]
        words = "rows not compared, what is not logged is in no base backup"
        self.found.tell(words, [pair.title for pair in unlogged])
        for pair in pairs:
            if pair in unlogged:
                continue
            hindrances = [side.hindrance for side in (pair.was, pair.now) if side.hindrance]
            if hindrances:
                self.found.unjudged.append(f"{pair.title}: {hindrances[0]}")
            else:
                readable.append(pair)
        small = [pair for pair in readable if pair.pages <= _SMALL_TABLE or not pair.columns]
        differing = [pair for pair in readable if pair.pages > _SMALL_TABLE and pair.columns]
        how, secret = method(self.before, self.after), new_secret()

        def read(snapshot: Snapshot, side: int) -> Sums:
            questions = []
            for i, pair in enumerate(small):
                rows, hashing = pair.row_set(side), pair.hashing(how, secret)
                total = f"coalesce(sum({hashing.row(rows.columns)}), 0)" if rows.columns else "0"
                sql = f"SELECT count(*) AS rows, {total} AS total FROM ({rows.sql}) q"
                questions.append(Question(i, sql, pair.pages))
            return {
                i: answer if isinstance(answer, Refusal) else (int(answer.rows), int(answer.total))
                for i, answer in ask(snapshot, questions)
            }

        if small:
            with SideBySide(self.before, self.after) as threads:
                sums = threads.each(read, (self.before, self.after), (0, 1))
            empty = []
            for i, pair in enumerate(small):
                was, now = sums[0][i], sums[1][i]
                if isinstance(was, Refusal) or isinstance(now, Refusal):
                    self._retry(pair, next(side for side in (was, now) if isinstance(side, Refusal)))
                elif was != now and not pair.columns:
                    words = f"{pair.title}: it has no column, and {count(now[0], 'row')} instead of {was[0]:,}"
                    subject = Subject.of_table(*pair.now.key)
                    self.found.find(words, wrong=abs(now[0] - was[0]), code="different_rows", subject=subject)
                elif was != now:
                    differing.append(pair)
                else:
                    self._take_equal(pair, was[0])
                    if not was[0]:
                        empty.append(pair.title)
            self.found.tell("empty on both sides", empty)
        if len(differing) > _SHOWN_WHOLE:
            self.keep = min(self.keep, _KEPT_OF_MANY)
        for pair in differing:
            with self.found.keep_going(pair.title):
                self._look_into(pair)

    def _take_equal(self, pair: Pair, rows: int) -> None:
        self.found.tables += 1
        self.found.rows += rows
        self.used.tables.setdefault(pair.now.key, rows)
        if pair.retyped and rows:
            changes = list_names([pair.describe_retyped(name) for name in pair.retyped])
            self.found.notes.append(f"{pair.title}: retyped, same values: {changes}")
        if pair.changes is not None:
            return
        if pair.was.keys and frozenset(pair.was.keys[0]) not in map(frozenset, pair.now.keys):
            by = f"by {', '.join(pair.key)}" if pair.key else "in all columns, no key being left"
            key = ", ".join(pair.was.keys[0])
            self.found.notes.append(f"{pair.title}: its key was ({key}) and is another one: compared {by}")

    def _retry(self, pair: Pair, refusal: Refusal) -> None:
        """Compares a table whose values of before the type of now cannot hold as text; others are not judged."""
        plain = None
        if pair.changes is None and pair.retyped and refusal.state.startswith(_BAD_VALUE):
            plain = pair_tables(pair.was, pair.now, only=pair.only, zone=self.zone, pages=pair.pages, plain=True)
        if plain is None:
            self.found.unjudged.append(f"{pair.title}: {refusal.reason}")
        else:
            self._look_into(plain)

    def _look_into(self, pair: Pair) -> None:
        sides = None
        try:
            sides = Sides(self.before, self.after, pair.row_set(0), pair.row_set(1))
            found = compare_live(sides, self._recheck, keep=self.keep)
        except sa.exc.DBAPIError as error:
            state = str(getattr(error.orig, "sqlstate", ""))
            self._retry(pair, Refusal(describe_refusal(error), state)) if sides else self.found.unjudged.append(
                f"{pair.title}: {describe_refusal(error)}"
            )
            return
        if words := describe_flight(found):
            self.found.notes.append(f"{pair.title}: {words}")
        self.compared[pair.now.key] = found
        self.used.take(pair.now.key, found)
        if not found.wrong:
            self._take_equal(pair, found.have_rows)
            return
        self.found.tables += 1
        self.found.rows += max(found.want_rows, found.have_rows)
        roots = [{n for n, root in types.items() if root in IMPERSONAL_TYPES} for types in pair.sides_roots]
        plain = sides.impersonal | (roots[0] & roots[1]) | self._find_codes(*pair.now.key)
        key = len(pair.key) or len(pair.columns)

        letters = Letters()

        def mask(text: str | None, name: str) -> str:
            return show_value(text, plain=self.show_values or name in plain, letters=letters)

        query = of_keys(pair.sql[0], pair.sql[1], pair.columns, key, found.differences, plain)
        examined = max(found.want_rows, found.have_rows)
        statement = describe(pair, found, self.zone)
        subject = Subject.of_table(
            *pair.now.key,
            rows=Reference(pair.columns[:key], *pair.now.key, pair.columns[:key]),
            traits=("as_before", "sentence"),
            remarks=tuple(list_remarks(pair, found, self.zone)),
        )
        unique = {name for name, *others in pair.was.keys if not others}
        code = find_code(found.differences, pair.columns, key, unique, plain)
        finding = of_rows(found, pair.columns, key, examined, statement, mask, query, subject=subject, known_by=code)
        shown = plain.issuperset(pair.key)
        self.found.findings.append(replace(finding, repair=repair_pair(pair, found, shown=shown, zone=self.zone)))

    def _count_moved_to_children(self, pairs: Sequence[Pair]) -> None:
        """Finds rows that lie in tables that inherit from theirs: its keys and constraints do not count there."""
        apart = [
            pair
            for pair in pairs
            if not (pair.only or pair.is_new or (pair.changes is not None and pair.changes.shrinks))
            and pair.was.kind == pair.now.kind == "r"
            and not (pair.was.hindrance or pair.now.hindrance)
        ]
        was = self._count_alone(self.before, [(pair.title, pair.was) for pair in apart])
        now = self._count_alone(self.after, [(pair.title, pair.now) for pair in apart])
        for pair in apart:
            held, holds = was.get(pair.title), now.get(pair.title)
            if held is not None and holds is not None and holds < held:
                self.found.find(
                    f"{pair.title}: it holds {count(holds, 'row')} itself, and held {held:,}: others lie in tables "
                    "that inherit from it, where its keys do not count",
                    wrong=held - holds,
                    examined=held,
                )

    def _count_alone(self, side: Snapshot, tables: Sequence[tuple[str, Relation]]) -> dict[str, int]:
        """How many rows lie in tables themselves; those that cannot be read are left out, and told elsewhere."""
        questions = [Question(name, f"SELECT count(*) AS rows FROM ONLY {r.sql}", r.pages) for name, r in tables]
        return {name: int(answer.rows) for name, answer in ask(side, questions) if not isinstance(answer, Refusal)}

    def _count_lost_columns(self, pairs: Sequence[Pair]) -> None:
        questions, new = [], []
        for pair in pairs:
            if pair.is_new:
                continue
            changes = self.declared.of(pair.now.key)
            lost = [
                name
                for name in pair.was.columns
                if name not in pair.now.columns and name not in changes.gone and name not in changes.columns.values()
            ]
            new += [
                f"{pair.title}.{name}"
                for name in pair.now.columns
                if name not in pair.was.columns and name not in changes.new and name not in changes.columns
            ]
            if lost and not pair.was.hindrance:
                counts = ", ".join(f"count({quoted(name)})" for name in lost)
                sql = f"SELECT ARRAY[{counts}] AS held FROM {'ONLY ' * pair.only}{pair.was.sql}"
                questions.append(Question((pair, lost), sql, pair.pages))
        for (pair, lost), answer in ask(self.before, questions):
            if isinstance(answer, Refusal):
                self.found.unjudged.append(f"{pair.title}: {answer.reason}")
                continue
            for name, held in zip(lost, answer.held, strict=True):
                self.found.facts += 1
                if held:
                    column = f"{pair.title}.{name}"
                    words = f"{column}: the column is lost, with {count(held, 'value')}{_like(pair, name)}"
                    subject, repair = _name_column(pair, name), bring_back_column(pair, name)
                    self.found.find(words, wrong=held, repair=repair, code="column_lost", subject=subject)
                else:
                    self.found.notes.append(f"{pair.title}.{name} is lost, and held no value")
        self.found.tell("new columns", new)


def _name_column(pair: Pair, column: str) -> Subject:
    schema, table = pair.now.key
    return Subject("column", schema, column, table)


def _like(pair: Pair, lost: str) -> str:
    """A column that came, of the same type: perhaps another name of the one that is lost."""
    type_ = pair.was.columns[lost].type
    like = [n for n, column in pair.now.columns.items() if n not in pair.was.columns and column.type == type_]
    return f" (the new column {like[0]} is of the same type)" if like else ""


def describe(pair: Pair, found: Comparison, zone: str) -> str:
    """What the rows of a table differ in, in words."""
    if found.want_rows and not found.have_rows:
        words = [f"it is empty, and held {count(found.want_rows, 'row')}"]
    else:
        missing, extra, changed = (found.counts[kind] for kind in ("missing", "extra", "changed"))
        words = []
        if missing:
            words.append(f"{count(missing, 'row')} of {found.want_rows:,} {agree(missing, 'is', 'are')} missing")
        if extra:
            words.append(f"{count(extra, 'row')} {agree(extra, 'was', 'were')} not there before")
        if changed:
            words.append(f"{count(changed, 'row')} {agree(changed, 'differs', 'differ')}{_columns(pair, found)}")
    return f"{pair.title}: {'; '.join([*words, *list_remarks(pair, found, zone)])}"


def list_remarks(pair: Pair, found: Comparison, zone: str) -> list[str]:
    """What is known of a table that may explain why its rows differ."""
    words = [found.unread] if found.unread else []
    if found.have_rows > found.want_rows and found.want_rows and found.have_rows % found.want_rows == 0:
        times = found.have_rows // found.want_rows
        words.append(f"it has {times:,} times as many rows as before")
    if found.have_rows < found.want_rows:
        words += explain_few(found.have_rows, pair.was, pair.now)
    if not pair.key:
        words.append("compared in all columns, since nothing identifies a row")
    differing = _names(pair, found)
    if pair.changes is not None:
        # Of the columns that have another name, those say something that differ.
        renames = [change for name, change in pair.changes.renames.items() if name in differing]
        if listed := [describe_change(change) for change in (*pair.changes.listed, *renames)]:
            words.append(f"declared: {list_names(listed, most=5)}")
    for name in pair.retyped:
        if name in differing:
            timed = "timestamp" in pair.was.columns[name].root + pair.now.columns[name].root
            words.append(pair.describe_retyped(name) + (f" (compared in the time zone {zone})" if timed else ""))
    return words


def _names(pair: Pair, found: Comparison) -> list[str]:
    """The columns in which the rows that are shown differ; all of them where rows are missing and come."""
    named = {i for difference in found.differences for i in difference.columns()}
    if not named and found.counts["missing"] and found.counts["extra"]:
        return list(pair.columns)
    return [pair.columns[i] for i in sorted(named)]


def _columns(pair: Pair, found: Comparison) -> str:
    names = _names(pair, found)
    return f" in {list_names(names, most=5)}" if names else ""
