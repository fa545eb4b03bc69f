"""Poolers, standbys and servers that refuse: judged as far as it can be, or one line that says what is in the way."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from selftest.conftest import Copy, Judge, Scratch
from selftest.servers import PASSWORD, POOLER, Pooler, Standby, SystemServer

pytestmark = pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
needs_pooler = pytest.mark.skipif(not POOLER.exists(), reason=f"no pgbouncer in {POOLER}")


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def exhaust(server: SystemServer, cleanup: ExitStack) -> None:
    while True:
        cleanup.enter_context(psycopg.connect(server.conninfo("postgres")))


def refusal(judge: Judge, *options: str) -> str:
    judged = judge(*options)
    assert judged.status == 4, judged.output
    assert "Traceback" not in judged.output
    (line,) = (line for line in judged.output.splitlines() if line.startswith("ERROR: "))
    return line


@pytest.mark.full
@needs_pooler
def test_a_pooler_of_sessions_changes_nothing(server: SystemServer, judge: Judge, cleanup: ExitStack) -> None:
    pooler = Pooler(server, "session")
    cleanup.callback(pooler.stop)
    judged = judge(f"--db-url={pooler.conninfo('migrated')}", f"--baseline={pooler.conninfo('legacy')}")
    assert judged.status == 0, judged.output


@needs_pooler
def test_a_pooler_of_statements_is_refused(server: SystemServer, judge: Judge, cleanup: ExitStack) -> None:
    pooler = Pooler(server, "statement")
    cleanup.callback(pooler.stop)
    line = refusal(judge, f"--db-url={pooler.conninfo('migrated')}")
    assert "transaction blocks not allowed in statement pooling mode" in line
    line = refusal(judge, f"--db-url={server.conninfo('migrated')}", f"--baseline={pooler.conninfo('legacy')}")
    assert "--baseline" in line


@pytest.mark.full
def test_a_server_without_a_free_connection_is_refused(server: SystemServer, judge: Judge, cleanup: ExitStack) -> None:
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        exhaust(server, cleanup)
    line = refusal(judge, f"--db-url={server.conninfo('migrated')}")
    assert "cannot connect to the database of --db-url" in line
    assert "too many clients already" in line


@pytest.mark.full
def test_a_role_that_becomes_another_one_at_once_is_refused(server: SystemServer, copy: Copy, judge: Judge) -> None:
    role = f"other_{copy('migrated')}"
    with server.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        connection.execute(f"ALTER ROLE {role} SET role = 'anon'")
        try:
            line = refusal(judge, f"--db-url={make_conninfo(server.conninfo('migrated'), user=role)}")
        finally:
            connection.execute(f"DROP ROLE {role}")
    assert "role anon" in line


@pytest.mark.full
def test_a_statement_that_a_standby_cancels_is_not_judged(
    server: SystemServer, copy: Copy, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, cleanup: ExitStack
) -> None:
    name = copy("migrated")
    standby = Standby(server)
    cleanup.callback(standby.stop)
    with standby.connect("postgres") as connection:
        connection.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
        connection.execute("SELECT pg_reload_conf()")
    monkeypatch.setenv("PRIMARY", server.conninfo(name))
    judged = scratch.judge(
        """
@plan
def test_x(target):
    target.expect(target.value("SELECT count(*) FROM contacts") > 0, "x")
    with psycopg.connect(os.environ["PRIMARY"], autocommit=True) as primary:
        primary.execute("UPDATE contacts SET notes = 'x'")
        primary.execute("VACUUM FULL contacts")
    target.expect(target.value("SELECT count(*), pg_sleep(60) FROM contacts") > 0, "x")
""",
        f"--db-url={standby.conninfo(name)}",
    )
    assert judged.status == 1, judged.output
    assert judged.results[0].outcome == "not judged"
    # The standby ends the statement, or the session with it.
    assert re.search("conflict with recovery|connection was lost", judged.results[0].reason)
    assert "Traceback" not in judged.output
