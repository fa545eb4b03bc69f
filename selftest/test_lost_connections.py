"""A connection that is lost in the middle of a run: the same ending, whoever ended it, and whatever was being asked."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from psycopg import errors

from postmigration import NotJudged, find_refusal
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database
from postmigration.postgres.refusals import LOST, refusal
from selftest.conftest import ROOT, Scratch
from selftest.tiers import few

on_one_server = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

HEAD = """
import sqlalchemy as sa
END = "WITH ours AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE application_name = 'postmigration') "
END += "SELECT pg_terminate_backend(pid, 10000) FROM ours"
def end():
    with psycopg.connect({conninfo!r}, autocommit=True) as other:
        assert other.execute(END).fetchall()
def survive(target):
    try:
        target.snapshot.rows("SELECT 1")
    except Exception:
        target.snapshot.info
def write(target, attempt):
    with target.writing() as connection:
        savepoint = connection.begin_nested()
        try:
            connection.execute(sa.text("SELECT 1"))
            end()
            attempt(connection)
        finally:
            savepoint.rollback()
"""

# What a check is doing when its connections are ended.
DOING = {
    "reading": "end(); target.expect_none('SELECT 1 WHERE false', statement='x', examined='SELECT 1')",
    "reading by itself": "end(); target.snapshot.rows('SELECT 1')",
    "counting": "target.value('SELECT 1'); end(); target.value('SELECT 2'); target.expect(True, 'x')",
    "planning": "end(); target.snapshot.rows('SELECT 1', {'jit': 'off'})",
    "streaming": "end(); list(target.snapshot.stream('SELECT 1'))",
    "sharing": "end(); target.snapshot.export()",
    "asking where it leads": "end(); survive(target)",
    "comparing": "end(); target.expect_as_before(target.before.tables()['contacts'])",
    "writing": "write(target, lambda c: c.execute(sa.text('SELECT 1')))",
    "writing on": "write(target, lambda c: [c.begin_nested() for _ in range(2)])",
    "being refused": "import postmigration as p; write(target, lambda c: p.find_refusal(c, sa.text('SELECT 1')))",
    "ending a transaction": "write(target, lambda c: None)",
    "trying people": "end(); target.population",
}


@on_one_server
@pytest.mark.parametrize("doing", few(DOING, 0, 1))
def test_a_lost_connection_ends_in_one_way(server: embedded.Server, scratch: Scratch, doing: str) -> None:
    urls = (f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    source = HEAD.format(conninfo=server.conninfo("postgres"))
    # What costs as much comes in the order of the file.
    source += f"@plan\ndef test_x(target):\n    {DOING[doing]}\n"
    source += "def test_y(target): target.value('SELECT count(*) FROM contacts')\n"
    judged = scratch.judge(source, *urls)
    assert {result.outcome for result in judged.results} == {"not judged"}, judged.output
    assert all(result.reason.startswith(LOST) for result in judged.results)
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: 1 of 1 plan checks not judged: 1;")
    assert "Traceback" not in judged.output


@pytest.mark.full
@on_one_server
def test_a_session_that_was_ended_is_closed_without_a_word(server: embedded.Server, scratch: Scratch) -> None:
    """The last statement of the last check ends it: nobody asks the snapshot any more, and it is closed."""
    (scratch.directory / "tests" / "test_x.py").write_text(
        "import psycopg, pytest\n"
        + HEAD.format(conninfo=server.conninfo("postgres"))
        + "@pytest.mark.plan(1, group='Scratch', title='A check')\n"
        + "def test_x(target):\n    target.expect_none('SELECT 1 WHERE false', statement='x', examined='SELECT 1')\n"
        + "    end()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--db-url={server.conninfo('migrated')}"],
        cwd=scratch.directory, capture_output=True, text=True, check=False, timeout=120, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("GO: 1 of 1")


def stated(number: str) -> sa.exc.DBAPIError:
    """An error of the server's with a SQLSTATE, in whatever language."""
    return sa.exc.OperationalError("SELECT 1", None, errors.lookup(number)("Zeitüberschreitung: ungültig"))


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("55P03", "another session held a lock"),
        ("57014", "it took longer than allowed"),
        ("42501", "grant the role what is missing"),
        ("57P01", LOST),
        ("57P02", LOST),
        ("08006", LOST),
        ("25P03", LOST),
    ],
)
def test_the_number_decides_and_not_the_words(number: str, says: str) -> None:
    with pytest.raises(NotJudged, match=says):
        refusal(stated(number))


@pytest.fixture
def locked(server: embedded.Server) -> Iterator[sa.Connection]:
    """A connection for which another session holds a lock on contacts."""
    database = Database(server.conninfo("migrated"), option="--db-url")
    with server.connect("migrated") as other, database.begin_rollback_only(lock_timeout="1") as connection:
        other.autocommit = False
        other.execute("LOCK TABLE contacts")
        yield connection


@on_one_server
def test_a_statement_that_waits_for_a_lock_is_not_taken_for_refused(locked: sa.Connection) -> None:
    with pytest.raises(NotJudged, match="another session held a lock"):
        find_refusal(locked, sa.text("UPDATE contacts SET name = name"))
