"""The verdict is GO only when everything was judged and holds; all else has a word and an exit status of its own."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def migrated(server: embedded.Server) -> str:
    return f"--db-url={server.conninfo('migrated')}"


@pytest.mark.full
@pytest.mark.parametrize("scripts", [0, 1], ids=["legacy", "schema script only"])
def test_what_is_not_migrated_is_no_go_in_sensible_words(
    server: embedded.Server, copy: Copy, judge: Judge, scripts: int
) -> None:
    name = copy("legacy")
    with server.connect(name) as connection:
        for script in MIGRATION.scripts[:scripts]:
            embedded.run_script(connection, script)
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: ")
    assert "broken" not in {result.outcome for result in judged.results}
    assert {"5", "7", "8"} <= judged.red()
    assert "Traceback" not in judged.output
    assert "sqlalchemy" not in judged.output.lower()
    for result in judged.results:
        if result.outcome == "failed":
            assert all(finding.statement for finding in result.evidence.blockers)
        if result.outcome == "not judged":
            assert result.reason


@pytest.mark.parametrize(
    "selection",
    few(
        [
            ["-k", "customer_organization"],
            ["-m", "not plan"],
            ["--deselect=tests/test_schema.py::test_contacts_have_roles"],
            ["--ignore=tests/test_performance.py"],
        ],
        full=(1,),
    ),
)
def test_leaving_plan_checks_out_is_partial(migrated: str, judge: Judge, selection: list[str]) -> None:
    judged = judge(migrated, *selection)
    assert judged.status == 4
    assert judged.last_line.startswith("PARTIAL: ")
    assert "left out" in judged.last_line
    judged = judge(migrated, *selection, "--allow-partial")
    assert judged.status == 0
    assert judged.last_line.startswith("PARTIAL: ")


@pytest.mark.full
def test_a_path_that_leaves_plan_checks_out_is_partial(migrated: str, command: Command) -> None:
    done = command("tests/test_schema.py", migrated, "-q")
    assert done.returncode == 4
    assert done.stdout.splitlines()[-1].startswith(
        "PARTIAL: 0 rows examined (GO needs one, or --allow-empty), 4 of 29 plan checks passed, "
    )
    assert re.search(r"\b\d+ of \d+ checks left out,", done.stdout)


def test_collecting_only_judges_nothing(migrated: str, judge: Judge, tmp_path: Path) -> None:
    judged = judge(migrated, "--collect-only", "--allow-partial")
    assert judged.status == 4
    assert judged.last_line.startswith("PARTIAL: nothing was judged")
    assert not (tmp_path / "validation.html").exists()


def test_asking_for_help_touches_no_report(server: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    judged = judge("--help")
    assert judged.status == 0
    assert "--db-url" in judged.output
    assert not (tmp_path / "validation.html").exists()


@pytest.mark.full
def test_a_failure_among_what_was_selected_is_no_success(server: embedded.Server, judge: Judge) -> None:
    for more in ([], ["--allow-partial"], ["-x"]):
        judged = judge(f"--db-url={server.conninfo('legacy')}", "-k", "customer_organization", *more)
        assert judged.status == 1
        assert judged.last_line.startswith("NO-GO: " if more == ["-x"] else "PARTIAL: ")


@pytest.mark.full
def test_read_only_names_what_it_leaves_unjudged(migrated: str, judge: Judge) -> None:
    judged = judge(migrated, "--read-only")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: 5 of 29 plan checks not judged: 20, 21, 22, 23, 24")
    assert "--read-only leaves that out" in judged.output + " ".join(result.reason for result in judged.results)
    judged = judge(migrated, "--read-only", "--allow-partial")
    assert judged.status == 0
    assert judged.last_line.startswith("PARTIAL: 5 of 29 plan checks not judged: 20, 21, 22, 23, 24")


@pytest.mark.full
def test_empty_tables_are_not_go_unless_the_user_says_so(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(f"TRUNCATE {', '.join(MIGRATION.tables)} CASCADE")
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: ")
    judged = judge(f"--db-url={server.conninfo(name)}", "--allow-empty")
    assert judged.status == 0, judged.output
    assert "--allow-empty" in (tmp_path / "validation.html").read_text()


@pytest.mark.full
@pytest.mark.parametrize("table", few(MIGRATION.tables, full=()))
def test_one_empty_table_of_the_model_is_not_go(server: embedded.Server, copy: Copy, judge: Judge, table: str) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"DELETE FROM {table}")
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert judged.status == 1, judged.last_line


@pytest.mark.parametrize(
    "options",
    few([["-x"], ["-q"], ["-qq"], ["--tb=long"], ["-p", "no:terminal"], ["-rA"], ["-v"], ["-n", "2"]], full=(7,)),
)
@pytest.mark.parametrize("name", few(["legacy", "migrated"]))
def test_the_verdict_is_the_last_line(server: embedded.Server, judge: Judge, name: str, options: list[str]) -> None:
    judged = judge(f"--db-url={server.conninfo(name)}", *options)
    want = "GO: 29 of" if name == "migrated" else "NO-GO: 1 of" if "-x" in options else "NO-GO: "
    assert judged.last_line.startswith(want)
    assert judged.status == (name == "legacy")


@pytest.mark.full
def test_optimized_bytecode_changes_nothing(server: embedded.Server, command: Command) -> None:
    migrated, legacy = (
        command(f"--db-url={server.conninfo(n)}", "-q", PYTHONOPTIMIZE="1") for n in ("migrated", "legacy")
    )
    assert (migrated.returncode, legacy.returncode) == (0, 1)
    assert legacy.stdout.splitlines()[-1].startswith("NO-GO: ")
