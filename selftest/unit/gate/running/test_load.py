"""A server tells how many sessions of others are active, and how far replication is behind."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from postmigration.gate.running.load import Load, read_load, sees_load
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import SYSTEM_BINARIES, Servers, Standby, SystemServer
from selftest.unit.conftest import NewDatabase


@contextmanager
def busy(conninfo: str, name: str) -> Iterator[None]:
    """Has a session of this name run a statement."""
    with psycopg.connect(conninfo, application_name=name) as connection:

        def run() -> None:
            with pytest.raises(psycopg.errors.QueryCanceled, match="user request"):
                connection.execute("SELECT pg_sleep(600)")

        thread = threading.Thread(target=run)
        thread.start()
        yield
        while thread.is_alive():
            connection.cancel_safe()
            thread.join(0.1)


@pytest.fixture
def snapshot(new_database: NewDatabase) -> Iterator[Snapshot]:
    snapshot = Snapshot(new_database())
    yield snapshot
    snapshot.close()


def test_sessions_of_others_count_while_they_are_active(snapshot: Snapshot, servers: Servers) -> None:
    address = servers[18].conninfo("postgres")
    others = read_load(snapshot).sessions
    with busy(address, "postmigration"), busy(address, "shop"):
        while (load := read_load(snapshot)).sessions == others:
            pass
        assert load == Load(others + 1, 0.0)
    while read_load(snapshot).sessions > others:
        pass


def test_a_role_may_not_see_what_others_do(snapshot: Snapshot, servers: Servers) -> None:
    assert sees_load(snapshot)
    with servers[18].connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_blind LOGIN")
    try:
        database = Database(servers[18].conninfo("postgres", "unit_blind"), option="--db-url")
        other = Snapshot(database)
        assert not sees_load(other)
        other.close()
        database.close()
    finally:
        with servers[18].connect("postgres") as connection:
            connection.execute("DROP ROLE unit_blind")


@pytest.mark.full
@pytest.mark.skipif(not SYSTEM_BINARIES.exists(), reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
def test_a_standby_is_behind_that_has_not_replayed_what_it_received() -> None:
    with ExitStack() as cleanup:
        primary = SystemServer()
        cleanup.callback(primary.stop)
        standby = Standby(primary)
        cleanup.callback(standby.stop)
        database = Database(standby.conninfo("postgres"), option="--db-url")
        cleanup.callback(database.close)
        with standby.connect("postgres") as connection, primary.connect("postgres") as writer:
            writer.execute("CREATE TABLE t (id int)")
            caught_up = "SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND to_regclass('t') IS NOT NULL"
            while connection.execute(caught_up).fetchone() != (True,):
                pass
            snapshot = Snapshot(database)
            cleanup.callback(snapshot.close)
            connection.execute("SELECT pg_wal_replay_pause()")
            writer.execute("INSERT INTO t SELECT generate_series(1, 1000)")
            while connection.execute(caught_up).fetchone() == (True,):
                pass
            assert read_load(snapshot).lag > 0
            connection.execute("SELECT pg_wal_replay_resume()")
            while connection.execute(caught_up).fetchone() != (True,):
                pass
            assert read_load(snapshot).lag == 0
