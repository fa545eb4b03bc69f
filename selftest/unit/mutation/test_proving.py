"""Checks are proven before they judge, and one that cannot be trusted to fail is no success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postmigration.model.evidence import Evidence
from postmigration.model.faults import Fault
from postmigration.model.verdict import Result
from postmigration.mutation import proving
from postmigration.mutation.proof import Proof
from postmigration.mutation.proving import Prover

FAULT = Fault(
    Path("7__lost.sql"), "A row is lost.", frozenset({"7", "rows_are_there"}), frozenset(), "lost",
    against_baseline=False, before=False, needs_icu=False, size=0, options=(),
)  # fmt: skip
PASSED = Result("tests/test_a.py::test_a", 7, "Rows", "All rows", "All rows are there.", "", "passed")
IDS = ["tests/test_a.py::test_a", "builtin/test_b.py::test_rows_are_there[x]", "builtin/test_b.py::test_other"]


class Reporter:
    """Takes what is told on a terminal."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write_line(self, line: str) -> None:
        self.lines.append(line)

    def section(self, title: str) -> None:
        self.lines.append(f"== {title}")


@pytest.fixture
def reporter() -> Reporter:
    return Reporter()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the planting was asked for, which takes its time and has selftests of its own."""
    calls: list[dict[str, Any]] = []

    def prove(root: Path, faults: Sequence[Fault], checks: Sequence[str], **others: Any) -> Proof:
        calls.append({"root": root, "faults": faults, "checks": checks, **others})
        return Proof({"7": {FAULT.name: FAULT}}, {"8": {FAULT.name: "it passed"}})

    monkeypatch.setattr(proving, "prove", prove)
    return calls


@pytest.fixture
def prover(tmp_path: Path, reporter: Reporter, asked: list[dict[str, Any]]) -> Prover:
    plugins = SimpleNamespace(get_plugin=lambda name: reporter if name == "terminalreporter" else None)
    config: Any = SimpleNamespace(rootpath=tmp_path, pluginmanager=plugins)
    return Prover(config, tmp_path / "tests", [FAULT], baseline=True, scratch="system")


def session(*ids: str, failed: int = 0) -> Any:
    return SimpleNamespace(testsfailed=failed, items=[SimpleNamespace(nodeid=name) for name in ids])


def report(result: Result) -> Any:
    return SimpleNamespace(postmigration=result.to_dict(), outcome=result.outcome, longrepr=None)


def told(taken: Any) -> Result:
    return Result.from_dict(taken.postmigration)


def test_the_project_s_checks_and_those_with_faults_are_proven(
    prover: Prover, asked: list[dict[str, Any]], reporter: Reporter, tmp_path: Path
) -> None:
    prover.pytest_collection_finish(session(*IDS))
    assert asked == [{"root": tmp_path, "faults": [FAULT], "checks": IDS[:2], "baseline": True, "scratch": "system"}]
    assert reporter.lines == ["proving that the checks can fail, on copies of the reference world"]


def test_what_workers_run_is_proven_once(prover: Prover, asked: list[dict[str, Any]]) -> None:
    for node in range(2):
        prover.pytest_xdist_node_collection_finished(node, IDS)
    assert len(asked) == 1


def test_nothing_is_proven_that_does_not_run(prover: Prover, asked: list[dict[str, Any]]) -> None:
    prover.pytest_collection_finish(session(*IDS, failed=1))
    prover.pytest_collection_finish(session(IDS[2]))
    assert asked == []
    assert prover.sentence() == ""


def test_a_check_that_catches_its_faults_says_which(prover: Prover) -> None:
    prover.pytest_collection_finish(session(*IDS))
    taken = report(PASSED)
    prover.pytest_runtest_logreport(taken)
    (overview,) = told(taken).evidence.overviews
    assert (overview.title, overview.rows) == ("proven able to fail: 1 fault", (("7__lost", "A row is lost."),))
    assert (taken.outcome, told(taken).outcome) == ("passed", "passed")
    assert prover.sentence() == "every check proven able to fail by 1 fault"


@pytest.mark.parametrize(("outcome", "becomes"), [("passed", "broken"), ("failed", "failed")])
def test_a_check_that_missed_a_fault_does_not_pass(prover: Prover, outcome: Any, becomes: str) -> None:
    prover.pytest_collection_finish(session(*IDS))
    taken = report(replace(PASSED, plan=8, outcome=outcome, evidence=Evidence()))
    prover.pytest_runtest_logreport(taken)
    words = "not proven able to fail: 7__lost: it passed"
    assert (told(taken).outcome, taken.outcome) == (becomes, "failed")
    assert told(taken).evidence.notes == [words]
    assert told(taken).reason == (words if becomes == "broken" else "")


def test_what_was_not_judged_or_is_not_proven_here_stays_as_it_is(prover: Prover) -> None:
    prover.pytest_collection_finish(session(*IDS))
    others = [replace(PASSED, outcome="not judged"), replace(PASSED, nodeid=IDS[2], plan=None)]
    for result in others:
        taken = report(result)
        prover.pytest_runtest_logreport(taken)
        assert told(taken) == result
    prover.pytest_runtest_logreport(SimpleNamespace())  # type: ignore[arg-type]  # of a test that is no check
    assert prover.sentence() == "every check proven able to fail by 0 faults"


def test_the_checks_are_listed_with_what_is_known_of_each(prover: Prover, reporter: Reporter) -> None:
    prover.pytest_terminal_summary(reporter)  # type: ignore[arg-type]  # it takes lines as one does
    assert reporter.lines == []
    prover.pytest_collection_finish(session(*IDS))
    for result in (replace(PASSED, plan=None, title="Beyond the plan"), PASSED):
        prover.pytest_runtest_logreport(report(result))
    prover.pytest_terminal_summary(reporter)  # type: ignore[arg-type]  # it takes lines as one does
    assert reporter.lines[1:] == [
        "== proof",
        " 7 All rows: proven able to fail: 1 fault",
        "Beyond the plan: not proven able to fail: there is no fault for it",
    ]
