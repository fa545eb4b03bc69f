"""Statements that take long, and the tables that they lock meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from postmigration.rehearsal.locks import Seen, Watch
from selftest.servers import Servers
from selftest.unit.rehearsal.conftest import Make


def test_locks_are_told_by_their_modes_those_in_the_way_first() -> None:
    seen = Seen(
        0, 2, {"a": "AccessShareLock", "b": "AccessExclusiveLock", "d": "ShareLock", "c": "AccessExclusiveLock"}
    )
    assert seen.describe() == [
        "AccessExclusive, blocks reading and writing: b, c",
        "Share, blocks writing: d",
        "AccessShare, blocks no reading and no writing: a",
    ]


@pytest.fixture
def watching(servers: Servers, make: Make) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection to a database in which a statement waits, with a lock on one table and while it reads another."""
    server, name = servers[18], make("CREATE TABLE held (); CREATE TABLE read ()")
    with ExitStack() as cleanup:
        gate, worker, opened = (cleanup.enter_context(server.connect(name)) for _ in range(3))
        gate.execute("SELECT pg_advisory_lock(1)")
        worker.execute("SET application_name = 'unit watched'")
        worker.execute("BEGIN; LOCK TABLE held IN ACCESS SHARE MODE; LOCK TABLE held IN SHARE MODE")
        waits = "SELECT pg_advisory_lock(1), (SELECT count(*) FROM read)"
        thread = threading.Thread(target=worker.execute, args=(waits,))
        thread.start()
        asked = "SELECT FROM pg_stat_activity WHERE application_name = 'unit watched' AND wait_event = 'advisory'"
        for _ in range(10_000):
            if opened.execute(asked).rowcount:
                break
        yield opened
        gate.execute("SELECT pg_advisory_unlock(1)")
        thread.join()


def test_a_statement_that_takes_long_is_seen_with_its_strongest_locks(
    watching: psycopg.Connection[tuple[object, ...]],
) -> None:
    with Watch(watching, "unit watched", 0) as watch:
        for _ in range(3_000):
            if any(seen.locks for seen in watch.seen.values()):
                break
            threading.Event().wait(0.01)
    (seen,) = watch.seen.values()
    assert seen.locks == {"held": "ShareLock", "read": "AccessShareLock"}
    assert seen.seconds > 0
    assert watch.at(seen.start + 0.05) is seen
    assert watch.at(seen.start + 1) is None


def test_what_is_short_or_of_another_session_is_not_seen(watching: psycopg.Connection[tuple[object, ...]]) -> None:
    for application, least in (("unit watched", 3_600.0), ("another", 0.0)):
        watch = Watch(watching, application, least)
        watch._look()
        assert watch.seen == {}
