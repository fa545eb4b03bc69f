"""Which record proves a point of the plan, and why others do not."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from postmigration.deployment.binding import DEVELOPMENT, Wanted, find_reasons, find_source, list_names
from postmigration.deployment.records.clocks import show_time
from postmigration.deployment.records.record import Database, Record, Step
from postmigration.deployment.records.store import Stored
from postmigration.deployment.subject import is_same_database
from postmigration.model.migration import Proof

_FAILING = ("failed", "broken")
PRODUCTION = "production"
VERIFY: Final = "verify-backup"
# Of what was found wrong a sentence tells first, and then of the rest.
_PASSED = re.compile(r"\d+ of \d+ plan checks passed|[\d,]+ not applicable")
# The commands that come to a verdict, as a user calls them.
GATES = {"gate": "pytest", "check": "postmigration check"}

# Why a record is about something else than the plan, or too old at a moment: other scripts, another database.
FindMisfits = Callable[[Record, Proof, datetime.datetime], list[str]]


@dataclass(frozen=True)
class Found:
    """What the records say of one proof.

    Args:
        proof: what was asked for.
        record: the one that decides; None where none is about the subject.
        reasons: why it is not proven; empty where it is.
        doubts: those of them for which nothing that the record says can be relied on.
        lost: those of them of checks that an earlier run found wrong, and the record did not look at.
        seconds: how long it took: the steps that were asked for, or all of it.
        missing: nothing says no, and nothing was recorded.
    """

    proof: Proof
    record: Stored | None
    reasons: tuple[str, ...] = ()
    seconds: float | None = None
    missing: bool = False
    doubts: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def bind(wanted: Wanted, databases: Mapping[str, Database], sources: Mapping[str, Database]) -> FindMisfits:
    """Binds records to what the plan is about.

    Args:
        wanted: what each record must be of, wherever it stands in the plan.
        databases: the migrated database of an environment, where it is known by itself.
        sources: the database of an environment before it is migrated, where it is known by itself.
    """
    known: dict[tuple[int, Proof, datetime.datetime], list[str]] = {}

    def find_misfits(record: Record, proof: Proof, at: datetime.datetime) -> list[str]:
        key = (id(record), proof, at)
        if key not in known:
            environment = proof.environment
            if environment == DEVELOPMENT and record.environment != DEVELOPMENT:
                # What is to be tried in development may as well have been tried on a copy of more.
                environment = record.environment
            hours = proof.within_hours
            known[key] = find_reasons(
                record,
                replace(
                    wanted,
                    now=at,
                    environment=environment,
                    database=databases.get(record.environment),
                    source=sources.get(record.environment),
                    # The state before is what it is, whichever scripts are to change it.
                    scripts=() if proof.command == VERIFY else wanted.scripts,
                    within=None if hours is None else datetime.timedelta(hours=hours),
                ),
            )
        return known[key]

    return find_misfits


def name_proof(proof: Proof) -> str:
    """What was asked for, as a user calls it."""
    command = GATES.get(proof.command, f"postmigration {proof.command}")
    return f"{command} on {proof.environment}" if proof.environment not in ("", DEVELOPMENT) else command


def find(
    proof: Proof,
    stored: Sequence[Stored],
    find_misfits: FindMisfits,
    at: datetime.datetime,
    everything: Sequence[Stored] | None = None,
) -> Found:
    """Finds the record that decides: the last one about the same database and the same scripts.

    Args:
        stored: the records that may decide, the one that ended first first.
        find_misfits: why a record is about something else.
        at: when the record must count.
        everything: all records, also those that verified the state before; the same where they may all decide.
    """
    everything = stored if everything is None else everything
    asked = [one for one in stored if _is_asked(one.record, proof)]
    about = [one for one in asked if not find_misfits(one.record, proof, at)]
    if not asked:
        return Found(proof, None, (f"no record of {name_proof(proof)}",), missing=True)
    if not about:
        last = asked[-1]
        return Found(proof, None, tuple(f"{name_record(last)} {why}" for why in find_misfits(last.record, proof, at)))
    last = about[-1]
    lost = tuple(_fewer(about))
    doubts = (
        *lost,
        *list_left_out(last),
        *_find_unverified(last, proof, everything, find_misfits, at),
        *_find_overlooked(last, everything, at),
    )
    reasons = (*_contradictions(about), *_failures(last, proof), *doubts)
    return Found(proof, last, reasons, _measure(last.record, proof), doubts=doubts, lost=lost)


def find_then(
    proof: Proof,
    stored: Sequence[Stored],
    find_misfits: FindMisfits,
    at: datetime.datetime,
    everything: Sequence[Stored],
) -> Found:
    """Finds the record that decides, of those that were known at a moment.

    What was proven since was not known then. Where a record did count then, and scripts or declarations were edited
    since, it is judged again: a later record decides.
    """
    early = [one for one in stored if one.record.started <= at]
    found = find(proof, early, find_misfits, at, everything)
    ageless = Proof(command=proof.command, environment=proof.environment)
    counted = any(
        find_misfits(one.record, proof, at) == find_misfits(one.record, ageless, at)
        for one in early
        if _is_asked(one.record, proof)
    )
    return find(proof, stored, find_misfits, at, everything) if found.record is None and counted else found


def _is_asked(record: Record, proof: Proof) -> bool:
    return record.command == proof.command and proof.environment in ("", DEVELOPMENT, record.environment)


def name_record(stored: Stored) -> str:
    """Which record it is, for a line."""
    record = stored.record
    return f"{record.command} of {show_time(record.ended)}"


def _failures(stored: Stored, proof: Proof) -> list[str]:
    """What of a record says that it is not so."""
    record, name = stored.record, name_record(stored)
    # A rehearsal that was broken off, or ended with an error, tells nothing: no step of it has the last word.
    if proof.steps and record.status in (0, 1):
        return [reason for title in proof.steps for reason in _judge_step(stored, title)]
    if record.status != 0:
        return [tell_failure(stored)]
    lasted = (record.ended - record.started).total_seconds()
    if lasted < proof.lasts_hours * 3_600:
        return [f"{name} lasted {lasted / 3_600:.1f} h of {proof.lasts_hours:g} h"]
    return []


def is_go(stored: Stored) -> bool:
    """Whether a gate has said GO of all that it should judge."""
    return stored.record.status == 0 and not list_left_out(stored)


def tell_failure(stored: Stored) -> str:
    """What a record that proves nothing says, without what passed."""
    record = stored.record
    wrong = [part for part in record.sentence.split("; ") if not _PASSED.match(part)]
    return f"{name_record(stored)} says {record.word}: {'; '.join(wrong) or record.sentence}"


def list_left_out(stored: Stored) -> list[str]:
    """Why a record is of some checks only, whatever those came to: it is no evidence of what the gate would say."""
    record = stored.record
    if record.command not in ("gate", "check"):
        return []
    partial = record.word.partition(" ")[0] == "PARTIAL"
    parts = []
    for outcome in ("left out", *(["not judged"] if partial else [])):
        if names := [check.nodeid for check in record.checks if check.outcome == outcome]:
            parts.append(f"{list_names(names)} {outcome}")
    if not (partial or parts):
        return []
    return [f"{name_record(stored)} was a run of some checks only{': ' if parts else ''}{', '.join(parts)}"]


def _find_unverified(
    stored: Stored, proof: Proof, everything: Sequence[Stored], find_misfits: FindMisfits, at: datetime.datetime
) -> list[str]:
    """A state before that nobody has verified: what was rehearsed on it, or compared with it, tells nothing."""
    record = stored.record
    if record.command not in ("rehearse", "gate") or proof.environment in ("", DEVELOPMENT):
        return []
    # What is rehearsed must be as young as the rehearsal; staging may have been filled long ago.
    hours = proof.within_hours if record.command == "rehearse" else None
    proven = [
        other.record
        for other in everything
        if other.record.status == 0
        and other.record.command in (VERIFY, "fingerprint")
        and other.record.started <= max(at, record.ended)
        and other.record.environment in (record.environment, PRODUCTION)
        and not find_misfits(
            other.record, Proof(command=VERIFY, environment=other.record.environment, within_hours=hours), at
        )
    ]
    # One of no known database counts where there is no better: a person must sign it.
    records = [other.record for other in everything]
    compared = [one for one in proven if find_source(one, records) is not None]
    if any(one.command == VERIFY for one in compared):
        proven = compared
    known = {file.sha256 for one in proven for file in one.backup}
    names = [file.name for file in record.backup if file.sha256 not in known]
    return [f"{name_record(stored)} was of {names[0]}, which no verify-backup has proven"] if names else []


def _find_overlooked(stored: Stored, everything: Sequence[Stored], at: datetime.datetime) -> list[str]:
    """A later NO-GO of the same database, wherever its environment was said to be."""
    database = stored.record.database
    if stored.record.command != "gate" or stored.record.status != 0 or database is None:
        return []
    return [
        f"{name_record(other)} says {other.record.word} of the same database, as one of "
        f"{other.record.environment or 'no named environment (--environment)'}"
        for other in everything
        if other.record.command == "gate"
        and (other.record.status == 1 or any(check.outcome in _FAILING for check in other.record.checks))
        and other.record.ended > stored.record.ended
        and (other.record.started <= at or stored.record.environment == PRODUCTION)
        and other.record.environment != stored.record.environment
        and other.record.database is not None
        and is_same_database(other.record.database, database)
    ]


def _judge_step(stored: Stored, title: str) -> list[str]:
    steps = find_steps(stored.record, title)
    if not steps:
        return [f"{name_record(stored)} has no step ‹{title}›"]
    return [f"{name_record(stored)}: {step.title}: {step.outcome}" for step in steps if step.outcome != "passed"]


def find_steps(record: Record, title: str) -> list[Step]:
    """The steps of a rehearsal whose titles begin so; of those that are alike but for their ends the one that is it."""
    return [step for step in record.steps if step.title == title] or [
        step for step in record.steps if step.title.startswith(title)
    ]


def _contradictions(about: Sequence[Stored]) -> list[str]:
    """Records of the same time that do not say the same: one of them is wrong, or a clock is."""
    last = about[-1].record
    return [
        f"{name_record(other)} says {other.record.word} and {name_record(about[-1])} says {last.word} of the same "
        "database at the same time: they contradict each other"
        for other in about[:-1]
        if (other.record.status == 0) != (last.status == 0)
        and other.record.ended >= last.started
        and last.ended >= other.record.started
    ]


def _fewer(about: Sequence[Stored]) -> list[str]:
    """What an earlier run found wrong, and the last one did not look at.

    Only a run that judged the check again tells that it holds now.
    """
    if about[-1].record.status != 0:
        return []
    lost = find_lost(about)
    if not lost:
        return []
    return [f"{name_record(about[-1])} says {about[-1].record.word} without {name_lost(lost)}"]


def find_lost(stored: Sequence[Stored]) -> dict[str, Stored]:
    """The checks that some run found wrong, and none since that they hold, of which the last one has none."""
    failed: dict[str, Stored] = {}
    for one in stored:
        for check in one.record.checks:
            if check.outcome in _FAILING:
                failed[check.nodeid] = one
            elif check.outcome in ("passed", "not applicable"):
                failed.pop(check.nodeid, None)
    last = {check.nodeid for check in stored[-1].record.checks if check.outcome != "left out"}
    # A check may have been divided into cases since.
    last |= {nodeid.partition("[")[0] for nodeid in last}
    return {nodeid: one for nodeid, one in failed.items() if nodeid not in last}


def name_lost(lost: Mapping[str, Stored]) -> str:
    """Which checks those are, for a line: the first one, how many more, and the run that found it wrong."""
    nodeid = next(iter(lost))
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return f"{nodeid}{more}, which {name_record(lost[nodeid])} found to be wrong"


def _measure(record: Record, proof: Proof) -> float:
    if proof.steps:
        return sum(step.seconds + step.judged for title in proof.steps for step in find_steps(record, title))
    return (record.ended - record.started).total_seconds()
