"""Settings, rights and the environment change no verdict, or are named as what stands in the way."""

import subprocess
from collections.abc import Callable

import pytest
from psycopg.conninfo import make_conninfo

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge, Scratch
from selftest.servers import PASSWORD
from selftest.tiers import few

Command = Callable[..., subprocess.CompletedProcess[str]]


HOSTILE = {
    "timezone": "'Asia/Kathmandu'",
    "datestyle": "SQL, DMY",
    "intervalstyle": "iso_8601",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "search_path": "nowhere",
    "row_security": "on",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "synchronous_commit": "off",
    "statement_timeout": "25",
    "lock_timeout": "1",
    "idle_in_transaction_session_timeout": "200",
    "idle_session_timeout": "200",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "client_encoding": "latin1",
}


@pytest.mark.full
@pytest.mark.parametrize("scope", few(["DATABASE", "ROLE"]))
def test_settings_of_the_database_or_the_role_change_no_verdict(
    server: embedded.Server, copy: Copy, judge: Judge, scope: str
) -> None:
    target, baseline = copy("migrated"), copy("legacy")
    names = [target, baseline]
    with server.connect("postgres") as connection:
        if scope == "ROLE":
            names = [f"hostile_{target}"]
            connection.execute(f"CREATE ROLE {names[0]} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
        for name in names:
            for setting, value in HOSTILE.items():
                connection.execute(f"ALTER {scope} {name} SET {setting} = {value}")
    user = {"user": names[0]} if scope == "ROLE" else {}
    urls = [make_conninfo(server.conninfo(name), **user) for name in (target, baseline)]
    judged = judge(f"--db-url={urls[0]}", f"--baseline={urls[1]}")
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")
    with server.connect("postgres") as connection:
        if scope == "ROLE":
            connection.execute(f"DROP ROLE {names[0]}")


def test_a_lost_connection_is_not_judged(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge(
        """
@plan
def test_x(target):
    target.value("SELECT pg_terminate_backend(pg_backend_pid())")
    target.expect(True, "x")

def test_y(target):
    target.expect(target.value("SELECT 1") == 1, "x")
""",
        f"--db-url={server.conninfo('migrated')}",
    )
    assert judged.status == 1
    assert [result.outcome for result in judged.results] == ["not judged", "not judged"]
    assert "lost" in judged.results[1].reason


@pytest.mark.full
def test_too_few_connections_are_not_judged(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    role = f"one_{name}"
    with server.connect(name) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS CONNECTION LIMIT 1 PASSWORD '{PASSWORD}'")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            judged = judge(f"--db-url={make_conninfo(server.conninfo(name), user=role)}")
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert judged.status == 1
    assert "too many connections" in next(result.reason for result in judged.results if result.plan == 20)


@pytest.mark.full
def test_a_reading_role_judges_all_but_what_writes(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    role = f"reader_{name}"
    with server.connect(name) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS PASSWORD '{PASSWORD}'")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            judged = judge(f"--db-url={make_conninfo(server.conninfo(name), user=role)}")
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: 5 of 29 plan checks not judged: 20, 21, 22, 23, 24")


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_the_environment_steers_the_demonstration_nowhere_else(server: embedded.Server, command: Command) -> None:
    done = command(
        "tests/test_schema.py",
        "--allow-partial",
        "--world-size=20",
        PGHOST="127.0.0.1",
        PGHOSTADDR="127.0.0.1",
        PGPORT="1",
        PGUSER="nobody",
        PGDATABASE="nowhere",
        PGPASSWORD="secret",
        PGOPTIONS="-c statement_timeout=1",
        PGSSLMODE="require",
        PGSERVICE="nowhere",
        PGTARGETSESSIONATTRS="standby",
        PGCHANNELBINDING="require",
        PGREQUIREAUTH="scram-sha-256",
    )
    assert done.returncode == 0, done.stdout + done.stderr
