"""The evidence of one check, gathered while it states what must hold."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import psycopg
import sqlalchemy as sa

from postmigration.checks.baseline import Before, explain
from postmigration.checks.declared_objects import is_declared, list_patterns
from postmigration.checks.repairs.definitions import name_triggers, restore_definitions
from postmigration.checks.repairs.policies import find_deviations, name_policies
from postmigration.checks.scripts.reading import read_all_text, read_scripts
from postmigration.diff.objects.expected import expect_objects
from postmigration.model.errors import Hindrance, NotApplicable, NotJudged
from postmigration.model.evidence import UNKNOWN, Evidence, Finding, Letters, Severity, Subject, Violation, show_value
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.model.sqltext import pasteable, quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import Objects, objects

# What a repair asks to be told: how many rows it touches.
_COUNTED = re.compile(r"\{(SELECT count\(\*\)[^{}]*)\}")


class Gatherer:
    """Gathers the evidence of one check: what it states, what was examined for it, and what was found.

    Args:
        snapshot: what the reading statements see.
        before: the state before the migration, as far as the user named it.
        migration: what is validated.
        options: how to judge.
    """

    def __init__(self, snapshot: Snapshot, before: Before, migration: Migration, options: Options) -> None:
        self.snapshot = snapshot
        self.before = before
        self.migration = migration
        self.options = options
        self.evidence = Evidence()
        self._statements = 0

    @property
    def baseline(self) -> Snapshot | None:
        """The database with the state before, if there is one."""
        return self.before.snapshot

    def state(self, examined: int = 0, facts: int = 0) -> None:
        """Counts a statement that is judged elsewhere, and what was looked at for it."""
        self._statements += 1
        self.evidence.examined += examined
        self.evidence.facts += facts

    def note(self, text: str) -> None:
        """Tells the reader of the report something that is no fault."""
        self._statements += 1
        self.evidence.notes.append(text)

    def note_inherited(self, words: str, number: int = 0) -> None:
        """Tells the reader of the report what was so before the migration too, and is not its fault.

        Args:
            words: what is so.
            number: of how many it was so before, where that may be another number than now.
        """
        self.note(f"inherited, {f'{number:,}' if number else 'so'} before the migration too: {words}")
        self.evidence.inherited.append(self.evidence.notes[-1])

    def report(self, findings: Sequence[Finding], *, rows: int = 0, facts: int = 0, **compared: int) -> None:
        """Takes what was found elsewhere.

        Args:
            findings: what is not as it must be; their severity decides.
            rows, facts: how many were examined.
            compared: how much was compared with the state before, by what it is (`tables=214`), for the verdict.
        """
        self.state(rows, facts)
        self.evidence.findings += findings
        for name, number in compared.items():
            self.evidence.compared[name] = self.evidence.compared.get(name, 0) + number

    def not_applicable(self, reason: str, *, not_held: str = "") -> NoReturn:
        """Ends a check of what neither side has.

        Args:
            reason: what that is.
            not_held: what a dump or a base backup does not tell of the state before, where that is why.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable(reason, not_held)

    def conclude(self, check: Collection[str] = ()) -> None:
        """The judgement of the check, from all that it stated.

        Args:
            check: what the check is called, for waivers.

        Raises:
            Violation: something does not hold.
            NotJudged: nothing was stated, or there was nothing to look at.
        """
        for waiver in self.options.accepted:
            if waiver.check in check:
                self.evidence.accept(waiver)
        if self.evidence.blockers:
            raise Violation(self.evidence)
        if not self._statements:
            raise NotJudged("it stated nothing")
        if self.evidence.unexamined:
            if not self.options.allow_empty:
                raise NotJudged(f"there are no rows to examine: {'; '.join(self.evidence.unexamined)}", Hindrance.EMPTY)
            self.evidence.notes.append("there was nothing to examine, which --allow-empty permits")

    def repair_by_definitions(self, *tables: str) -> None:
        """Says of all that was found how the definitions that decide it become what they were, or were to be.

        It stands with the first finding of each severity that has no repair: policies, privileges, triggers and
        functions as the state before and the scripts of the migration have them. What people see and may do is said
        with the policies that are gone, changed or made by nobody.

        Args:
            tables: those of which something was found; where none is named, those of the subjects of what was found,
                or all of the migration where a subject is not known.
        """
        bare = [place for place, finding in enumerate(self.evidence.findings) if not finding.repair]
        if not bare:
            return
        before = None if self.baseline is None else objects(self.baseline)
        if self.before.fingerprint is not None:
            before = self.before.fingerprint.objects
        schema = self.snapshot.database.schema
        made = read_scripts(tuple(self.migration.scripts), schema)
        every = [(schema, table) for table in tables or self.migration.tables]
        now = objects(self.snapshot)
        for severity, place in {self.evidence.findings[place].severity: place for place in reversed(bare)}.items():
            subjects = [one.subject for one in self.evidence.findings if one.severity == severity and not one.repair]
            known = None if tables else _find_tables(subjects, schema)
            repair = "" if known is None else restore_definitions(before, now, made, known, self.evidence.words)
            # What is to be said again of the objects themselves may be nothing: then what they read decides.
            repair = repair or restore_definitions(before, now, made, every, self.evidence.words)
            self.evidence.findings[place] = replace(self.evidence.findings[place], repair=repair)
        self.evidence.findings = [name_triggers(finding, before, now, made) for finding in self.evidence.findings]
        self._name_policies(before, now, every)

    def _name_policies(self, before: Objects | None, now: Objects, tables: Collection[tuple[str, str]]) -> None:
        """Says with what people see and may do which policies may be why."""
        patterns, schema = list_patterns(self.migration), self.snapshot.database.schema
        before = None if before is None else expect_objects(before, now, self.migration.changes)
        declared = {name for name in (*(before or {}), *now) if name.kind == "policy" and is_declared(name, patterns)}
        legacy = tuple(self.migration.legacy_scripts) if before is None else ()
        scripts = (*legacy, *self.migration.scripts)
        deviations = [
            *find_deviations(
                before,
                now,
                read_scripts(scripts, schema),
                declared,
                whole=read_all_text(scripts) if legacy else "",
            )
        ]
        self.evidence.findings = [name_policies(finding, tables, deviations) for finding in self.evidence.findings]

    def _add_repair(self, repair: str) -> None:
        """Says what brings right what was found last, where that does not say so itself."""
        if self.evidence.findings and not self.evidence.findings[-1].repair:
            self.evidence.findings[-1] = replace(self.evidence.findings[-1], repair=repair)

    @property
    def _parameters(self) -> dict[str, Any]:
        return {"cutover": self.options.cutover}

    def _scalar(self, sql: str, side: Snapshot | None = None) -> int:
        return (side or self.snapshot).count(sql, self.snapshot.application, **self._parameters)

    def _find(self, sql: str, side: Snapshot) -> tuple[int, list[dict[str, Any]]]:
        """How many rows a query finds, and the first few.

        They are found once: each of the first few brings their number with it.
        """
        found = side.rows(
            f"WITH wrong AS (SELECT * FROM ({sql}) AS found) SELECT wrong.*, (SELECT count(*) FROM wrong) AS wrong "
            f"FROM wrong ORDER BY 1 LIMIT {self.options.listed_rows}",
            side.application,
            **self._parameters,
        )
        # The number comes last, and a column may have its name.
        rows = [dict(zip(row._fields[:-1], row, strict=False)) for row in found]
        return (found[0][-1] if found else 0), rows

    def _pasteable(self, sql: str, parameters: Mapping[str, Any] | None = None, *, before: bool = False) -> str:
        """A query as the reader can run it: on the right database, in the right schema."""
        schema = self.snapshot.database.schema
        path = "" if schema == "public" else f"SET search_path TO {quoted(schema)}, extensions;\n"
        return (
            f"{'-- on the baseline' * before}{chr(10) * before}{path}{pasteable(sql, parameters or self._parameters)}"
        )

    def _place(self, repair: str) -> str:
        """A repair as somebody can run it: in the schema of the application, with the numbers that it asks for."""
        schema = self.snapshot.database.schema
        path = "" if schema == "public" or not repair else f"SET search_path TO {quoted(schema)}, extensions;\n"
        told = _COUNTED.sub(lambda counted: self._count(counted[1]), inspect.cleandoc(repair))
        return f"{path}{pasteable(told, self._parameters) if ':cutover' in told else told}"

    def _count(self, sql: str) -> str:
        """A number that a repair tells. What was found stays found where it cannot be counted."""
        try:
            return f"{self._scalar(sql):,}"
        except (sa.exc.DBAPIError, NotJudged):
            return "not counted"

    def _look(self, examined: int, statement: str, optional: bool) -> None:
        self.evidence.examined += examined
        if not examined and not optional:
            self.evidence.unexamined.append(statement)

    def _mask(self, value: object, name: str, plain: Collection[str], letters: Letters) -> str:
        return show_value(value, plain=self.options.show_values or name in plain, letters=letters)

    def _show(self, rows: Iterable[Mapping[str, Any]], plain: Collection[str]) -> tuple[tuple[str, ...], ...]:
        letters = Letters()
        return tuple(tuple(self._mask(value, name, plain, letters) for name, value in row.items()) for row in rows)

    @contextmanager
    def _statement(self, statement: str, severity: Severity = "blocker") -> Iterator[None]:
        """Turns what the server refuses into a finding: a database that lacks a column is judged, not an error."""
        self._statements += 1
        try:
            yield
        except sa.exc.DBAPIError as error:
            try:
                cause = explain(error, self.snapshot, self.migration.tables)
            except NotJudged as unknown:
                raise NotJudged(f"{unknown} (it was looking for {statement})", unknown.by) from None
            subject = _find_table(error)
            code = "refused" if subject.table else ""
            finding = Finding(f"{statement}: {cause}", 1, 1, severity=severity, code=code, subject=subject)
            if finding not in self.evidence.findings:
                self.evidence.findings.append(finding)


def _find_tables(subjects: Iterable[Subject], schema: str) -> list[tuple[str, str]] | None:
    """The tables on which some objects stand, views and functions on none; nothing where what decides is not known."""
    found: dict[tuple[str, str], None] = {}
    for subject in subjects:
        # What people do concerns several tables.
        if subject.kind == "operation" or not (subject.table or subject.kind in ("view", "function")):
            return None
        if subject.table:
            found[subject.schema or schema, subject.table] = None
    return list(found)


def _find_table(error: sa.exc.DBAPIError) -> Subject:
    """The table whose constraint a statement would have violated, as the server names it."""
    said = error.orig.diag if isinstance(error.orig, psycopg.errors.IntegrityError) else None
    return UNKNOWN if said is None else Subject.of_table(said.schema_name or "", said.table_name or "")
