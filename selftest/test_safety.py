"""A run leaves nothing behind, disturbs nobody and waits for nobody."""

import subprocess
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from fixtures import MIGRATION
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.dsn import conninfo
from selftest.conftest import Copy, Judge, Scratch
from selftest.tiers import few

Command = Callable[..., subprocess.CompletedProcess[str]]

# What a run may not change: (what, query for it).
_STATE = {
    "settings": "SELECT setdatabase, setrole, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2",
    "roles": "SELECT r::text FROM pg_roles r ORDER BY 1",
    "relations": "SELECT oid, relname, relacl::text FROM pg_class WHERE NOT relispartition ORDER BY 1",
    "functions": "SELECT oid, proname, prosrc FROM pg_proc ORDER BY 1",
    "triggers": "SELECT oid, tgname, tgenabled FROM pg_trigger ORDER BY 1",
    "policies": "SELECT oid, polname FROM pg_policy ORDER BY 1",
    "sequences": "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2",
    "prepared": "SELECT gid FROM pg_prepared_xacts",
}


def content(server: embedded.Server, database: str, *, marks: bool = True) -> dict[str, object]:
    """All that a database holds, and that no session of a run is left in it.

    A row that was changed and changed back keeps the mark (xmax) of a transaction that was rolled back, which no other
    heeds. One that is still locked has the mark of a transaction in progress, and one that was rewritten another xmin.
    """
    with server.connect(database) as connection:
        state: dict[str, object] = {what: connection.execute(query).fetchall() for what, query in _STATE.items()}
        tables = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE relkind IN ('r', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall()
        for (table,) in tables:
            # The system columns too: not even a row that was rewritten as it was.
            mark = "coalesce(pg_xact_status(nullif(xmax::text, '0')::xid8), '') = 'in progress'"
            row = f"concat({f'xmin, {mark}, ' * marks}ctid, t::text)"
            rows = connection.execute(
                f"SELECT count(*), md5(string_agg(md5({row}), '' ORDER BY ctid)) FROM {table} t"
            ).fetchone()
            state[table] = rows
        assert len(tables) > 8
        # A backend that was told to end may take a moment; nothing of it may stay.
        for _ in range(10_000):
            sessions = connection.execute(
                "SELECT application_name FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            ).fetchall()
            assert sessions == [("postmigration",)] * len(sessions)
            if not sessions:
                break
        assert sessions == []
    return state


@pytest.mark.full
@pytest.mark.parametrize("kind", few(["migrated", "legacy"]))
def test_a_run_leaves_nothing_behind(server: embedded.Server, copy: Copy, judge: Judge, kind: str) -> None:
    name = copy(kind)
    before = content(server, name)
    judged = judge(f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo('legacy')}")
    assert judged.status == (kind == "legacy")
    assert judged.last_line.startswith("NO-GO: " if kind == "legacy" else "GO: 29 of 29 plan checks passed")
    assert content(server, name) == before


@pytest.mark.parametrize(
    "end", few(["raise KeyboardInterrupt", "raise RuntimeError", "1 / 0", "connection.invalidate()"], 0, 3)
)
def test_a_check_that_is_broken_off_while_it_writes_leaves_nothing_behind(
    server: embedded.Server, copy: Copy, scratch: Scratch, end: str
) -> None:
    name = copy("migrated")
    before = content(server, name, marks=False)
    judged = scratch.judge(
        f"""
import sqlalchemy
@plan
def test_x(target):
    with target.writing() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM project_contact_points"))
        connection.execute(sqlalchemy.text("CREATE TABLE left_behind ()"))
        {end}
""",
        f"--db-url={server.conninfo(name)}",
    )
    assert judged.status != 0
    assert content(server, name, marks=False) == before


def test_the_snapshot_can_only_read(server: embedded.Server) -> None:
    database = Database(conninfo(server.conninfo("migrated"), "--db-url"), option="--db-url")
    snapshot = Snapshot(database)
    try:
        assert snapshot.scalar("SHOW transaction_read_only") == "on"
        assert snapshot.scalar("SHOW transaction_isolation") == "repeatable read"
    finally:
        snapshot.close()
        database.close()


def test_a_snapshot_that_cannot_be_taken_keeps_no_connection(server: embedded.Server, copy: Copy) -> None:
    name = copy("migrated")
    database = Database(conninfo(server.conninfo(name), "--db-url"), option="--db-url")
    # What was raised is kept, and with it whatever was not closed.
    with pytest.raises(sa.exc.DBAPIError, match="snapshot") as refused:
        Snapshot(database, "of-nobody")
    content(server, name)
    assert refused.value.orig is not None


@pytest.mark.full
def test_a_locked_table_is_not_judged_and_not_waited_for(server: embedded.Server, judge: Judge) -> None:
    with server.connect("migrated") as other:
        other.autocommit = False
        other.execute("LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE")
        judged = judge(
            f"--db-url={server.conninfo('migrated')}", "--lock-timeout=1", "-k", "contacts_have_their_organization"
        )
    assert judged.status in (1, 4)
    assert {result.outcome for result in judged.results} <= {"passed", "not judged"}
    assert judged.outcome("6") == "not judged"
    reason = next(result.reason for result in judged.results if result.plan == 6)
    assert "another session held a lock" in reason
    assert "--lock-timeout" in reason


@pytest.mark.full
@pytest.mark.parametrize("side", few(["migrated", "legacy"]))
def test_a_locked_table_keeps_no_other_from_being_compared(server: embedded.Server, judge: Judge, side: str) -> None:
    with server.connect(side) as other:
        other.autocommit = False
        other.execute("LOCK TABLE reviews IN ACCESS EXCLUSIVE MODE")
        judged = judge(
            *(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}"),
            *("--lock-timeout=1", "-k", "rows_are_those_of_before"),
        )
    outcomes = {result.nodeid.partition("::")[2]: result.outcome for result in judged.results}
    assert outcomes.pop("test_rows_are_those_of_before[reviews]") == "not judged"
    assert len(outcomes) == len(MIGRATION.legacy_tables)
    assert set(outcomes.values()) == {"passed"}, [result.reason for result in judged.results]


@pytest.mark.full
def test_locked_rows_do_not_disturb(server: embedded.Server, judge: Judge) -> None:
    with server.connect("migrated") as other:
        other.autocommit = False
        for table in ("organizations", "users", "contacts", "projects"):
            other.execute(f"SELECT FROM {table} FOR UPDATE")
        assert judge(f"--db-url={server.conninfo('migrated')}").status == 0
