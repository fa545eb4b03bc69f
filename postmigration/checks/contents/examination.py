"""What a part of a check found, whoever asked for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.evidence import UNKNOWN, Finding, Overview, Severity, Subject

if TYPE_CHECKING:
    from postmigration.checks.assertions import Target

# How many findings of one kind are told one by one, and how many names a line lists.
_ONE_BY_ONE = 20
_LISTED = 20


@dataclass
class Examination:
    """What was looked at, and what came of it.

    Args:
        findings: what is not as it must be.
        rows, facts: how many were examined.
        tables, schemas: how many were compared with the state before.
        notes: what the reader should know and is no fault.
        overviews: tables for the reader.
        unjudged: what is there and could not be examined, and why.
        by: what kept the first of it from being examined, where that is known.
        inapplicable: what neither side has, where that is so.
    """

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    facts: int = 0
    tables: int = 0
    schemas: int = 0
    notes: list[str] = field(default_factory=list)
    overviews: list[Overview] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    by: Hindrance | None = None
    inapplicable: str = ""

    @contextmanager
    def keep_going(self, title: str) -> Iterator[None]:
        """Keeps what was found before when the rest cannot be examined: a lost connection makes nothing right.

        Args:
            title: what is being examined.
        """
        try:
            yield
        except NotJudged as error:
            self.unjudged.append(f"{title}: {error}")
            self.by = self.by or error.by

    def find(
        self,
        statement: str,
        *,
        wrong: int = 1,
        examined: int = 0,
        severity: Severity = "blocker",
        query: str = "",
        repair: str = "",
        code: str = "",
        subject: Subject = UNKNOWN,
    ) -> None:
        """Adds a finding without rows."""
        examined = max(examined, wrong)
        self.findings.append(
            Finding(
                statement, wrong, examined, query=query, severity=severity, repair=repair, code=code, subject=subject
            )
        )

    def add(
        self, statement: str, *, blocker: bool, repair: str = "", code: str = "", subject: Subject = UNKNOWN
    ) -> None:
        """Adds a finding of one fact, with the SQL that brings it right."""
        severity: Severity = "blocker" if blocker else "warning"
        facts = max(1, self.facts)
        self.findings.append(Finding(statement, 1, facts, severity=severity, repair=repair, code=code, subject=subject))

    def tell(self, words: str, names: Sequence[str]) -> None:
        """Adds one note about some objects, if there are any.

        Args:
            words: what they are, to go before their names.
            names: what they are called.
        """
        if names:
            self.notes.append(f"{words}: {list_names(names)}")

    def pass_to(self, target: Target) -> None:
        """Passes everything to a check.

        Raises:
            NotApplicable: neither side has such a thing.
            NotJudged: something could not be examined, and nothing else fails the check.
        """
        if self.inapplicable and not self.findings and not self.unjudged:
            target.not_applicable(self.inapplicable)
        compared = {"tables": self.tables, "schemas": self.schemas} if self.tables else {}
        target.report(fold(self.findings), rows=self.rows, facts=self.facts, **compared)
        for note in self.notes:
            target.note(note)
        target.evidence.overviews += self.overviews
        if self.unjudged:
            words = f"{count(len(self.unjudged), 'object')} could not be examined: {list_names(self.unjudged, '; ')}"
            if not target.evidence.blockers:
                raise NotJudged(words, self.by)
            target.evidence.unjudged.append(words)
            target.note(f"not judged: {words}")


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Makes one finding of many that differ in what they name only.

    Those that say the same after the first colon, and are as grave, are of one kind.
    """
    kinds: dict[tuple[str, Severity], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[kind_of(finding.statement), finding.severity].append(finding)
    folded = []
    for (kind, _), alike in kinds.items():
        if len(alike) <= _ONE_BY_ONE:
            folded += alike
            continue
        rows = tuple((finding.statement,) for finding in alike[:_LISTED])
        folded.append(
            replace(
                alike[0],
                statement=f"{len(alike):,} times: {kind}; the first: {alike[0].statement}",
                wrong=sum(finding.wrong for finding in alike),
                examined=sum(finding.examined for finding in alike),
                columns=("what",),
                rows=rows,
                query="",
                repair="\n".join(finding.repair for finding in alike if finding.repair),
                subject=Subject(alike[0].subject.kind),
            )
        )
    return folded


def kind_of(statement: str) -> str:
    """What a statement says, without the name that stands before its first colon and without numbers."""
    words = statement.partition(": ")[2] or statement
    return " ".join("N" if word.strip(",;()").replace(",", "").isdigit() else word for word in words.split())


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 table`, `2,000 rows`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def agree(number: int, singular: str, plural: str) -> str:
    """The form of a verb that goes with a number of things."""
    return singular if number == 1 else plural


def list_names(names: Sequence[str], separator: str = ", ", most: int = _LISTED) -> str:
    """The first names of a list, and how many more there are."""
    more = f"{separator}and {len(names) - most:,} more" if len(names) > most else ""
    return separator.join(names[:most]) + more
