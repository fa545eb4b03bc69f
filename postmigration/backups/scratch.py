"""Where copies of databases live: the server is started, or refused where it is one that is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from postmigration.backups.needs import find_needs
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
        judged: the databases that are judged or compared, by the options that name them.
        version: the PostgreSQL of an embedded server.

    Raises:
        CannotJudge: one line that says what is in the way and what to do.
    """
    scratch = start_scratch(asked, find_needs(files) if files else Needs(), version=version)
    cleanup.callback(scratch.server.stop)
    if isinstance(scratch.server, Borrowed):
        for option, address in (judged or {}).items():
            scratch.server.refuse_sharing(option, address)
    return scratch
