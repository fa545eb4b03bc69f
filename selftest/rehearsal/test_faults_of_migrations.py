"""Each way in which a migration's scripts went wrong is found out, and named where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.rehearsal import plan, psql
from selftest.rehearsal.stages import script, stage, words
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("faults of migrations")


@pytest.fixture(scope="module", params=embedded.VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[embedded.Server]:
    """An embedded server with the database `before`."""
    server = embedded.Server(request.param)
    psql.log_statements(server)
    demonstration_world(server, MIGRATION, seed=1, size=12)
    with server.connect("postgres") as connection:
        connection.execute("ALTER DATABASE legacy RENAME TO before")
        connection.execute("DROP DATABASE migrated")
    yield server
    server.stop()


# What is run, and what must be said of it.
FAILING = {
    "a constraint of that name is there": (
        """
        ALTER TABLE organizations ADD CONSTRAINT named CHECK (name <> '');
        ALTER TABLE organizations ADD CONSTRAINT named CHECK (slug <> '');
        """,
        [
            '1.sql:3: constraint "named" for relation "organizations" already exists (SQLSTATE 42710): ALTER TABLE',
            "1.sql: 1 of 2 statements failed",
        ],
    ),
    "text into jsonb": (
        "UPDATE organizations SET settings = description;\nSELECT 1;\n",
        [
            '1.sql:1: column "settings" is of type jsonb but expression is of type text (SQLSTATE 42804)',
            "psql went on after the first error, sent 1 more statements and ended with status 0",
        ],
    ),
    "a trigger function that does not fit its table": (
        """
        CREATE TABLE project_contact_points (id uuid DEFAULT gen_random_uuid(), project_id uuid, contact_id uuid);
        CREATE TRIGGER logs AFTER INSERT ON project_contact_points FOR EACH ROW EXECUTE FUNCTION log_activity();
        INSERT INTO project_contact_points (project_id, contact_id)
        SELECT id, customer_id FROM projects WHERE customer_id IS NOT NULL;
        """,
        ['1.sql:5: record "new" has no field "organization_id" (SQLSTATE 42703): INSERT INTO project_contact_points'],
    ),
    "an aborted transaction and a success": (
        """
        BEGIN;
        ALTER TABLE projects ADD customer_organization_id uuid;
        ALTER TABLE projects ADD customer_organization_id uuid;
        UPDATE projects SET customer_organization_id = organization_id;
        COMMIT;
        \\echo Migration of jane@example.com completed successfully
        """,
        [
            "1.sql: 2 of 5 statements failed",
            '1.sql:4: column "customer_organization_id" of relation "projects" already exists (SQLSTATE 42701)',
            "1.sql:5: current transaction is aborted, commands ignored until end of transaction block (SQLSTATE 25P02)",
            "sent 2 more statements and ended with status 0",
            "nevertheless it said ›completed successfully‹",
        ],
    ),
    "it does not parse": ("SELECT 1;\nCREATE TABL x;\n", ["1.sql:2: syntax error at or near ‹…› (SQLSTATE 42601)"]),
    "a literal without its end": ("SELECT 'x;\n", ["1 of 1 statement failed", "unterminated quoted string"]),
    "a role that is not there": (
        "GRANT SELECT ON projects TO reporting;",
        ['1.sql:1: role "reporting" does not exist (SQLSTATE 42704)'],
    ),
    "an extension that is not there": (
        "CREATE EXTENSION pg_net;",
        ['1.sql:1: extension "pg_net" is not available (SQLSTATE 0A000)'],
    ),
    "nothing": ("-- to be done\n", ["1.sql: it holds no statement"]),
    "the session is ended": (
        "SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());\nSELECT 2;\n",
        ["terminating connection due to administrator command", "the session was lost"],
    ),
    "a refusal that quotes a person": (
        "DO $$ BEGIN RAISE EXCEPTION 'no company of \"Jane Doe\" <jane@example.com> in row 7'; END $$;",
        ["no company of ‹…› <‹…›> in row 7 (SQLSTATE P0001)"],
    ),
    "a value that quotes a person": (
        "CREATE UNIQUE INDEX ON users (role);\nSELECT 'jane@example.com'::int;",
        ["could not create unique index", "invalid input syntax for type integer: ‹…› (SQLSTATE 22P02)"],
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_a_statement_that_fails_is_named(case: str, server: embedded.Server, tmp_path: Path) -> None:
    text, said = FAILING[case]
    on = stage(server, tmp_path, [script(tmp_path, text)])
    plan.migrate(on)
    (step,) = on.steps
    assert step.outcome == "failed"
    for sentence in said:
        assert sentence in words(step), words(step)
    assert "jane" not in words(step)


def test_what_psql_itself_cannot_do_is_named(server: embedded.Server, tmp_path: Path) -> None:
    run = psql.run(server, "before", script(tmp_path, "SELECT 1;\n\\i nowhere.sql\nSELECT 2;\n"), timeout=60)
    assert not run.succeeded
    assert (run.status, len(run.statements), run.failed) == (0, 2, [])
    assert run.refused == ("1.sql:2: nowhere.sql: No such file or directory",)


def test_a_script_that_runs_for_ever_is_stopped(server: embedded.Server, tmp_path: Path) -> None:
    on = stage(server, tmp_path, [script(tmp_path, "SELECT 1;\nSELECT pg_sleep(600);\n")], timeout=0.3)
    plan.migrate(on)
    assert on.steps[0].outcome == "failed"
    assert "it ran longer than 0.3 seconds and was stopped" in words(on.steps[0])
    plan.again(on)
    assert on.steps[1].outcome == "failed"


def test_what_psql_runs_is_supported(server: embedded.Server, tmp_path: Path) -> None:
    script(tmp_path, 'CREATE TABLE :"named" (a int, b text);\n', "included.sql")
    text = """
    \\set named 'a table'
    \\set ON_ERROR_STOP on
    BEGIN;
    \\ir included.sql
    \\i included.sql
    COMMIT;
    COPY "a table" FROM stdin;
1\tit's; \\\\! touch me
2\t\\N
\\.
    SELECT count(*) = 2 AS filled FROM "a table" \\gset
    \\if :filled
    INSERT INTO "a table" VALUES (3, $$two; 'words'$$);
    \\endif
    CREATE FUNCTION later() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
    """
    file = script(tmp_path, text.replace("    \\i included.sql\n", ""))
    run = psql.run(server, "before", file, timeout=60)
    assert run.succeeded, run
    assert [re.split(r" \(|\(\)", statement.text)[0].strip() for statement in run.statements] == [
        "BEGIN;",
        "CREATE TABLE ‹…›",
        "COMMIT;",
        "COPY ‹…› FROM stdin;",
        "SELECT count(*) = 2 AS filled FROM ‹…›",
        "INSERT INTO ‹…› VALUES",
        "CREATE FUNCTION later",
    ]
    assert run.rows == 3
    # With ON_ERROR_STOP psql stops, and says so.
    again = psql.run(server, "before", file, timeout=60)
    assert (again.status, len(again.statements), again.after_the_first_error) == (3, 2, 0)
    assert again.failed[0].place == "included.sql:1"
    with server.connect("before") as connection:
        connection.execute('DROP TABLE "a table"; DROP FUNCTION later()')


def test_a_script_that_commits_on_the_way_is_told(server: embedded.Server, tmp_path: Path) -> None:
    texts = {
        "BEGIN; CREATE TABLE a (x int); CREATE TABLE b (x int); COMMIT; ANALYZE a;": "",
        "BEGIN; CREATE TABLE a (x int); COMMIT; BEGIN; CREATE TABLE b (x int); COMMIT;": "once it makes changes final",
        "CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE TABLE c (x int);": "2 times it makes changes final",
    }
    for text, said in texts.items():
        on = stage(server, tmp_path, [script(tmp_path, text)])
        plan.migrate(on)
        assert on.steps[0].outcome == "passed"
        assert said in words(on.steps[0])
        assert bool(said) == ("not one transaction" in words(on.steps[0]))


def test_a_script_that_ends_all_other_sessions_is_run(server: embedded.Server, tmp_path: Path) -> None:
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL"
    )
    run = psql.run(server, "before", script(tmp_path, f"{ended};\nSELECT pg_sleep(0.1);\nSELECT 1;\n"), timeout=60)
    assert run.succeeded, run
    assert len(run.statements) == 3


def test_what_a_long_statement_locks_is_told(server: embedded.Server, tmp_path: Path) -> None:
    text = "BEGIN;\nLOCK TABLE projects;\nUPDATE contacts SET notes = notes;\nSELECT pg_sleep(0.4);\nCOMMIT;\n"
    on = stage(server, tmp_path, [script(tmp_path, text)], slow=0.2)
    plan.migrate(on)
    (slow,) = on.steps[0].slow
    assert slow.statement == "SELECT pg_sleep(0.4);"
    assert slow.seconds >= 0.4
    assert slow.locks[0] == "AccessExclusive, blocks reading and writing: projects"
    assert slow.locks[1].startswith("RowExclusive, blocks no reading and no writing: activity_log, contacts")
    assert "a second" in on.steps[0].pace


REPEATED = {
    "it inserts without looking": (
        "INSERT INTO organizations (name, slug) VALUES ('A', gen_random_uuid()::text);",
        "organizations: 1 extra: extra ",
    ),
    "it needs two runs": (
        """
        CREATE TABLE IF NOT EXISTS done (id uuid PRIMARY KEY);
        UPDATE projects SET notes = 'migrated' WHERE id IN (SELECT id FROM done);
        INSERT INTO done SELECT id FROM projects ON CONFLICT DO NOTHING;
        """,
        "projects: ",
    ),
    "it refuses half way": (
        """
        UPDATE projects SET priority_score = priority_score + 1;
        CREATE TABLE second (x int);
        """,
        "projects: ",
    ),
    "it makes an object anew": ("CREATE INDEX ON projects (title);", "index public.projects_title_idx1 is left"),
}


@pytest.mark.parametrize("case", few(REPEATED))
def test_a_migration_that_cannot_be_run_again_is_named(case: str, server: embedded.Server, tmp_path: Path) -> None:
    text, said = REPEATED[case]
    on = stage(server, tmp_path, [script(tmp_path, text)])
    plan.migrate(on)
    plan.again(on)
    assert [step.outcome for step in on.steps] == ["passed", "failed"]
    assert said in words(on.steps[1]), words(on.steps[1])


def test_a_migration_that_refuses_to_be_run_again_may(server: embedded.Server, tmp_path: Path) -> None:
    text = "BEGIN; CREATE TABLE once (x int); INSERT INTO once VALUES (1); COMMIT;"
    on = stage(server, tmp_path, [script(tmp_path, text)])
    plan.migrate(on)
    plan.again(on)
    assert [step.outcome for step in on.steps] == ["passed", "passed"]
    assert 'it refuses: 1.sql:1: relation "once" already exists' in words(on.steps[1])
