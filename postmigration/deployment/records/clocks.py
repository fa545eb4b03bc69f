"""When something was, as people read it, and records whose clock cannot have been right."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from postmigration.deployment.records.record import Record

# Two clocks that are set by the network differ by less.
_TOLERANCE = datetime.timedelta(minutes=1)
# The fact of a record by which its clock is known to have been wrong, or that of its database.
CLOCK = "clock"
# What that of the database said in the meantime.
DATABASE_CLOCK = "clock of the database"
_SHORT_SPAN = datetime.timedelta(hours=1)


def show_time(at: datetime.datetime) -> str:
    """A moment, to the minute, in UTC."""
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def show_span(span: datetime.timedelta) -> str:
    """How long it was, in hours, or in minutes where it was less than one."""
    if span < _SHORT_SPAN:
        return f"{span.total_seconds() / 60:,.1f}".removesuffix(".0") + " min"
    return f"{span.total_seconds() / 3_600:,.1f}".removesuffix(".0") + " h"


def show_seconds(seconds: float) -> str:
    """A duration, in its two largest units."""
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or f"{seconds:.1f} s"


def find_clock_faults(record: Record, now: datetime.datetime) -> Iterator[str]:
    """Why the times of a record cannot be right: nobody knows then which of two records is the newer one."""
    if record.ended < record.started:
        yield f"ended {_show(record.ended)}, before it started {_show(record.started)}: its clock ran back"
    elif record.ended > now + _TOLERANCE:
        yield f"ended {_show(record.ended)}, and it is {_show(now)}: the clock here or there is wrong"
    if wrong := record.facts.get(CLOCK):
        yield f"was made while clocks differed: {wrong}: set them, and run it again"
    for side, database in (("database", record.database), ("state before", record.baseline)):
        begun = _read_time(database.started) if database is not None else None
        if begun is not None and begun > record.ended + _TOLERANCE:
            yield (
                f"ended {_show(record.ended)}, and the server of its {side} was started {_show(begun)}: "
                "the clock of one of them is wrong, or ran back"
            )


def find_latest_end(record: Record) -> datetime.datetime:
    """When a record ended at the latest, whichever clock was right, where it says what that of its database said."""
    there = _read_time(record.facts.get(DATABASE_CLOCK, ""))
    return record.ended if there is None else max(record.ended, there + (record.ended - record.started))


def find_drift(here: datetime.datetime, there: datetime.datetime) -> Iterator[str]:
    """Why the present is not known: the clock of this machine and that of a database differ.

    Args:
        here, there: what they say at the same moment.
    """
    if abs(here - there) > _TOLERANCE:
        yield (
            f"it is {_show(here)} here, and {_show(there)} at the database: one of the clocks is wrong, so that nobody "
            "knows how old a record is"
        )


def _show(at: datetime.datetime) -> str:
    return f"{at.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _read_time(text: str) -> datetime.datetime | None:
    """A moment as a server writes it; None where its settings show no ISO date with a time zone."""
    try:
        begun = datetime.datetime.fromisoformat(text)
        return begun.astimezone(datetime.UTC) if begun.tzinfo else None
    except (ValueError, OverflowError):
        return None
