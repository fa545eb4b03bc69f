"""A small world before and after a migration that adds, moves, merges, renames and drops."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.trace.findings import Trace
from postmigration.trace.tracing import trace

HERE = Path(__file__).parent

Follow = Callable[..., Trace]
Open = Callable[[str], Snapshot]


@pytest.fixture(scope="module")
def worlds(server: embedded.Server) -> Iterator[None]:
    server.create("trace_before")
    with server.connect("trace_before") as connection:
        embedded.run_script(connection, HERE / "before.sql")
    server.create("trace_after", template="trace_before")
    with server.connect("trace_after") as connection:
        embedded.run_script(connection, HERE / "migration.sql")
    yield
    for name in ("trace_after", "trace_before"):
        server.drop(name)


@pytest.fixture
def opened(server: embedded.Server) -> Iterator[Open]:
    with ExitStack() as cleanup:

        def open_one(name: str) -> Snapshot:
            database = Database(server.conninfo(name), option="--db-url")
            cleanup.callback(database.close)
            snapshot = Snapshot(database)
            cleanup.callback(snapshot.close)
            return snapshot

        yield open_one


@pytest.fixture
def follow(server: embedded.Server, worlds: None) -> Follow:
    """Traces the migration, after a statement that damages what it made."""

    def run(statement: str = "") -> Trace:
        after = "trace_after"
        if statement:
            after = "trace_damaged"
            server.create(after, template="trace_after")
            with server.connect(after) as connection:
                connection.execute(statement.encode())
        with ExitStack() as cleanup:
            if statement:
                cleanup.callback(server.drop, after)
            sides = []
            for name in ("trace_before", after):
                database = Database(server.conninfo(name), option="--db-url")
                cleanup.callback(database.close)
                sides.append(Snapshot(database))
                cleanup.callback(sides[-1].close)
            return trace(sides[0], sides[1], ["public"])

    return run
