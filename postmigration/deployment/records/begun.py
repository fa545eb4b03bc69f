"""Runs that have begun: each leaves a mark until it has left its record, so that one that has left none is known of."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from postmigration.deployment.records.clocks import show_time
from postmigration.deployment.records.record import Moment, Record
from postmigration.model.migration import RecordedCommand

SUFFIX = ".begun"
# What they would have found is unknown; the others leave a file that is whole or not there, or a series.
MARKED = ("gate", "check", "rehearse", "verify-backup")
_LARGEST = 10_000


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a run before it has found anything."""

    command: RecordedCommand
    environment: str
    started: Moment


def mark(directory: Path, command: RecordedCommand, environment: str, started: datetime.datetime) -> Path:
    """Marks that a run has begun.

    Returns:
        The file, which is deleted when the run has left its record.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{command}-{secrets.token_hex(8)}{SUFFIX}"
    try:
        path.write_bytes(msgspec.json.encode(Mark(command=command, environment=environment, started=started)))
    except OSError:
        with suppress(OSError):
            path.unlink()
        raise
    return path


def describe_unfinished(path: Path, records: Sequence[Record]) -> str:
    """Why a mark stands in the way; empty where a later record says more than the run would have.

    Args:
        records: all that were read.
    """
    try:
        with path.open("rb") as file:
            begun = msgspec.json.decode(file.read(_LARGEST), type=Mark)
        began = show_time(begun.started)
    except OSError as error:
        # It was there a moment ago: the run has come to its end meanwhile.
        return "" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    except (ValueError, RecursionError, OverflowError):
        return "is no mark of a run that has begun: delete it"
    for record in records:
        alike = record.command == begun.command and begun.environment in ("", record.environment)
        if alike and record.started >= begun.started:
            return ""
    where = f" of {begun.environment}" if begun.environment else ""
    return (
        f"{begun.command}{where} was started {began} and has left no record: it still runs, was "
        "killed, or could not write one; run it again, or delete this file if nothing can have been found"
    )
