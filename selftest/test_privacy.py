"""A run shows neither passwords nor, unless it is told to, personal data; and nothing of a database is live HTML."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge, Scratch
from selftest.processes import POLLED
from selftest.servers import PASSWORD
from selftest.tiers import few

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
def test_a_wrong_password_is_not_shown(server: embedded.Server, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = make_conninfo(server.conninfo("migrated"), password="hunter2")
    bare = wrong.replace("password=hunter2", "")
    for text, environment in ((wrong, ""), (bare, "hunter2")):
        monkeypatch.setenv("PGPASSWORD", environment)
        judged = judge(f"--db-url={text}")
        assert judged.status == 4
        assert "ERROR: cannot connect to the database of --db-url: " in judged.output
        assert "password authentication failed" in judged.output
        assert "hunter2" not in judged.output


@pytest.mark.full
@pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
def test_the_password_appears_nowhere(server: embedded.Server, tmp_path: Path) -> None:
    environment = {**os.environ, "POSTMIGRATION_DB_URL": server.conninfo("legacy")}
    arguments = ["-n2", "--lock-timeout=1", "--showlocals", "--tb=long", "-rA", "-vv", "-p", "no:cacheprovider"]
    reports = [f"--html={tmp_path / 'report.html'}", f"--junit-xml={tmp_path / 'report.xml'}"]
    with server.connect("legacy") as holder:
        holder.autocommit = False
        holder.execute("LOCK TABLE reviews")
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments, *reports],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as run:
            while not holder.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                assert run.poll() is None
                time.sleep(POLLED)
            processes = "".join(
                path.read_bytes().decode(errors="replace")
                for process in Path("/proc").glob("[0-9]*")
                if (path := process / "cmdline").exists()
            )
            output, _ = run.communicate()
    written = output + processes + "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "pytest" in processes
    assert PASSWORD not in written
    assert PASSWORD.replace(" ", "%20") not in written


@pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
def test_the_password_is_in_no_traceback(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge(
        "@plan\ndef test_x(target, pytestconfig):\n    writer, snapshot = target._writer, target.snapshot\n"
        "    with target.writing() as connection:\n        raise RuntimeError",
        f"--db-url={server.conninfo('migrated')}",
        "--showlocals",
        "--tb=long",
        "--full-trace",
    )
    assert judged.status == 3
    assert "writer" in judged.output
    assert PASSWORD not in judged.output + "".join(
        path.read_text() for path in scratch.html.parent.rglob("*") if path.is_file()
    )


NAMES = ["<img src=x onerror=alert(1)>", "Bell\a \x1b[31mred", "\u202egnirts \u200f", "</script><script>x</script>"]


@pytest.mark.full
def test_personal_data_is_masked_and_what_is_shown_is_harmless(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        for i, text in enumerate(NAMES):
            connection.execute(
                "UPDATE contacts SET company_name = %s, email = 'private@example.com' WHERE id = "
                "(SELECT id FROM contacts WHERE type = 'customer' ORDER BY id OFFSET %s LIMIT 1)",
                [text, i],
            )
    options = [f"--db-url={server.conninfo(name)}", f"--baseline={server.conninfo('legacy')}", "--evidence-rows=50"]
    options += ["-k", "test_integrity or rows_are_those_of_before"]

    def run(*more: str) -> tuple[str, str, str]:
        judged = judge(*options, *more)
        assert judged.status == 1
        html, xml = ((tmp_path / f"validation.{kind}").read_text() for kind in ("html", "xml"))
        return judged.output, html, xml

    for text in run():
        assert "private@example.com" not in text
        assert "onerror" not in text
    terminal, html, xml = run("--show-values")
    assert "private@example.com" in terminal
    assert "onerror" in terminal
    for text in (terminal, html, xml):
        assert not any(mark in text for mark in "\a\x1b\u202e\u200f")
    for text in (html, xml):
        assert "<img src=x" not in text
        assert "<script>x" not in text


def test_what_broke_down_shows_no_rows(server: embedded.Server, scratch: Scratch) -> None:
    with psycopg.connect(server.conninfo("migrated")) as connection:
        row = connection.execute("SELECT slug FROM organizations ORDER BY length(slug) DESC LIMIT 1").fetchone()
    assert row is not None
    insert = "INSERT INTO organizations (name, slug) SELECT name, slug FROM organizations"
    judged = scratch.judge(
        "import sqlalchemy\n@pytest.fixture\ndef bad(target):\n"
        f"    with target._writer.begin_rollback_only() as c: c.execute(sqlalchemy.text('{insert}'))\n"
        "@plan\ndef test_x(target, bad): target.expect(True, 'x')",
        f"--db-url={server.conninfo('migrated')}",
    )
    assert judged.status == 3
    assert "duplicate key value violates unique constraint" in judged.output
    assert "already exists" not in judged.output


PERSON = "jane@example.com"
# What each of them raises, or has the server say, when it is only called.
TALKATIVE = {
    "a text of its own": "BEGIN RAISE '%', x USING ERRCODE = 'undefined_column'; END",
    "an assertion": "BEGIN ASSERT false, x; END",
    "a name that is a value": "BEGIN RETURN x::regclass; END",
    "a role that is a value": "BEGIN RETURN x::regrole; END",
    "a number that is none": "BEGIN RETURN x::int; END",
    "a statement that it composes": "BEGIN EXECUTE 'SELECT p.' || quote_ident(x) || ' FROM users p'; END",
    "a statement that is none": "BEGIN EXECUTE 'SELECT ' || quote_literal(x) || x; END",
}


@pytest.mark.full
@pytest.mark.parametrize("server", [18, 15], indirect=True, ids=["pg18", "pg15"])
@pytest.mark.parametrize("kind", few(TALKATIVE, full=(1, 2)))
def test_what_code_of_the_database_says_is_not_repeated(
    kind: str, server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    body = TALKATIVE[kind].replace("BEGIN", f"DECLARE x text := '{PERSON[:4]}' || '{PERSON[4:]}'; BEGIN")
    trigger = body.replace("RETURN x", "NEW.created_at := x") if "RETURN" in body else body
    with server.connect(name) as connection:
        connection.execute(
            f"""
            CREATE FUNCTION talk() RETURNS text LANGUAGE plpgsql STABLE AS $$ {body} $$;
            CREATE FUNCTION talk_too() RETURNS trigger LANGUAGE plpgsql AS $$ {trigger} $$;
            CREATE TRIGGER talk BEFORE INSERT OR UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION talk_too();
        """.encode()
        )
    judged = judge(f"--db-url={server.conninfo(name)}", "--tb=no")
    assert judged.status == 1, judged.output
    assert "existing_rows_can_be_changed" in judged.red()
    written = judged.output + "".join(path.read_text() for path in tmp_path.rglob("validation.*"))
    assert PERSON not in written
    assert "SQLSTATE" in written


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_what_a_function_names_is_told(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("""
            CREATE FUNCTION old_name() RETURNS text LANGUAGE plpgsql STABLE AS $$
                DECLARE x text; BEGIN SELECT p.gone INTO x FROM projects p; PERFORM p.gone FROM projects p; END $$;
        """)
    judged = judge(f"--db-url={server.conninfo(name)}")
    said = "column p.gone does not exist (PL/pgSQL function old_name() line 2 at SQL statement) (SQLSTATE 42703)"
    assert said in judged.evidence("everything_still_runs")
