"""What is known of whole servers: archiving, standbys, what is set for all; and what a dump or a fingerprint tells."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.checks.server.old_hosts import match_hosts
from postmigration.gate.commands import cli
from selftest.check.judging import Verdict, judge
from selftest.dumps import dump
from selftest.servers import SYSTEM_BINARIES, Servers, Standby, SystemServer

MODULES = ("test_replication", "test_server", "test_jobs", "test_history")


def wait(server: SystemServer, sql: str) -> None:
    """Waits until a query says true in a new session; some seconds are very long for that."""
    end = time.monotonic() + 60
    while True:
        with server.connect("postgres") as connection:
            if (connection.execute(sql.encode()).fetchone() or (False,))[0] is True:
                return
            assert time.monotonic() < end, sql
            connection.execute("SELECT pg_sleep(0.05)")


class Pair:
    """A server of before with a standby, and one that archives."""

    def __init__(self, undo: contextlib.ExitStack) -> None:
        self.before, self.after = SystemServer(), SystemServer("-c archive_mode=on")
        for server in (self.before, self.after):
            undo.callback(server.stop)
            server.create("shop")
            with server.connect("shop") as connection:
                connection.execute("CREATE TABLE client (id integer PRIMARY KEY); INSERT INTO client VALUES (1)")
        self.set("archive_command", "true")
        standby = Standby(self.before)
        undo.callback(standby.stop)
        wait(self.before, "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")

    def set(self, name: str, value: str) -> None:
        """Changes a setting of the server that is judged; empty takes it back."""
        with self.after.connect("postgres") as connection:
            connection.execute("SET default_transaction_read_only = off")
            change = f"SET {name} = '{value}'" if value else f"RESET {name}"
            connection.execute(f"ALTER SYSTEM {change}".encode())
            connection.execute("SELECT pg_reload_conf()")
        if value:
            wait(self.after, f"SELECT current_setting('{name}') = '{value}'")

    def judge(self, before: SystemServer | None = None) -> Verdict:
        return judge((before or self.before).conninfo("shop"), self.after.conninfo("shop"), only=MODULES)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    if not SYSTEM_BINARIES.exists():
        pytest.skip(reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
    with contextlib.ExitStack() as undo:
        yield Pair(undo)


@pytest.mark.full
def test_a_standby_that_does_not_follow_any_more_is_missed(pair: Pair) -> None:
    verdict = pair.judge()
    assert verdict.words("warning") == ["no standby follows the server, and 1 did before"]
    assert not verdict.red()
    alone = judge("", pair.after.conninfo("shop"), only=MODULES)
    assert not alone.red() | alone.yellow()
    assert "neither server has a standby" in alone.unjudged["test_standbys_follow"]


@pytest.mark.full
def test_archiving_that_fails_is_found(pair: Pair) -> None:
    pair.set("archive_command", "false")
    with pair.after.connect("shop") as connection:
        connection.execute("INSERT INTO client VALUES (2)")
        connection.execute("SELECT pg_switch_wal()")
    wait(pair.after, "SELECT failed_count > 0 FROM pg_stat_archiver")
    verdict = pair.judge()
    pair.set("archive_command", "true")
    assert [words for words in verdict.words("warning") if words.startswith("archiving fails: ")]
    assert verdict.yellow() == {"test_wal_is_archived", "test_standbys_follow"}
    wait(pair.after, "SELECT last_archived_time > last_failed_time FROM pg_stat_archiver")
    assert pair.judge().yellow() == {"test_standbys_follow"}


@pytest.mark.full
def test_a_server_that_is_read_only_is_found(pair: Pair) -> None:
    pair.set("default_transaction_read_only", "on")
    verdict = pair.judge()
    pair.set("default_transaction_read_only", "")
    assert verdict.words("blocker") == ["the server has default_transaction_read_only = on: nobody can write"]
    assert verdict.repairs("blocker") == [
        "SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only;"
    ]


@pytest.mark.full
def test_a_dump_tells_nothing_of_its_server(pair: Pair, tmp_path: Path) -> None:
    file = dump(pair.before, "shop", tmp_path / "shop.dump", "-Fc")
    verdict = judge(str(file), pair.after.conninfo("shop"), only=MODULES)
    assert not verdict.red() | verdict.yellow(), verdict.words("warning")
    for check in ("standbys_follow", "jobs_run_as_before", "settings_of_the_server_are_reported"):
        assert "dump" in verdict.unjudged[f"test_{check}"]


def test_a_fingerprint_tells_nothing_of_its_server(servers: Servers, tmp_path: Path) -> None:
    server, file = servers[18], tmp_path / "before.fingerprint"
    names = ("operation_before", "operation_after")
    server.create(names[0])
    with server.connect(names[0]) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32)); CREATE TABLE t (id int)")
        connection.execute("INSERT INTO alembic_version VALUES ('a'); INSERT INTO t VALUES (1)")
    server.create(names[1], template=names[0])
    with server.connect(names[1]) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'b'")
    try:
        assert cli.main(["fingerprint", f"--db-url={server.conninfo(names[0])}", "-o", str(file)]) == 0
        verdict = judge(str(file), server.conninfo(names[1]), only=(*MODULES, "test_rows"))
    finally:
        for name in names:
            server.drop(name)
    assert not verdict.red() | verdict.yellow(), (verdict.words("blocker"), verdict.words("warning"))
    assert "a fingerprint holds none" in verdict.unjudged["test_settings_of_the_server_are_reported"]
    assert "rows not compared, what a migration tool has done stands there: alembic_version" in verdict.words("told")


@pytest.mark.parametrize(
    ("host", "text", "found"),
    [
        ("old.example.org", "host=old.example.org", True),
        ("old.example.org", "postgresql://u@old.example.org:5432/db", True),
        ("old.example.org", "very.old.example.org", False),
        ("old.example.org", "oldXexample.org", False),
        ("db.shop.hosted.example", "https://shop.hosted.example/functions", True),
        ("db", "SELECT db FROM dbs", False),
        ("db", "host = 'db' port=5432", True),
        ("10.0.0.7", "110.0.0.71", False),
    ],
)
def test_a_host_is_found_where_it_is_named(servers: Servers, host: str, text: str, found: bool) -> None:
    with servers[18].connect("postgres") as connection:
        pattern = match_hosts({host})
        (said,) = connection.execute("SELECT %s ~* %s", [text, pattern]).fetchone() or (None,)
    assert said is found


def test_what_leads_to_the_same_machine_is_no_host() -> None:
    assert match_hosts({"/tmp", "localhost", "127.0.0.1", "::1"}) == ""
