"""Faults are planted, one after the other, and it is said which checks saw them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import MIGRATION
from postmigration.gate.judgement import RUN, SESSION
from postmigration.gate.mutation import planting
from postmigration.gate.mutation.planting import Planter, pytest_configure
from postmigration.model import faults
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.faults import Fault
from postmigration.model.verdict import Result
from postmigration.mutation.proof import SOUND
from selftest.servers import Servers, url

FAULT = Fault(
    Path("7__lost.sql"), "A row is lost.", frozenset({"7"}), frozenset({"8"}), "one is gone",
    against_baseline=False, before=False, needs_icu=False, size=0, options=(),
)  # fmt: skip
PASSED = Result("tests/test_a.py::test_a", 7, "Rows", "All rows", "All rows are there.", "", "passed")
GONE = Finding("one is gone", 1, 2)
FAILED = replace(PASSED, outcome="failed", evidence=Evidence(findings=[GONE]))
WARNED = replace(PASSED, evidence=Evidence(findings=[replace(GONE, severity="warning")]))
UNSAID = replace(FAILED, evidence=Evidence(findings=[replace(GONE, statement="something else")]))


@pytest.mark.parametrize(
    ("check", "results", "words"),
    [
        ("7", [FAILED], ""),
        ("7", [PASSED, FAILED], ""),
        ("7", [PASSED], "it passed"),
        ("7", [replace(PASSED, outcome="not judged", reason="it is locked")], "not judged: it is locked"),
        ("7", [UNSAID], "it fails, and does not say “one is gone”"),
        # Another check of the fault need not say the words.
        ("9", [UNSAID], ""),
        ("8", [WARNED], ""),
        ("8", [PASSED], "it does not warn of it"),
        ("8", [FAILED], "it does not warn of it"),
    ],
)
def test_a_check_catches_a_fault_by_failing_or_warning_with_the_right_words(
    check: str, results: list[Result], words: str
) -> None:
    assert planting._describe_miss(FAULT, check, results) == words


@pytest.fixture
def handler() -> Iterator[None]:
    """Puts back what the signal of an end does."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("handler")
def test_the_task_comes_from_the_input_and_its_end_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr("threading.Thread", lambda target, daemon: SimpleNamespace(start=target))
    monkeypatch.setattr("os.kill", lambda *signalled: ended.append(signalled))
    registered: list[Any] = []
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(register=registered.append))
    reading, writing = os.pipe()
    os.write(writing, b'{"faults": []}\n')
    os.close(writing)
    with os.fdopen(reading) as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        pytest_configure(config)
    (planter,) = registered
    assert isinstance(planter, Planter)
    assert planter.task == {"faults": []}
    assert ended == [(os.getpid(), signal.SIGTERM)]


class Asking(Planter):
    """Judges by one query on the database that is named, as a check does."""

    def judge(self, item: Any) -> Result:
        number = self.config.stash[RUN].target.scalar(item.query)
        return PASSED if number else FAILED


@pytest.mark.full
@pytest.mark.usefixtures("handler")
def test_each_fault_is_planted_in_a_copy_and_what_missed_it_is_written_down(tmp_path: Path, servers: Servers) -> None:
    lost = tmp_path / "7__lost.sql"
    lost.write_text("-- All is lost.\n-- red: 7 9\n-- says: one is gone\nTRUNCATE reviews;\n")
    other = tmp_path / "11__other.sql"
    other.write_text("-- It is not looked at.\n-- red: 11\n-- says: x\nSELECT 1/0;\n")
    seen = tmp_path / "seen"
    task = {
        "scratch": url(servers[18].conninfo("postgres")),
        "faults": [str(lost), str(other)],
        "baseline": False,
        "sound": ["sees", "always"],
        "seen": str(seen),
    }
    config: Any = SimpleNamespace(stash=pytest.Stash())
    config.stash[SESSION] = SimpleNamespace(migration=MIGRATION)
    sees = SimpleNamespace(nodeid="sees", query="SELECT count(*) FROM public.reviews")
    always = SimpleNamespace(nodeid="always", query="SELECT 0")
    never = SimpleNamespace(nodeid="never", query="SELECT 1")
    checks: Any = {"7": [never, sees], "9": [never], "12": [always]}
    Asking(config, task).work(checks)
    assert [json.loads(line) for line in sorted(seen.read_text().splitlines())] == [
        {"fault": "7__lost", "check": "7", "missed": ""},
        {"fault": "7__lost", "check": "9", "missed": "it passed"},
        {"fault": SOUND, "check": "12", "missed": "it failed"},
    ]
    assert faults.read(lost).red == {"7", "9"}
