"""A run that ends before it came to all of its checks is never GO, and says which are left."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.verdict import CANNOT_JUDGE, NO_GO
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.limits.limits import Limits
from selftest.conftest import Judged, Scratch
from selftest.dumps import dump
from selftest.test_terminal import at_a_terminal
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

# As if the time were over now, in the process that judges.
OVER = "target.snapshot.database.limits.deadline.at = 0; "
ENDING = f"def test_c(target): target.expect(os.environ['C'] != 'wrong', 'c'); {OVER}target.value('SELECT 1')\n"
SOURCE = f"""
@plan
def test_a(target): target.expect(os.environ['A'] != 'wrong', 'a is wrong')
def test_b(target): target.expect(True, 'b')
{ENDING}
def test_d(target): target.expect(False, 'd is never judged')
@pytest.mark.parametrize('i', range(2))
def test_e(target, i): target.expect(False, 'e is never judged')
"""
HOUR = "--time-budget=1h"
End = Callable[..., Judged]


@pytest.fixture
def end(scratch: Scratch, server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> End:
    def judge(*options: str, a: str = "", c: str = "", source: str = SOURCE) -> Judged:
        monkeypatch.setenv("A", a)
        monkeypatch.setenv("C", c)
        return scratch.judge(source, f"--db-url={server.conninfo('migrated')}", HOUR, *options)

    return judge


def read(scratch: Scratch, suffix: str) -> str:
    return scratch.html.with_suffix(suffix).read_text()


def test_what_was_left_is_in_every_report(end: End, scratch: Scratch) -> None:
    judged = end()
    assert judged.status == CANNOT_JUDGE, judged.output
    words = "4 of 6 checks left, as the time budget of 1h was over (--time-budget)"
    assert judged.last_line.startswith(f"PARTIAL: 1 of 1 plan checks passed, {words}, 2 rows examined, ")
    assert {r.check for r in judged.results} == {"1", "b", "c"}
    told = json.loads(read(scratch, ".json"))
    outcomes = {check["id"].rpartition("::")[2]: (check["outcome"], check["reason"]) for check in told["checks"]}
    over = "the time budget of 1h was over (--time-budget)"
    left = ("not judged", f"not begun: {over}")
    begun = {"test_a": ("passed", ""), "test_b": ("passed", ""), "test_c": ("not judged", f"broken off: {over}")}
    assert outcomes == {**begun, **dict.fromkeys(["test_d", "test_e[0]", "test_e[1]"], left)}
    assert list(outcomes) == ["test_a", "test_b", "test_c", "test_d", "test_e[0]", "test_e[1]"]
    assert told["verdict"]["exit_status"] == 4
    assert not told["verdict"]["go"]
    assert words in (scratch.html.parent / "summary.md").read_text()
    for text in (judged.output, read(scratch, ".html"), read(scratch, ".xml")):
        assert f"not begun: {over}" in " ".join(text.split())
        assert words in text


@pytest.mark.parametrize("options", few([["--allow-partial"], ["-n1"], ["--strict"]], 0))
def test_no_option_makes_it_a_success(end: End, options: list[str]) -> None:
    judged = end(*options)
    assert judged.status == CANNOT_JUDGE, judged.output
    assert judged.last_line.startswith("PARTIAL: ")


@pytest.mark.parametrize("options", few([[], ["-n1"]], 0))
def test_what_was_found_before_is_no_go(end: End, options: list[str]) -> None:
    judged = end(*options, a="wrong")
    assert judged.status == NO_GO, judged.output
    assert judged.last_line.startswith("NO-GO: 1 of 1 plan checks failed: 1; 4 of 6 checks left, as the time budget")
    assert judged.output.count("\n✘ check 1, Scratch: A check: a is wrong\n") == 1


def test_what_a_check_found_until_then_is_no_go(end: End) -> None:
    judged = end(c="wrong")
    assert judged.status == NO_GO, judged.output
    assert judged.last_line.startswith("NO-GO: 1 check beyond the plan failed: c; 1 of 1 plan checks passed (as a role")
    assert ", 3 of 6 checks left, as the time budget of 1h was over" in judged.last_line


@pytest.mark.full
def test_a_worker_that_opens_too_late_cuts_the_run_short(end: End, scratch: Scratch) -> None:
    # The time was over between the opening of the databases and that of the same by the worker.
    (scratch.directory / "conftest.py").write_text("""
import pytest
from postmigration.gate.judgement import RUN
pytest_plugins = ["postmigration.gate.pytest_plugin"]
@pytest.hookimpl(trylast=True)
def pytest_configure_node(node):
    node.config.stash[RUN].request.limits.deadline.at = node.workerinput["postmigration"]["end"] = 0
""")
    judged = end("-n1", "--allow-partial")
    assert judged.status == CANNOT_JUDGE, judged.output
    assert judged.last_line.startswith(
        "PARTIAL: 0 of 1 plan checks passed, 6 of 6 checks left, as the time budget of 1h"
    )


@pytest.mark.full
def test_a_worker_that_crashes_after_the_end_hides_no_blocker(end: End, scratch: Scratch) -> None:
    (scratch.directory / "conftest.py").write_text("""
import pytest
from postmigration.gate.judgement import RUN
pytest_plugins = ["postmigration.gate.pytest_plugin"]
@pytest.hookimpl(tryfirst=True)
def pytest_testnodedown(node): node.config.stash[RUN].request.limits.deadline.at = 0
""")
    judged = end("-n1", "--allow-partial", a="wrong", source=SOURCE.replace(ENDING, "def test_c(): os._exit(0)\n"))
    assert judged.status == NO_GO, judged.output
    assert judged.last_line.startswith("NO-GO: 1 of 1 plan checks failed: 1; 1 broke down: c; 1 worker crashed, ")
    assert ", 3 of 6 checks left, as the time budget of 1h was over" in judged.last_line


@pytest.mark.parametrize("options", few([[], ["-n1"], ["--allow-partial"]], 0))
def test_a_run_that_could_not_open_the_databases_in_time_is_partial(
    scratch: Scratch, server: embedded.Server, options: list[str]
) -> None:
    judged = scratch.judge(SOURCE, f"--db-url={server.conninfo('migrated')}", "--time-budget=0.001s", *options)
    assert judged.status == CANNOT_JUDGE, judged.output
    over = "the time budget of 0.001s was over while the databases were opened (--time-budget)"
    assert judged.last_line.startswith(f"PARTIAL: 0 of 1 plan checks passed, 6 of 6 checks left, as {over}")
    assert read(scratch, ".xml").count(f"not begun: {over}</skipped>") == 6


@pytest.mark.full
def test_a_backup_that_is_restored_is_interrupted(scratch: Scratch, server: embedded.Server, tmp_path: Path) -> None:
    name = "slowly_restored"
    server.create(name)
    with server.connect(name) as connection:
        connection.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
        connection.execute("CREATE MATERIALIZED VIEW slow AS SELECT pg_sleep(600)::text FROM t WITH NO DATA")
    file = dump(server, name, tmp_path / "slow.dump", "-Fc")
    server.drop(name)
    began = time.monotonic()
    target = f"--db-url={server.conninfo('migrated')}"
    judged = scratch.judge(SOURCE, target, f"--baseline={file}", "--time-budget=5s")
    assert judged.status == CANNOT_JUDGE, judged.output
    assert "as the time budget of 5s was over while the databases were opened (--time-budget)" in judged.last_line
    assert time.monotonic() - began < 600


def test_a_check_that_swallows_the_end_has_not_passed(end: End) -> None:
    source = f"""
@plan
def test_a(target):
    target.expect(True, 'a')
    {OVER}
    try:
        target.value('SELECT 1')
    except Exception:
        pass
"""
    judged = end("--allow-partial", source=source)
    assert judged.status == CANNOT_JUDGE, judged.output
    assert [(r.outcome, r.by) for r in judged.results] == [("not judged", Hindrance.CUT_SHORT)]


def test_all_that_was_judged_in_time_is_go(end: End, scratch: Scratch) -> None:
    # The time is over while the run concludes, which may ask and clean up still.
    (scratch.directory / "conftest.py").write_text("""
from postmigration.gate.judgement import RUN
pytest_plugins = ["postmigration.gate.pytest_plugin"]
def pytest_terminal_summary(config):
    deadline = config.stash[RUN].request.limits.deadline
    deadline.at = 0
    deadline.refuse("DROP DATABASE scratch")
""")
    judged = end(source="@plan\ndef test_a(target): target.expect(True, 'a')\n")
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: ")


def test_waivers_are_judged_only_where_all_was_judged(end: End, tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text('[[waiver]]\ncheck = "d"\nreason = "known"\nowner = "dba"\nexpires = 2999-01-01\n')
    judged = end(f"--waivers={file}")
    assert judged.status == CANNOT_JUDGE, judged.output


def test_its_record_is_no_success(end: End, tmp_path: Path) -> None:
    end(f"--record-dir={tmp_path}", "--allow-partial")
    (record,) = tmp_path.glob("*.json")
    told = json.loads(record.read_text())
    assert (told["status"], told["word"]) == (CANNOT_JUDGE, "PARTIAL")
    assert "4 of 6 checks left" in told["sentence"]


STOPPING = """
@plan
def test_a(target): target.expect(True, 'a')
def test_b(target): raise __import__('postmigration').NotJudged('b')
def test_c(target): target.expect(False, 'c')
def test_d(target): target.expect(False, 'd')
"""


@pytest.mark.parametrize("options", few([["-x"], ["--maxfail=1"], ["-x", "-n1"], ["-x", "--allow-partial"]], 0))
def test_the_first_blocker_stops_a_run(scratch: Scratch, server: embedded.Server, options: list[str]) -> None:
    judged = scratch.judge(STOPPING, f"--db-url={server.conninfo('migrated')}", *options)
    assert judged.status == NO_GO, judged.output
    words = "1 of 4 checks left, as the run was stopped at the first failure (-x)"
    assert judged.last_line.startswith("NO-GO: 1 check beyond the plan failed: c; ")
    assert words in judged.last_line
    assert "d: not begun: the run was stopped at the first failure (-x)" in judged.output
    assert words in read(scratch, ".xml")
    told = json.loads(read(scratch, ".json"))
    assert [check["outcome"] for check in told["checks"]] == ["passed", "not judged", "failed", "not judged"]


def test_what_is_waived_does_not_stop_a_run(scratch: Scratch, server: embedded.Server, tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    waiver = '[[waiver]]\ncheck = "{}"\nreason = "known"\nowner = "dba"\nexpires = 2999-01-01\n'
    file.write_text(waiver.format("c") + waiver.format("d"))
    source = STOPPING.replace("def test_b(target): raise __import__('postmigration').NotJudged('b')\n", "")
    judged = scratch.judge(source, f"--db-url={server.conninfo('migrated')}", f"--waivers={file}", "-x")
    assert judged.status == 0, judged.output


def test_cheap_checks_run_first_and_are_reported_in_their_order(scratch: Scratch, server: embedded.Server) -> None:
    source = """
@plan
def test_a(target): target.expect(target.value("SELECT count(*) FROM activity_log") > 0, "a")
def test_b(target): target.expect(target.value("SELECT count(*) FROM organizations") > 0, "b")
def test_c(target):
    "It names activity_log only here."
    target.expect(True, "c")
"""
    judged = scratch.judge(source, f"--db-url={server.conninfo('migrated')}")
    assert [r.check for r in judged.results] == ["c", "b", "1"]
    told = json.loads(read(scratch, ".json"))
    assert [check["id"][-1] for check in told["checks"]] == ["a", "b", "c"]


def test_the_statement_that_runs_is_cancelled(server: embedded.Server) -> None:
    deadline = Deadline("1s", time.monotonic())
    try:
        with psycopg.connect(server.conninfo("migrated")) as connection:
            deadline.watch(connection)
            with pytest.raises(QueryCanceled, match="canceling statement due to user request"):
                connection.execute("SELECT pg_sleep(600)")
        # What ran then is not known to its end, whatever the check makes of the error.
        assert deadline.cut
    finally:
        deadline.lift()


def test_no_statement_may_take_longer_than_what_is_left(server: embedded.Server) -> None:
    deadline = Deadline("1h", time.monotonic() + 100)
    database = Database(server.conninfo("migrated"), option="--db-url", limits=Limits(deadline=deadline))
    snapshot = Snapshot(database)
    try:
        allowed = snapshot.scalar("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
        assert 0 < allowed <= 100_000
        deadline.at = 0
        with pytest.raises(NotJudged, match=r"^the time budget of 1h was over"):
            snapshot.scalar("SELECT 1")
        deadline.lift()
        assert snapshot.scalar("SELECT 1") == 1
    finally:
        deadline.lift()
        snapshot.close()
        database.close()
    assert Limits(deadline=Deadline("1s", 0)).statement_left == 1


@pytest.mark.full
def test_a_terminal_shows_what_runs_and_a_log_does_not(server: embedded.Server, tmp_path: Path) -> None:
    arguments = (f"--db-url={server.conninfo('legacy')}", f"--html={tmp_path}/validation.html", "-k", "orphaned")
    seen = at_a_terminal(*arguments, "--time-budget=1h")
    assert re.search(r"no orphaned contact points for 0\.\d s", seen)
    assert "of the time budget\x1b8" in seen
    assert "\x1b8" not in at_a_terminal(*arguments, "-v")
