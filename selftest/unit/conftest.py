"""Databases of a few statements, for the selftests of one module each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.throwaway import OWNER
from selftest.servers import Servers

COUNTER = itertools.count()
NewDatabase = Callable[..., Database]
OpenSnapshot = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def new_database(servers: Servers) -> Iterator[NewDatabase]:
    """Makes a database by a script, on the newest server or another one, and drops it after the module."""
    with ExitStack() as undo:

        def make(script: str = "", *, version: int = 18, **options: Any) -> Database:
            server, name = servers[version], f"unit_{next(COUNTER)}"
            server.create(name)
            undo.callback(server.drop, name)
            with server.connect(name) as connection:
                connection.execute(script.encode())
            database = Database(server.conninfo(name), **{"option": "--db-url", **options})
            undo.callback(database.close)
            return database

        yield make


@pytest.fixture(scope="module")
def without_owner(servers: Servers) -> Iterator[None]:
    """Drops the owner of copies after the module: its rights are rights on the server, which others compare."""
    yield
    with servers[18].connect("postgres") as connection:
        there = f"to_regrole('{OWNER}') IS NOT NULL"
        connection.execute(
            f"DO $$ BEGIN IF {there} THEN DROP OWNED BY {OWNER}; DROP ROLE {OWNER}; END IF; END $$".encode()
        )


@pytest.fixture(scope="module")
def open_snapshot(new_database: NewDatabase) -> Iterator[OpenSnapshot]:
    """Opens a snapshot of a database that a script makes, and closes it after the module."""
    with ExitStack() as undo:

        def open_(script: str = "", **options: Any) -> Snapshot:
            snapshot = Snapshot(new_database(script, **options))
            undo.callback(snapshot.close)
            return snapshot

        yield open_
