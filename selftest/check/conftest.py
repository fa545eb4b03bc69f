"""A world with one of everything, twice on one server: as it was, and copies of it to break."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from postmigration.postgres import embedded, throwaway
from selftest.servers import VERSIONS, Servers

WORLD = Path(__file__).parent / "world.sql"
ROLES = ("anon", "authenticated", "check_owner", "check_reader")
_COUNTER = itertools.count()
_GENERATED = " \\gexec"

Change = Callable[..., tuple[str, str]]


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"pg{version}")
def world(request: pytest.FixtureRequest, servers: Servers) -> embedded.Server:
    """A server with the world as the database `objects`."""
    server = servers[request.param]
    with server.connect("postgres") as connection:
        there = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        for role in ROLES:
            if role not in there:
                connection.execute(f"CREATE ROLE {role}".encode())
    server.create("objects")
    load(server, "objects", WORLD.read_text())
    return server


@pytest.fixture
def changed(world: embedded.Server) -> Iterator[Change]:
    """Makes a copy of the world and changes it; gives the connection strings of both sides."""
    made: list[tuple[str, str]] = []

    def change(*statements: str, database: str = "objects", undo: str = "") -> tuple[str, str]:
        name = f"objects_{next(_COUNTER)}"
        world.create(name, template=database)
        made.append((name, undo))
        # A copy does not take what was set for its database.
        load(world, name, "\n".join(line for line in WORLD.read_text().splitlines() if "ALTER DATABASE" in line))
        for statement in statements:
            load(world, name, statement)
        return world.conninfo(database), world.conninfo(name)

    yield change
    for name, undo in made:
        world.drop(name)
        if undo:
            load(world, "postgres", undo)


def load(server: throwaway.Server, database: str, script: str) -> None:
    """Runs a script as psql would, as far as the world needs it."""
    with server.connect(database) as connection:
        connection.autocommit = True
        for statement in statements(script):
            if statement.endswith(_GENERATED):
                rows = connection.execute(statement.removesuffix(_GENERATED).encode()).fetchall()
                for (generated,) in rows:
                    connection.execute(str(generated).encode())
            else:
                _run(connection, statement)


def _run(connection: psycopg.Connection, statement: str) -> None:
    connection.execute(statement.replace(" \\g /dev/null", "").encode())


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each of which ends with a line's end or a command of psql."""
    held: list[str] = []
    for line in script.splitlines():
        if not held and (not line.strip() or line.startswith("--")):
            continue
        held.append(line)
        text = "\n".join(held)
        whole = text.count("$$") % 2 == 0
        if whole and (line.endswith(";") or line.endswith((_GENERATED, "\\g /dev/null"))):
            yield text.rstrip(";")
            held = []
    if held:
        yield "\n".join(held)
