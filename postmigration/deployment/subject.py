"""What a record is bound to: the files that were tried or judged, and the running database."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from postmigration.checks.migration_files.find import find_files
from postmigration.deployment.records.record import Database, File
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.migration import Migration
from postmigration.postgres.identity import Server

_CHUNK = 1 << 20
# What psql reads besides: scripts, and files of rows.
_INCLUDED = re.compile(
    rb"^[ \t]*\\(?:i|ir|include|include_relative|copy[ \t][^\n]*?[ \t]from)[ \t]+(?:'([^'\n]+)'|(\S+))",
    re.MULTILINE | re.IGNORECASE,
)
# Files that tools write beside their migrations.
_BESIDE = frozenset({"__pycache__", ".DS_Store"})


def hash_scripts(root: Path, migration: Migration) -> tuple[File, ...]:
    """What migrates and what takes it back: the scripts that a project declares, and its tool's migration files.

    Args:
        root: the project's directory.

    Raises:
        CannotJudge: one cannot be read.
    """
    declared = [*migration.scripts, *migration.rollback, *migration.selective_rollback]
    places = [place for files in find_files([root], named=False) for place in files.places]
    beside = [
        path
        for place in places
        for path in place.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not _BESIDE & set(path.relative_to(place).parts)
    ]
    return hash_files(root, [*declared, *beside])


def hash_declarations(root: Path) -> tuple[File, ...]:
    """What decides the gate's verdict besides the database: what a project declares as meant, and its own checks.

    Args:
        root: the project's directory.

    Raises:
        CannotJudge: one cannot be read.
    """
    return hash_files(root, _find_declarations(root))


def _find_declarations(root: Path) -> list[Path]:
    try:
        settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["postmigration"]
        named, checks = str(settings["migration"]), root / str(settings["checks"])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError):
        return []
    module = root / named.partition(":")[0].replace(".", "/")
    files = [root / named] if named.endswith(".toml") else [module.with_suffix(".py"), *module.rglob("*.py")]
    return [path for path in (*files, root / "conftest.py", *checks.rglob("*.py")) if path.is_file()]


def hash_files(root: Path, paths: Iterable[Path]) -> tuple[File, ...]:
    r"""Hashes files, and those that they read with psql's \\i and \\copy, each once, in the order of their names.

    Args:
        root: the directory from which they are named.

    Raises:
        CannotJudge: one cannot be read.
    """
    found: dict[Path, File] = {}
    left = [(root / path).resolve() for path in paths]
    while left:
        path = left.pop()
        if path not in found:
            found[path], included = _hash(root, path)
            left += included
    return tuple(sorted(found.values(), key=lambda file: file.name))


def _hash(root: Path, path: Path) -> tuple[File, list[Path]]:
    digest = hashlib.sha256()
    included: list[Path] = []
    try:
        with path.open("rb") as file:
            if path.suffix == ".sql":
                content = file.read()
                digest.update(content)
                included = _find_included(path, content)
            else:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
    name = escape(os.path.relpath(path, root.resolve()).replace(os.sep, "/"))
    return File(name=name, sha256=digest.hexdigest()), included


def _find_included(script: Path, content: bytes) -> list[Path]:
    """The files that a script reads, as far as it names them without a variable."""
    names = [os.fsdecode(quoted or plain) for quoted, plain in _INCLUDED.findall(content)]
    beside = [(script.parent / name).resolve() for name in names]
    return [path for path in beside if path.is_file()]


def hash_backup(paths: Sequence[Path]) -> tuple[File, ...]:
    """Hashes the files of a backup, which are known by their names alone: other jobs find them elsewhere.

    Args:
        paths: files, or directories of which each file counts.

    Raises:
        CannotJudge: one cannot be read.
    """
    found = []
    for path in paths:
        root, files = path.resolve().parent, _list_files(path)
        # The manifest of a base backup holds the checksums of all its files, and those are verified by it.
        files = [file for file in files if file == path / "backup_manifest"] or files
        found += [_hash(root, file.resolve())[0] for file in files]
    return tuple(sorted(found, key=lambda file: file.name))


def _list_files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


@contextmanager
def guard_files(paths: Sequence[Path]) -> Iterator[list[File]]:
    """Hashes the files of a backup as `hash_backup` does, and makes sure that they stay as they are while it is read.

    Returns:
        What is filled with them at the end.

    Raises:
        CannotJudge: one was changed or replaced meanwhile, so that nobody knows what was read.
    """
    found: list[File] = []
    before = look_at(paths)
    yield found
    hashed = hash_backup(paths)
    refuse_changes(paths, before)
    found += hashed


def look_at(paths: Sequence[Path]) -> set[tuple[str, ...]]:
    """What tells the files of a backup from others in their places, and from themselves once they were written again.

    Their bytes, which may be terabytes, are not read: the times tell even the same bytes again, after others.
    """
    marks: set[tuple[str, ...]] = set()
    for path in paths:
        for file in _list_files(path):
            # What cannot be read is named by who reads it.
            with suppress(OSError):
                status = file.stat()
                stamps = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                marks.add((os.path.relpath(file, path.parent), *map(str, stamps)))
    return marks


def refuse_changes(paths: Sequence[Path], before: Set[tuple[str, ...]]) -> None:
    """Makes sure that the files of a backup are as they were when it was looked at them.

    Raises:
        CannotJudge: one was changed or replaced, so that nobody knows what was read.
    """
    if differing := before ^ look_at(paths):
        raise CannotJudge(f"{min(differing)[0]} was changed while it was read: repeat it once nothing writes there")


def identify(server: Server) -> Database:
    """Which database a server says that it is."""
    system, oid, started = server.identity
    return Database(label=escape(server.label), version=server.version, system=system, oid=oid, started=started)


def is_same_database(one: Database, other: Database) -> bool:
    """Whether two records are of the same database, also where its server was started again in between.

    A standby and a clone have the identifiers of their primary: the same are only two with the same address too, or of
    one server process.
    """
    if one.oid != other.oid or (one.system != other.system and None not in (one.system, other.system)):
        return False
    return one.started == other.started or _address(one) == _address(other)


def _address(database: Database) -> str:
    """Where a database is reached, by whomever."""
    return database.label.rpartition("@")[2]
