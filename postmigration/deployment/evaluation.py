"""Whether a phase of a deployment plan may begin: each point judged by records and signatures, and the verdict."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from postmigration.deployment.binding import DEVELOPMENT, list_names
from postmigration.deployment.denials import find_denials, find_unsigned, list_places, tell_baselines, tell_production
from postmigration.deployment.evidence import FindMisfits, Found, find, find_then, is_go, name_record
from postmigration.deployment.records.clocks import show_time
from postmigration.deployment.records.store import Stored
from postmigration.deployment.rollback import Way, Written, find_ways, find_written
from postmigration.deployment.signoffs import Signoff, Signoffs, find_signature
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import PHASES, Criterion, Phase, Proof, Window
from postmigration.model.verdict import GO, NO_GO, Verdict
from postmigration.report.criteria import decide

# The phase that may begin once those before it are done; the last one is the end of the plan.
Asked = Literal["staging", "preparation", "production", "after", "done"]
PHASES_ASKED: tuple[Asked, ...] = get_args(Asked)
_NAMED = 3

State = Literal["met", "not met", "open"]


@dataclass(frozen=True)
class Item:
    """A point of the plan, and what was found of it.

    Args:
        criterion: what the plan asks for.
        state: `open` where nothing says no, and something is still to be done.
        reasons: why it is not met, one line each.
        found: what the records say of it.
        checks: the ids of the checks that decide it.
        signoff: the signature that counts.
        unsigned: somebody must sign it, and no signature counts.
        stale: why one that was given does not count any more and must be given again; empty otherwise.
        by: when it is due, where that is a time.
        seconds: how long it took.
    """

    criterion: Criterion
    state: State
    reasons: tuple[str, ...]
    found: tuple[Found, ...]
    checks: tuple[str, ...]
    signoff: Signoff | None
    unsigned: bool
    stale: str
    by: datetime.datetime | None
    seconds: float | None

    @property
    def records(self) -> list[Stored]:
        """The records that decide it, each once."""
        found = {one.record.path: one.record for one in self.found if one.record is not None}
        return list(found.values())

    @property
    def proving(self) -> list[Stored]:
        """Those by which it is to be proven, which a person must sign where they were weakened."""
        return [one.record for one in self.found if one.record is not None and one.proof in self.criterion.proven_by]


@dataclass(frozen=True)
class Evidence:
    """All that is known of a deployment.

    Args:
        stored: the records, the one that ended first first.
        refusals: files that are no records, one line each.
        find_misfits: why a record is about something else than the plan.
        signoffs: what people signed.
        window: the maintenance window, where it is known.
        now: when it is judged.
        database: of which database, in words.
    """

    stored: Sequence[Stored]
    refusals: Sequence[str]
    find_misfits: FindMisfits
    signoffs: Signoffs
    window: Window | None
    now: datetime.datetime
    database: str = ""


@dataclass(frozen=True)
class Plan:
    """A plan as it stands now.

    Args:
        name: what is deployed.
        asked: the phase that is to begin.
        items: all points, those of later phases too.
        verdict: READY TO PROCEED, or NOT READY with what stands in the way.
        problems: what stands in the way besides points of the plan.
        ways: the ways back.
        written: what a watch says that a rollback would lose.
        again: what must be run or signed again.
        live: when the application went live: when the gate first said GO of production.
        evidence: what was known.
    """

    name: str
    asked: Asked
    items: Sequence[Item]
    verdict: Verdict
    problems: Sequence[str]
    ways: Sequence[Way]
    written: Written | None
    again: Sequence[str]
    live: datetime.datetime | None
    evidence: Evidence = field(repr=False)

    @property
    def ready(self) -> bool:
        """Whether the phase may begin."""
        return self.verdict.status == GO

    @property
    def required(self) -> list[Item]:
        """The points that must be met before the phase that is asked for begins."""
        return [item for item in self.items if is_required(item.criterion, self.asked)]

    @property
    def blocking(self) -> list[Item]:
        """Those of them that are not met, in the order in which they are done, those that are wrong first."""
        return _find_blocking(self.required)


def _find_blocking(required: Sequence[Item]) -> list[Item]:
    unmet = [item for item in required if item.state != "met"]
    return sorted(unmet, key=lambda item: (item.state == "open", PHASES.index(item.criterion.phase)))


def group(blocking: Sequence[Item]) -> dict[tuple[str, ...], list[Item]]:
    """What is in the way, by why it is: one run, or one person, may be what many points wait for."""
    grouped: dict[tuple[str, ...], list[Item]] = {}
    for item in blocking:
        grouped.setdefault(item.reasons, []).append(item)
    return grouped


def name_items(items: Sequence[Item]) -> str:
    """The ids of some points, those of the first few."""
    return list_names([item.criterion.name for item in items])


def is_required(criterion: Criterion, asked: Asked) -> bool:
    """Whether a phase waits for a point of the plan."""
    return _is_before(criterion.phase, asked)


def _is_before(phase: Phase, asked: Asked) -> bool:
    return asked == "done" or PHASES.index(phase) < PHASES.index(asked)


def evaluate(name: str, criteria: Sequence[Criterion], asked: Asked, evidence: Evidence) -> Plan:
    """Judges a plan.

    Args:
        name: what is deployed.
        asked: the phase that is to begin.

    Raises:
        CannotJudge: the plan asks for nothing before that phase.
    """
    if not any(is_required(criterion, asked) for criterion in criteria):
        raise CannotJudge(f"--phase={asked}: the plan asks for nothing before it: there is nothing to judge")
    live = _find_live(evidence)
    items = [_judge(criterion, evidence, asked, live) for criterion in criteria]
    problems = [*evidence.refusals, *evidence.signoffs.refusals, *_judge_window(evidence, asked)]
    required = [item for item in items if is_required(item.criterion, asked)]
    if not any(found.record for item in required for found in item.found):
        problems.append("no record proves any point: signatures alone are no evidence")
    problems += _find_denials(items, asked, evidence, live)
    since = live and live.record.ended
    ways = find_ways(evidence.stored, evidence.find_misfits, evidence.window, evidence.now, since)
    written = find_written(evidence.stored, evidence.find_misfits, evidence.now)
    late = "" if live is None else _tell_late(required, live.record.started)
    verdict = _conclude(name, items, problems, asked, evidence, late)
    return Plan(name, asked, items, verdict, problems, ways, written, _find_again(items), since, evidence)


def _find_denials(items: Sequence[Item], asked: Asked, evidence: Evidence, live: Stored | None) -> list[str]:
    """What stands in the way of all points, whatever is asked of each."""
    required = [item for item in items if is_required(item.criterion, asked)]
    used = [stored for item in required for stored in item.records if stored.record.command in ("gate", "check")]
    # A point of a later phase may be signed now, and one that is required says itself that it is not.
    signable = [(stored, item) for item in items for stored in item.proving]
    signed = [stored for stored, item in signable if item in required or not item.unsigned]
    unsigned = {stored.path: item.criterion for stored, item in signable if item.unsigned}
    told = {reason for item in required for reason in item.reasons}
    places = list_places([item.criterion for item in required], asked)
    since = live and live.record.started
    return [
        *find_denials(places, used, evidence.stored, told, since),
        *find_unsigned(used, signed, unsigned, evidence.stored),
    ]


def _find_live(evidence: Evidence) -> Stored | None:
    """The record by which the application went live: the first GO of the gate on production."""
    asked = Proof(command="gate", environment="production")
    said = [
        stored
        for stored in evidence.stored
        if (stored.record.command, stored.record.environment) == ("gate", "production")
        and is_go(stored)
        and not evidence.find_misfits(stored.record, asked, evidence.now)
    ]
    return said[0] if said else None


def _choose_moment(criterion: Criterion, asked: Asked, evidence: Evidence, live: Stored | None) -> datetime.datetime:
    """When a record must count: when production was migrated, once that is past, and else now."""
    if live is None or criterion.phase == "after" or PHASES_ASKED.index(asked) < PHASES_ASKED.index("after"):
        return evidence.now
    if criterion.phase == "production":
        return live.record.ended if asked == "done" else evidence.now
    return live.record.started


def _judge(criterion: Criterion, evidence: Evidence, asked: Asked, began: Stored | None) -> Item:
    stored, live = list(evidence.stored), began and began.record.ended
    if criterion.phase == "after":
        # What was recorded before says nothing of how it goes now.
        stored = [one for one in stored if live is not None and one.record.started >= live]
    at = _choose_moment(criterion, asked, evidence, began)
    migrated = began is not None and at == began.record.started
    look = find_then if migrated else find
    found = [look(proof, stored, evidence.find_misfits, at, evidence.stored) for proof in criterion.proven_by]
    seconds = [one.seconds for one in found if one.seconds is not None]
    took = sum(seconds) if seconds else None
    checks: tuple[str, ...] = ()
    if criterion.decided_by:
        asks = Proof(command="gate", environment=criterion.place)
        gate = look(asks, stored, evidence.find_misfits, at, evidence.stored)
        decided, checks = _decide(criterion, gate)
        found.append(decided)
    if migrated:
        late = f" before production was migrated ({show_time(at)})"
        found = [
            replace(one, reasons=tuple(f"{why}{late}" for why in one.reasons)) if one.missing else one for one in found
        ]
    reasons = [reason for one in found for reason in one.reasons]
    wrong = any(one.reasons and not one.missing for one in found)
    if criterion.hours is not None and took is not None and took > criterion.hours[1] * 3_600:
        reasons.append(f"it took {took / 3_600:.1f} h, planned were {criterion.hours[1]:g} h at most")
        wrong = True
    signature = find_signature(
        criterion,
        evidence.signoffs.signed.get(criterion.name),
        found,
        evidence.stored,
        at=at,
        since=_find_first(evidence),
        live=live,
    )
    if signature.missing:
        reasons.append(signature.missing)
    state: State = "not met" if wrong else "open" if reasons else "met"
    by = None
    if criterion.due_hours is not None and live is not None:
        by = live + datetime.timedelta(hours=criterion.due_hours)
        if reasons and evidence.now > by:
            reasons.append(f"it was due {show_time(by)}")
    stale = signature.missing if signature.again else ""
    return Item(
        criterion,
        state,
        tuple(dict.fromkeys(reasons)),
        tuple(found),
        checks,
        signature.signoff,
        bool(signature.missing),
        stale,
        by,
        took,
    )


def _decide(criterion: Criterion, gate: Found) -> tuple[Found, tuple[str, ...]]:
    """What the checks of the gate's last run say, whatever else that came to; and the ids of those that decide."""
    if gate.record is None:
        return (gate, ()) if not criterion.proven_by else (Found(gate.proof, None, missing=True), ())
    decision, checks = decide(criterion, gate.record.record.checks)
    if decision == "met":
        return Found(gate.proof, gate.record, gate.doubts), checks
    # Where records prove it, a check that did not run is not missed.
    if decision == "not judged" and criterion.proven_by:
        return Found(gate.proof, gate.record, gate.lost), checks
    wrong = [one.title for one in gate.record.record.checks if one.nodeid in checks and one.outcome != "passed"]
    titles = "; ".join(wrong[:_NAMED])
    reason = f"{name_record(gate.record)}: {decision}{': ' if titles else ''}{titles}"
    return Found(gate.proof, gate.record, (reason,)), checks


def _find_first(evidence: Evidence) -> datetime.datetime | None:
    """Since when there are records of the present scripts."""
    bound = [
        stored.record.started
        for stored in evidence.stored
        if stored.record.command in ("rehearse", "gate")
        and not evidence.find_misfits(
            stored.record,
            Proof(command=stored.record.command, environment=stored.record.environment or DEVELOPMENT),
            evidence.now,
        )
    ]
    return min(bound, default=None)


def _judge_window(evidence: Evidence, asked: Asked) -> list[str]:
    if evidence.window is not None and asked == "production" and evidence.window.ends <= evidence.now:
        return [f"the maintenance window ended {show_time(evidence.window.ends)}: name another"]
    return []


def _find_again(items: Sequence[Item]) -> list[str]:
    """What was done and does not count any more, each once, with the points that wait for it."""
    waiting: dict[str, list[str]] = {}
    for item in items:
        for one in item.found:
            if one.record is None and not one.missing:
                reason = one.reasons[0] if one.reasons else ""
                waiting.setdefault(reason, []).append(item.criterion.name)
        waiting.setdefault(item.stale, []).append(item.criterion.name)
    return [f"{reason}: {list_names(names)}" for reason, names in waiting.items() if reason]


def _tell_late(required: Sequence[Item], migrated: datetime.datetime) -> str:
    """What was to be signed before production was migrated, and was signed later, in words that may follow others."""
    late = [
        item
        for item in required
        if _is_before(item.criterion.phase, "production") and item.signoff and item.signoff.when > migrated
    ]
    if not late:
        return ""
    return f"; {name_items(late)} {'was' if len(late) == 1 else 'were'} signed after production was migrated"


def _conclude(
    name: str, items: Sequence[Item], problems: Sequence[str], asked: Asked, evidence: Evidence, late: str
) -> Verdict:
    required = [item for item in items if is_required(item.criterion, asked)]
    blocking = _find_blocking(required)
    subject = f"{name}, {'the end of the plan' if asked == 'done' else f'phase {asked}'}"
    subject += f", {evidence.database}" if evidence.database else ""
    signed = sum(item.signoff is not None for item in required)
    if not blocking and not problems:
        asks = {item.criterion.phase for item in required}
        # Nothing is proven of a phase of which nothing is asked: who reads READY must know it.
        idle = [phase for phase in PHASES if phase not in asks and _is_before(phase, asked)]
        lacking = f"; the plan asks for nothing in the phase {', '.join(idle)}" if idle else ""
        if evidence.window is not None and asked == "production" and evidence.now < evidence.window.begins:
            lacking += f"; the maintenance window begins {show_time(evidence.window.begins)}"
        lacking += "" if asked in ("after", "done") else tell_production(evidence.stored)
        lacking += late + tell_baselines([stored for item in required for stored in item.records], evidence.stored)
        met = f"{len(required)} of {len(required)} points met, {signed} of them signed by a person"
        words = f"{met}{lacking}; {subject}"
        return Verdict("READY TO PROCEED", words, GO, subject)
    reasons = [*problems, *(f"{'; '.join(why)} ({name_items(members)})" for why, members in group(blocking).items())]
    more = f"; and {len(reasons) - _NAMED} more" if len(reasons) > _NAMED else ""
    counted = f"{len(blocking)} of {len(required)} points are not met: " if blocking else ""
    words = f"because {counted}{'; '.join(reasons[:_NAMED])}{more}; {subject}"
    return Verdict("NOT READY", words, NO_GO, subject)


PHASE_WORDS: dict[Phase, str] = {
    "development": "Development",
    "staging": "Staging",
    "preparation": "Preparation of production",
    "production": "Production",
    "after": "After the go-live",
}
