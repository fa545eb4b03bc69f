"""The ways back: which one is proven, how long it takes, until when, and what would be lost."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from postmigration.deployment.evidence import FindMisfits, find, find_steps
from postmigration.deployment.records.clocks import show_span, show_time
from postmigration.deployment.records.record import Step
from postmigration.deployment.records.store import Stored
from postmigration.model.migration import Proof, Window


class _Kind(NamedTuple):
    step: str
    name: str
    until: str
    lost: str


_KINDS = (
    _Kind(
        "the rollback, at once",
        "roll the schema and the rows back",
        "until people work with the migrated application",
        "nothing, as long as nobody has written",
    ),
    _Kind(
        "the selective rollback, after use",
        "roll back selectively, and keep what was written since",
        "as long as what people write looks like what was rehearsed",
        "what the former model has no place for",
    ),
    _Kind(
        "the backup, restored into an empty database",
        "restore the backup into an empty database",
        "as long as the backup is kept",
        "all that was written since the backup was taken",
    ),
)


class Way(NamedTuple):
    """A way back.

    Args:
        name: what is done.
        proven: a rehearsal of the present scripts has tried it.
        outcome: how that ended; `never tried` without one.
        seconds: how long it took on the copy, judging it included; None where it was never tried.
        until: for how long it is open, in words.
        decide_by: when it must be begun to end within the window.
        lost: what would be lost.
        stored: the record that says so.
    """

    name: str
    proven: bool
    outcome: str
    seconds: float | None
    until: str
    decide_by: datetime.datetime | None
    lost: str
    stored: Stored | None


class Written(NamedTuple):
    """What was written since the migration, and the watch that says so."""

    stored: Stored
    words: str


def find_ways(
    stored: Sequence[Stored],
    find_misfits: FindMisfits,
    window: Window | None,
    now: datetime.datetime,
    live: datetime.datetime | None = None,
) -> list[Way]:
    """The ways back, as the last rehearsal of the present scripts found them.

    Args:
        live: when the application went live, since when people write in it.
    """
    rehearsal = find(Proof(command="rehearse"), stored, find_misfits, now).record
    taken = _find_backup(stored, find_misfits, now)
    ways = [_describe(kind, rehearsal, window, taken) for kind in _KINDS]
    if live is not None:
        # What takes back all that was migrated takes what people wrote with it.
        lost = f"all that was written in {show_span(now - live)} since the application went live"
        closed = f"it closed {show_time(live)}, when people began to write"
        ways[0] = ways[0]._replace(until=closed, lost=lost, decide_by=None)
    # What cannot end within the window any more is no choice of it.
    return [way._replace(decide_by=None) if way.decide_by and way.decide_by < now else way for way in ways]


def find_written(stored: Sequence[Stored], find_misfits: FindMisfits, now: datetime.datetime) -> Written | None:
    """What the last watch of production says that a rollback would lose; None where none tells."""
    last = find(Proof(command="watch", environment="production"), stored, find_misfits, now).record
    return (
        Written(last, last.record.facts["rollback"]) if last is not None and "rollback" in last.record.facts else None
    )


def _find_backup(
    stored: Sequence[Stored], find_misfits: FindMisfits, now: datetime.datetime
) -> datetime.datetime | None:
    """Until when the last backup that was proven may have been taken at the latest."""
    found = find(Proof(command="verify-backup"), stored, find_misfits, now)
    return found.record.record.started if found.record is not None and not found.reasons else None


def _describe(kind: _Kind, rehearsal: Stored | None, window: Window | None, taken: datetime.datetime | None) -> Way:
    steps: list[Step] = find_steps(rehearsal.record, kind.step) if rehearsal is not None else []
    if not steps:
        return Way(kind.name, False, "never tried", None, kind.until, None, kind.lost, rehearsal)
    step = steps[-1]
    seconds = step.seconds + step.judged
    proven = step.outcome == "passed"
    lost = kind.lost
    if step.rows_lost is not None:
        lost = f"{kind.lost}: {step.rows_lost:,} row{'s' * (step.rows_lost != 1)} of what was written in the rehearsal"
    elif taken is not None and kind is _KINDS[-1]:
        lost = f"{kind.lost} (verified {show_time(taken)}, and no younger than that)"
    decide_by = window.ends - datetime.timedelta(seconds=seconds) if window is not None and proven else None
    return Way(kind.name, proven, step.outcome, seconds, kind.until, decide_by, lost, rehearsal)
