"""What a user may name as the state before: a database, a backup, or a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from postmigration.diff import fingerprint_file
from postmigration.model.errors import CannotJudge
from postmigration.postgres.dsn import conninfo
from postmigration.postgres.scratch.base_backup import divide


@dataclass(frozen=True)
class Baseline:
    """Where the state before is found.

    Args:
        conninfo: the connection string of a database that holds it; empty where none does.
        fingerprint: the file of a fingerprint; empty where it is none.
        restored: the database is one of ours, restored from files.
        physical: it is a copy of all of its server, to which a restored dump is none.
        place: the server that holds it, in words.
        facts: what the reader should know of it.
        unrestored: objects of the backup that the database lacks: what each is, and that with its name.
    """

    conninfo: str = field(default="", repr=False)
    fingerprint: str = ""
    restored: bool = False
    physical: bool = False
    facts: tuple[str, ...] = ()
    unrestored: tuple[tuple[str, str], ...] = ()
    place: str = ""


def refuse_recheck(origin: Baseline | None, option: str = "--baseline", wanted: str = "--recheck") -> None:
    """Makes sure that the state before is a database that others write to: nothing else changes when read again.

    Args:
        option: what named it.
        wanted: the option that needs it.

    Raises:
        CannotJudge: it is not.
    """
    if origin is None:
        raise CannotJudge(f"{wanted} is for two running databases: name the one with the state before by {option}")
    if origin.fingerprint or origin.restored:
        what = "a fingerprint" if origin.fingerprint else "a backup"
        raise CannotJudge(f"{wanted} is for two running databases, and {option} is {what}: nothing follows in it")


def locate(
    named: Sequence[str],
    cleanup: ExitStack,
    *,
    option: str = "--baseline",
    scratch: str | None = None,
    judged: Mapping[str, str] | None = None,
) -> Baseline | None:
    """Finds the state before, and restores it where it is the files of a backup.

    Args:
        named: what the user named, in that order.
        cleanup: ends the server that holds a copy, if one is needed.
        option: where it was named, for messages.
        scratch: the server on which a copy is to live, as the user named it.
        judged: the databases with which it is compared, by the options that name them.

    Raises:
        CannotJudge: one line that says what is in the way and what to do.
    """
    if not named:
        return None
    if any(map(divide, named)):
        return _base_backup(named, cleanup, option, next(iter((judged or {}).values()), ""))
    if any(is_address(text) for text in named):
        if len(named) > 1:
            raise CannotJudge(f"{option} may be repeated for the files of one backup only, and one of these is a URL")
        return Baseline(conninfo(named[0], option))
    files = [Path(text) for text in named]
    for file in files:
        if not file.exists():
            raise CannotJudge(
                f"{option}: no such file: {file} (want a URL like postgresql://user@host/database, a file that "
                "pg_dump made, a base backup, or a fingerprint)"
            )
    if any(fingerprint_file.is_fingerprint(file) for file in files):
        if len(files) > 1:
            raise CannotJudge(f"{option} is given {len(files)} times with a fingerprint: name the fingerprint alone")
        return Baseline(fingerprint=str(files[0].resolve()))
    # Only files need what restores them, and most runs name a database.
    from postmigration.backups import restore
    from postmigration.backups.open_scratch import open_scratch

    chosen = open_scratch(scratch, cleanup, files=files, judged=judged)
    server = chosen.server
    restored = restore(files, server, "baseline", lacking=chosen.lacking)
    because = [chosen.because] if chosen.because else []
    return Baseline(
        server.conninfo("baseline", server.owner),
        restored=True,
        place=server.label,
        facts=(*restored.facts, *because, *restored.set_aside),
        unrestored=tuple((what.kind, str(what)) for what in restored.unrestored),
    )


def _base_backup(named: Sequence[str], cleanup: ExitStack, option: str, compared: str) -> Baseline:
    """The state before as a base backup holds it, on a server of its own."""
    from postmigration.backups.open_scratch import open_base_backup

    if len(named) > 1:
        raise CannotJudge(f"{option} is given {len(named)} times with a base backup: name that alone")
    found = open_base_backup(named[0], cleanup, compared=compared)
    assert found is not None
    server, database = found
    return Baseline(
        server.conninfo(database),
        restored=True,
        physical=True,
        place=server.label,
        facts=(server.describe(database),),
    )


def is_address(text: str) -> bool:
    """Whether a text is meant for a database: one that may be, and may hold a password, is not repeated as a file's."""
    if text.strip() and (Path(text).exists() or divide(text)):
        return False
    return "://" in text or "=" in text or "@" in text or not ("/" in text or "." in text)
