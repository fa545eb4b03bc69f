"""What validation.json holds: each field, its type and its meaning, from which validation.schema.json is made."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from postmigration.model.evidence import Severity
from postmigration.model.verdict import Outcome
from postmigration.report.criteria import Decision
from postmigration.report.unfinished import SCHEMA_VERSION

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
CheckId = Annotated[str, Meta(description="The id of a check: where it stands; the same in each run.")]


def describe_version(version: int) -> Meta:
    """What a schema says of the version of what it describes."""
    return Meta(
        description="Raised when something that stands here changes its meaning or goes away. New properties do not "
        "raise it.",
        extra_json_schema={"const": version},
    )


Version = Annotated[int, describe_version(SCHEMA_VERSION)]
Cells = list[list[str]]


class Verdict(Struct):
    """What the run comes to."""

    word: Annotated[str, Meta(pattern=r"^(GO( \(.*\))?|NO-GO|PARTIAL|INTERRUPTED|ERROR)$")]
    go: Annotated[bool, Meta(description="Whether the database may go live.")]
    sentence: str
    exit_status: Annotated[
        int,
        Meta(
            ge=0,
            le=4,
            description="0 as wanted, 1 something does not hold, 2 interrupted, 3 an error of ours, 4 could not be "
            "judged as called.",
        ),
    ]


class Reference(Struct):
    """Columns of some evidence that name rows of a table."""

    columns: Annotated[list[str], Meta(description="Of the columns of the finding.")]
    schema: str
    table: str
    key: Annotated[list[str], Meta(description="The columns of that table that they are the values of.")]


class Subject(Struct):
    """What a finding is about; each value is empty where it is not known."""

    kind: Annotated[str, Meta(description="table, column, index, trigger, policy, function, sequence, constraint, …")]
    schema: str
    name: Annotated[str, Meta(description="Without its schema.")]
    table: Annotated[str, Meta(description="The table that it is or on which it stands.")]
    rows: Annotated[Reference | None, Meta(description="Which rows are wrong; null where no key says that.")]
    refers: Annotated[list[Reference], Meta(description="The rows of other tables that the wrong rows name.")]
    who: Annotated[str, Meta(description="As whom that was found, where it is not so for everybody.")]
    changed: Annotated[
        list[tuple[str, str]],
        Meta(description="Of rows that hold other values the columns that do, each with what became of its values."),
    ]
    traits: Annotated[
        list[str],
        Meta(
            description="as_before: all its rows were compared with those of before; sentence: the statement is one; "
            "restrictive, for_select and so on, computed: what a policy or a column was."
        ),
    ]
    remarks: Annotated[list[str], Meta(description="What else is known of it that may explain it.")]


class Finding(Struct):
    """Something that is not as it must be."""

    severity: Annotated[
        Severity,
        Meta(description="A blocker fails the check; a warning is shown; what is waived was accepted by name."),
    ]
    statement: Annotated[str, Meta(description="What is wrong.")]
    wrong: Count
    examined: Count
    before: Annotated[str, Meta(description="How it was before the migration; empty where that is not known.")]
    columns: list[str]
    rows: Annotated[Cells, Meta(description="The first few wrong rows, masked.")]
    file: Annotated[str, Meta(description="A CSV file beside this one with more of them; empty for none.")]
    query: Annotated[str, Meta(description="SQL that shows all of them.")]
    repair: Annotated[str, Meta(description="SQL that brings it right again; empty where that is not known.")]
    waiver: Annotated[str, Meta(description="The name of the waiver that accepts it; empty for none.")]
    code: Annotated[
        str, Meta(description="A short name for findings of this kind, the same in each run; empty where it has none.")
    ]
    subject: Subject


class Table(Struct):
    """A table for the reader, beside the findings."""

    title: str
    columns: list[str]
    rows: Cells


class Check(Struct):
    """How one check ended."""

    id: CheckId
    plan: Annotated[int | None, Meta(description="Its number in the deployment plan; null beyond it.")]
    group: str
    title: str
    sentence: Annotated[str, Meta(description="What it establishes.")]
    meaning: Annotated[str, Meta(description="What it means for the business when that does not hold.")]
    causes: Annotated[str, Meta(description="What usually brings that about.")]
    remedy: Annotated[str, Meta(description="What to do.")]
    outcome: Outcome
    reason: Annotated[str, Meta(description="Why it was not judged or does not apply, or what broke down.")]
    rows_examined: Count
    facts_examined: Count
    seconds: Seconds
    notes: list[str]
    findings: list[Finding]
    tables: Annotated[
        list[Table],
        Meta(
            description="What was looked at, beside the findings: rows compared, milliseconds, who sees what, faults "
            "caught."
        ),
    ]


class Criterion(Struct):
    """What the deployment plan asks for besides its checks."""

    section: str
    text: str
    decision: Decision
    decided_by: list[CheckId]
    how: Annotated[str, Meta(description="What a person does for it, or what else proves it.")]


class Cause(Struct):
    """Something for which the database may not go live: findings that are known to be of one cause, told as one."""

    words: Annotated[str, Meta(description="What is wrong, in one to three sentences.")]
    impact: Annotated[str, Meta(description="What it means for those who feel it; empty where that is not known.")]
    probably: Annotated[str, Meta(description="What has probably brought it about; empty where that is not known.")]
    remedy: Annotated[str, Meta(description="What to do, in words.")]
    repair: Annotated[str, Meta(description="SQL that brings it right again; empty where that is not known.")]
    who: Annotated[str, Meta(description="Who runs that SQL; empty where its first words say so.")]
    risk: Annotated[str, Meta(description="What it risks; empty where its first words say so.")]
    again: Annotated[
        str, Meta(description="The option that judges again what failed for it, and nothing else; empty for none.")
    ]
    also: Annotated[list[str], Meta(description="What other checks say of the same.")]
    consequences: Annotated[list[str], Meta(description="What follows from it.")]
    checks: Annotated[list[CheckId], Meta(description="Which checks it failed, the one that tells it best first.")]
    rows: Annotated[Count, Meta(description="How many rows, or facts of the schema, are wrong.")]


class Trouble(Struct):
    """What went wrong outside of the checks: a file that could not be read, a process that died."""

    where: str
    text: str


class Changes(Struct):
    """What changed since the last finished run on the same database that left its validation.json here."""

    since: Moment
    verdict: str
    newly_failing: list[CheckId]
    fixed: list[CheckId]
    gone: list[CheckId]


class Last(Struct):
    """The last finished run, kept for the next one."""

    database: str
    judged: Moment
    verdict: str
    outcomes: dict[str, Outcome]


class Finished(Struct):
    """A run that came to its verdict."""

    schema_version: Version
    finished: Annotated[bool, Meta(extra_json_schema={"const": True})]
    migration: Annotated[str, Meta(description="What was validated.")]
    database: Annotated[str, Meta(description="Which database was judged; empty where none was reached.")]
    started: Moment
    ended: Moment
    verdict: Verdict
    facts: Annotated[dict[str, str], Meta(description="What was judged, against what, by whom, in words.")]
    weakened_by: Annotated[
        list[str],
        Meta(description="What let something pass that would otherwise not: options, and the rights of a superuser."),
    ]
    rows_examined: Count
    plan_checks: Annotated[Count, Meta(description="How many checks the deployment plan has.")]
    checks_of_project: Annotated[
        Count,
        Meta(description="How many checks the project has that apply to the run; what was left out is counted."),
    ]
    left_out: Annotated[
        list[CheckId],
        Meta(description="The ids of those that came to no result: not asked for, or not come to."),
    ]
    causes: Annotated[list[Cause], Meta(description="Why it may not go live, the worst first; empty where it may.")]
    checks: list[Check]
    criteria: list[Criterion]
    troubles: list[Trouble]
    changes: Annotated[Changes | None, Meta(description="Null where no earlier run is known.")]


class Unfinished(Struct):
    """A run that came to no verdict, or has not yet come to one."""

    schema_version: Version
    finished: Annotated[bool, Meta(extra_json_schema={"const": False})]
    started: Moment
    reason: Annotated[
        str, Meta(description="Why the run came to no verdict; empty where that is not known, or not yet.")
    ]
    last: Annotated[Last | None, Meta(description="Null where there is none.")]
