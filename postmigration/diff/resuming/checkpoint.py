"""What of a long comparison is done, in a file by which the same command goes on after a crash of either side.

It holds for each table which ranges of its key were compared, and what that came to: numbers, moments, the bounds of
these ranges and the keys of a few rows that differ. Such keys are numbers and uuids and nothing else, which a report
shows unmasked too; no other value of a row is in it. Nobody but its owner may read it.
"""

from __future__ import annotations

import datetime
import functools
import operator
import os
import stat
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from postmigration.diff.resuming.bound import Bound, Side, advance, tell_apart
from postmigration.diff.row_sets import DifferenceKind
from postmigration.model.errors import CannotJudge
from postmigration.model.files import replace_private, seal, unseal

FORMAT = 1
_MAGIC = "postmigration checkpoint"
# What was read so long ago says little of the databases as they are.
LONGEST = datetime.timedelta(days=7)
# Keys of rows that differ, of each table.
MOST_KEYS = 100
# A file is written again after so many times as long as the last time took: a twentieth of a run at the most.
PATIENCE = 20.0


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A range of a table's key that was compared, half-open, or several that follow each other.

    Args:
        first, end: where it begins, and before what it ends; None where nothing comes before or after it.
        rows: how many rows each side has.
        counts: how many differ, of each kind.
        in_flight: how many were the same when they were read again.
        many: in one of them too many differ to be read again.
        since, until: the first and the last moment that its snapshots show.
        ranges: how many they are.
        keys: the keys of some rows that differ.
    """

    first: str | None
    end: str | None
    rows: tuple[int, int]
    counts: dict[DifferenceKind, int]
    in_flight: int = 0
    many: bool = False
    since: str
    until: str
    ranges: int = 1
    keys: tuple[tuple[str, ...], ...] = ()

    def __add__(self, other: Range) -> Range:
        """Both, of which the other one follows."""
        return Range(
            first=self.first,
            end=other.end,
            rows=(self.rows[0] + other.rows[0], self.rows[1] + other.rows[1]),
            counts={kind: number + other.counts[kind] for kind, number in self.counts.items()},
            in_flight=self.in_flight + other.in_flight,
            many=self.many or other.many,
            since=min(self.since, other.since),
            until=max(self.until, other.until),
            ranges=self.ranges + other.ranges,
            keys=(self.keys + other.keys)[:MOST_KEYS],
        )


class Progress(msgspec.Struct, kw_only=True):
    """How far a table is.

    Args:
        definition: tells its columns, types and key on both sides from others.
        files: tells whether it was emptied or written anew since.
        ranges: what was compared, in no order.
    """

    definition: str
    files: str
    ranges: list[Range] = []

    def add(self, done: Range) -> None:
        """Adds a range, and makes one of those that follow each other."""
        left = []
        for each in self.ranges:
            if each.end is not None and each.end == done.first:
                done = each + done
            elif done.end is not None and done.end == each.first:
                done = done + each
            else:
                left.append(each)
        self.ranges = [*left, done]


class _Head(msgspec.Struct, kw_only=True):
    format: int = msgspec.field(name=_MAGIC)
    begun: datetime.datetime
    bound: Bound


class Checkpoint:
    """The file of a comparison.

    Args:
        path: the file.
        bound: what the comparison is of.
        begun: when it was.
        tables: how far each table is.
        mark: tells the file as it was read from others; None where there was none.
    """

    def __init__(
        self,
        path: Path,
        bound: Bound,
        begun: datetime.datetime,
        tables: Mapping[str, Progress],
        mark: tuple[int, int, int] | None = None,
    ) -> None:
        self.path = path
        self.bound = bound
        self.begun = begun
        self.tables = dict(tables)
        self.resumed = mark is not None
        # Of the file that is there, and of the one that is taking its place: an interruption may come before or after.
        self._marks = [mark]
        self._after = 0.0
        self._written = True

    def add(self, table: str, done: Range, before: Side, after: Side) -> None:
        """Notes that a range of a table was compared; it is written now or soon.

        Args:
            before, after: how far the databases were then.

        Raises:
            CannotJudge: the file cannot be written.
        """
        self.tables[table].add(done)
        self.bound = advance(self.bound, before, after)
        self._written = False
        if time.monotonic() >= self._after:
            self.save()

    def save(self) -> None:
        """Writes what is done.

        Raises:
            CannotJudge: the file cannot be written, or somebody else has written it.
        """
        began = time.monotonic()
        head = {_MAGIC: FORMAT, "begun": self.begun, "bound": self.bound}
        lines = [head, *({"table": name, "done": of} for name, of in self.tables.items())]
        try:
            if (there := self._find_mark()) is not None and there not in self._marks:
                raise CannotJudge(
                    f"--checkpoint={self.path}: somebody else has written the file meanwhile, perhaps another run: "
                    "name one for each comparison"
                )
            self._marks = [there]
            content = seal(map(msgspec.json.encode, lines))
            replace_private(self.path, content, lambda file: self._marks.append(_mark(file)))
        except OSError as error:
            raise CannotJudge(f"--checkpoint={self.path}: the file cannot be written: {error.strerror}") from None
        self._written = True
        self._after = time.monotonic() + PATIENCE * (time.monotonic() - began)

    def describe(self, tables: int) -> str:
        """Says whether the comparison goes on or begins, in words.

        Args:
            tables: how many are compared.
        """
        if not self.resumed:
            return f"{self.path}: the comparison begins; the same command goes on with it where it is broken off"
        rows = sum(each.rows[0] for of in self.tables.values() for each in of.ranges)
        of = "1 table" if tables == 1 else f"{tables:,} tables"
        return (
            f"{self.path}: goes on with the comparison of {self.begun:%Y-%m-%d %H:%M} UTC: {rows:,} rows of {of} are "
            "compared, and not read again"
        )

    def end(self, *, complete: bool) -> str:
        """Says when what was compared was so, and removes the file where nothing is left to compare.

        Raises:
            CannotJudge: it cannot be removed.
        """
        done = [each for of in self.tables.values() for each in of.ranges]
        told = f"{describe_moments(done)}: what was written later is not seen; " if done else ""
        if not complete:
            return f"{told}{self.path} holds what was compared: the same command goes on"
        self._remove()
        return f"{told}{self.path} is removed: the next comparison begins anew"

    def close(self) -> None:
        """Writes what was not written yet.

        Raises:
            CannotJudge: the file cannot be written.
        """
        if not self._written:
            self.save()

    def _remove(self) -> None:
        self._written = True
        try:
            self.path.resolve().unlink(missing_ok=True)
        except OSError as error:
            raise CannotJudge(
                f"--checkpoint={self.path}: the comparison has ended and the file cannot be removed "
                f"({error.strerror}): remove it, or the same command tells again what it found"
            ) from None

    def _find_mark(self) -> tuple[int, int, int] | None:
        try:
            return _mark(self.path.stat())
        except FileNotFoundError:
            return None


def open_checkpoint(path: Path, bound: Bound, now: datetime.datetime) -> Checkpoint:
    """Reads the file of a comparison that was broken off, or begins one.

    Args:
        path: the file, which need not be there.
        bound: what is compared now.

    Raises:
        CannotJudge: it is no such file, is damaged, too old, of another comparison, or cannot be written.
    """
    says = f"--checkpoint={path}:"
    try:
        found = path.stat()
        content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
    except FileNotFoundError:
        checkpoint = Checkpoint(path, bound, now, {})
        checkpoint.save()
        return checkpoint
    except OSError as error:
        raise CannotJudge(f"{says} the file cannot be read: {error.strerror}") from None
    if not content.startswith(f'{{"{_MAGIC}":'.encode()):
        raise CannotJudge(f"{says} that is no checkpoint, and is not overwritten: name a file of its own")
    head, tables = _decode(content, says)
    if difference := tell_apart(head.bound, bound):
        raise CannotJudge(f"{says} the file is of another comparison: {difference}: {_REMEDY}")
    if now - head.begun > LONGEST:
        raise CannotJudge(
            f"{says} the comparison was begun {head.begun:%Y-%m-%d %H:%M} UTC, more than {LONGEST.days} days ago, and "
            f"what it read may be other by now: {_REMEDY}"
        )
    return Checkpoint(path, bound, head.begun, tables, _mark(found))


def _mark(file: os.stat_result) -> tuple[int, int, int]:
    # The number alone is given again: a file that is replaced twice may have it as before.
    return file.st_ino, file.st_mtime_ns, file.st_size


_REMEDY = "name another file, or remove this one to begin anew"


class _Line(msgspec.Struct):
    table: str
    done: Progress


def _decode(content: bytes, says: str) -> tuple[_Head, dict[str, Progress]]:
    lines, whole = unseal(content)
    try:
        known = msgspec.json.decode(lines[0], type=dict[str, msgspec.Raw])
        if whole and bytes(known[_MAGIC]) == b"%d" % FORMAT:
            head = msgspec.json.decode(lines[0], type=_Head)
            read = [msgspec.json.decode(line, type=_Line) for line in lines[1:]]
            return head, {line.table: line.done for line in read}
    except (msgspec.MsgspecError, ValueError, KeyError):
        whole = False
    if not whole:
        raise CannotJudge(f"{says} the file is damaged or was changed: {_REMEDY}")
    raise CannotJudge(
        f"{says} the file is of another version of postmigration than {version('postmigration')}: {_REMEDY}"
    )


def sum_up(ranges: Sequence[Range]) -> Range:
    """What some ranges come to together."""
    return functools.reduce(operator.add, ranges)


def describe_moments(ranges: Sequence[Range]) -> str:
    """Says of which moments some ranges are."""
    number = sum(each.ranges for each in ranges)
    since, until = min(each.since for each in ranges), max(each.until for each in ranges)
    since, until = (moment.replace("+00:00", " UTC") for moment in (since, until))
    if number == 1:
        return f"as of {since}"
    return f"each of {number:,} ranges as of its own moment, from {since} to {until}"
