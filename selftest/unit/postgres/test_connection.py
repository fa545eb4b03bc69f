"""How a database is reached and read: one snapshot, pinned settings, and nothing that stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from postmigration.postgres.limits.settings import configure
from selftest.unit.conftest import NewDatabase

SCRIPT = """
    CREATE TABLE item (id int PRIMARY KEY, name varchar(9), amount numeric);
    INSERT INTO item VALUES (1, 'one', 1.5), (2, 'two', NULL);
    CREATE TYPE mood AS ENUM ('good');
    CREATE TABLE child (item int REFERENCES item DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture(scope="module")
def database(new_database: NewDatabase) -> Database:
    return new_database(SCRIPT, limits=Limits(statement_timeout=60_000, lock_timeout=1_234))


@pytest.fixture
def snapshot(database: Database) -> Iterator[Snapshot]:
    opened = Snapshot(database)
    yield opened
    opened.close()


def insert(connection: sa.Connection) -> None:
    connection.exec_driver_sql("INSERT INTO item VALUES (3, 'three', 3)")


def test_the_hosts_are_those_of_the_connection_string() -> None:
    database = Database("host=A.example,b hostaddr=10.0.0.1 dbname=x password=secret", option="--db-url")
    assert database.hosts == {"a.example", "b", "10.0.0.1"}
    assert "secret" not in repr(database)


def test_what_cannot_be_reached_is_told_without_the_password() -> None:
    database = Database("host=127.0.0.1 port=1 password=secret", option="--baseline", steered=False)
    with pytest.raises(CannotJudge, match=r"cannot connect to the database of --baseline: .*refused") as caught:
        database.connect()
    assert "secret" not in str(caught.value)


def test_a_snapshot_sees_one_instant_and_cannot_write(database: Database, snapshot: Snapshot) -> None:
    assert snapshot.scalar("SELECT count(*) FROM public.item") == 2
    with database.connect() as other, other.begin():
        other.exec_driver_sql("INSERT INTO public.item VALUES (9)")
    assert snapshot.scalar("SELECT count(*) FROM public.item") == 2
    with database.connect() as other, other.begin():
        other.exec_driver_sql("DELETE FROM public.item WHERE id = 9")
    with pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
        snapshot.rows("DELETE FROM public.item")
    # It stays usable.
    assert snapshot.scalar("SELECT 1") == 1


def test_settings_are_pinned_whatever_the_server_has(snapshot: Snapshot) -> None:
    asked = {name: snapshot.scalar(f"SHOW {name}") for name in ("TimeZone", "lock_timeout", "row_security")}
    assert asked == {"TimeZone": "UTC", "lock_timeout": "1234ms", "row_security": "off"}
    # Names without a schema are PostgreSQL's, unless a statement is the application's.
    with pytest.raises(sa.exc.DBAPIError, match='relation "item" does not exist'):
        snapshot.rows("SELECT FROM item")
    assert len(snapshot.rows("SELECT FROM item", snapshot.application)) == 2
    assert snapshot.scalar("SHOW TimeZone", {"TimeZone": "Asia/Tokyo"}) == "Asia/Tokyo"
    assert snapshot.scalar("SHOW TimeZone") == "UTC"


def test_a_query_is_asked_with_its_parameters(snapshot: Snapshot) -> None:
    assert [tuple(row) for row in snapshot.rows("SELECT id FROM public.item WHERE id > :n", n=1)] == [(2,)]
    assert snapshot.count("SELECT count(*) FROM public.item WHERE id > :n", n=1) == 1
    assert snapshot.scalar("SELECT id FROM public.item WHERE false") is None
    with pytest.raises(sa.exc.DBAPIError, match="cannot insert multiple commands"):
        snapshot.rows("SELECT 1; SELECT 2")


def test_a_number_is_counted_once(snapshot: Snapshot) -> None:
    # Each asking would give another one.
    query = "SELECT (random() * 1000000000)::int"
    assert snapshot.count(query) == snapshot.count(query)


def test_the_columns_of_a_query_are_known_by_type_and_origin(snapshot: Snapshot) -> None:
    query = "SELECT id, name AS called, 'good'::public.mood AS mood FROM public.item"
    assert [name for name, _ in snapshot.columns(query)] == ["id", "called", "mood"]
    assert snapshot.columns(query)[0] == ("id", 23)
    assert snapshot.types(query) == {"id": "integer", "called": "character varying", "mood": "enum"}
    assert snapshot.types(query) is snapshot.types(query)
    oid = snapshot.scalar("SELECT 'public.item'::regclass::oid")
    assert snapshot.origins(query) == [("id", oid, 1), ("called", oid, 2), ("mood", 0, 0)]


def test_rows_are_streamed(snapshot: Snapshot) -> None:
    rows = snapshot.stream("SELECT n FROM generate_series(1, 1000000) n")
    assert next(rows)[0] == 1
    rows.close()
    assert snapshot.scalar("SELECT 1") == 1


def test_another_connection_joins_the_same_instant(database: Database, snapshot: Snapshot) -> None:
    with database.connect() as other, other.begin():
        other.exec_driver_sql("UPDATE public.item SET amount = 0 WHERE id = 2")
    joined = snapshot.join()
    exported = Snapshot(snapshot.database, snapshot.export())
    try:
        instants = {side.scalar("SELECT pg_current_snapshot()::text") for side in (snapshot, joined, exported)}
        assert len(instants) == 1
    finally:
        joined.close()
        exported.close()


def test_a_statement_that_another_thread_waits_for_is_ended(database: Database, snapshot: Snapshot) -> None:
    said: list[str] = []

    def wait() -> None:
        with pytest.raises(sa.exc.DBAPIError, match="due to user request") as caught:
            snapshot.scalar("SELECT pg_advisory_lock(1)")
        said.append(str(caught.value.orig))

    asked = f"SELECT wait_event FROM pg_stat_activity WHERE pid = {snapshot.info.backend_pid}"
    with database.connect() as holder:
        holder.exec_driver_sql("SELECT pg_advisory_lock(1)")
        thread = threading.Thread(target=wait)
        thread.start()
        for _ in range(10_000):
            with database.connect() as other:
                if other.exec_driver_sql(asked).scalar() == "advisory":
                    break
        snapshot.cancel()
        thread.join()
    assert len(said) == 1
    assert snapshot.scalar("SELECT 1") == 1


def test_what_is_prepared_nobody_else_sees(database: Database, snapshot: Snapshot) -> None:
    writing = Snapshot(database, writable=True)
    try:
        writing.prepare(insert)
        assert writing.scalar("SELECT count(*) FROM public.item") == 3
        assert snapshot.scalar("SELECT count(*) FROM public.item") == 2
    finally:
        writing.close()
    with pytest.raises(sa.exc.DBAPIError, match="read-only transaction"):
        snapshot.prepare(insert)


def test_indexes_are_avoided_once_they_are_not_trusted(new_database: NewDatabase) -> None:
    own = new_database(SCRIPT)
    first = Snapshot(own)
    first.avoid_indexes()
    second = Snapshot(own)
    try:
        for side in (first, second):
            assert side.scalar("SHOW enable_indexscan") == "off"
    finally:
        first.close()
        second.close()


def test_statements_that_belong_together_leave_no_settings(snapshot: Snapshot) -> None:
    with snapshot.use_connection({**snapshot.application, "work_mem": "1MB"}) as connection:
        configure(connection, {"unit.value": "x", "TimeZone": "Asia/Tokyo"})
        assert connection.exec_driver_sql("SELECT current_setting('unit.value')").scalar_one() == "x"
        assert connection.exec_driver_sql("SHOW work_mem").scalar_one() == "1MB"
    assert snapshot.scalar("SHOW TimeZone") == "UTC"
    assert not snapshot.scalar("SELECT current_setting('unit.value', true)")


def test_what_is_written_is_rolled_back_once_deferred_constraints_hold(database: Database) -> None:
    with database.begin_rollback_only(application_name="unit") as connection:
        insert(connection)
        assert connection.exec_driver_sql("SHOW application_name").scalar_one() == "unit"
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM public.item").scalar_one() == 2
    with (
        pytest.raises(sa.exc.IntegrityError, match="violates foreign key constraint"),
        database.begin_rollback_only() as connection,
    ):
        connection.exec_driver_sql("INSERT INTO child VALUES (7)")


def test_a_connection_that_was_lost_is_not_judged(database: Database, snapshot: Snapshot) -> None:
    with database.connect() as other, other.begin():
        other.exec_driver_sql(f"SELECT pg_terminate_backend({snapshot.info.backend_pid})")
    with pytest.raises(NotJudged, match="the connection was lost"):
        snapshot.rows("SELECT 1")
    # There is nothing to cancel any more.
    snapshot.cancel()


def test_a_snapshot_may_end_with_a_commit(database: Database) -> None:
    ended = Snapshot(database)
    assert ended.info.dbname.startswith("unit_")
    state = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {ended.info.backend_pid} AND xact_start IS NOT NULL"
    with database.connect() as connection:
        assert connection.exec_driver_sql(state).scalar_one() == 1
        connection.commit()
        ended.close(commit=True)
        assert connection.exec_driver_sql(state).scalar_one() == 0
