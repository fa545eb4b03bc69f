"""What is ours on somebody else's server, dropped: databases by their names, roles by their comments.

Run as a program it reads an address and a token from its standard input, waits for the end of that, which comes with
the end of the process that started it, and cleans up unless that has.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

DONE = "done"


def prefix(token: str) -> str:
    """How the names of all that belongs to a token begin; the comments of roles are this."""
    return f"postmigration_{token}_"


def clean(connection: psycopg.Connection[Any], token: str) -> None:
    """Drops the databases and roles of a token, and nothing else."""
    databases = connection.execute(
        "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname::text, %s)", [prefix(token)]
    ).fetchall()
    for (name,) in databases:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    roles = connection.execute(
        "SELECT rolname FROM pg_catalog.pg_roles WHERE pg_catalog.shobj_description(oid, 'pg_authid') = %s",
        [prefix(token)],
    ).fetchall()
    for (name,) in roles:
        with suppress(psycopg.errors.UndefinedObject):
            # What it may set is a privilege of the whole server, and would keep it.
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def clean_forgotten(connection: psycopg.Connection[Any]) -> None:
    """Drops what processes left that were killed together with those that were to clean up after them."""
    tokens = connection.execute(
        """
        SELECT pg_catalog.substr(name, 15, 12) FROM (
            SELECT datname::text AS name FROM pg_catalog.pg_database
            UNION SELECT pg_catalog.shobj_description(oid, 'pg_authid') FROM pg_catalog.pg_roles
        ) n WHERE name OPERATOR(pg_catalog.~) '^postmigration_[0-9a-f]{12}_' GROUP BY 1
        """
    ).fetchall()
    for (token,) in tokens:
        alive = connection.execute(
            """
            SELECT FROM pg_catalog.pg_stat_activity
            WHERE application_name = %(mark)s OR pg_catalog.starts_with(datname::text, %(mark)s)
            """,
            {"mark": prefix(token)},
        )
        if not alive.rowcount:
            # What another role has left it cleans up itself, or a superuser does.
            with suppress(psycopg.errors.InsufficientPrivilege):
                clean(connection, token)


def main() -> None:
    """Waits, and cleans up."""
    address, token = json.loads(sys.stdin.readline())
    if DONE in sys.stdin.read():
        return
    with psycopg.connect(address, autocommit=True) as connection:
        clean(connection, token)


if __name__ == "__main__":
    main()
