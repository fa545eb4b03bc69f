"""A script run by plain psql, and an account of each of its statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmigration.postgres import embedded
from postmigration.rehearsal.psql import ScriptRun, Statement, let_log, run
from selftest.unit.rehearsal.conftest import Make


def write(directory: Path, text: str) -> Path:
    file = directory / "up.sql"
    file.write_text(text)
    return file


def of(*texts: str, error: str = "") -> ScriptRun:
    """A run of statements, of which the first that begins with x failed."""
    statements = tuple(Statement(text, 0, error if text.startswith("x") else "") for text in texts)
    return ScriptRun(Path("up.sql"), 0, statements, (), 0, 0, "")


def test_each_statement_is_accounted_for_without_its_values(
    logging: embedded.Server, make: Make, tmp_path: Path
) -> None:
    script = """
        CREATE TABLE item (id int, name text);
        INSERT INTO item VALUES (1, 'secret'), (2, 'secret');
        INSERT INTO item VALUES ('secret', 'x');
        SELECT count(*) FROM gone;
        \\echo 'Migration completed successfully'
    """
    done = run(logging, make(), write(tmp_path, script), timeout=60)
    assert [statement.text for statement in done.statements] == [
        "CREATE TABLE item (id int, name text);",
        "INSERT INTO item VALUES (1, ‹…›), (2, ‹…›);",
        "INSERT INTO item VALUES (‹…›, ‹…›);",
        "SELECT count(*) FROM gone;",
    ]
    assert [(statement.place, statement.error) for statement in done.failed] == [
        ("up.sql:4", "invalid input syntax for type integer: ‹…› (SQLSTATE 22P02)"),
        ("up.sql:5", 'relation "gone" does not exist (SQLSTATE 42P01)'),
    ]
    assert (done.status, done.rows, done.succeeded, done.after_the_first_error) == (0, 2, False, 1)
    assert done.said == "completed successfully"


def test_what_psql_cannot_do_and_what_runs_too_long_is_refused(
    logging: embedded.Server, make: Make, tmp_path: Path
) -> None:
    done = run(logging, make(), write(tmp_path, "\\i gone.sql\nSELECT 1;"), timeout=60, show_values=True)
    assert done.refused == ("up.sql:1: gone.sql: No such file or directory",)
    assert not done.succeeded
    stopped = run(logging, make(), write(tmp_path, "SELECT pg_sleep(600);"), timeout=0.2)
    assert stopped.status is None
    assert "it ran longer than 0.2 seconds and was stopped" in stopped.refused


def test_what_only_a_superuser_may_do_is_known(logging: embedded.Server, make: Make, tmp_path: Path) -> None:
    name = make("CREATE TABLE public.mine ()")
    with logging.connect(name) as connection:
        connection.execute("CREATE ROLE unit_migrator LOGIN; GRANT ALL ON SCHEMA public TO unit_migrator")
        try:
            let_log(logging, "unit_migrator")
            script = write(tmp_path, "CREATE ROLE another;\nSELECT * FROM mine;\nCREATE TABLE own ();")
            done = run(logging, name, script, timeout=60, user="unit_migrator")
        finally:
            connection.execute("DROP OWNED BY unit_migrator; DROP ROLE unit_migrator")
    assert [statement.privileged for statement in done.statements] == [True, False, False]
    assert [bool(statement.error) for statement in done.statements] == [True, True, False]


@pytest.mark.parametrize(
    ("texts", "commits"),
    [
        (["BEGIN;", "CREATE TABLE a ();", "INSERT INTO a DEFAULT VALUES;", "COMMIT;"], 0),
        (["BEGIN;", "CREATE TABLE a ();", "COMMIT;", "CREATE TABLE b ();"], 1),
        (["BEGIN;", "CREATE TABLE a ();", "COMMIT;", "SELECT 1;", "ANALYZE;"], 0),
        (["CREATE TABLE a ();", "CREATE TABLE b ();", "SELECT 1;"], 1),
        (["SELECT 1;"], 0),
    ],
)
def test_how_often_its_changes_become_final_on_the_way(texts: list[str], commits: int) -> None:
    assert of(*texts).commits == commits


def test_a_script_without_statements_has_done_nothing() -> None:
    assert not of().succeeded
    assert of("SELECT 1;").succeeded
    failed = of("SELECT 1;", "x;", "SELECT 2;", error="wrong")
    assert (failed.succeeded, failed.after_the_first_error, len(failed.failed)) == (False, 1, 1)
