"""Incidents on real servers: each is found, named and timed, and nothing is found where nothing happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from postmigration.model.migration import Metric
from postmigration.postgres.connection import Database
from postmigration.watch.telling import conclude_watch, describe_all
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.watch.conftest import Watched, prepare

_LOOK_UP = "SELECT note FROM parcels WHERE code = 7"
_WORK = ("INSERT INTO error_log DEFAULT VALUES", *[_LOOK_UP] * 6, "UPDATE parcels SET note = 'y' WHERE id = 9")


def names(watched: Watched) -> set[str]:
    return {one.metric.name for one in watched.judge().incidents}


def test_nothing_is_found_where_nothing_happened(watched: Watched) -> None:
    watched.sample(12, meanwhile=lambda: watched.execute(*_WORK))
    judgement = watched.judge()
    assert describe_all(judgement) == []
    verdict = conclude_watch(judgement, watched.name)
    assert verdict.status == 0
    assert verdict.line.startswith("GO: ")
    assert " judged over 11 min from 2026-11-02 12:01:00 UTC, 12 samples, watched_" in verdict.line


@pytest.mark.full
def test_sessions_that_pile_up_behind_a_lock(watched: Watched) -> None:
    watched.declared = [Metric(name="locks.waiting", max=2, failures=2)]
    watched.sample(3)
    holder, waiters = watched.connect(), [watched.connect() for _ in range(3)]
    holder.execute("BEGIN; LOCK TABLE parcels")
    for waiter in waiters:
        waiter.pgconn.send_query(b"SELECT count(*) FROM parcels")
    watched.wait_for(
        "SELECT count(*) = 3 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted "
        "AND waitstart < clock_timestamp() - interval '1 s' AND datname = current_database()"
    )
    watched.sample(3)
    holder.execute("COMMIT")
    for waiter in waiters:
        while waiter.pgconn.get_result() is not None:
            pass
    watched.sample(2)
    assert watched.find("locks.waiting") == [("", "12:04", "12:07")]
    (incident,) = watched.judge().incidents
    assert len(incident.words) == 3
    assert f"on public.parcels: blocked by session {holder.info.backend_pid}" in incident.words[0]
    lines = describe_all(watched.judge())
    assert lines[0] == "✘ locks.waiting: 3 (max 2), 2026-11-02 12:04:00 to 12:07:00"
    verdict = conclude_watch(watched.judge(), "db")
    assert verdict.line.startswith("NO-GO: 1 finding: locks.waiting 2026-11-02 12:04:00 to 12:07:00; ")
    assert conclude_watch(watched.judge(), "db", lasting=True).line.startswith("GO: ")


@pytest.mark.full
def test_connections_that_are_not_closed(watched: Watched) -> None:
    with psycopg.connect(watched.conninfo, autocommit=True) as other:
        other.execute(f"ALTER DATABASE {watched.name} CONNECTION LIMIT 10".encode())
    watched.sample(3)
    with ExitStack() as leak:
        for _ in range(8):
            leak.enter_context(watched.server.connect(watched.name))
        watched.sample(4)
    watched.wait_for("SELECT count(*) < 5 FROM pg_stat_activity WHERE datname = current_database()")
    watched.sample(3)
    assert watched.find("connections.share") == [("", "12:04", "12:08")]
    (incident,) = watched.judge().incidents
    assert "postgres: " in incident.words[0]
    assert " connections, " in incident.words[0]


@pytest.mark.full
def test_a_transaction_that_does_nothing(watched: Watched) -> None:
    watched.declared = [Metric(name="transactions.idle_seconds", max=0, failures=2)]
    watched.sample(2)
    idle = watched.connect()
    idle.execute("BEGIN; SELECT 1")
    watched.sample(3)
    assert watched.find("transactions.idle_seconds") == [("", "12:03", None)]
    assert conclude_watch(watched.judge(), "db", lasting=True).status == 1
    idle.execute("COMMIT")
    watched.sample()
    assert watched.find("transactions.idle_seconds") == [("", "12:03", "12:06")]


def deadlock(watched: Watched) -> None:
    with watched.server.connect(watched.name) as one, watched.server.connect(watched.name) as two:
        for connection, row in ((one, 1), (two, 2)):
            connection.execute(f"SET deadlock_timeout = 10; BEGIN; DELETE FROM parcels WHERE id = {row}".encode())
        one.pgconn.send_query(b"DELETE FROM parcels WHERE id = 2")
        try:
            two.execute("DELETE FROM parcels WHERE id = 1")
        except psycopg.errors.DeadlockDetected:
            two.execute("ROLLBACK")
        while one.pgconn.get_result() is not None:
            pass
        for connection in (one, two):
            connection.execute("ROLLBACK")
            connection.execute("SELECT pg_stat_force_next_flush()")


@pytest.mark.full
def test_deadlocks(watched: Watched) -> None:
    watched.sample(2)
    deadlock(watched)
    deadlock(watched)
    watched.sample()
    watched.sample(2)
    assert watched.find("database.deadlocks") == [("", "12:02", "12:03")]
    assert (
        describe_all(watched.judge())[0]
        == "✘ database.deadlocks: 2 per minute (max 1), 2026-11-02 12:02:00 to 12:03:00"
    )


def test_a_table_that_is_read_whole_since_its_index_is_gone(watched: Watched) -> None:
    watched.sample(4, meanwhile=lambda: watched.execute(*_WORK))
    watched.execute("DROP INDEX parcels_code")
    watched.sample(4, meanwhile=lambda: watched.execute(*_WORK))
    assert watched.find("tables.whole_reads") == [("public.parcels", "12:04", None)]
    verdict = conclude_watch(watched.judge(), "db")
    assert (verdict.status, ", 1 warning, " in verdict.line) == (0, True)


@pytest.mark.full
def test_errors_in_a_log(watched: Watched) -> None:
    watched.declared = [Metric(name="errors", sql="SELECT count(*) FROM error_log", counter=True, max=5, failures=2)]
    watched.sample(3, meanwhile=lambda: watched.execute(*_WORK))
    burst = ["INSERT INTO error_log DEFAULT VALUES"] * 8
    watched.sample(3, meanwhile=lambda: watched.execute(*burst))
    watched.sample(2)
    assert watched.find("errors") == [("", "12:03", "12:06")]
    assert names(watched) == {"errors"}


@pytest.mark.full
def test_a_slot_that_nobody_reads(watched: Watched) -> None:
    watched.declared = [Metric(name="slots.kept_bytes", max=1e6)]
    watched.sample(2)
    watched.execute("SELECT pg_create_physical_replication_slot('nobody', true)")
    try:
        watched.execute("INSERT INTO parcels SELECT i, i, repeat('x', 100) FROM generate_series(20001, 40000) AS g(i)")
        watched.sample(4)
    finally:
        watched.execute("SELECT pg_drop_replication_slot('nobody')")
    watched.sample()
    assert watched.find("slots.kept_bytes") == [("nobody", "12:03", "12:07")]


@pytest.mark.full
def test_a_database_that_grows(watched: Watched) -> None:
    watched.declared = [Metric(name="sizes.bytes", growth=True, max=100_000, interval=300, failures=2)]
    watched.sample(3, apart=300)
    rows = "INSERT INTO error_log SELECT FROM generate_series(1, 40000)"
    watched.sample(3, apart=300, meanwhile=lambda: watched.execute(rows))
    watched.sample(2, apart=300)
    found = [("", "12:15", "12:30"), ("public.error_log", "12:15", "12:30")]
    # What the catalogs grow by with the statistics counts for the database, too.
    assert watched.find("sizes.bytes") == found


def test_a_server_that_cannot_be_reached(watched: Watched) -> None:
    watched.sample(3)
    with watched.server.connect("postgres") as other:
        other.execute(f"ALTER DATABASE {watched.name} ALLOW_CONNECTIONS false".encode())
        watched.sample(4)
        other.execute(f"ALTER DATABASE {watched.name} ALLOW_CONNECTIONS true".encode())
    watched.sample(3)
    assert watched.find("server.reachable") == [("", "12:04", "12:08")]
    judgement = watched.judge()
    assert "is not currently accepting connections" in judgement.incidents[0].words[0]
    assert "did not see 2026-11-02 12:03:00 to 12:08:00" in describe_all(judgement)


@pytest.mark.full
def test_a_role_that_sees_no_sessions_is_not_enough(watched: Watched) -> None:
    watched.execute("DROP ROLE IF EXISTS watch_blind", "CREATE ROLE watch_blind LOGIN PASSWORD 'none'")
    database = Database(make_conninfo(watched.conninfo, user="watch_blind", password="none"), option="--db-url")
    watched.database = database
    watched.sample(4)
    database.close()
    watched.execute("DROP ROLE watch_blind")
    verdict = conclude_watch(watched.judge(), "db")
    assert verdict.status == 4
    assert "metrics not judged: connections.share" in verdict.line
    assert "○ connections.share was not judged: the role sees its own sessions only" in "\n".join(
        describe_all(watched.judge())
    )


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Watched]:
    """A database of a server that counts its statements."""
    server = SystemServer("-c shared_preload_libraries=pg_stat_statements")
    try:
        server.create("counted")
        prepare(server, "counted")
        watched = Watched(server, "counted", tmp_path / "watch.jsonl")
        yield watched
        watched.close()
    finally:
        server.stop()


@pytest.mark.full
@pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
def test_a_statement_that_became_slow(counting: Watched) -> None:
    counting.execute("CREATE SCHEMA extras", "CREATE EXTENSION pg_stat_statements SCHEMA extras")
    counting.declared = [Metric(name="statements.mean_ms", max=5, interval=60, must_have_data=False)]
    call = "SELECT note, 'a secret' FROM parcels, pg_sleep({}) WHERE code = 7 /* of Mrs Smith */"
    counting.sample(4, meanwhile=lambda: counting.execute(*[call.format(0.0)] * 6))
    counting.sample(3, meanwhile=lambda: counting.execute(*[call.format(0.01)] * 6))
    ((subject, began, ended),) = counting.find("statements.mean_ms")
    assert (began, ended) == ("12:04", None)
    known = counting.series.samples[-1].values["statements"]
    assert not [name for name in known if "pg_stat_user_tables" in name or "pg_locks" in name]
    assert subject.partition(" ")[2].startswith("SELECT note, $1 FROM parcels, pg_sleep($2) WHERE code = $3 …")
    assert "Smith" not in counting.file.read_text()
    assert "secret" not in counting.file.read_text()
