"""Checks are run again and again, on one database after the other."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures import MIGRATION
from postmigration.gate.judgement import RUN, SESSION
from postmigration.gate.mutation.runner import Runner
from postmigration.model.verdict import Result
from selftest.servers import Servers

PASSED = Result("tests/test_a.py::test_a", None, "Rows", "All rows", "All rows are there.", "", "passed")


class Noting(Runner):
    """Notes the checks that it is to work with."""

    noted: dict[str, list[pytest.Item]] | None = None

    def work(self, checks: dict[str, list[pytest.Item]]) -> None:
        self.noted = checks


class Item:
    """A case of a check, which ends with some results each time that it is run."""

    def __init__(self, name: str, *results: Result) -> None:
        self.name, self.nodeid = name, f"test_a.py::{name}"
        self.results = results
        self.runner: Runner | None = None
        self.ihook = SimpleNamespace(pytest_runtest_protocol=self._run)

    def get_closest_marker(self, name: str) -> None:
        return None

    def _run(self, item: Item, nextitem: None) -> None:
        assert self.runner is not None
        self.runner.pytest_runtest_logreport(SimpleNamespace())  # type: ignore[arg-type]  # of its setup
        for result in self.results:
            self.runner.pytest_runtest_logreport(SimpleNamespace(postmigration=result.to_dict()))  # type: ignore[arg-type]


@pytest.fixture
def runner() -> Iterator[Noting]:
    before = signal.getsignal(signal.SIGTERM)
    config: Any = SimpleNamespace(stash=pytest.Stash())
    config.stash[SESSION] = SimpleNamespace(migration=MIGRATION)
    yield Noting(config)
    signal.signal(signal.SIGTERM, before)


def test_it_works_with_the_cases_of_each_check_instead_of_running_them(runner: Noting) -> None:
    items: list[Any] = [Item("test_x[a]"), Item("test_y"), Item("test_x[b]")]
    session: Any = SimpleNamespace(testsfailed=0, items=items)
    assert runner.pytest_runtestloop(session) is True
    assert runner.noted == {"x": [items[0], items[2]], "y": [items[1]]}


def test_how_its_checks_end_is_no_failure_of_the_session_and_what_cannot_be_collected_is(runner: Noting) -> None:
    session: Any = SimpleNamespace(testsfailed=1, items=[])
    assert runner.pytest_runtestloop(session) is None
    assert runner.noted is None

    def fail(checks: dict[str, list[pytest.Item]]) -> None:
        session.testsfailed += 3

    runner.work = fail  # type: ignore[method-assign]  # as checks do that fail
    session.testsfailed = 0
    assert runner.pytest_runtestloop(session) is True
    assert session.testsfailed == 0


def test_what_it_is_for_is_said_by_those_that_are_one() -> None:
    with pytest.raises(NotImplementedError, match=r"^$"):
        Runner.work(None, {})  # type: ignore[arg-type]  # it does nothing by itself


@pytest.mark.parametrize(
    ("outcomes", "outcome"), [(["passed"], "passed"), (["failed"], "failed"), (["passed", "broken"], "broken")]
)
def test_a_check_ends_as_the_worst_of_its_phases(runner: Noting, outcomes: list[Any], outcome: str) -> None:
    item = Item("test_a", *(replace(PASSED, outcome=each) for each in outcomes))
    item.runner = runner
    assert runner.judge(item).outcome == outcome  # type: ignore[arg-type]  # it is run as one is
    # What came of it before is no result of the next run.
    item.results = (PASSED,)
    assert runner.judge(item).outcome == "passed"  # type: ignore[arg-type]  # it is run as one is


def test_checks_see_the_database_that_is_named(runner: Noting, servers: Servers) -> None:
    server = servers.world(18)
    target, baseline = (server.conninfo(name) for name in ("migrated", "legacy"))
    with runner.judging(target, baseline, ["--allow-empty"]):
        run = runner.config.stash[RUN]
        assert run.target.info.dbname == "migrated"
        assert run.baseline is not None
        assert run.baseline.info.dbname == "legacy"
        assert run.options.allow_empty
    with runner.judging(target):
        assert runner.config.stash[RUN].baseline is None
