"""Prisma: a directory for each migration, and the hash of what ran."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from postmigration.checks.history import Entry
from postmigration.checks.migration_files.files import Differences, MigrationFiles, display, list_files

_LENGTH = 64


class Prisma(MigrationFiles):
    """Directories with a `migration.sql`, as prisma.io/docs has them in "About migration histories".

    The checksum is the SHA-256 of the file; ends of lines may be another system's, and an older engine left out the
    zero before a digit (prisma-engines, `checksum.rs` of the schema connector).
    """

    tool = ledger = "Prisma"
    command = "prisma migrate deploy"
    known_by = "Prisma's prisma/migrations/*/migration.sql"
    alike = ("Drizzle",)
    conventional = ("prisma/migrations", "migrations")

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        super().__init__(places, named=named)
        files = sorted(list_files(places, "*/migration.sql"), key=lambda path: path.parent.name)
        self.files = {display(path.parent.name): path for path in files}

    @property
    def count(self) -> int:
        """How many migrations there are."""
        return len(self.files)

    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Holds names and checksums against the ledger."""
        applied = {entry.name: str(entry.details or "") for entry in entries if entry.applied}
        return Differences(
            pending=[name for name in self.files if name not in applied],
            unknown=[name for name in applied if name not in self.files],
            changed=[
                name
                for name, path in self.files.items()
                if name in applied and not has_checksum(path.read_bytes(), applied[name])
            ],
        )


def has_checksum(content: bytes, checksum: str) -> bool:
    """Whether a script is the one whose checksum the ledger holds."""
    ends = (content, content.replace(b"\r\n", b"\n"), content.replace(b"\n", b"\r\n"))
    digests = [hashlib.sha256(one).digest() for one in ends]
    if len(checksum) == _LENGTH:
        return checksum in [digest.hex() for digest in digests]
    return checksum in ["".join(f"{byte:x}" for byte in digest) for digest in digests]
