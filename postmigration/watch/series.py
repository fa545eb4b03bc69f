"""The file in which samples are kept, one in each line: a watch that was ended goes on where it was."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from postmigration.model.errors import CannotJudge

# By family, by subject (empty where the metric is of the whole server), by metric.
Values = Mapping[str, Mapping[str, Mapping[str, float]]]


class Header(msgspec.Struct, frozen=True, tag="series", tag_field="kind"):
    """The first line: of which database the samples are.

    Args:
        database: where it is.
        identity: the identifier of the server, where the role may see it, and of the database.
    """

    database: str
    identity: tuple[str | None, str]


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="sample", tag_field="kind"):
    """What was seen at one time.

    Args:
        at: when.
        started: when the server was started, as it says.
        values: what was read.
        words: who is behind the values, by family.
        unseen: why a family could not be read.
        lost: why nothing could be read.
        seconds: how long it took.
    """

    at: datetime.datetime
    started: str = ""
    values: Values = {}
    words: Mapping[str, Sequence[str]] = {}
    unseen: Mapping[str, str] = {}
    lost: str = ""
    seconds: float = 0.0


@dataclass
class Series:
    """The samples of one database, the oldest first."""

    header: Header
    samples: list[Sample] = field(default_factory=list)


_LINE = msgspec.json.Decoder(Header | Sample)


def read_series(path: Path, option: str) -> Series:
    """Reads samples from a file.

    Args:
        option: the option that names it, for messages.

    Raises:
        CannotJudge: it cannot be read, or was not written by `postmigration watch`.
    """
    series: Series | None = None
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise CannotJudge(f"{option}={path} cannot be read: {error.strerror}") from None
    # What follows the last line's end was not written to its end.
    for number, line in enumerate(lines[:-1], 1):
        try:
            entry = _LINE.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CannotJudge(f"{option}={path}, line {number}: not written by postmigration watch: {error}") from None
        if isinstance(entry, Header):
            series = series or Series(entry)
        elif series is not None:
            series.samples.append(entry)
    if series is None:
        raise CannotJudge(f"{option}={path} holds no samples: want a file that postmigration watch has written")
    series.samples.sort(key=lambda sample: sample.at)
    return series


def open_series(path: Path, header: Header, option: str) -> Series:
    """The samples that a file holds already, or a file that begins with nothing.

    Raises:
        CannotJudge: it cannot be written, or holds the samples of another database.
    """
    try:
        if path.exists() and path.stat().st_size:
            series = read_series(path, option)
            known = zip(series.header.identity, header.identity, strict=True)
            # A role that may not see the identifier of the server tells nothing of it.
            if any(a != b for a, b in known if a is not None and b is not None):
                raise CannotJudge(
                    f"{option}={path} holds samples of {series.header.database}, which is another database than "
                    f"{header.database}: name another file"
                )
            _cut_unfinished(path)
            return series
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(header) + b"\n")
    except OSError as error:
        raise CannotJudge(f"{option}={path} cannot be written: {error.strerror}") from None
    return Series(header)


def _cut_unfinished(path: Path) -> None:
    """Takes away the end of a line that was not written whole, or the next one would be unreadable with it."""
    text = path.read_bytes()
    if not text.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(text.rfind(b"\n") + 1)


def append(path: Path, series: Series, sample: Sample) -> None:
    """Adds a sample to a series and to its file.

    Raises:
        OSError: there is no room for it.
    """
    series.samples.append(sample)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(sample) + b"\n")
