"""An archive of pg_dump: what its table of contents says, whether it has its end, and its translation to SQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from postmigration.model.errors import CannotJudge
from postmigration.postgres.embedded import VERSIONS, binaries
from postmigration.postgres.scratch.base_backup import divide
from postmigration.postgres.scratch.programs import find_installations

COPY_AGAIN = "copy it again, or name another backup"
_ITS_VERSION = "restore it into a server of its version, and name that database instead of the file"
# Seconds for pg_restore to end once its output has ended or nobody reads it.
_PATIENCE = 10
_LISTED = re.compile(
    r"^;\s+(Archive created at|dbname|Compression|Format|Dumped \w+ \w+ version):? (.*)$", re.MULTILINE
)
_UNSUPPORTED = "does not support compression"
# What pg_restore says of an archive whose compressed blocks do not add up, and of one that ends too early.
_DAMAGED = re.compile(r"uncompress|data check|length check|invalid (?:distance|block|code|stored|bit)")
_TRUNCATED = re.compile(
    r"end of file|end of input|unexpected end|too short|could not (?:find block|close data file)|No such file"
)


@dataclass(frozen=True)
class Contents:
    """What an archive says of itself, and the pg_restore that can read it."""

    program: Path
    form: str
    compression: str
    made: str

    @property
    def checksum(self) -> bool:
        """Whether its blocks are compressed, and so damage to them shows."""
        # Of a tar file pg_restore says that it is compressed, whatever it holds.
        return self.form != "tar" and self.compression not in ("none", "0")


def contents(path: Path, name: str) -> Contents:
    """What an archive says of itself.

    Args:
        path: the archive: a file, or the directory of one in directory format.
        name: what it is called in messages.

    Raises:
        CannotJudge: it has no end, or no pg_restore here can read it.
    """
    if path.is_dir():
        _whole_directory(path, name)
    elif tarfile.is_tarfile(path):
        _whole_tar(path, name)
    programs = (binaries(VERSIONS[-1]) / "pg_restore", *_of_the_system())
    compression = ""
    for program in programs:
        listed = subprocess.run(  # noqa: S603 # a program of PostgreSQL and a path
            [program, "--list", path], capture_output=True, check=False, env=_environment(), stdin=subprocess.DEVNULL
        )
        said = listed.stderr.decode(errors="replace")
        facts = dict(_LISTED.findall(listed.stdout.decode(errors="replace")))
        if listed.returncode == 0 and _UNSUPPORTED not in said:
            break
        compression = facts.get("Compression", compression)
        if not compression:
            raise _unreadable(name, said)
    else:
        raise CannotJudge(
            f"{name} is compressed with {compression}, which no pg_restore here can read (tried "
            f"{', '.join(map(str, programs))}): install PostgreSQL's client programs of the version that made it, or "
            "dump again with --compress=gzip"
        )
    made_by = facts.get("Dumped by pg_dump version", "")
    refuse_newer(name, made_by)
    return Contents(
        program,
        facts.get("Format", "").lower(),
        facts.get("Compression", "none"),
        f"of the database {facts.get('dbname', '')} on PostgreSQL {facts.get('Dumped from database version', '')}, "
        f"made by pg_dump {made_by} at {facts.get('Archive created at', '')}",
    )


def refuse_newer(name: str, made_by: str) -> None:
    """Refuses what a newer pg_dump wrote than any server here knows.

    Args:
        name: the file, for the message.
        made_by: the version of pg_dump; empty if it is not known.

    Raises:
        CannotJudge: it is newer.
    """
    newest = max([VERSIONS[-1], *(installation.version for installation in find_installations())])
    if major_version(made_by) > newest:
        raise CannotJudge(
            f"{name} was made by pg_dump {made_by}, newer than the embedded PostgreSQL {VERSIONS[-1]} and every "
            f"installed one: {_ITS_VERSION}"
        )


def major_version(text: str) -> int:
    """The major version that a text begins with; 0 where it begins with none."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0


@contextmanager
def translate(program: Path, path: Path, name: str, *options: str) -> Iterator[BinaryIO]:
    """An archive as SQL; the pg_restore that writes it has ended when this has.

    Args:
        options: those of pg_restore that choose what of it.

    Raises:
        CannotJudge: the archive is truncated or damaged; known only when all of it was read.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 # a program of PostgreSQL and a path
            [program, "--file=-", *options, path],
            stdout=subprocess.PIPE,
            stderr=said,
            stdin=subprocess.DEVNULL,
            env=_environment(),
        )
        stream = cast(BinaryIO, process.stdout)
        try:
            yield stream
            _raise_failure(process, said, name)
        except CannotJudge:
            # What was missing in the SQL may be missing because pg_restore gave up.
            stream.close()
            _raise_failure(process, said, name)
            raise
        finally:
            stream.close()
            process.kill()
            process.wait()


def _raise_failure(process: subprocess.Popen[bytes], said: BinaryIO, name: str) -> None:
    """Raises what pg_restore said, if it failed by itself and not because nobody read on."""
    try:
        status = process.wait(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise CannotJudge(f"{name} is damaged: pg_restore does not come to its end; {COPY_AGAIN}") from None
    if status > 0:
        said.seek(0)
        raise _unreadable(name, said.read(4096).decode(errors="replace"))


def _unreadable(name: str, said: str) -> CannotJudge:
    words = " ".join(re.sub(r"(?m)^pg_restore: (?:error: )?", "", said).split())[:200]
    if "unsupported version" in words:
        return CannotJudge(
            f"{name} was made by a newer pg_dump than the embedded pg_restore {VERSIONS[-1]} knows ({words}): "
            f"{_ITS_VERSION}"
        )
    if _DAMAGED.search(words):
        problem = "is damaged inside a compressed block"
    elif _TRUNCATED.search(words):
        problem = "is truncated"
    else:
        problem = "is damaged"
    return CannotJudge(f"{name} {problem}: pg_restore read it and says '{words}'; {COPY_AGAIN}")


def _whole_tar(path: Path, name: str) -> None:
    """Makes sure that a tar file has its end: pg_restore takes a shorter one, or reads it for ever."""
    members, end = set(), 0
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                members.add(member.name)
                end = member.offset_data + member.size
    except tarfile.ReadError:
        raise CannotJudge(f"{name} is truncated or damaged: a file in it has no end; {COPY_AGAIN}") from None
    if "toc.dat" not in members:
        raise CannotJudge(f"{name} is a tar file without toc.dat, so no pg_dump archive: name one, or what is in it")
    # Blocks of 512 bytes, and two of them to close.
    if -(-end // 512) * 512 + 1024 > path.stat().st_size:
        raise CannotJudge(f"{name} is truncated: the last file in it has no end; {COPY_AGAIN}")


def _whole_directory(path: Path, name: str) -> None:
    """Makes sure that data files have their ends: pg_restore takes an empty one for a table without rows."""
    if divide(str(path)):
        raise CannotJudge(f"{name} is a base backup, and no file of a dump: name it alone, or name a dump")
    if not (path / "toc.dat").exists():
        raise CannotJudge(
            f"{name} is a directory without toc.dat, so no pg_dump archive: name the archive's own directory, or the "
            "files of a backup one by one"
        )
    for file in sorted(path.glob("*.dat*")):
        if re.fullmatch(r"\d+\.dat(\.\w+)?", file.name):
            with file.open("rb") as opened:
                size = opened.seek(0, os.SEEK_END)
                opened.seek(max(0, size - 2))
                end = opened.read()
            if size == 0 or (file.suffix == ".dat" and end != b"\n\n"):
                raise CannotJudge(f"{name} is truncated: its file {file.name} has no end; {COPY_AGAIN}")


def _of_the_system() -> list[Path]:
    """The pg_restore of the system, newest first."""
    found = [Path(program)] if (program := shutil.which("pg_restore")) else []
    installed = Path("/usr/lib/postgresql").glob("*/bin/pg_restore")
    return found + sorted(installed, key=lambda path: -int(re.sub(r"\D", "", path.parts[4]) or 0))


def _environment() -> dict[str, str]:
    """The environment without what steers PostgreSQL's programs, and with messages in English."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
