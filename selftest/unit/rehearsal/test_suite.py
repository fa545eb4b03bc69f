"""The suite on a copy: how it is called, and what its end comes to."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from postmigration.rehearsal.steps import Check
from postmigration.rehearsal.suite import judge

FINDINGS = [{"severity": "warning", "wrong": 9, "examined": 9, "statement": "told"}] + [
    {"severity": "blocker", "wrong": 1_000 + n, "examined": 2_000, "statement": f"wrong {n}"} for n in range(4)
]
REPORT = {
    "checks": [
        {"plan": 7, "group": "Rows", "title": "All rows", "outcome": "failed", "findings": FINDINGS},
        {"plan": None, "group": "Rows", "title": "Others", "outcome": "not judged", "reason": "it is locked"},
        {"plan": 8, "group": "Rows", "title": "Fine", "outcome": "passed"},
    ]
}


class Suite:
    """Stands where Python is called: it notes how, writes a report, says something and ends with a status."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.called = directory, directory / "called"
        self.report = directory / "validation.html"
        self._program = directory / "program"
        monkeypatch.setattr(sys, "executable", str(self._program))

    def end(self, status: int, said: str) -> None:
        (self.directory / "validation.json").write_text(json.dumps(REPORT))
        self._program.write_text(
            f'#!/bin/sh\nprintf \'%s\\n\' "$PWD" "$PYTHONSAFEPATH$POSTMIGRATION_DB_URL$PGHOST" "$@" > {self.called}\n'
            f"printf '%s\\n\\n' {shlex.quote(said)}\nexit {status}\n"
        )
        self._program.chmod(0o755)

    def judge(self, root: Path | None, *, show_values: bool = False) -> list[Check]:
        return judge(root, "dbname=after", "dbname=before", "shop", self.report, show_values=show_values)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(tmp_path, monkeypatch)


def test_a_project_is_judged_in_its_directory_and_nothing_steers_it(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTMIGRATION_DB_URL", "elsewhere")
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    suite.end(0, "...\nGO: all is well")
    assert suite.judge(tmp_path, show_values=True) == [
        Check("the suite says GO: all is well", "passed", (f"its report is {suite.report}",))
    ]
    assert suite.called.read_text().splitlines() == [
        str(tmp_path), "", "-m", "pytest", "-p", "no:cacheprovider", "--db-url=dbname=after",
        "--baseline=dbname=before", "--schema=shop", f"--html={suite.report}", "--no-record", "--show-values",
    ]  # fmt: skip


def test_without_a_project_the_built_in_checks_judge(suite: Suite) -> None:
    suite.end(0, "GO")
    suite.judge(None)
    called = suite.called.read_text().splitlines()
    assert called[1:5] == ["1", "-m", "postmigration", "check"]
    assert "--show-values" not in called


def test_what_failed_is_told_with_its_first_blockers(suite: Suite, tmp_path: Path) -> None:
    suite.end(1, "NO-GO: 1 failed")
    assert suite.judge(tmp_path)[1:] == [
        Check(
            "check 7, Rows: All rows",
            "failed",
            ("1,000 of 2,000: wrong 0", "1,001 of 2,000: wrong 1", "1,002 of 2,000: wrong 2"),
        ),
        Check("Rows: Others: it is locked", "not judged"),
    ]


@pytest.mark.parametrize(("status", "said", "words"), [(3, "ERROR: ours", "ERROR: ours"), (4, "", "it said nothing")])
def test_any_other_end_is_no_verdict(suite: Suite, tmp_path: Path, status: int, said: str, words: str) -> None:
    suite.end(status, said)
    (check,) = suite.judge(tmp_path)
    assert (check.outcome, check.statement) == ("not judged", f"the suite says {words}")
