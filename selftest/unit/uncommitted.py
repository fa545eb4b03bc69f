"""Two empty databases on one server, in which a test makes its tables for as long as it runs: nothing is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers

Fill = Callable[..., Snapshot]


def add(snapshot: Snapshot, *statements: str) -> None:
    """Runs statements in the transaction of a snapshot, which shows what they make from then on."""
    for statement in statements:

        def run(connection: sa.Connection, sql: str = statement) -> None:
            connection.exec_driver_sql(sql.replace("%", "%%"))

        snapshot.prepare(run)


def prepare_empty(server: embedded.Server) -> embedded.Server:
    """Makes the empty databases `unit_before` and `unit_after` on a server, if it does not have them."""
    with server.connect("postgres") as connection:
        there = {name for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
    for name in ("unit_before", "unit_after"):
        if name not in there:
            server.create(name)
    return server


@pytest.fixture(scope="session")
def empty(servers: Servers) -> embedded.Server:
    """A server with the empty databases `unit_before` and `unit_after`; a module may need another one."""
    return prepare_empty(servers[18])


def fill_side(server: embedded.Server, name: str, option: str) -> Iterator[Fill]:
    """What runs statements in a database, and gives a snapshot that shows what they made; once in a test."""
    opened: list[Snapshot] = []

    def fill(*statements: str) -> Snapshot:
        # What one transaction has not committed yet, another one would wait for.
        assert not opened, "a test opens each side once"
        opened.append(Snapshot(Database(server.conninfo(name), option=option), writable=True))
        add(opened[0], *statements)
        return opened[0]

    yield fill
    for snapshot in opened:
        snapshot.close()
        snapshot.database.close()


@pytest.fixture
def was(empty: embedded.Server) -> Iterator[Fill]:
    """Runs statements in the database before, and gives a snapshot that shows what they made; once in a test."""
    yield from fill_side(empty, "unit_before", "--baseline")


@pytest.fixture
def now(empty: embedded.Server) -> Iterator[Fill]:
    """The same in the database after."""
    yield from fill_side(empty, "unit_after", "--db-url")
