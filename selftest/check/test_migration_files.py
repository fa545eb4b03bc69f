"""The ledgers of migration tools held against files: pending, unknown and changed ones of each tool, and sound ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.migration_files import comparison
from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.check.judging import Verdict, judge
from selftest.check.migration_files import FAULTS, SOUND, SQL, Change, Fault, migrate, revise, write
from selftest.servers import Servers
from selftest.tiers import few

SCRIPT = Path(__file__).with_name("ledgers.sql")
CHECK = "test_migration_files_are_what_was_applied"
COUNTER = itertools.count()

Made = Callable[[str], str]
Judged = Callable[..., Verdict]


@pytest.fixture(scope="module")
def ledgers(servers: Servers) -> Iterator[embedded.Server]:
    """A server with the ledgers of all tools in the database `files`."""
    server: embedded.Server = servers[18]
    server.create("files")
    with server.connect("files") as connection:
        embedded.run_script(connection, SCRIPT)
        connection.execute(SQL.encode())
    yield server
    server.drop("files")


@pytest.fixture
def made(ledgers: embedded.Server) -> Iterator[Made]:
    """Runs a statement in a copy, and gives its connection string."""
    names: list[str] = []

    def copy(sql: str) -> str:
        names.append(f"files_{next(COUNTER)}")
        ledgers.create(names[-1], template="files")
        with ledgers.connect(names[-1]) as connection:
            connection.execute(sql.encode())
        return str(ledgers.conninfo(names[-1]))

    yield copy
    for name in names:
        ledgers.drop(name)


@pytest.fixture
def judged(made: Made, tmp_path: Path) -> Judged:
    """Judges a copy in which a change was made beside the files with that change."""

    def run(change: Change, *, before: str = "") -> Verdict:
        return judge(before, made(change.sql), f"--migration-files={write(tmp_path, change)}", only=["test_history"])

    return run


def examine(conninfo: str, root: Path, *, named: bool = False, schemas: Sequence[str] = ("public",)) -> Examination:
    database = Database(conninfo, option="--db-url")
    with closing(database), closing(Snapshot(database)) as snapshot:
        return comparison.examine(snapshot, None, [root], schemas, named=named)


@pytest.mark.parametrize("fault", few(FAULTS, 0, 12), ids=lambda fault: fault.words[:60])
def test_a_fault_is_said_and_nothing_else(judged: Judged, fault: Fault) -> None:
    verdict = judged(fault)
    said = [words for level in ("blocker", "warning") for words in verdict.words(level) if "began and" not in words]
    assert [words for words in verdict.words(fault.level) if fault.words in words] == said, said
    assert CHECK in (verdict.red() if fault.level == "blocker" else verdict.yellow())


@pytest.mark.parametrize("name", few(list(SOUND), 0))
def test_what_may_be_so_is_accused_of_nothing(judged: Judged, name: str) -> None:
    verdict = judged(SOUND[name])
    assert CHECK in verdict.evidence, verdict.unjudged
    assert not verdict.words("blocker") + verdict.words("warning")
    assert [words for words in verdict.words("told") if words.startswith("alembic_version (Alembic): held against")]


@pytest.mark.full
def test_what_was_pending_before_is_as_grave(judged: Judged, ledgers: embedded.Server) -> None:
    verdict = judged(FAULTS[0], before=ledgers.conninfo("files"))
    assert verdict.red() == {CHECK}


def test_files_that_nobody_has_named_and_that_are_not_there_do_not_apply(made: Made, tmp_path: Path) -> None:
    assert examine(made("SELECT 1"), tmp_path).inapplicable == "no migration files lie in the project"


@pytest.mark.full
def test_in_a_project_files_are_found_where_their_tool_expects_them(made: Made, tmp_path: Path) -> None:
    found = examine(made("DROP TABLE alembic_version"), write(tmp_path, Change()))
    assert [(finding.statement, finding.severity) for finding in found.findings] == [
        (
            "Alembic: alembic/versions holds 1 migration, and the database has no ledger of it: none is known to be "
            "applied (run alembic upgrade heads)",
            "warning",
        )
    ]
    tools = ("Django", "Flyway", "Prisma", "Supabase", "golang-migrate", "dbmate", "Rails")
    assert all(f"({tool}): held against" in " ".join(found.notes) for tool in tools), found.notes
    assert "django_migrations (Django): held against 2 migrations in the project" in found.notes
    (tmp_path / "manage.py").unlink()
    assert "(Django)" not in " ".join(examine(made("SELECT 1"), tmp_path).notes)


@pytest.mark.full
def test_two_places_of_one_tool_are_told_and_not_judged(made: Made, tmp_path: Path) -> None:
    for place in ("versions", "alembic/versions"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "x.py").write_text(revise("x"))
    found = examine(made("SELECT 1"), tmp_path)
    words = "Alembic has files in versions and alembic/versions: name those that are meant with --migration-files"
    assert found.inapplicable == words
    with pytest.raises(CannotJudge, match=r"Alembic has files in .*: name those that are meant"):
        judge("", made("SELECT 1"), f"--migration-files={tmp_path}")


@pytest.mark.full
def test_of_two_ledgers_the_one_in_the_schemas_that_are_compared_is_meant(made: Made, tmp_path: Path) -> None:
    root = write(tmp_path, Change())
    address = made("CREATE SCHEMA old; CREATE TABLE old.alembic_version (version_num text); ")
    assert not examine(address, root).findings
    found = examine(address, root, named=True, schemas=("public", "old"))
    assert found.unjudged == ["Alembic has 2 ledgers, old.alembic_version, alembic_version: name one by its --schema"]


@pytest.mark.full
def test_files_that_another_tool_names_alike_are_not_taken_for_pending(made: Made, tmp_path: Path) -> None:
    root = write(tmp_path, Change())
    address = made(
        "DROP SCHEMA go CASCADE; CREATE TABLE _sqlx_migrations (version bigint, description text, "
        "installed_on timestamptz, success boolean, checksum bytea, execution_time bigint)"
    )
    words = "holds files named as those of golang-migrate, and the database has _sqlx_migrations (sqlx) instead"
    assert f"migrations {words}" in examine(address, root).notes
    assert [reason for reason in examine(address, root, named=True).unjudged if words in reason]


@pytest.mark.full
def test_the_configuration_of_alembic_says_where_its_files_are(made: Made, tmp_path: Path) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/schema\nx = %%(y)s\n")
    (tmp_path / "schema" / "versions").mkdir(parents=True)
    (tmp_path / "schema" / "versions" / "x.py").write_text(revise("x", "ae1027a6acf"))
    (tmp_path / "schema" / "versions" / "y.py").write_text(revise("ae1027a6acf"))
    pending = ["alembic_version (Alembic): 1 migration is pending: x (run alembic upgrade heads)"]
    address = made("SELECT 1")
    assert [finding.statement for finding in examine(address, tmp_path).findings] == pending
    (tmp_path / "alembic.ini").unlink()
    assert examine(address, tmp_path).inapplicable
    (tmp_path / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/schema"\n')
    assert [finding.statement for finding in examine(address, tmp_path).findings] == pending


@pytest.mark.parametrize(
    ("name", "content", "words"),
    few(
        [
            ("notes.txt", "", "no migration file of a known tool is there .looked for Alembic's versions"),
            ("versions/x.py", "revision = (", "x.py, line 1: this is no Python"),
            ("versions/x.py", "revision = 'a'\ndown_revision = find()", "line 2: down_revision is no literal"),
            ("shop/migrations/0001_x.py", f"{migrate()}    replaces = list()", "line 4: replaces is no literal"),
        ],
        0,
    ),
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content)
    with pytest.raises(CannotJudge, match=words):
        judge("", "dbname=nowhere", f"--migration-files={tmp_path}")


def test_a_directory_that_is_not_there_is_refused() -> None:
    with pytest.raises(CannotJudge, match="--migration-files=nowhere: no such directory"):
        judge("", "dbname=nowhere", "--migration-files=nowhere")
