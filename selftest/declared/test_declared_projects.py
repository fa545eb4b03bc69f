"""A project whose migration is a file, or declares changes in Python, is judged and rehearsed from its directory."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postmigration.postgres import embedded

pytestmark = [pytest.mark.full, pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])]

HERE = Path(__file__).parent
PYPROJECT = '[tool.postmigration]\nmigration = "{}"\nchecks = "tests"\n'
CHECK = """
import pytest

@pytest.mark.plan(1, group="rows", title="payments have stays")
def test_payments_have_stays(target):
    \"\"\"Every payment has a stay.\"\"\"
    target.expect_none('SELECT id FROM "Payment" WHERE "stayId" IS NULL', statement="payments", examined=1)
"""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def sides(server: embedded.Server) -> Iterator[tuple[str, str]]:
    names = "project_before", "project_after"
    server.create(names[0])
    with server.connect(names[0]) as connection:
        embedded.run_script(connection, HERE / "before.sql")
    server.create(names[1], template=names[0])
    with server.connect(names[1]) as connection:
        embedded.run_script(connection, HERE / "migration.sql")
    yield server.conninfo(names[0]), server.conninfo(names[1])
    for name in names:
        server.drop(name)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs a module of Python in a project whose migration is a file."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_plan.py").write_text(CHECK)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format("migration.toml"))
    declared = (HERE / "migration.toml").read_text()
    head, tables, rest = declared.partition("[reasons]")
    listed = "".join(line for line in head.splitlines(keepends=True) if not line.startswith("plan_checks"))
    (tmp_path / "migration.toml").write_text(f'{listed}plan_checks = 1\nscripts = ["sql/*.sql"]\n{tables}{rest}')
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "1.sql").write_text(f"BEGIN;\n{(HERE / 'migration.sql').read_text()}COMMIT;\n")

    def run(*arguments: str, directory: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        environment = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "PG", "POSTMIGRATION_"))}
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_is_judged(command: Command, tmp_path: Path, sides: tuple[str, str]) -> None:
    before, after = sides
    page = tmp_path / "reports" / "page.html"
    named = f"--db-url={after}", f"--baseline={before}"
    done = command("pytest", "-q", "-p", "no:cacheprovider", *named, f"--html={page}")
    assert done.stdout.splitlines()[-1].startswith("GO: 1 of 1 plan checks passed"), done
    assert done.returncode == 0
    assert "<title>Booking to Visit: all 50 rows</title>" in page.read_text()


def test_a_script_that_did_not_run_is_warned_of(command: Command, tmp_path: Path, sides: tuple[str, str]) -> None:
    before, after = sides
    script = 'CREATE INDEX "Visit_by_guest" ON "Visit" ("guestEMail");\nALTER TABLE "Visit" ADD COLUMN tip numeric;\n'
    (tmp_path / "sql" / "2.sql").write_text(script)
    done = command("pytest", "-q", "-p", "no:cacheprovider", f"--db-url={after}", f"--baseline={before}")
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1].startswith("GO: 1 of 1 plan checks passed"), done
    for words in (
        'the index "Visit_by_guest" on "Visit", which 2.sql makes, is missing',
        'the column tip of "Visit", which 2.sql makes, is missing',
    ):
        assert words in " ".join(done.stdout.split())


def test_it_is_judged_by_a_fingerprint(
    command: Command, server: embedded.Server, tmp_path: Path, sides: tuple[str, str]
) -> None:
    before, after = sides
    file = tmp_path / "before.fingerprint"
    done = command("postmigration", "fingerprint", f"--db-url={before}", f"--output={file}")
    assert done.returncode == 0, done
    # What no hash tells is said when it can still be helped.
    for words in ("Draft: which rows shrinks Draft is used for", "Event: which rows history_table Event is used for"):
        assert f"without what must become of the rows of {words}, it cannot tell" in done.stdout
    done = command("pytest", "-q", "-p", "no:cacheprovider", f"--db-url={after}", f"--baseline={file}")
    assert done.returncode == 1, done
    assert "blocker: " not in done.stdout, done.stdout
    assert "Draft: which rows shrinks Draft is used for, it cannot tell" in done.stdout
    server.create("project_damaged", template="project_after")
    try:
        with server.connect("project_damaged") as connection:
            connection.execute(b"UPDATE \"Visit\" SET status = 'open' WHERE id = 'visit_4'")
        damaged = f"--db-url={server.conninfo('project_damaged')}"
        done = command("pytest", "-q", "-p", "no:cacheprovider", damaged, f"--baseline={file}")
    finally:
        server.drop("project_damaged")
    assert done.returncode == 1
    assert "blocker: 1 of 50: Visit: rows differ from those that must have become of those of before" in done.stdout


def test_a_target_that_was_not_migrated_is_none(
    command: Command, server: embedded.Server, sides: tuple[str, str]
) -> None:
    server.create("project_same", template="project_before")
    try:
        same = server.conninfo("project_same")
        done = command("pytest", "-q", "-p", "no:cacheprovider", f"--db-url={same}", f"--baseline={sides[0]}")
    finally:
        server.drop("project_same")
    assert done.returncode == 1
    for words in ("gone_table Booking: it is still there", "renamed_table Room to Unit: it is still called Room"):
        assert f"blocker: {words}" in done.stdout


def test_without_a_database_one_is_asked_for(command: Command, sides: tuple[str, str]) -> None:
    done = command("pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 4
    assert "the migration declares no load, so that no demonstration world can be made" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("", "1 of 1 reason is empty: gone_table Booking: say why each was meant"),
        (", group='split'", "gone_table Booking: group is for migration.toml, say reason"),
        (", reason='it is planned'", ""),
    ],
)
def test_a_change_in_python_needs_a_reason(
    command: Command, tmp_path: Path, sides: tuple[str, str], fields: str, words: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format("stays:MIGRATION"))
    (tmp_path / "stays.py").write_text(
        "from postmigration import Migration, changes\n"
        f"MIGRATION = Migration('stays', 1, changes=[changes.GoneTable(table='Booking'{fields})])\n"
    )
    done = command("pytest", "-q", "-p", "no:cacheprovider", f"--db-url={sides[1]}", f"--baseline={sides[0]}")
    assert done.returncode == (4 if words else 1)
    assert words in done.stdout + done.stderr


def test_its_scripts_are_rehearsed(command: Command, sides: tuple[str, str]) -> None:
    done = command("postmigration", "rehearse", f"--baseline={sides[0]}")
    assert done.returncode == 0, done
    assert "✔ the suite says GO: 1 of 1 plan checks passed" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("PROVEN: 5 of 8 steps passed"), done


def test_scripts_are_rehearsed_in_no_project(command: Command, tmp_path: Path, sides: tuple[str, str]) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "add.sql").write_text('ALTER TABLE "Draft" ADD COLUMN IF NOT EXISTS tag text')
    done = command("postmigration", "rehearse", "--migration=add.sql", f"--baseline={sides[0]}", directory=elsewhere)
    assert done.returncode == 0, done
    assert "✔ the suite says GO: " in done.stdout
    for arguments, words in (
        ([f"--baseline={sides[0]}"], "which scripts? this is no project: name them with --migration=DIR"),
        (["--migration=add.sql"], "which state before? this is no project, and there is no demonstration world"),
    ):
        done = command("postmigration", "rehearse", *arguments, directory=elsewhere)
        assert done.returncode == 4
        assert words in done.stdout + done.stderr
