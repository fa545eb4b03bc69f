"""The stage of a rehearsal: copies of databases, scripts, and the account of what was done."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest

from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from postmigration.rehearsal.locks import Seen
from postmigration.rehearsal.psql import ScriptRun, Statement
from postmigration.rehearsal.stage import Plan, Stage, SuperuserNeeded, leave_out, of_script, step_of
from postmigration.rehearsal.steps import Check, Step
from selftest.servers import Servers
from selftest.unit.rehearsal.conftest import Make


def stage(server: embedded.Server, directory: Path, *, user: str = "") -> Stage:
    told: list[Step] = []
    plan = Plan(Migration("a"), None, [], [], [], "public", directory / "report.html", timeout=60, slow=1.0)
    return Stage(plan, server, told.append, user=user)


def ran(*statements: Statement, status: int | None = 0, refused: tuple[str, ...] = (), said: str = "") -> ScriptRun:
    return ScriptRun(Path("up.sql"), 2, statements, refused, status, 7, said)


FINE = Statement("CREATE TABLE a ();", 0.5)
WRONG = Statement("DROP TABLE b;", None, "it is not there", "up.sql:2")


def test_a_copy_lives_until_it_was_looked_at(servers: Servers, make: Make, tmp_path: Path) -> None:
    on, name = stage(servers[18], tmp_path), make("CREATE TABLE item ()")
    with on.copy(name, "unit_stage_copy") as copied:
        assert "table public.item" in on.state(copied).objects
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        servers[18].connect("unit_stage_copy")


def test_all_is_done_as_the_owner_of_the_state_before(servers: Servers, make: Make, tmp_path: Path) -> None:
    server, name = servers[18], make()
    with server.connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_stage LOGIN")
        try:
            on = stage(server, tmp_path, user="unit_stage")
            assert "user=unit_stage" in on.conninfo(name)
            assert on.source(name).option == name
            with on.copy(name, "unit_stage_owned") as copied:
                owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s"
                assert connection.execute(owner, [copied]).fetchone() == ("unit_stage",)
        finally:
            connection.execute("DROP ROLE unit_stage")


def test_scripts_run_one_after_the_other_whatever_becomes_of_them(
    logging: embedded.Server, make: Make, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.sql", tmp_path / "2.sql"
    first.write_text("CREATE ROLE unit_other SUPERUSER; DROP TABLE gone;")
    second.write_text("CREATE TABLE item ();")
    name = make("CREATE ROLE unit_stage LOGIN; GRANT ALL ON SCHEMA public TO unit_stage;"
                "GRANT SET ON PARAMETER log_min_duration_statement TO unit_stage")  # fmt: skip
    with logging.connect(name) as connection:
        try:
            with pytest.raises(
                SuperuserNeeded, match=r"1.sql:1: permission denied to create role .*: CREATE ROLE unit_other"
            ):
                stage(logging, tmp_path, user="unit_stage").run(name, [first, second])
            # As a superuser all of them run.
            found = stage(logging, tmp_path).run(name, [first, second])
            assert [run.succeeded for run in found] == [False, True]
        finally:
            connection.execute("DROP OWNED BY unit_stage; DROP ROLE unit_stage; DROP ROLE unit_other")


@pytest.mark.parametrize(
    ("run", "check"),
    [
        (ran(FINE), Check("up.sql: 1 statement, all succeeded, 2.0 s", "passed")),
        (
            ran(FINE, FINE),
            Check(
                "up.sql: 2 statements, all succeeded, 2.0 s",
                "passed",
                ("it is not one transaction: once it makes changes final on the way, which an error behind that does "
                 "not undo",),
            ),
        ),
        (ran(), Check("up.sql: it holds no statement", "failed")),
        (
            ran(WRONG, FINE, said="done"),
            Check(
                "up.sql: 1 of 2 statements failed",
                "failed",
                (
                    "up.sql:2: it is not there: DROP TABLE b;",
                    "psql went on after the first error, sent 1 more statements and ended with status 0: run it with "
                    "-v ON_ERROR_STOP=1",
                    "nevertheless it said ›done‹",
                ),
            ),
        ),
        (ran(refused=("too long",), status=None), Check("up.sql: 1 of 0 statements failed", "failed", ("too long",))),
    ],
)  # fmt: skip
def test_what_became_of_a_script_is_told(run: ScriptRun, check: Check) -> None:
    assert of_script(run) == check


def test_of_many_errors_the_first_and_the_last_are_told() -> None:
    details = of_script(ran(*[WRONG] * 30, status=3, said="done")).details
    assert (len(details), details[18], details[-1]) == (21, "and 11 more", "nevertheless it said ›done‹")


def test_a_step_tells_how_long_it_took_and_what_took_long(servers: Servers, tmp_path: Path) -> None:
    on = stage(servers[18], tmp_path)
    now = time.monotonic()
    slow = Statement("CREATE INDEX", 3, seen=Seen(0, 3, {"item": "ShareLock"}))
    step = step_of("migrate", on, now - 5, [ran(FINE, slow), ran(slow)], [Check("x", "passed")], done=now - 1)
    assert (step.title, step.seconds, step.rows) == ("migrate", 4, 14)
    assert step.judged >= 1
    assert [(found.seconds, found.locks) for found in step.slow] == [(3, ("Share, blocks writing: item",))] * 2
    judging = step_of("judge", on, now - 5, [], [], judging=True)
    assert (judging.seconds, judging.rows) == (0, None)
    assert judging.judged >= 5


def test_each_step_is_told_and_kept(servers: Servers, tmp_path: Path) -> None:
    told: list[Step] = []
    on = stage(servers[18], tmp_path)
    on.tell = told.append
    step = leave_out("roll back", on, "nobody has asked for it")
    on.record_end(step)
    assert told == on.steps == [step]
    assert (step.outcome, step.checks[0].statement) == ("left out", "nobody has asked for it")
