"""What the application sends: each fault that breaks it is found, and what is sound is not accused."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from postmigration.changes import ChangedObject, RenamedColumn
from postmigration.checks.builtin import test_statements
from postmigration.checks.workload import file
from postmigration.gate.commands import cli
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from selftest.check.judging import Verdict, judge
from selftest.check.workload_faults import FAULTS, NUMBER, ROLES, SENT, SOUND, WORLD, Fault
from selftest.servers import PASSWORD, POOLER, SYSTEM_BINARIES, Pooler, Servers, SystemServer
from selftest.tiers import few

CHECK = "what the application sends"
COUNTER = itertools.count()
KEEPER = SYSTEM_BINARIES.parent / "lib" / "pg_stat_statements.so"

Change = Callable[..., str]


@pytest.fixture(scope="module")
def server() -> Iterator[SystemServer]:
    """A server on which an application has sent its statements to the database `store`."""
    if not KEEPER.exists():
        pytest.skip(reason=f"no pg_stat_statements of PostgreSQL 15: {KEEPER}")
    server = SystemServer("-c shared_preload_libraries=pg_stat_statements")
    server.create("store")
    with server.connect("postgres") as connection:
        for statement in ROLES:
            connection.execute(statement.encode())
    with server.connect("store") as connection:
        connection.execute(WORLD.encode())
        connection.execute("CREATE EXTENSION pg_stat_statements")
    send(server, "store")
    yield server
    server.stop()


def send(server: SystemServer, database: str) -> None:
    """Has the application send its statements; what they write is rolled back."""
    with psycopg.connect(make_conninfo(server.conninfo(database), user="work_app")) as connection:
        for statement in SENT:
            connection.execute(statement.encode())
        connection.rollback()


@pytest.fixture
def changed(server: SystemServer) -> Iterator[Change]:
    """Makes a copy of the world and changes it; gives its connection string."""
    made: list[str] = []

    def change(sql: str = "") -> str:
        made.append(f"store_{next(COUNTER)}")
        server.create(made[-1], template="store")
        with server.connect(made[-1]) as connection:
            connection.execute(sql.encode())
        return server.conninfo(made[-1])

    yield change
    for name in made:
        server.drop(name)
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE IF EXISTS work_group")


def look(before: str, after: str, *called: str, **more: Any) -> Verdict:
    """Judges a database by this check alone."""
    check = test_statements.test_what_the_application_sends_still_runs
    return judge(before, after, *called, only=("this one",), more={CHECK: check}, **more)


def find(verdict: Verdict, fault: Fault) -> None:
    evidence = verdict.evidence[CHECK]
    said = {level: [f.statement for f in evidence.findings if f.severity == level] for level in ("blocker", "warning")}
    said["told"] = evidence.notes
    assert any(fault.words in words for words in said[fault.level]), said
    assert bool(evidence.blockers) == (fault.level == "blocker"), said
    assert fault.level != "told" or not evidence.warnings, said


@pytest.mark.parametrize("fault", few(FAULTS, 0, 7), ids=lambda fault: fault.words[:50])
def test_a_fault_is_found(fault: Fault, server: SystemServer, changed: Change) -> None:
    verdict = look(server.conninfo("store"), changed(fault.sql))
    find(verdict, fault)
    assert "secret" not in str(verdict)


@pytest.mark.parametrize("what", few(SOUND))
def test_what_is_sound_is_not_accused(what: str, server: SystemServer, changed: Change) -> None:
    verdict = look(server.conninfo("store"), changed(SOUND[what]))
    evidence = verdict.evidence[CHECK]
    assert not evidence.findings
    assert evidence.facts >= NUMBER


def test_a_file_holds_what_was_sent_and_no_constant(
    server: SystemServer, changed: Change, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "workload.json"
    assert cli.main(["workload", f"--db-url={server.conninfo('store')}", "-o", str(path)]) == 0
    said = capsys.readouterr().out
    assert "utility statements, which may hold constants" in said
    assert "secret" not in said + path.read_text()
    sent = [one for one in file.read(path).statements if one.role == "work_app"]
    assert len(sent) == NUMBER
    # What was a temporary table's, and nothing for want of a type.
    assert [one.text for one in sent if one.before is None or one.before.refused] == ["SELECT a FROM mine"]
    (known,) = (one for one in sent if one.text == "SELECT id, name FROM client WHERE id = $1")
    assert known.calls == 2
    assert known.before is not None
    assert (known.before.path, known.before.own) == ('"store", "public"', True)
    assert [*map(tuple, known.before.columns)] == [("id", "integer"), ("name", "text")]
    # Without a state before the file tells how it was.
    verdict = look("", changed(FAULTS[0].sql), f"--workload={path}")
    find(verdict, FAULTS[0])
    verdict = look("", changed(), f"--workload={path}")
    assert not verdict.evidence[CHECK].findings


def test_a_fingerprint_holds_what_was_sent_and_no_constant(
    server: SystemServer, changed: Change, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "before.fingerprint"
    asked = ["fingerprint", "--schema=store", "-o", str(path)]
    assert cli.main([*asked, f"--db-url={server.conninfo('store')}"]) == 0
    assert "statements of the application" not in capsys.readouterr().out
    # Its own number is called so.
    assert "secret" not in path.read_text().replace('"secret":', "")
    find(look(str(path), changed(FAULTS[0].sql)), FAULTS[0])
    evidence = look(str(path), changed()).evidence[CHECK]
    assert not evidence.findings
    assert evidence.facts >= NUMBER
    # What is named goes before what the fingerprint holds.
    other = tmp_path / "workload.json"
    other.write_text('{"postmigration_workload": 1, "workload": {"database": "", "taken_at": "", "statements": []}}')
    assert CHECK in look(str(path), changed(), f"--workload={other}").unjudged
    without = changed("DROP EXTENSION pg_stat_statements")
    assert cli.main([*asked, f"--db-url={without}"]) == 0
    why = "pg_stat_statements is not installed in it: CREATE EXTENSION pg_stat_statements, some days before a migration"
    assert f"without the statements of the application: {why}" in capsys.readouterr().out.splitlines()
    assert f"what the application sends is not known ({why}): name it" in look(str(path), without).unjudged[CHECK]


def test_where_nothing_was_kept_a_line_says_so(
    server: SystemServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.create("blank")
    path = tmp_path / "workload.json"
    assert cli.main(["workload", f"--db-url={server.conninfo('blank')}", "-o", str(path)]) == 4
    assert "ERROR: --db-url: pg_stat_statements is not installed in it: CREATE EXT" in capsys.readouterr().err
    server.drop("blank")
    other = make_conninfo(server.conninfo("store"), user="work_app")
    assert cli.main(["workload", f"--db-url={other}", "-o", str(path)]) == 4
    assert "hides the statements of other roles from the role that judges: GRANT pg_read_all_stats" in (
        capsys.readouterr().err
    )
    assert not path.exists()


SPY = """
CREATE FUNCTION store.spy() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM pg_catalog.set_config('role', 'none', true); RAISE 'ran as %', current_user; END $$;
ALTER FUNCTION store.spy() OWNER TO work_app;
"""


def test_a_superuser_plans_nothing_that_could_run_code_of_others(server: SystemServer, changed: Change) -> None:
    after = changed(
        f"{SPY}; CREATE OR REPLACE VIEW store.seen AS SELECT store.spy() AS a; DROP INDEX store.purchase_client"
    )
    evidence = look(server.conninfo("store"), after).evidence[CHECK]
    assert not evidence.findings
    assert any("neither privileges nor plans were judged of" in note for note in evidence.notes)


# What each of these does, the planner comes to by a stable function of the server's own.
CODE_OF_OTHERS = {
    "a view": "CREATE VIEW store.code AS SELECT set_config('role', 'none', true)",
    "a volatile function": "CREATE FUNCTION store.code() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
    "a domain": "CREATE DOMAIN store.code AS text CHECK (VALUE > '')",
    "a policy": "CREATE TABLE store.code (a text); ALTER TABLE store.code ENABLE ROW LEVEL SECURITY",
}


@pytest.mark.parametrize("what", few(CODE_OF_OTHERS, 0))
def test_a_superuser_plans_nothing_where_others_own_code(what: str, server: SystemServer, changed: Change) -> None:
    own = f"GRANT CREATE ON SCHEMA store TO work_app; SET ROLE work_app; {CODE_OF_OTHERS[what]}; RESET ROLE"
    # Where it was planned, the index would be missed.
    after = changed(f"{own}; DROP INDEX store.purchase_client")
    evidence = look(server.conninfo("store"), after).evidence[CHECK]
    assert not evidence.findings
    (note,) = (note for note in evidence.notes if note.startswith("neither privileges nor plans were judged of"))
    assert note.endswith(
        "planning may run code of others, who would have the rights of the superuser postgres: judge as another role"
    )


BUDGETS = {"--plan-budget=2": "blocker", "--plan-budget=100000": "warning"}


@pytest.mark.parametrize("option", BUDGETS)
def test_a_plan_over_the_budget_is_a_blocker(option: str, server: SystemServer, changed: Change) -> None:
    for fault in (
        fault for fault in FAULTS if fault.level == "warning" and ("index" in fault.words or "cost" in fault.words)
    ):
        verdict = look(server.conninfo("store"), changed(fault.sql), option)
        evidence = verdict.evidence[CHECK]
        (finding,) = evidence.findings
        assert finding.severity == BUDGETS[option]
        assert fault.words.replace("5 times what they did", "") in finding.statement
        assert ("budget" in finding.statement) == (finding.severity == "blocker")


@pytest.mark.parametrize("factor", ["0.5", "nan", "-3"])
def test_a_budget_that_cannot_be_meant_is_refused(factor: str) -> None:
    with pytest.raises(CannotJudge, match=f"--plan-budget={factor}: want how many times the cost of before is allowed"):
        look("", "postgresql://nowhere.invalid/x", f"--plan-budget={factor}")


@pytest.mark.full
def test_one_that_may_act_as_the_sender_plans_as_the_sender(server: SystemServer, changed: Change) -> None:
    after = changed(
        f"{SPY}; ALTER TABLE store.client RENAME TO customers; CREATE VIEW store.client AS SELECT id, name, "
        "active, store.spy() AS a FROM store.customers; GRANT SELECT, UPDATE ON store.client TO work_app"
    )
    with server.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE work_judge LOGIN BYPASSRLS PASSWORD '{PASSWORD}'".encode())
        connection.execute("GRANT pg_read_all_data, pg_monitor, work_app TO work_judge")
    try:
        sides = [make_conninfo(side, user="work_judge") for side in (server.conninfo("store"), after)]
        evidence = look(*sides).evidence[CHECK]
        (finding,) = evidence.blockers
        said = finding.statement
        assert said.startswith(
            "code of the database raised it: PL/pgSQL function spy() line 2 at RAISE (raise exception"
        )
        assert "as role work_app: 1 statement that could run before cannot be run" in said
    finally:
        with server.connect("postgres") as connection:
            connection.execute("DROP ROLE work_judge")


@pytest.mark.full
def test_what_is_locked_is_not_judged(server: SystemServer, changed: Change) -> None:
    after = changed()
    with psycopg.connect(after) as connection:
        connection.execute("LOCK TABLE store.client")
        verdict = look(server.conninfo("store"), after)
    words = "a statement of work_app: canceling statement due to lock timeout (lock not available, SQLSTATE 55P03)"
    assert words in verdict.unjudged[CHECK]


@pytest.fixture
def elsewhere(servers: Servers, request: pytest.FixtureRequest) -> Iterator[embedded.Server]:
    """A server of another version, without pg_stat_statements, with the world as the database `store`."""
    other = servers[request.param]
    with other.connect("postgres") as connection:
        for statement in ROLES:
            connection.execute(statement.encode())
    other.create("store")
    with other.connect("store") as connection:
        connection.execute(WORLD.encode())
    yield other
    other.drop("store")
    with other.connect("postgres") as connection:
        connection.execute("DROP ROLE work_app")


@pytest.fixture
def written(server: SystemServer, tmp_path: Path) -> str:
    """The option that names a file of what was sent."""
    path = tmp_path / "workload.json"
    assert cli.main(["workload", f"--db-url={server.conninfo('store')}", "-o", str(path)]) == 0
    return f"--workload={path}"


def hold_against(elsewhere: embedded.Server, before: str, written: str, faults: Sequence[Fault]) -> None:
    """Judges a copy that is sound, and one for each of some faults, by a file."""
    for fault in (None, *faults):
        elsewhere.create("store_now", template="store")
        with elsewhere.connect("store_now") as connection:
            connection.execute(fault.sql.encode() if fault else b"")
        verdict = look(before, elsewhere.conninfo("store_now"), written)
        if fault:
            find(verdict, fault)
        else:
            assert not verdict.evidence[CHECK].findings
        elsewhere.drop("store_now")


@pytest.mark.parametrize("elsewhere", [18], indirect=True)
def test_a_file_is_held_against_a_newer_version(elsewhere: embedded.Server, written: str) -> None:
    hold_against(elsewhere, "", written, FAULTS[5:6])


@pytest.mark.full
@pytest.mark.parametrize("elsewhere", [18, 16], indirect=True)
def test_every_fault_is_found_by_a_file(elsewhere: embedded.Server, written: str) -> None:
    for before in (elsewhere.conninfo("store"), ""):
        hold_against(elsewhere, before, written, FAULTS)


@pytest.mark.full
def test_roles_that_are_not_there_are_told(server: SystemServer, changed: Change, tmp_path: Path) -> None:
    path = tmp_path / "workload.json"
    cli.main(["workload", f"--db-url={server.conninfo('store')}", "-o", str(path)])
    path.write_text(path.read_text().replace('"work_app"', '"work_elsewhere"'))
    evidence = look("", changed(), f"--workload={path}").evidence[CHECK]
    assert not evidence.findings
    words = "statements: there is no role work_elsewhere, and they were parsed as whoever judges"
    assert any(note.endswith(words) for note in evidence.notes), evidence.notes


@pytest.mark.full
@pytest.mark.skipif(not POOLER.exists(), reason=f"no {POOLER}")
def test_a_pooler_of_transactions_is_no_obstacle(server: SystemServer, changed: Change) -> None:
    name = conninfo_to_dict(changed(FAULTS[0].sql))["dbname"]
    pooler = Pooler(server)
    try:
        find(look(pooler.conninfo("store"), pooler.conninfo(str(name))), FAULTS[0])
    finally:
        pooler.stop()


@pytest.mark.full
def test_without_the_sender_s_role_statements_are_parsed_alone(server: SystemServer, changed: Change) -> None:
    with server.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE work_reader LOGIN BYPASSRLS PASSWORD '{PASSWORD}'".encode())
        connection.execute("GRANT pg_read_all_data, pg_monitor TO work_reader")
    after = changed(FAULTS[0].sql)
    try:
        sides = [make_conninfo(side, user="work_reader") for side in (server.conninfo("store"), after)]
        verdict = look(*sides)
        find(verdict, FAULTS[0])
        words = "statements: GRANT work_app TO the role that judges, and they are judged as work_app"
        assert any(note.endswith(words) for note in verdict.evidence[CHECK].notes)
    finally:
        with server.connect("postgres") as connection:
            connection.execute("DROP ROLE work_reader")


DECLARED = Migration(
    name="store",
    changes=[
        RenamedColumn(schema="store", table="client", column="name", to="title", reason="it is one"),
        ChangedObject(schema="store", object="function store.vat(numeric)", gone=True, reason="nobody pays it"),
    ],
)


def test_what_a_migration_declares_is_told(server: SystemServer, changed: Change) -> None:
    after = changed(f"{FAULTS[0].sql}; {FAULTS[1].sql}")
    verdict = look(server.conninfo("store"), after, migration=DECLARED)
    evidence = verdict.evidence[CHECK]
    assert not evidence.blockers
    words = "names name, which the migration declares to be gone or another one: SELECT id, >>>name FROM client"
    assert any(note.startswith(words) for note in evidence.notes), evidence.notes
    words = "names vat, which the migration declares to be gone or another one: SELECT >>>vat(total) AS gross"
    assert any(note.startswith(words) for note in evidence.notes), evidence.notes
