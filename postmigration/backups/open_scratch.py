"""Where copies of databases live: the server is started, or refused where it is one that is judged."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from postmigration.backups.backup import refuse_missing
from postmigration.backups.requirements import find_needs
from postmigration.backups.verification import Verification, examine_base_backup, verify
from postmigration.diff.database_diff import Source
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from postmigration.postgres.scratch.base_backup import BaseBackup, divide
from postmigration.postgres.scratch.borrowed import Borrowed
from postmigration.postgres.scratch.choice import Needs, Scratch, is_address, start_scratch


def refuse_shared(asked: str | None, judged: Mapping[str, str]) -> None:
    """Makes sure that a server that is named is none of a database that is judged, whatever will live on it.

    Raises:
        CannotJudge: it is one, or cannot be reached.
    """
    if is_address(asked):
        with ExitStack() as cleanup:
            open_scratch(asked, cleanup, judged=judged)


def open_base_backup(text: str, cleanup: ExitStack, *, compared: str = "") -> tuple[BaseBackup, str] | None:
    """Starts a copy of a base backup; None where the text names none.

    Args:
        text: the directory, or with a `#` the directory and the name of a database.
        cleanup: ends it.
        compared: the connection string of the database with which it is compared; a database of its name is meant.

    Returns:
        The server, and the name of the database that is meant.

    Raises:
        CannotJudge: it is damaged, cannot be started here, or it is not known which database is meant.
    """
    if not (found := divide(text)):
        return None
    path, database = found
    server = BaseBackup(path)
    cleanup.callback(server.stop)
    wanted = database or str(conninfo_to_dict(compared).get("dbname") or "")
    return server, server.find_database(wanted, exact=bool(database))


def open_scratch(
    asked: str | None,
    cleanup: ExitStack,
    *,
    files: Sequence[Path] = (),
    judged: Mapping[str, str] | None = None,
    version: int = embedded.VERSIONS[-1],
) -> Scratch:
    """Starts the server on which copies live.

    Args:
        asked: what the user asked for, or None.
        cleanup: ends it.
        files: the backup that it is to hold; none where it holds a world of our own.
        judged: the databases that are judged or compared, by the options that name them; None where there are none, and
            the server is to hold a world of our own.
        version: the PostgreSQL of an embedded server.

    Raises:
        CannotJudge: one line that says what is in the way and what to do.
    """
    for path in files:
        # Seconds before the server is there. What cannot be seen is named by who reads it.
        with suppress(OSError):
            refuse_missing(path)
    scratch = start_scratch(asked, find_needs(files) if files else Needs(), version=version)
    cleanup.callback(scratch.server.stop)
    if isinstance(scratch.server, Borrowed):
        for option, address in (judged or {}).items():
            scratch.server.refuse_sharing(option, address)
        if not files and judged is None:
            scratch.server.require_superuser()
    return scratch


def verify_where_it_fits(
    files: Sequence[Path],
    against: Source | Fingerprint | None,
    asked: str | None,
    cleanup: ExitStack,
    *,
    judged: Mapping[str, str],
    version: int = embedded.VERSIONS[-1],
    schema: str,
    migration: Migration | None,
    keep: int = 5,
) -> Verification:
    """Tells whether a backup is what it claims to be, on a server that can hold it.

    Args:
        files: the files of one backup, or the directory of a base backup.
        against: what it claims to be a copy of.
        asked: where copies are to live, as the user named it.
        cleanup: ends that server.
        judged: the databases that are judged or compared, by the options that name them.
        version: the PostgreSQL of an embedded server.
        schema, migration, keep: as `verified` takes them.

    Raises:
        CannotJudge: one line that says what is in the way and what to do.
    """
    started = time.monotonic()
    compared = next(iter(judged.values()), "")
    if len(files) == 1 and (base := open_base_backup(str(files[0]), cleanup, compared=compared)):
        seconds = time.monotonic() - started
        return examine_base_backup(*base, against, seconds=seconds, schema=schema, migration=migration, keep=keep)
    scratch = open_scratch(asked, cleanup, files=files, judged=judged, version=version)
    found = verify(
        files, scratch.server, against, schema=schema, migration=migration, keep=keep, lacking=scratch.lacking
    )
    notes = (*found.restored.notes, *([scratch.because] if scratch.because else []))
    return replace(found, restored=replace(found.restored, notes=notes))
