"""A plan as JSON, for programs: each field, its type and its meaning, from which plan.schema.json is made."""

from __future__ import annotations

import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from postmigration.deployment.evaluation import Asked, Item, Plan, State, is_required
from postmigration.deployment.rollback import Way
from postmigration.model.migration import Phase
from postmigration.report.formats.json_fields import describe_version

SCHEMA_VERSION = 1

Version = Annotated[int, describe_version(SCHEMA_VERSION)]
Seconds = Annotated[float | None, Meta(description="How long it took; null where that was not measured.")]


class Signature(Struct):
    """What a person signed."""

    who: str
    when: datetime.datetime
    words: Annotated[str, Meta(description="What that person has seen or done.")]
    text: Annotated[str, Meta(description="What the point said that was signed.")]


class Point(Struct):
    """A point of the plan, and what was found of it."""

    id: Annotated[str, Meta(description="By which it is signed.")]
    phase: Annotated[Phase, Meta(description="In which phase it is done.")]
    section: str
    text: Annotated[str, Meta(description="What it asks for.")]
    required: Annotated[bool, Meta(description="Whether the phase that was asked about waits for it.")]
    state: Annotated[State, Meta(description="`open` where nothing says no, and something is still to be done.")]
    reasons: Annotated[list[str], Meta(description="Why it is not met.")]
    role: Annotated[str, Meta(description="Who does it or signs it; empty where the plan does not say.")]
    due: Annotated[str, Meta(description="By when, in words.")]
    by: Annotated[datetime.datetime | None, Meta(description="When it is due, where that is a time.")]
    records: Annotated[list[str], Meta(description="The files of the records that decide it.")]
    checks: Annotated[list[str], Meta(description="The ids of the checks that decide it.")]
    seconds: Seconds
    signed: Annotated[Signature | None, Meta(description="The signature that counts; null where none does.")]


class WayBack(Struct):
    """A way back, as the last rehearsal of the present scripts found it."""

    name: str
    proven: bool
    outcome: Annotated[str, Meta(description="How the rehearsal of it ended; `never tried` where there was none.")]
    seconds: Seconds
    until: Annotated[str, Meta(description="For how long it is open, in words.")]
    decide_by: Annotated[
        datetime.datetime | None, Meta(description="When it must be begun to end within the maintenance window.")
    ]
    lost: Annotated[str, Meta(description="What would be lost.")]


class Finished(Struct):
    """A plan that was judged: the phase may begin only when `ready` is true."""

    schema_version: Version
    finished: Annotated[bool, Meta(extra_json_schema={"const": True})]
    ready: Annotated[bool, Meta(description="Whether the phase may begin.")]
    status: Annotated[int, Meta(ge=0, le=1, description="The exit status.")]
    verdict: Annotated[str, Meta(pattern="^(READY TO PROCEED|NOT READY): ")]
    name: Annotated[str, Meta(description="What is deployed.")]
    phase: Annotated[Asked, Meta(description="The phase that is to begin; `done` is the end of the plan.")]
    judged: datetime.datetime
    live: Annotated[
        datetime.datetime | None,
        Meta(description="When the application went live: when the gate first said GO of production."),
    ]
    problems: Annotated[list[str], Meta(description="What stands in the way besides points of the plan.")]
    again: Annotated[list[str], Meta(description="What must be run or signed again.")]
    items: list[Point]
    written_since: Annotated[
        str | None, Meta(description="What was written since the migration, as the last watch says it.")
    ]
    ways_back: list[WayBack]


class Unfinished(Struct):
    """A plan that was not judged to its end, so that nothing may begin."""

    schema_version: Version
    finished: Annotated[bool, Meta(extra_json_schema={"const": False})]
    ready: Annotated[bool, Meta(extra_json_schema={"const": False})]


def render_unfinished() -> str:
    """The object as long as nothing was judged."""
    return msgspec.json.encode(Unfinished(SCHEMA_VERSION, finished=False, ready=False)).decode() + "\n"


def render_object(plan: Plan) -> str:
    """The object of a plan that was judged."""
    content = Finished(
        schema_version=SCHEMA_VERSION,
        finished=True,
        ready=plan.ready,
        status=plan.verdict.status,
        verdict=plan.verdict.line,
        name=plan.name,
        phase=plan.asked,
        judged=plan.evidence.now,
        live=plan.live,
        problems=list(plan.problems),
        again=list(plan.again),
        items=[_describe(item, plan) for item in plan.items],
        written_since=plan.written.words if plan.written else None,
        ways_back=[_convert(way) for way in plan.ways],
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _describe(item: Item, plan: Plan) -> Point:
    criterion, signoff = item.criterion, item.signoff
    return Point(
        id=criterion.name,
        phase=criterion.phase,
        section=criterion.section,
        text=criterion.text,
        required=is_required(criterion, plan.asked),
        state=item.state,
        reasons=list(item.reasons),
        role=criterion.role,
        due=criterion.due,
        by=item.by,
        records=[stored.path.name for stored in item.records],
        checks=list(item.checks),
        seconds=item.seconds,
        signed=None if signoff is None else Signature(signoff.who, signoff.when, signoff.words, signoff.text),
    )


def _convert(way: Way) -> WayBack:
    return msgspec.convert(way._asdict(), WayBack)
