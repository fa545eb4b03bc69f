"""Databases of a few statements on the newest server, and its log."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from postmigration.postgres import embedded
from postmigration.rehearsal.psql import log_statements
from selftest.servers import Servers

COUNTER = itertools.count()
Make = Callable[..., str]


@pytest.fixture
def make(servers: Servers) -> Iterator[Make]:
    """Makes a database by a script, or as a copy of another one, and drops it afterwards."""
    server, made = servers[18], list[str]()

    def database(script: str = "", *, template: str = "template0") -> str:
        name = f"unit_rehearsal_{next(COUNTER)}"
        server.create(name, template=template)
        made.append(name)
        with server.connect(name) as connection:
            connection.execute(script.encode())
        return name

    yield database
    for name in made:
        server.drop(name)


@pytest.fixture
def logging(servers: Servers) -> Iterator[embedded.Server]:
    """The server while it writes a log that can be read back."""
    server = servers[18]
    log_statements(server)
    await_prefix(server, "%n")
    yield server
    with server.connect("postgres") as connection:
        connection.execute("ALTER SYSTEM RESET log_line_prefix")
        connection.execute("SELECT pg_reload_conf()")


def await_prefix(server: embedded.Server, part: str) -> None:
    """Waits until new sessions have the prefix of lines that was set."""
    for _ in range(1_000):
        with server.connect("postgres") as connection:
            row = connection.execute("SELECT current_setting('log_line_prefix')").fetchone()
            if row is not None and part in row[0]:
                return
    pytest.fail("the server has not taken the prefix of the lines of its log")
