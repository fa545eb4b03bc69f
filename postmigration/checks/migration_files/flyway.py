"""Flyway: versioned and repeatable migrations, each with the checksum that it had when it ran."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from postmigration.checks.contents.examination import list_names
from postmigration.checks.history import Entry
from postmigration.checks.migration_files.files import Differences, MigrationFiles, display, list_files

_NAME = re.compile(r"(?:([VB])(\d+(?:[._]\d+)*)|(R))__(.*)\.sql")
# Entries of the tool itself, which need no file.
_OWN = frozenset({"SCHEMA", "BASELINE"})
_OF_FILES = frozenset({"SQL", "SQL_BASELINE"})

Version = tuple[int, ...]


@dataclass(frozen=True)
class _File:
    path: Path
    kind: str
    version: Version


class Flyway(MigrationFiles):
    """Files `V1__name.sql` (versioned), `R__name.sql` (repeatable) and `B1__name.sql` (baseline).

    The names are those of documentation.red-gate.com, Flyway, "Migrations"; two versions are one if they have the same
    numbers but for zeros at their end. The checksum is a CRC-32 over the lines in UTF-8, without what ends them and a
    byte order mark before them, as a signed integer of 32 bits ("Checksum calculation" there, and Flyway's class
    `LoadableResource`); of a repeatable migration it is taken after placeholders were replaced.
    """

    tool = ledger = "Flyway"
    command = "flyway migrate"
    known_by = "Flyway's V1__NAME.sql and R__NAME.sql"
    conventional = ("src/main/resources/db/migration", "db/migration", "flyway/sql", "sql", "migrations")

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        super().__init__(places, named=named)
        self.files = [file for file in map(_read_name, list_files(places, "**/*.sql")) if file is not None]

    @property
    def count(self) -> int:
        """How many migrations there are."""
        return len(self.files)

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds versions, repeatable migrations and checksums against the ledger."""
        found = Differences()
        applied = {_identify(entry): entry for entry in entries if entry.applied}
        begun = [_read_version(entry.name) for entry in applied.values() if "BASELINE" in _detail(entry, 0)]
        baselines = [file.version for file in self.files if file.kind == "B"]
        versioned = any(isinstance(key, tuple) for key in applied)
        start = max(begun, default=()) if versioned else max(baselines, default=())
        for file in sorted(self.files, key=lambda file: (file.kind == "R", file.version, file.path.name)):
            entry = applied.get(file.version or file.path.name)
            if entry is not None and (file.kind == "B") == ("BASELINE" in _detail(entry, 0)):
                self._compare_checksum(file, entry, found)
            elif _is_awaited(file, start, versioned=versioned):
                found.pending.append(display(file.path.name))
        there = {file.version or file.path.name for file in self.files}
        strangers = [entry for key, entry in applied.items() if key not in there and _detail(entry, 0) not in _OWN]
        found.unknown = [entry.name for entry in strangers if _detail(entry, 0) in _OF_FILES]
        if coded := [entry.name for entry in strangers if _detail(entry, 0) not in _OF_FILES]:
            found.notes.append(f"not of SQL, and held against no file: {list_names(coded)}")
        return found

    def _compare_checksum(self, file: _File, entry: Entry, found: Differences) -> None:
        held = _detail(entry, 1)
        content = file.path.read_bytes()
        if not held or held == str(compute_checksum(content)) or _detail(entry, 0) not in _OF_FILES:
            return
        name = display(file.path.name)
        if file.kind == "R" and b"${" in content:
            found.notes.append(f"{name} has placeholders: whether it has changed since it ran cannot be told")
        elif file.kind == "R":
            found.pending.append(f"{name} (changed since it ran)")
        elif not _is_utf8(content):
            found.notes.append(f"{name} is not in UTF-8: whether it has changed since it ran cannot be told")
        else:
            found.changed.append(name)


def compute_checksum(content: bytes) -> int:
    """The checksum of a file."""
    text = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"").replace(b"\n", b"")
    checksum = zlib.crc32(text)
    return checksum - (1 << 32) if checksum >= 1 << 31 else checksum


def _is_awaited(file: _File, start: Version, *, versioned: bool) -> bool:
    """Whether a file that was not applied should be: what a baseline stands for is passed over."""
    if file.kind == "B":
        return not versioned and file.version == start
    return file.kind == "R" or file.version > start


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read_name(path: Path) -> _File | None:
    match = _NAME.fullmatch(path.name)
    return match and _File(path, match[1] or match[3], _read_version(match[2] or ""))


def _read_version(text: str) -> Version:
    """The numbers of a version; none of what is no version."""
    if not re.fullmatch(r"\d+(?:[._]\d+)*", text):
        return ()
    numbers = [int(number) for number in re.split("[._]", text)]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _identify(entry: Entry) -> Version | str:
    return _read_version(entry.name) or PurePosixPath(entry.name).name


def _detail(entry: Entry, position: int) -> str:
    """The type (0) or the checksum (1) of an entry; empty for none."""
    details = entry.details if isinstance(entry.details, list) else ["", None]
    return "" if details[position] is None else str(details[position])
