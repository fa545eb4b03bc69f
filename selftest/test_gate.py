"""What pipelines and programs read: the same validation in each form, valid, and never an older one's."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from markdown_it import MarkdownIt

from postmigration.postgres import embedded
from postmigration.report.formats import rendering
from selftest.conftest import ROOT, Copy, Judge, Scratch
from selftest.processes import POLLED
from selftest.tiers import few

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

Command = Callable[..., subprocess.CompletedProcess[str]]

SCHEMA = json.loads((rendering.DIRECTORY.parent / "validation.schema.json").read_text())
JUNIT = xmlschema.XMLSchema(ROOT / "selftest" / "junit.xsd")
FORMS = ("validation.html", "validation.json", "validation.xml", "summary.md")


def told(directory: Path) -> dict[str, Any]:
    """What validation.json tells, once it is known to be valid."""
    found: dict[str, Any] = json.loads((directory / "validation.json").read_text())
    jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
    return found


def test_all_forms_tell_of_a_red_database(server: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    judged = judge(f"--db-url={server.conninfo('legacy')}")
    found = told(tmp_path)
    assert found["verdict"] == {
        "word": "NO-GO",
        "go": False,
        "sentence": judged.last_line.partition(": ")[2],
        "exit_status": 1,
    }
    assert judged.last_line.startswith("NO-GO: ")
    assert {"5", "7", "8"} <= judged.red()
    assert "Traceback" not in judged.output
    outcomes = {check["id"]: check["outcome"] for check in found["checks"]}
    assert "broken" not in {*outcomes.values()}
    assert outcomes == {result.nodeid: result.outcome for result in judged.results}
    JUNIT.validate(tmp_path / "validation.xml")
    document: Any = JUNIT.to_dict(tmp_path / "validation.xml")
    suite = document["testsuite"]
    assert suite["@tests"] == len(judged.results)
    assert suite["@failures"] == len([r for r in judged.results if r.outcome == "failed"])
    assert suite["@skipped"] == len([r for r in judged.results if r.outcome.startswith("not ")])
    fifth = next(case for case in suite["testcase"] if case["@name"].startswith("05 "))
    assert fifth["@classname"] == "Migration Data Integrity"
    assert "customer" in fifth["failure"]["@message"]
    assert "SELECT" in fifth["failure"]["$"]
    # Each names what pytest takes to run it alone.
    ids = {case["properties"]["property"][0]["@value"]: case["@file"] for case in suite["testcase"]}
    assert ids == {result.nodeid: result.nodeid.partition("::")[0] for result in judged.results}
    assert {p["@name"] for p in suite["properties"]["property"]} >= {"verdict", "judging", "snapshot", "baseline"}
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("# ✘ NO-GO")
    assert len(summary.splitlines()) < 60
    (cause,) = [cause for cause in found["causes"] if "companies of customer contacts" in cause["words"]]
    assert cause["checks"][0].endswith("::test_customer_organizations_exist")
    assert "companies of customer contacts" in summary
    assert "what is wrong:\n" in judged.output


@pytest.mark.full
def test_all_forms_tell_of_a_green_database(server: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo('legacy')}")
    found = told(tmp_path)
    assert found["verdict"]["go"] is True
    JUNIT.validate(tmp_path / "validation.xml")
    assert (tmp_path / "summary.md").read_text().startswith("# ✔ GO")


@pytest.mark.full
@pytest.mark.parametrize("workers", few([[], ["-n2"]]), ids=["one process", "workers"])
@pytest.mark.parametrize("ending", few([signal.SIGTERM, signal.SIGKILL]))
def test_a_run_that_is_ended_leaves_nothing_green(
    server: embedded.Server, tmp_path: Path, ending: signal.Signals, workers: list[str]
) -> None:
    for form in FORMS:
        (tmp_path / form).write_text("GO")
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "check-05-1.csv").write_text("old")
    reports = [f"--html={tmp_path / 'validation.html'}", f"--junit-xml={tmp_path / 'validation.xml'}"]
    database = f"--db-url={server.conninfo('migrated')}"
    with server.connect("migrated") as holder:
        holder.autocommit = False
        # What is declared is looked at when the run is opened, and names other tables.
        holder.execute("LOCK TABLE project_contact_points")
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                *reports,
                database,
                # What waits for the lock, and what need not wait.
                "-k",
                "contact_points or roles",
                "--lock-timeout=60",
                *workers,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as run:
            with server.connect("postgres") as watcher:
                while not watcher.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                    assert run.poll() is None
                    time.sleep(POLLED)
            run.send_signal(ending)
            if ending == signal.SIGKILL:
                holder.rollback()
            output, _ = run.communicate()
    found = told(tmp_path)
    JUNIT.validate(tmp_path / "validation.xml")
    if ending == signal.SIGTERM:
        assert run.returncode == 2
        assert output.splitlines()[-1].startswith("INTERRUPTED: ")
        assert found["verdict"]["word"] == "INTERRUPTED"
        assert found["verdict"]["go"] is False
        assert "INTERRUPTED" in (tmp_path / "summary.md").read_text()
        assert "INTERRUPTED" in (tmp_path / "validation.html").read_text()
    else:
        assert found == {
            "schema_version": 1,
            "finished": False,
            "started": found["started"],
            "reason": "",
            "last": None,
        }
        for form in FORMS:
            assert "did not finish" in (tmp_path / form).read_text() or form == "validation.json"
        assert "<error" in (tmp_path / "validation.xml").read_text()
    assert not (tmp_path / "evidence").exists()


def test_what_cannot_be_judged_leaves_nothing_green(judge: Judge, server: embedded.Server, tmp_path: Path) -> None:
    for form in FORMS:
        (tmp_path / form).write_text("GO")
    assert judge("--db-url=postgresql://127.0.0.1:1/nowhere").status == 4
    assert told(tmp_path)["finished"] is False
    assert not any((tmp_path / form).read_text() == "GO" for form in FORMS)


def test_files_that_are_not_ours_stay(server: embedded.Server, scratch: Scratch) -> None:
    evidence = scratch.directory / "reports" / "evidence"
    evidence.mkdir(parents=True)
    (evidence / "Letter to the judge.txt").write_text("mine")
    scratch.judge("@plan\ndef test_x(target): target.expect(True, 'x')", f"--db-url={server.conninfo('migrated')}")
    assert (evidence / "Letter to the judge.txt").read_text() == "mine"


@pytest.mark.full
def test_workers_write_the_same_report(server: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    def judged(*workers: str) -> Any:
        # All rows that differ: which of them are shown otherwise depends on the hash, whose seed is drawn for each run.
        judge(f"--db-url={server.conninfo('legacy')}", "--evidence-rows=1000", *workers)
        found = told(tmp_path)
        for check in found["checks"]:
            del check["seconds"]
        for name in ("started", "ended", "changes"):
            del found[name]
        del found["facts"]["snapshot"]
        return found

    assert judged("-n2") == judged()


TWO = """
@plan
def test_first(target): target.expect({first}, 'the first is wrong')
def test_second(target): target.expect({second}, 'the second is wrong')
"""


def test_what_changed_since_the_last_run_is_told(server: embedded.Server, scratch: Scratch) -> None:
    reports = scratch.directory / "reports"
    file = scratch.directory / "tests" / "test_two.py"
    file.write_text("")

    def judged(first: bool, second: bool, name: str = "migrated") -> Any:
        # In a file of the same name, so that the checks are the same.
        for old in (scratch.directory / "tests").glob("test_*.py"):
            old.unlink()
        scratch.judge(TWO.format(first=first, second=second), f"--db-url={server.conninfo(name)}", file="test_two.py")
        return told(reports)["changes"]

    assert judged(True, False) is None
    changes = judged(False, True)
    assert [id_.rpartition("_")[2] for id_ in changes["newly_failing"]] == ["first"]
    assert [id_.rpartition("_")[2] for id_ in changes["fixed"]] == ["second"]
    assert changes["verdict"] == "NO-GO"
    assert "1 newly failing, 1 fixed" in (reports / "summary.md").read_text()
    assert "newly failing" in (reports / "validation.html").read_text()
    changes = judged(False, True)
    assert (changes["newly_failing"], changes["fixed"]) == ([], [])
    # Another database is another story.
    assert judged(True, True, "legacy") is None


@pytest.mark.full
def test_the_last_run_outlives_one_that_died(server: embedded.Server, scratch: Scratch) -> None:
    source, database = "@plan\ndef test_x(target): target.expect(True, 'x')", f"--db-url={server.conninfo('migrated')}"
    scratch.judge(source, database, file="test_one.py")
    scratch.judge(source, "--db-url=postgresql://127.0.0.1:1/nowhere", file="test_one.py")
    assert told(scratch.directory / "reports")["last"]["outcomes"] == {"tests/test_one.py::test_x": "passed"}
    scratch.judge(source, database, file="test_one.py")
    assert told(scratch.directory / "reports")["changes"]["verdict"] == "GO"


@pytest.mark.full
def test_a_report_that_is_none_is_no_last_run(server: embedded.Server, scratch: Scratch) -> None:
    reports = scratch.directory / "reports"
    reports.mkdir()
    for text in ("", "[]", '{"schema_version": 2}', '{"schema_version": 1, "finished": false}', "\x00"):
        (reports / "validation.json").write_text(text)
        judged = scratch.judge(
            "@plan\ndef test_x(target): target.expect(True, 'x')", f"--db-url={server.conninfo('migrated')}"
        )
        assert judged.status == 0
        assert told(reports)["changes"] is None


def test_strict_lets_nothing_pass(server: embedded.Server, scratch: Scratch) -> None:
    source = """
@plan
def test_x(target): target.expect(True, 'x')
def test_y(target):
    target.expect_none("SELECT 1", statement="odd things", examined=9, severity="warning")
"""
    database = f"--db-url={server.conninfo('migrated')}"
    assert scratch.judge(source, database).status == 0
    judged = scratch.judge(source, database, "--strict")
    assert judged.status == 1
    assert judged.last_line.startswith("NO-GO: ")
    judged = scratch.judge(source, database, "--strict", "--allow-partial")
    assert judged.status == 4
    assert "--strict and --allow-partial contradict each other" in judged.output


@pytest.mark.full
def test_github_is_told_what_failed(
    server: embedded.Server, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = """
@plan
def test_x(target): target.expect(False, 'wrong: 100%, is this')
@pytest.mark.parametrize("i", range(20))
def test_y(target, i): target.expect(False, f'number {i}')
def test_z(target):
    target.expect_none("SELECT 1", statement="odd things", examined=9, severity="warning")
"""
    database = f"--db-url={server.conninfo('migrated')}"
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    assert "::error" not in scratch.judge(source, database).output
    summary = tmp_path / "step.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    judged = scratch.judge(source, database)
    lines = judged.output.splitlines()
    assert "::error title=Scratch%3A A check::wrong: 100%25, is this" in lines
    assert len([line for line in lines if line.startswith("::error ")]) == 10
    assert "::error title=More::and 12 more, which the report lists" in lines
    assert len([line for line in lines if line.startswith("::warning ")]) == 1
    assert judged.last_line.startswith("NO-GO: ")
    assert summary.read_text().startswith("before\n# ✘ NO-GO")
    summary.write_text("x" * (1024 * 1024 - 100))
    scratch.judge(source, database)
    assert summary.stat().st_size == 1024 * 1024 - 100


@pytest.mark.full
def test_a_database_cannot_command_the_pipeline(
    server: embedded.Server, copy: Copy, judge: Judge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "UPDATE contacts SET company_name = '::error::forged @everybody | <b>' WHERE type = 'customer'"
        )
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    judged = judge(f"--db-url={server.conninfo(name)}", "--show-values")
    assert "forged" in judged.output
    for line in judged.output.splitlines():
        assert not line.strip().startswith("::") or line.startswith(("::error title=", "::warning title="))
        assert not line.strip().startswith("::error::forged")
    summary = (tmp_path / "summary.md").read_text()
    assert "forged" in summary
    # Who is named in code is told of nothing, and what is markup there is shown as it stands.
    parts = [
        part
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(summary)
        for part in (token.children or [token])
    ]
    assert any("@everybody" in part.content for part in parts if part.type == "code_inline")
    for part in parts:
        assert part.type not in ("html_inline", "html_block") or "<b>" not in part.content
        assert "@everybody" not in part.content or part.type == "code_inline"


def test_long_evidence_is_in_a_file(server: embedded.Server, scratch: Scratch) -> None:
    judged = scratch.judge(
        """
@plan
def test_x(target):
    numbers = "SELECT i, '=1+' || i AS text FROM generate_series(1, 12000) i"
    target.expect_none(numbers, statement="numbers", examined=12000, plain=["text"])
    target.expect_no_problems([f"problem {i}" for i in range(40)], facts=40)
""",
        f"--db-url={server.conninfo('migrated')}",
    )
    assert "=1+6" not in judged.output
    reports = scratch.directory / "reports"
    (file,) = {finding["file"] for finding in told(reports)["checks"][0]["findings"]} - {""}
    lines = (reports / file).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 10_001
    assert lines[7] == "7,'=1+7"
    page = (reports / "validation.html").read_text()
    assert file in page
    assert "The first 10,000 rows of evidence" in page
    assert "16 more findings" in page
    assert len((reports / "evidence" / "check-01-findings.csv").read_text().splitlines()) == 42


def test_what_was_not_judged_says_what_would_make_it_so(server: embedded.Server, judge: Judge, tmp_path: Path) -> None:
    some = ["-k", "contacts_can_be_added or rows_are_those_of_before", "--read-only"]
    judged = judge(f"--db-url={server.conninfo('migrated')}", *some)
    assert {result.outcome for result in judged.results} == {"not judged"}
    page = (tmp_path / "validation.html").read_text()
    assert "Run it without --read-only" in page
    assert "Name the state before the migration with --baseline" in page
    assert "something:</strong> --read-only; -k contacts_can_be_added or" in page
    left_out = ", ".join(str(number) for number in range(1, 30) if number != 21)
    for form in (page, (tmp_path / "summary.md").read_text()):
        assert left_out in form
