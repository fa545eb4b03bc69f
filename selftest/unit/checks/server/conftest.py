"""Two databases on one server, in which a test makes what it needs for as long as it runs: nothing is committed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from postmigration.postgres.connection import Database, Snapshot
from selftest.unit.conftest import NewDatabase
from selftest.unit.uncommitted import Fill, add

# The server's own views may be replaced by what they would show on another day.
_REPLACEABLE = "SET LOCAL allow_system_table_mods = on"


@contextmanager
def fill_for_a_test(database: Database) -> Iterator[Fill]:
    """Runs statements in a database, and gives a snapshot that alone sees what they made, until the next one."""
    opened: list[Snapshot] = []

    def fill(*statements: str) -> Snapshot:
        for earlier in opened:
            earlier.close()
        snapshot = Snapshot(database, writable=True)
        opened.append(snapshot)
        add(snapshot, _REPLACEABLE, *statements)
        return snapshot

    yield fill
    for snapshot in opened:
        snapshot.close()


@pytest.fixture(scope="module")
def databases(new_database: NewDatabase) -> tuple[Database, Database]:
    """The database before and the one after."""
    return new_database(option="--baseline"), new_database()


@pytest.fixture
def was(databases: tuple[Database, Database]) -> Iterator[Fill]:
    """Fills the database before."""
    with fill_for_a_test(databases[0]) as fill:
        yield fill


@pytest.fixture
def now(databases: tuple[Database, Database]) -> Iterator[Fill]:
    """Fills the database after."""
    with fill_for_a_test(databases[1]) as fill:
        yield fill
