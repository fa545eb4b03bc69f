"""What a check found: the evidence that a reader gets, free of any database or test framework."""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from postmigration.model.waivers import Waiver

Severity = Literal["blocker", "warning", "waived"]
Trait = Literal[
    "as_before", "sentence", "restrictive", "for_select", "for_insert", "for_update", "for_delete", "computed"
]
Picture = Literal["", "parity", "latency", "access", "work", "coverage", "flows"]

# Types whose values identify or count but do not describe a person; all others are masked.
_IMPERSONAL = (bool, int, float, decimal.Decimal, uuid.UUID, datetime.datetime, datetime.date, type(None))

IMPERSONAL_TYPES = ("uuid", "boolean", "smallint", "integer", "bigint", "timestamp with time zone", "enum")
_LONGEST = 300
# The columns of a finding whose rows are the definition of an object before and now.
DEFINITIONS = ("definition before", "definition now")


@dataclass(frozen=True)
class Reference:
    """Columns of some evidence that name rows of a table.

    Args:
        columns: names of the columns of the evidence.
        schema, table: where these rows are, or were.
        key: the columns of that table that they are the values of.
    """

    columns: tuple[str, ...]
    schema: str
    table: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """What a finding is about, as values, by which findings of one cause are told from others.

    Args:
        kind: `table`, `column`, `index`, `trigger`, `policy`, `function`, `sequence`, `constraint`, `role` and so on;
            empty where that is not known.
        schema: the schema in which it, or its table, is.
        name: what it is called, without its schema.
        table: the table that it is or on which it stands; empty for others.
        rows: the columns of the evidence that say which rows are wrong, as the key of this or another table.
        refers: columns of the evidence that name rows of other tables; without columns the table to which a foreign key
            leads, the columns of its own table that a key keeps unique, or the type that a column had.
        who: as whom that was found, where it is not so for everybody.
        changed: of rows that hold other values the columns that do, most first, each with what became of its values;
            that is empty where nothing explains it.
        traits: how the statement is made: `as_before`, all rows of the table were compared with those of before;
            `sentence`, it is one that names the table itself, and not what the wrong rows are. Or what it was: a
            `restrictive` policy, one `for_select` and so on, a column that was `computed`.
        remarks: what else is known of it that may explain it, in words that the statement has too.
    """

    kind: str = ""
    schema: str = ""
    name: str = ""
    table: str = ""
    rows: Reference | None = None
    refers: tuple[Reference, ...] = ()
    who: str = ""
    changed: tuple[tuple[str, str], ...] = ()
    traits: tuple[Trait, ...] = ()
    remarks: tuple[str, ...] = ()

    @classmethod
    def of_table(cls, schema: str, table: str, **more: Any) -> Subject:
        """A table, or rows of it."""
        return cls("table", schema, table, table, **more)

    @classmethod
    def of_key(cls, schema: str, table: str, columns: Sequence[str]) -> Self:
        """What must keep the rows of a table unique, under whatever name."""
        return cls("key", schema, ", ".join(columns), table, refers=(Reference((), schema, table, tuple(columns)),))


# Nothing is known of what it is about.
UNKNOWN = Subject()


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be.

    Args:
        statement: what is wrong, in lower case and without a full stop.
        wrong: how many rows (or facts, for a check of the schema) are wrong.
        examined: out of how many.
        columns: the names of the columns of `rows`.
        rows: the first few wrong rows, as text, masked already.
        query: SQL that shows all of them when it is pasted into psql.
        severity: a `blocker` fails the check; a `warning`, and what a waiver accepts, is shown and does not.
        waiver: the name of the waiver that accepts it.
        before: how it was before the migration, in words; empty where that is not known.
        repair: SQL that brings it right again, where the database tells how.
        code: a short name for findings of this kind, the same in each run; empty where nothing general is known of it.
        subject: what it is about, as values; empty where that is not known.
    """

    statement: str
    wrong: int
    examined: int
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    query: str = ""
    severity: Severity = "blocker"
    waiver: str = ""
    before: str = ""
    repair: str = ""
    code: str = ""
    subject: Subject = UNKNOWN


@dataclass(frozen=True)
class Overview:
    """Something that a reader would rather look at than read: a table beside the findings.

    Args:
        title: what it shows.
        columns: the names of its columns.
        rows: its cells, as text.
        picture: the picture of the report that is made of the overviews of all checks with this name; empty for none.
        figures: for each row the numbers behind its cells, from which the picture is drawn; None where there is none.
        wrong: the cells that are not as they must be, by row and column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    picture: Picture = ""
    figures: tuple[tuple[float | None, ...], ...] = ()
    wrong: tuple[tuple[int, int], ...] = ()


@dataclass
class Evidence:
    """All that one check has looked at and found.

    Args:
        examined: how many rows it looked at.
        facts: how many facts of the schema, or of what a service did, it looked at.
        findings: what was wrong.
        notes: what the reader of a passed check should know.
        inherited: those of the notes that tell what was so before the migration too.
        overviews: tables for the reader.
        unexamined: the statements that had no row to look at; each makes the check "not judged".
        unjudged: what could not be examined, and why, where something else fails the check.
        compared: how much was compared with the state before, by what it is: `tables`, `objects`.
    """

    examined: int = 0
    facts: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inherited: list[str] = field(default_factory=list)
    overviews: list[Overview] = field(default_factory=list)
    unexamined: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    compared: dict[str, int] = field(default_factory=dict)

    @property
    def looked_at(self) -> str:
        """What the check looked at, in words."""
        counts = ((self.examined, "row"), (self.facts, "fact"))
        return ", ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for n, name in counts if n) or "nothing"

    @property
    def words(self) -> str:
        """All that was found, as one text."""
        return " ".join(" ".join([f.statement, *f.columns, *itertools.chain(*f.rows)]) for f in self.findings)

    @property
    def blockers(self) -> list[Finding]:
        """The findings that fail the check."""
        return [finding for finding in self.findings if finding.severity == "blocker"]

    @property
    def waived(self) -> dict[str, int]:
        """How many differences each waiver excused, by its name."""
        used: dict[str, int] = {}
        for finding in self.findings:
            if finding.waiver:
                used[finding.waiver] = used.get(finding.waiver, 0) + finding.wrong
        return used

    @property
    def warnings(self) -> list[Finding]:
        """The findings that are shown and do not fail the check."""
        return [finding for finding in self.findings if finding.severity == "warning"]

    def show(
        self,
        title: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        picture: Picture = "",
        *,
        figures: Iterable[Sequence[float | None]] = (),
        wrong: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Shows the reader of the report a table, and perhaps a picture of it (see `Overview`)."""
        numbers = tuple(map(tuple, figures))
        self.overviews.append(Overview(title, tuple(columns), tuple(map(tuple, rows)), picture, numbers, tuple(wrong)))

    def show_rows(self, table: str, before: int, counts: Mapping[Any, int]) -> None:
        """Shows the reader of the report how many rows of a table are equal, and how many differ in which way.

        Args:
            table: its name.
            before: how many rows it had.
            counts: how many are `missing`, `extra` and `changed`.
        """
        kinds = ("missing", "changed", "extra")
        numbers = (before, max(0, before - counts["missing"] - counts["changed"]), *(counts[kind] for kind in kinds))
        row = (table, *(f"{number:,}" for number in numbers))
        columns = ("table", "rows before", "equal", *kinds)
        self.show("rows beside the state before", columns, [row], "parity", figures=[numbers])

    def show_time(self, query: str, who: str, now: float, budget: float, before: float | None = None) -> None:
        """Shows the reader of the report how long a query takes, in milliseconds."""
        then = "" if before is None else f"{before:.1f}"
        row = (query, who, f"{now:.1f}", f"{budget:g}", then)
        columns = ("query", "who", "now", "budget", "before")
        self.show("milliseconds", columns, [row], "latency", figures=[(now, budget, before)])

    def accept(self, waiver: Waiver) -> None:
        """Lets what fails the check fail it no longer, and says why."""
        self.findings = [
            replace(f, severity="waived", waiver=waiver.name, statement=f"{f.statement}: {waiver.words}")
            if f.severity == "blocker"
            else f
            for f in self.findings
        ]


class Problem(str):
    """What is wrong, in words, with the SQL that brings it right.

    Args:
        words: what is wrong.
        repair: the SQL; empty where a person has to find out.
        subject: the object that it is about, whose schema is the one that is judged.
        code: a short name for problems of this kind; empty where the check names one for all of them.
    """

    repair: str
    subject: Subject
    code: str

    def __new__(cls, words: str, repair: str = "", subject: Subject = UNKNOWN, code: str = "") -> Self:
        """Says what is wrong."""
        self = super().__new__(cls, words)
        self.repair, self.subject, self.code = repair, subject, code
        return self


def find_object(problem: str, schema: str) -> Subject | None:
    """The object of a schema that a problem is about, where it says so."""
    about: Subject = getattr(problem, "subject", UNKNOWN)
    return replace(about, schema=schema) if about.kind else None


class Violation(Exception):
    """The database is not as the check says that it must be."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__("; ".join(finding.statement for finding in evidence.blockers))
        self.evidence = evidence


class Letters(dict[str, str]):
    """A letter for each value that is masked in one finding, so that equal ones are told from others."""

    def __missing__(self, value: str) -> str:
        """The next letter: A to Z, then AA and so on."""
        number, letters = len(self) + 1, ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord("A") + rest) + letters
        self[value] = letters
        return letters


def show_value(value: Any, *, plain: bool, letters: Letters | None = None) -> str:
    """A value as evidence: text that may describe a person is masked unless `plain`.

    Keys, numbers and times are needed to find the row and are always shown.

    Args:
        letters: tells the masked values of a finding apart, without which only their lengths do.
    """
    if value is None:
        return "NULL"
    if value == "":
        return "''"
    if isinstance(value, list | tuple):
        return "{" + ", ".join(show_value(item, plain=plain, letters=letters) for item in value) + "}"
    if not plain and not isinstance(value, _IMPERSONAL):
        length = len(str(value))
        named = "" if letters is None else f" {letters[str(value)]}"
        return f"‹masked{named}, {length} character{'' if length == 1 else 's'}›"
    text = str(value)
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)")


def escape(text: str, *, keep: str = "") -> str:
    """A text on one line, without what would play with the reader's screen: control characters, marks of direction.

    Args:
        keep: such characters that stay.
    """
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)
