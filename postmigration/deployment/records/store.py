"""Records as files: written once, never replaced or deleted, and believed only where they are as they were written."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from postmigration.deployment.records import begun
from postmigration.deployment.records.clocks import DATABASE_CLOCK, find_clock_faults, find_latest_end
from postmigration.deployment.records.record import SCHEMA_VERSION, Record
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.migration import RecordedCommand

KEY = "POSTMIGRATION_RECORDS_KEY"
# A record with 2,000 checks has 1 MB.
LARGEST = 8_000_000
_SHORTEST_KEY = 16
_JUDGING = ("gate", "check")
_PASSING = ("GO", "PARTIAL")
_LIKE_A_RECORD = re.compile(rf"\.*({'|'.join(get_args(RecordedCommand))})-.*\.json.*", re.IGNORECASE)
_ASIDE = "looks like a record that was put aside, and is not read: keep it elsewhere, or name its directory (--records)"
_MOST_OF_A_SECOND = 1_000


class Stored(NamedTuple):
    """A record, and the file that holds it."""

    path: Path
    record: Record


class Refusal(NamedTuple):
    """A file, or a directory, that is no evidence, and why."""

    path: Path
    reason: str


class Records(NamedTuple):
    """What was read.

    Args:
        stored: the records that can be believed, the one that ended first first.
        refusals: the files that cannot, and runs that have begun and left none.
    """

    stored: list[Stored]
    refusals: list[Refusal]


class _Doubtful(NamedTuple):
    """A record that counts only beside a later one, which it then does not outweigh."""

    stored: Stored
    reason: str


class _Head(msgspec.Struct):
    """What must be readable of a record whatever its format is."""

    schema_version: int


def read_key(environment: Mapping[str, str] = os.environ) -> bytes:
    """The key with which records are signed; empty where there is none.

    Raises:
        CannotJudge: it is set to what cannot be a key: a secret that a pipeline lacks is an empty text there.
    """
    key = environment.get(KEY)
    if key is None:
        return b""
    if len(key.strip()) < _SHORTEST_KEY:
        raise CannotJudge(
            f"{KEY} is {'empty' if not key.strip() else 'too short'}: want {_SHORTEST_KEY} characters "
            "or more, or no such variable"
        )
    return key.encode(errors="surrogateescape")


def seal(record: Record, key: bytes = b"") -> Record:
    """Gives a record the checksum of all that it says, and with a key its signature.

    Raises:
        ValueError: a field holds what could not be read again.
    """
    content = _encode(record)
    signature = hmac.digest(key, content, "sha256").hex() if key else ""
    return replace(record, checksum=hashlib.sha256(content).hexdigest(), signature=signature)


def _encode(record: Record) -> bytes:
    """What the checksum is of: all fields but those that seal them, always in the same order."""
    # As it will be read: a whole number of seconds has become a fraction by then.
    read = msgspec.json.decode(msgspec.json.encode(replace(record, checksum="", signature="")), type=Record)
    return msgspec.json.encode(read, order="sorted")


def write_record(record: Record, directory: Path, key: bytes = b"") -> Path:
    """Writes a record as a file of its own; whatever stands there is left alone.

    Args:
        key: with which it is signed.

    Returns:
        The file.

    Raises:
        OSError: it cannot be written.
    """
    text = msgspec.json.format(msgspec.json.encode(seal(record, key)), indent=2) + b"\n"
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / f".{secrets.token_hex(8)}.partial"
    try:
        with written.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        stem = f"{record.command}-{record.started.astimezone(datetime.UTC):%Y%m%dT%H%M%S}Z"
        for number in range(1, _MOST_OF_A_SECOND):
            path = directory / f"{stem}{f'-{number}' if number > 1 else ''}.json"
            with suppress(FileExistsError):
                _put(written, path, text)
                return path
        raise FileExistsError(f"{stem}: {_MOST_OF_A_SECOND} records of one second")
    finally:
        with suppress(OSError):
            written.unlink()


def _put(written: Path, path: Path, text: bytes) -> None:
    """Gives a file its name, unless another has it.

    Raises:
        FileExistsError: another has it.
    """
    try:
        path.hardlink_to(written)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links.
        with path.open("xb") as file:
            file.write(text)


def read_records(directories: Iterable[Path], key: bytes = b"", *, now: datetime.datetime | None = None) -> Records:
    """Reads all records of some directories; a file that is no evidence hides no other.

    Args:
        key: with which each of them must be signed; empty where signatures are not looked at.
        now: the present, behind which no record can have ended.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    found: dict[str, Stored] = {}
    refusals = []
    doubtful: list[_Doubtful] = []
    marks: list[Path] = []
    directories = list(directories)
    named = {directory.resolve() for directory in directories}
    for directory in directories:
        try:
            here = sorted(path for path in directory.iterdir() if path.name[0] != ".")
            aside = list(_find_aside(directory, named))
        except FileNotFoundError:
            refusals.append(Refusal(directory, "there is no such directory: no command has left a record there yet"))
            continue
        except OSError as error:
            refusals.append(Refusal(directory, f"cannot be read: {error.strerror}"))
            continue
        marks += [path for path in here if path.suffix == begun.SUFFIX]
        for path in [*aside, *(path for path in here if path.suffix == ".json")]:
            try:
                record = _read(path, key)
                # Nobody knows what one of a wrong clock is newer than: left out, a NO-GO would be forgotten.
                fault = _ASIDE if path in aside else next(find_clock_faults(record, now), "")
            except CannotJudge as error:
                refusals.append(Refusal(path, _ASIDE if path in aside else escape(str(error))))
                continue
            if not fault:
                # The same record may have come from two jobs.
                found.setdefault(record.checksum, Stored(path, record))
            elif _may_be_superseded(path, record, now, aside=path in aside):
                doubtful.append(_Doubtful(Stored(path, record), fault))
            else:
                refusals.append(Refusal(path, fault))
    refusals += _settle(doubtful, found)
    records = [stored.record for stored in found.values()]
    if not key and (signed := [stored for stored in found.values() if stored.record.signature]):
        why = f"is signed, and no signature was verified: set {KEY} to the key of those who wrote it"
        refusals.append(Refusal(signed[0].path, why))
    refusals += [Refusal(path, why) for path in marks if (why := begun.describe_unfinished(path, records))]
    ordered = sorted(found.values(), key=lambda stored: (find_latest_end(stored.record), stored.path.name))
    return Records(ordered, refusals)


def _may_be_superseded(path: Path, record: Record, now: datetime.datetime, *, aside: bool) -> bool:
    """Whether it is known of a record that is in doubt what it is older than."""
    if aside:
        # Under another name it is no archive.
        return path.suffix == ".json" and path.name[0] != "." and not any(find_clock_faults(record, now))
    return DATABASE_CLOCK in record.facts and record.started <= record.ended <= now


def _settle(doubtful: Iterable[_Doubtful], found: dict[str, Stored]) -> Iterator[Refusal]:
    """Takes in the records that later ones of the same command and environment supersede, and refuses the others.

    Args:
        found: the records that can be believed, by their checksums.
    """
    believed = list(found.values())
    for (path, record), reason in doubtful:
        ended = find_latest_end(record)
        alike = [
            other for _, other in believed if (other.command, other.environment) == (record.command, record.environment)
        ]
        if not any(other.started > ended for other in alike):
            yield Refusal(path, reason)
        # What was found wrong is not forgotten; what a wrong clock says is right proves nothing.
        elif record.status != 0 or DATABASE_CLOCK not in record.facts:
            found.setdefault(record.checksum, Stored(path, record))


def _read(path: Path, key: bytes) -> Record:
    content = _read_bytes(path)
    try:
        version = msgspec.json.decode(content, type=_Head).schema_version
        if version != SCHEMA_VERSION:
            raise CannotJudge(f"has schema version {version}, and this postmigration reads {SCHEMA_VERSION}")
        record = msgspec.json.decode(content, type=Record)
        # What no calendar holds can be compared with nothing.
        _ = (record.started.astimezone(datetime.UTC), record.ended.astimezone(datetime.UTC))
    # It is a ValueError too where a text is no UTF-8, and a RecursionError where there is no end of brackets.
    except (ValueError, RecursionError, OverflowError) as error:
        raise CannotJudge(f"is no record: {str(error)[:300]}") from None
    sealed = seal(record, key)
    if not hmac.compare_digest(sealed.checksum, record.checksum):
        raise CannotJudge("was changed after it was written: its checksum does not fit what it says")
    if key and not record.signature:
        raise CannotJudge(f"is not signed: it was written without {KEY}")
    if key and not hmac.compare_digest(sealed.signature, record.signature):
        raise CannotJudge(f"has another signature: it was not written with this {KEY}")
    for contradiction in _find_contradictions(record):
        raise CannotJudge(f"{contradiction}: it contradicts itself")
    return record


def _find_contradictions(record: Record) -> Iterator[str]:
    """What no gate writes, and a hand that makes a NO-GO into a GO does."""
    if record.command not in _JUDGING or record.status != 0:
        return
    if record.word.partition(" ")[0] not in _PASSING:
        yield f"says {record.word}, and has the exit status 0"
    for check in record.checks:
        if check.outcome in ("failed", "broken"):
            yield f"says {record.word}, and that {check.nodeid} {'was ' * (check.outcome == 'broken')}{check.outcome}"
    # One of some checks only may have come to none.
    if record.word.startswith("GO") and not any(check.outcome == "passed" for check in record.checks):
        yield f"says {record.word}, and names no check that passed"


def _find_aside(directory: Path, named: Collection[Path]) -> Iterator[Path]:
    """Files that look like records, under names or in places by which they are none."""
    for path in sorted(directory.iterdir()):
        if path.is_dir() and path.resolve() not in named:
            yield from sorted(inner for inner in path.iterdir() if _LIKE_A_RECORD.fullmatch(inner.name))
        elif _LIKE_A_RECORD.fullmatch(path.name) and (path.suffix != ".json" or path.name[0] == "."):
            yield path


def _read_bytes(path: Path) -> bytes:
    try:
        # What is no file, as a pipe is none, might never end.
        if not path.is_file():
            raise CannotJudge("is no file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise CannotJudge(f"cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise CannotJudge(f"is too large for a record: more than {LARGEST:,} bytes")
    return content
