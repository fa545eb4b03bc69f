"""A backup file: which kind it is, what it says of itself, and the SQL in it."""

from __future__ import annotations

import datetime
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from postmigration.backups.archive import COPY_AGAIN, contents, translate
from postmigration.backups.script import Stream
from postmigration.model.errors import CannotJudge

_PEEK = 1 << 16
_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_OTHER_COMPRESSIONS = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}
_SQL = re.compile(
    rb"\\|(?:SET|RESET|SELECT|CREATE|ALTER|DROP|INSERT|COPY|COMMENT|GRANT|REVOKE|BEGIN|UPDATE|DO|TRUNCATE)\b", re.I
)
_BLANK = re.compile(rb"(?:[\s;]++|--[^\n]*+(?:\n|\Z))*+")
_NO_CHECKSUM = "it carries no checksum: damage that leaves it readable is not noticed"


@dataclass(frozen=True)
class Backup:
    """A backup file that can be read.

    Args:
        path: where it is.
        name: what it is called in messages.
        form: what it is, in words.
        size: in bytes.
        checksum: whether damage to its rows shows.
        made: who made it and when, as far as an archive says so; empty for plain SQL.
        program: the pg_restore that reads it; None for plain SQL.
        compressed: plain SQL inside gzip.
    """

    path: Path
    name: str
    form: str
    size: int
    checksum: bool
    made: str = ""
    program: Path | None = None
    compressed: bool = False

    def describe(self, header: dict[str, str]) -> str:
        """A sentence for the report.

        Args:
            header: what the SQL in it says of who made it.
        """
        made = self.made or self._describe_origin(header)
        return f"{self.name}: {self.form}, {self.size:,} bytes, {made}{'' if self.checksum else f'; {_NO_CHECKSUM}'}"

    def _describe_origin(self, header: dict[str, str]) -> str:
        changed = datetime.datetime.fromtimestamp(self.path.stat().st_mtime, datetime.UTC)
        when = f"at {header['Started on']}" if "Started on" in header else f"not after {changed:%Y-%m-%d %H:%M:%S} UTC"
        if "Dumped by pg_dump version" not in header:
            return f"made {when} by a program that it does not name"
        server, tool = header.get("Dumped from database version", ""), header["Dumped by pg_dump version"]
        return f"of a database on PostgreSQL {server}, made by pg_dump {tool} {when}"

    @contextmanager
    def open_sql(self, *, schema_only: bool = False) -> Iterator[Stream]:
        """The SQL in it, as a stream.

        Args:
            schema_only: of an archive without its rows.

        Raises:
            CannotJudge: it is truncated or damaged; known only when all of it was read.
        """
        if self.program is not None:
            options = ["--schema-only"] if schema_only else []
            with translate(self.program, self.path, self.name, *options) as stream:
                yield stream
            return
        with gzip.open(self.path) if self.compressed else self.path.open("rb") as file:
            yield _Checked(cast(BinaryIO, file), self.name)


class _Checked:
    """A file of which gzip checks what is read.

    Args:
        file: the file, decompressed if it is compressed.
        name: what it is called in messages.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self._broken: str | None = None

    def read(self, size: int, /) -> bytes:
        """The next bytes; none at the end.

        Raises:
            CannotJudge: they do not add up, or the end is missing.
        """
        if self._broken is None:
            try:
                return self._file.read(size)
            except EOFError:
                self._broken = f"is truncated: its gzip stream has no end; {COPY_AGAIN}"
            except (gzip.BadGzipFile, zlib.error) as error:
                self._broken = f"is damaged inside a compressed block: gzip says '{error}'; {COPY_AGAIN}"
            except OSError as error:
                self._broken = f"cannot be read: {error.strerror or error}"
        raise CannotJudge(f"{self._name} {self._broken}")


def identify(path: Path, scratch: Path) -> Backup:
    """What a file is.

    Args:
        path: the file, or the directory of an archive in directory format.
        scratch: a directory for the one copy that an archive inside gzip needs.

    Raises:
        CannotJudge: it is no backup that can be read; one line with the cause and the remedy.
    """
    try:
        return _identify(path, path.resolve().name, scratch)
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror or error}") from None


def refuse_missing(path: Path) -> None:
    """Makes sure that a backup is there.

    Raises:
        CannotJudge: it is not.
        OSError: that cannot be seen.
    """
    if not path.exists():
        raise CannotJudge(f"{path} does not exist: name a file that pg_dump wrote")


def _identify(path: Path, name: str, scratch: Path) -> Backup:
    refuse_missing(path)
    if path.is_dir():
        return _archive(path, name)
    with path.open("rb") as file:
        head = file.read(_PEEK)
    if not head:
        raise CannotJudge(f"{name} is empty, so no backup: name another one")
    if _is_archive(head):
        return _archive(path, name)
    if head.startswith(_GZIP):
        return _open_gzip(path, name, scratch)
    _refuse_other_than_sql(head, name)
    return Backup(path, name, "plain SQL", path.stat().st_size, checksum=False)


def _is_archive(head: bytes) -> bool:
    return head.startswith(b"PGDMP") or head[257:262] == b"ustar"


def _archive(path: Path, name: str) -> Backup:
    found = contents(path, name)
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    compression = found.compression if found.checksum else "not compressed"
    form = f"pg_dump archive ({found.form}, {compression})"
    return Backup(path, name, form, size, found.checksum, found.made, found.program)


def _open_gzip(path: Path, name: str, scratch: Path) -> Backup:
    plain = Backup(path, name, "plain SQL in gzip", path.stat().st_size, checksum=True, compressed=True)
    with plain.open_sql() as stream:
        head = stream.read(_PEEK)
        if _is_archive(head):
            copy = scratch / name
            with copy.open("wb") as file:
                block = head
                while block:
                    file.write(block)
                    block = stream.read(_BLOCK)
            inside = _archive(copy, name)
            return replace(inside, form=f"{inside.form} in gzip", size=plain.size, checksum=True)
    if not head:
        raise CannotJudge(f"{name} is empty inside its gzip, so no backup: name another one")
    _refuse_other_than_sql(head, name)
    return plain


def _refuse_other_than_sql(head: bytes, name: str) -> None:
    for magic, compression in _OTHER_COMPRESSIONS.items():
        if head.startswith(magic):
            raise CannotJudge(f"{name} is compressed with {compression}: decompress it and name the result")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CannotJudge(
            f"{name} is text in UTF-16, which a redirection in PowerShell makes of a dump: let pg_dump write the file "
            "itself with --file"
        )
    blank = _BLANK.match(head, len(b"\xef\xbb\xbf") if head.startswith(b"\xef\xbb\xbf") else 0)
    start = blank.end() if blank else 0
    if b"\0" in head or (start < len(head) and not _SQL.match(head, start)):
        raise CannotJudge(
            f"{name} is no backup: it is neither an archive of pg_dump nor SQL that pg_dump wrote; name a file that "
            "pg_dump wrote, decrypted and decompressed"
        )
