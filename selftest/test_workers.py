"""Several processes come to the verdict of one, on the same instant of the database."""

import json
from pathlib import Path

import psycopg
import pytest

from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge, Judged, Scratch
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])


@pytest.mark.full
def test_workers_come_to_the_same_results(server: embedded.Server, judge: Judge) -> None:
    for name in ("legacy", "migrated"):
        options = [f"--db-url={server.conninfo(name)}"]
        options += [f"--baseline={server.conninfo('legacy')}"] * (name == "migrated")
        alone, shared = judge(*options), judge(*options, "-n", "2")
        assert shared.status == alone.status
        assert _facts(shared) == _facts(alone)


def _facts(judged: Judged) -> set[tuple[object, ...]]:
    return {(r.nodeid, r.outcome, r.reason, r.evidence.examined) for r in judged.results}


def test_workers_read_the_same_snapshot(
    server: embedded.Server, copy: Copy, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = server.conninfo(copy("migrated"))
    with psycopg.connect(conninfo) as connection:
        before = connection.execute("SELECT count(*) FROM organizations").fetchone()
        assert before is not None
    monkeypatch.setenv("SCRATCH", conninfo)
    judged = scratch.judge(
        f"""
@plan
@pytest.mark.parametrize("i", range(6))
def test_x(target, i):
    with psycopg.connect(os.environ["SCRATCH"]) as other:
        other.execute("INSERT INTO organizations (name, slug) VALUES (%s, %s)", [f"new {{i}}", f"new-{{i}}"])
    target.expect(target.value("SELECT count(*) FROM organizations") == {before[0]}, "it sees what came later")
""",
        f"--db-url={conninfo}",
        "-n2",
    )
    assert judged.status == 0, judged.output
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM organizations").fetchone() == (before[0] + 6,)


@pytest.mark.full
def test_workers_need_no_other_option_and_leave_no_record_of_their_own(
    server: embedded.Server, scratch: Scratch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tmp_path / "records"
    monkeypatch.setenv("POSTMIGRATION_RECORD_DIR", str(records))
    judged = scratch.judge("@plan\ndef test_x(target): target.expect(True, 'x')", *_on(server), "-n2")
    assert judged.status == 0, judged.output
    assert "node down" not in judged.output
    assert judged.last_line.startswith("GO: 1 of 1 plan checks passed, 1 row examined")
    assert [path.suffix for path in records.iterdir()] == [".json"]


_TERMINATING = """
import os
import psycopg
import pytest

@pytest.hookimpl(trylast=True, optionalhook=True)
def pytest_configure_node(node):
    with psycopg.connect(os.environ["SCRATCH"], autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
"""


@pytest.mark.full
def test_workers_that_find_no_snapshot_judge_nothing(
    server: embedded.Server, copy: Copy, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    conninfo = server.conninfo(copy("migrated"))
    monkeypatch.setenv("SCRATCH", conninfo)
    (scratch.directory / "conftest.py").write_text(_TERMINATING)
    judged = scratch.judge("@plan\ndef test_x(target): target.expect(True, 'x')", f"--db-url={conninfo}", "-n1")
    assert judged.status == 1
    assert "Traceback" not in judged.output
    assert "node down" not in judged.output
    (result,) = judged.results
    assert result.outcome == "not judged"
    assert "snapshot" in result.reason


DYING = ("os._exit(0)", "os.kill(os.getpid(), 9)")


@pytest.mark.full
@pytest.mark.parametrize("death", few(DYING))
@pytest.mark.parametrize("more", few([[], ["--allow-partial"], ["--max-worker-restart=0"]], full=()), ids=" ".join)
def test_a_check_of_which_a_worker_dies_broke_down(
    server: embedded.Server, scratch: Scratch, death: str, more: list[str]
) -> None:
    judged = scratch.judge(
        f"""
@plan
def test_x(target): target.expect(True, 'x')
def test_dying(target): {death}
""",
        *_on(server),
        "-n1",
        *more,
    )
    assert judged.status == 3, judged.output
    assert judged.last_line.startswith(
        "ERROR: 1 broke down: dying; 1 worker crashed, 1 of 1 plan checks passed, 1 row examined"
    )
    told = json.loads((scratch.directory / "reports" / "validation.json").read_text())
    assert {check["title"]: check["outcome"] for check in told["checks"]} == {"A check": "passed", "dying": "broken"}
    assert "the process that ran it crashed, or was killed" in scratch.html.read_text()


@pytest.mark.full
def test_a_failure_beside_a_worker_that_died_is_no_go(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge(
        """
@plan
def test_x(target): target.expect(False, 'x')
def test_dying(target): os._exit(0)
""",
        *_on(server),
        "-n1",
    )
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: 1 of 1 plan checks failed: 1; 1 broke down: dying; 1 worker crashed, ")


@pytest.mark.full
def test_a_plan_check_of_which_a_worker_dies_is_named(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge("@plan\ndef test_x(target): os._exit(0)", *_on(server), "-n2")
    assert judged.status == 3
    assert judged.last_line.startswith("ERROR: 1 broke down: 1; 1 worker crashed, ")


@pytest.mark.full
@pytest.mark.parametrize(
    "hook", few(["pytest_sessionfinish()", "pytest_runtest_logfinish(nodeid)", "pytest_sessionstart()"])
)
def test_a_worker_that_dies_outside_of_checks_is_an_error(server: embedded.Server, scratch: Scratch, hook: str) -> None:
    conftest = scratch.directory / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "import os\ndef pytest_configure(config): os.environ['INNER'] = str(hasattr(config, 'workerinput'))\n"
        + f"def {hook}:\n    if os.environ['INNER'] == 'True': os._exit(0)\n"
    )
    source = "@plan\ndef test_x(target): target.expect(True, 'x')\ndef test_y(target): target.expect(True, 'x')"
    judged = scratch.judge(source, *_on(server), "-n1", "--max-worker-restart=1", "--allow-partial")
    assert judged.status == 3, judged.output
    assert judged.last_line.startswith("ERROR: ")
    assert "crashed, " in judged.last_line


@pytest.mark.full
def test_checks_that_workers_cannot_read_are_an_error(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge("def test_bad(:", *_on(server), "-n2")
    assert judged.status == 3, judged.output
    assert judged.last_line.startswith("ERROR: ")


@pytest.mark.full
def test_stopping_at_the_first_failure_is_no_interruption(server: embedded.Server, scratch: Scratch) -> None:
    source = "@plan\ndef test_x(target): target.expect(False, 'x')\ndef test_y(target): target.expect(True, 'x')"
    judged = scratch.judge(source, *_on(server), "-n1", "-x")
    assert judged.status == 1
    assert "crashed" not in judged.last_line


def _on(server: embedded.Server) -> list[str]:
    return [f"--db-url={server.conninfo('migrated')}"]
