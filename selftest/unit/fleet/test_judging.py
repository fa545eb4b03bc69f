"""One database is judged by a process of its own, and its outcome repeats no password."""

from importlib.metadata import version
from pathlib import Path

import pytest

from postmigration.fleet import judging
from postmigration.fleet.addresses import Address
from postmigration.fleet.outcome import Task
from selftest.fleet.conftest import task


def test_a_state_before_may_be_a_file_of_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("URL", "postgresql://judge:geheim@db/x")
    monkeypatch.setenv("OLD", "day=1/x.dump")
    monkeypatch.setattr(judging, "_run", lambda *_: (4, "…\nERROR: day=1/x.dump cannot be read; geheim\n"))
    asked = Task(
        name="x",
        target=Address(variable="URL"),
        baseline=Address(variable="OLD"),
        directory=str(tmp_path),
        suite=version("postmigration"),
    )
    found = judging.judge(asked).outcome
    assert (found.status, found.sentence) == (4, "day=1/x.dump cannot be read; ***")


def test_another_version_judges_nothing() -> None:
    found = judging.judge(task("x")).outcome
    assert (found.word, found.status) == ("ERROR", 4)
