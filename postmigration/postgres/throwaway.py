"""A server on which copies of databases live: what all kinds of it have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from postmigration.postgres.dsn import ignore_environment

# Durability is of no use to a server that is deleted; a fixed locale makes its order of text the same everywhere.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
LOCALE = "C.UTF-8"

# As whom a backup is restored and read: what its functions do, they do without the rights of a superuser, which on a
# server of our own are those of whoever started it.
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
    """A running server on which databases may be made.

    Args:
        version: its major version of PostgreSQL.
        label: what it is called in messages.
        binaries: where programs are that fit it.
        log: its log, as far as it can be read.
        owner: who owns what is restored, and is no superuser.
        superuser: who makes databases.
        mark: the comment of each role that is made for a copy; empty where the server is ours, and goes with them.
    """

    version: int
    label: str
    binaries: Path
    log: Path
    owner: str = OWNER
    superuser: str = "postgres"
    mark: str = ""
    _parts: dict[str, Any]

    def conninfo(self, database: str, user: str = "") -> str:
        """The connection string of one of its databases, as the superuser or as somebody else."""
        return make_conninfo("", dbname=database, **{**self._parts, "user": user or self.superuser})

    def connect(self, database: str, user: str = "") -> psycopg.Connection[Any]:
        """A connection in autocommit, as the superuser or as somebody else."""
        with ignore_environment():
            return psycopg.connect(self.conninfo(database, user), autocommit=True)

    def create(self, database: str, *, template: str = "template0") -> None:
        """Creates a database, as a copy of another one if that is named."""
        with self.connect("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
            )

    def create_owned(self, database: str, owner: str) -> None:
        """Creates a database that belongs to somebody; `owner` of the server is filtered by no policy."""
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
        """Ends it, and leaves nothing of it."""
        raise NotImplementedError
