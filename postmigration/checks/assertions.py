"""What a check sees: the database to judge, and the ways to state what must hold in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from postmigration.access.principals import Population
from postmigration.checks.baseline import Before
from postmigration.checks.recording import Gatherer
from postmigration.checks.repairs.as_before import repair_as_before, repair_lost
from postmigration.diff.expected_rows import expectation
from postmigration.diff.findings import find_code, of_buckets, of_keys, of_rows
from postmigration.diff.fingerprint import MUST_BE, diff_fingerprint
from postmigration.diff.live.recheck import compare_live, describe_flight
from postmigration.diff.origins import find_subject
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import DifferenceKind
from postmigration.model.comparison import RowComparison
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.evidence import UNKNOWN, Finding, Letters, Reference, Severity, Subject, find_object
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.model.sqltext import quoted, write_literals
from postmigration.model.waivers import Waiver
from postmigration.postgres import catalog, latency
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.identity import Server


class Target(Gatherer):
    """The database under judgement, as one check sees it, and what it can state.

    Statements do not raise when they do not hold: all of them are tried, so that the reader sees all that is wrong.

    Args:
        snapshot: what the reading statements see.
        writer: where the writing ones work, in transactions that are rolled back.
        server: which database it is.
        before: the state before the migration, as far as the user named it.
        population: finds the people as whom it is tried.
        migration: what is validated.
        options: how to judge.
        schemas: those that are compared.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        writer: Database,
        server: Server,
        before: Before,
        population: Callable[[], Population],
        migration: Migration,
        options: Options,
        schemas: Sequence[str] = (),
    ) -> None:
        super().__init__(snapshot, before, migration, options)
        self._population = population
        self.server = server
        self.schemas = schemas
        self._writer = writer

    def expect_none(
        self,
        sql: str,
        *,
        statement: str,
        examined: str | int,
        plain: Collection[str] = (),
        optional: bool = False,
        severity: Severity = "blocker",
        before: bool = False,
        repair: str = "",
    ) -> None:
        """States that a query finds no row.

        Args:
            sql: a query for the wrong rows, the identifying column first; `:cutover` is the time of the cut-over.
            statement: what such a row is, as a plural: `orders whose invoice is missing`.
            examined: how many rows were looked at, or a query that counts them.
            plain: columns whose text says nothing of a person and is shown unmasked.
            optional: there may be nothing to look at; otherwise the check is then "not judged".
            severity: what a row that is found means.
            before: the query is about the state before the migration.
            repair: SQL that brings such rows right, as the application would say it; its comments say who runs it, and
                what it risks. What somebody must decide for is a comment that begins with `-- once decided: `, and
                `{SELECT count(*) …}` becomes the number, of the rows that it touches.
        """
        side = self.before.rows() if before else self.snapshot
        with self._statement(statement, severity):
            wrong, rows = self._find(sql, side)
            count = examined if isinstance(examined, int) else self._scalar(examined, side)
            self._look(count, statement, optional)
            if wrong:
                subject = find_subject(side, sql, **self._parameters)
                self.evidence.findings.append(
                    Finding(
                        statement,
                        wrong,
                        count,
                        tuple(rows[0]),
                        self._show(rows, plain),
                        self._pasteable(sql, before=before),
                        severity,
                        before="" if before else self.before.describe_count(sql, **self._parameters),
                        code="wrong_rows",
                        subject=subject,
                        repair=self._place(repair),
                    )
                )

    @property
    def population(self) -> Population:
        """The people as whom it is tried.

        Raises:
            NotJudged: nobody can be tried here.
        """
        return self._population()

    def table(self, name: str) -> catalog.Table:
        """What the catalogs say of a table; one that does not exist has no columns."""
        return catalog.table(self.snapshot, name)

    def value(self, sql: str) -> Any:
        """The one value that a query gives, for a check that goes on from it; None when the server refuses it."""
        with self._statement("the check cannot be made"):
            return self.snapshot.scalar(sql, self.snapshot.application, **self._parameters)
        return None

    def expect_same(
        self,
        rows: RowComparison,
        *,
        statement: str,
        ignore: Collection[DifferenceKind] = (),
        plain: Collection[str] = (),
        optional: bool = False,
        repair: str | Callable[[Comparison, Collection[str]], str] = "",
    ) -> int:
        """States that a query on the baseline and a query on the target give the same rows.

        Args:
            rows: the queries, and how what they give is compared.
            statement: what a row that differs is, as a plural.
            ignore: kinds of difference (`missing`, `extra`, `changed`) that are no fault.
            plain: columns whose text says nothing of a person and is shown unmasked.
            optional: there may be nothing to look at.
            repair: see `expect_none`; or what writes it, of what differs and the columns that say nothing of a person.

        Returns:
            How many rows the query on the baseline gives.
        """
        write = (lambda *_: self._place(repair)) if isinstance(repair, str) else repair
        return self._compare(rows, statement, ignore=ignore, plain=plain, optional=optional, repair=write)

    def _compare(
        self,
        rows: RowComparison,
        statement: str,
        *,
        ignore: Collection[DifferenceKind] = (),
        plain: Collection[str] = (),
        optional: bool = True,
        accepted: Sequence[Waiver] = (),
        table: str = "",
        codes: Collection[str] = (),
        application: bool = True,
        repair: Callable[[Comparison, Collection[str]], str] | None = None,
    ) -> int:
        """Compares as `expect_same` does.

        Args:
            repair: writes what brings the rows back, of what differs and the columns that say nothing of a person.
            accepted: waivers of which both have a column that is true for rows whose differences are accepted.
            table: whose rows these are, all of them, for the picture of the report; empty for none.
            codes: columns each of which alone identifies a row.
            application: names without a schema in the queries are looked up as the application does.
        """
        parameters = dict(self._parameters)
        before = self.before.rows()
        with self._statement(statement):
            if rows.newest:
                path = before.application if application else None
                parameters["newest"] = before.scalar(rows.newest, path, **parameters)
            names = [waiver.name for waiver in accepted]
            sides = Sides.of(before, self.snapshot, rows, accepted=names, application=application, **parameters)
            found = compare_live(sides, self.options.recheck, keep=self.options.listed_rows, ignore=ignore)
            self._note_alone(before)
            count = self._scalar(rows.examined) if rows.examined else found.want_rows or found.have_rows
            self._look(count, statement, optional)
            if words := describe_flight(found):
                self.note(f"{words}: {statement}")
            if since := found.marked.get("since"):
                self.note(f"{since:,} rows created or changed since the cut-over: {statement}")
            for waiver in accepted:
                if excused := found.marked.get(waiver.name):
                    self.evidence.findings.append(
                        Finding(f"{statement}: {waiver.words}", excused, count, severity="waived", waiver=waiver.name)
                    )
            if table:
                self.evidence.show_rows(table, found.want_rows, found.counts)
            if found.wrong:
                safe = {*plain, *sides.impersonal, *self.migration.find_codes(self.snapshot.database.schema, table)}
                few = found.differences[: self.options.evidence_rows]
                key, schema = tuple(rows.columns[: rows.key]), self.snapshot.database.schema
                there = f"{quoted(schema)}.{quoted(table)}" if table else ""
                query = of_keys(rows.want, rows.have, rows.columns, rows.key, few, safe, table=there)
                subject = find_subject(self.snapshot, rows.have, **parameters)
                if table:
                    subject = Subject.of_table(
                        schema, table, rows=Reference(key, schema, table, key), traits=("as_before",)
                    )
                mask = partial(self._mask, plain=safe, letters=Letters())
                finding = of_rows(
                    found,
                    rows.columns,
                    rows.key,
                    count,
                    f"{statement} ({found.unread})" if found.unread else statement,
                    mask,
                    self._pasteable(query, parameters),
                    subject=subject,
                    known_by=find_code(found.differences, rows.columns, rows.key, codes, safe),
                )
                # The rows of a query are those of no table.
                code = finding.code if table or finding.code not in ("missing_rows", "extra_rows") else "wrong_rows"
                mended = finding.repair if repair is None else repair(found, safe)
                self.evidence.findings.append(replace(finding, code=code, repair=mended))
            return found.want_rows
        return 0

    def _note_alone(self, *others: Snapshot) -> None:
        """Notes why one connection alone read the tables of a side, although more were wanted."""
        for side in (*others, self.snapshot):
            if side.alone:
                self.note(side.alone)

    def expect_as_before(self, before: catalog.Table) -> None:
        """States that a table holds what it held before, in every row and column, but for the intended changes.

        Args:
            before: one of `Before.tables`.
        """
        statement = f"rows of {before.name} that are not what they were, or should have become"
        waivers = [waiver for waiver in self.options.accepted if waiver.table == before.name]
        accepted = {waiver.name: waiver.condition for waiver in waivers}
        expected = expectation(self.migration, before, self.snapshot.database.schema, accepted)
        fingerprint = self.before.fingerprint
        if fingerprint is None:
            self._compare(
                expected.comparison,
                statement,
                accepted=waivers,
                table=before.name,
                codes=before.unique,
                application=expected.application,
                repair=partial(repair_as_before, self.snapshot, before, expected),
            )
            now = catalog.table(self.snapshot, before.name, expressions=False)
            if lost := repair_lost(self.snapshot.database.schema, before, now):
                self._add_repair(lost)
            return
        with self._statement(statement):
            table = fingerprint.tables[before.name]
            found = diff_fingerprint(
                self.snapshot,
                fingerprint,
                table,
                MUST_BE,
                expected,
                self.options.cutover,
                keep=self.options.evidence_rows,
            )
            self._note_alone()
            self._look(found.want_rows or found.have_rows, statement, optional=True)
            self.note(f"{found.buckets:,} buckets of {found.want_rows:,} rows compared with the fingerprint")
            if found.unjudged:
                self.note(
                    f"{found.unjudged:,} buckets not judged: {found.since:,} rows were changed since the cut-over"
                )
            self.evidence.show_rows(before.name, found.want_rows, found.kinds)
            if found.different:
                query = self._pasteable(found.sql, {**self._parameters, "newest": table.newest})
                mask = partial(self._mask, plain=found.plain, letters=Letters())
                subject = Subject.of_table(self.snapshot.database.schema, before.name)
                self.evidence.findings.append(of_buckets(found, table.key, statement, mask, query, subject))
            elif found.unjudged and not found.buckets:
                raise NotJudged("rows of every bucket of the fingerprint were changed since the cut-over")

    def expect_no_problems(
        self,
        problems: Sequence[str],
        *,
        facts: int,
        code: str = "",
        subject: Subject = UNKNOWN,
        severity: Severity = "blocker",
    ) -> None:
        """States that there is nothing to complain of among facts of the schema.

        Args:
            problems: what is wrong, in words.
            facts: how many facts were looked at.
            code: a short name for problems of this kind.
            subject: the object that they are about.
            severity: what each of them means.
        """
        self._statements += 1
        self.evidence.facts += facts
        self.evidence.findings += [
            Finding(
                str(problem),
                1,
                facts,
                severity=severity,
                repair=self._place(getattr(problem, "repair", "")),
                code=getattr(problem, "code", "") or code,
                subject=find_object(problem, self.snapshot.database.schema) or subject,
            )
            for problem in problems
        ]

    def expect_columns(self, query: str, want: Mapping[str, str]) -> None:
        """States that a query returns columns of these names and types, and perhaps others.

        Args:
            query: the query.
            want: the type of each column as format_type() writes it without a length; `enum` for any enumeration.
        """
        with self._statement("the query does not work"):
            have = self.snapshot.types(query, self.snapshot.application)
            problems = [
                f"{name} is {have.get(name, 'not there')}, want {type_}"
                for name, type_ in want.items()
                if have.get(name) != type_
            ]
            self.evidence.findings += [Finding(problem, 1, len(want), query=query) for problem in problems]

    def expect(self, holds: bool, statement: str, *, code: str = "", subject: Subject = UNKNOWN) -> None:
        """States one fact.

        Args:
            holds: whether it is so.
            statement: what is wrong when it is not.
            code: a short name for what is wrong.
            subject: the object that it is about.
        """
        self.expect_no_problems([] if holds else [statement], facts=1, code=code, subject=subject)

    def expect_fast(
        self, query: sa.Select[*tuple[Any, ...]], *, budget: float, plan: int, index_only: bool = False
    ) -> None:
        """States that the server answers a query within a budget, without the network.

        The median of five warm runs counts, or, where it is over the budget, the quickest of fifteen.

        Args:
            query: the query as the application issues it.
            budget: milliseconds of execution; the option --budget replaces it.
            plan: the number of the plan check.
            index_only: no large table may be read whole for it.
        """
        budget = self.options.budgets.get(plan, budget)
        sql = write_literals(query)
        with self._statement(f"the query takes more than its {budget:g} ms"):
            taken, findings = latency.judge(self.snapshot, sql, budget=budget, index_only=index_only, settings={})
            self.note(f"{taken.how} {taken.milliseconds:.1f} ms, budget {budget:g} ms")
            self.evidence.show_time(f"check {plan}", "whoever judges", taken.milliseconds, budget)
            self.evidence.findings += findings

    @contextmanager
    def writing(self, *, milliseconds: int = 10_000) -> Iterator[sa.Connection]:
        """A connection in a transaction of its own that is rolled back whatever happens.

        What the server refuses becomes a finding of the check.

        Args:
            milliseconds: how long one statement may take, or a thirtieth of --statement-timeout where that is more.

        Raises:
            NotJudged: nothing may be written here.
        """
        milliseconds = max(milliseconds, self._writer.limits.statement_timeout // 30)
        if self.options.read_only:
            raise NotJudged("it writes (and rolls back), and --read-only leaves that out", Hindrance.READ_ONLY)
        if self.server.in_recovery:
            raise NotJudged("it writes, and this server is a standby: run it on the primary", Hindrance.STANDBY)
        with (
            self._statement("the database refuses what the application does"),
            self._writer.begin_rollback_only(statement_timeout=str(milliseconds), lock_timeout="2000") as connection,
        ):
            yield connection
