"""A session in which checks are run again and again, on one database of our own after the other.

Named as a plugin it keeps the session from opening a database of the user's, whatever the options say.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from postmigration.gate import options
from postmigration.gate.check_result import check_of
from postmigration.gate.judgement import RUN, SESSION
from postmigration.gate.session import open_session
from postmigration.model.verdict import Result


class Runner:
    """Runs checks on databases that it is given; what its session is to do stands in `work`."""

    def __init__(self, config: pytest.Config) -> None:
        # Whoever started this process may end it; its server must not outlive it.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.config = config
        self._results: list[Result] = []
        self._parser = argparse.ArgumentParser()
        options.declare(self._parser.add_argument)

    def work(self, checks: dict[str, list[pytest.Item]]) -> None:
        """Does what the session is for.

        Args:
            checks: what was collected, by the name of the check.
        """
        raise NotImplementedError

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Works instead of running each check once."""
        if session.testsfailed:
            return None
        checks: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            checks.setdefault(check_of(item), []).append(item)
        self.work(checks)
        # How the checks ended is what was asked for, and no failure of this session.
        session.testsfailed = 0
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the result of a check."""
        facts = getattr(report, "postmigration", None)
        if facts is not None:
            self._results.append(Result.from_dict(facts))

    @contextmanager
    def judging(self, target: str, baseline: str = "", called: Sequence[str] = ()) -> Iterator[None]:
        """Lets checks see a database.

        Args:
            target: the connection string of the database to judge.
            baseline: that of the state before, or nothing.
            called: options as a user gives them.
        """
        named = [f"--db-url={target}", *([f"--baseline={baseline}"] if baseline else [])]
        option = self._parser.parse_args([*named, *called])
        migration = self.config.stash[SESSION].migration
        run = open_session(options.request(option), options.judging(option, migration.plan_checks), migration)
        with run.cleanup:
            self.config.stash[RUN] = run
            yield

    def judge(self, item: pytest.Item) -> Result:
        """How a check ends on the database that `judging` named."""
        self._results = []
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        # A fixture that breaks after the check has passed must not be lost behind the success.
        return next((result for result in self._results if result.outcome != "passed"), self._results[0])
