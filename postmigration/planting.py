"""The pytest plugin of a process that plants faults: it judges worlds of its own, and knows of no other database.

It takes its task as JSON from its standard input, and writes what it sees as lines of JSON into a file.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from postmigration import embedded, faults, options
from postmigration.plugin import RUN, SESSION, check_of
from postmigration.proof import SEED, SIZE, SOUND
from postmigration.run import demonstration_world, opened
from postmigration.verdict import Result


def pytest_configure(config: pytest.Config) -> None:
    """Takes the task."""
    # Whoever started this process may end it; its server must not outlive it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.pluginmanager.register(Planter(config, json.load(sys.stdin)))


class Planter:
    """Plants one fault after the other, each in a copy of a sound world, and runs the checks that must see it."""

    def __init__(self, config: pytest.Config, task: dict[str, Any]) -> None:
        self.config = config
        self.task = task
        self._results: list[Result] = []
        self._parser = argparse.ArgumentParser()
        options.declare(self._parser.add_argument)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Takes the result of a check."""
        facts = getattr(report, "postmigration", None)
        if facts is not None:
            self._results.append(Result.from_dict(facts))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Does the task instead of running each check once."""
        if session.testsfailed:
            return None
        items: dict[str, list[pytest.Item]] = {}
        for item in session.items:
            items.setdefault(check_of(item), []).append(item)
        server = embedded.Server()
        try:
            world = demonstration_world(server, self.config.stash[SESSION].migration, seed=SEED, size=SIZE)
            self._try_sound(server, session.items, *world)
            for number, path in enumerate(self.task["faults"]):
                fault = faults.read(Path(path))
                if items.keys() & (fault.red | fault.warns):
                    self._plant(fault, server, items, *world, copy=f"broken_{number}")
        finally:
            server.stop()
        # How the checks ended is what was asked for, and no failure of this session.
        session.testsfailed = 0
        return True

    def _try_sound(self, server: embedded.Server, items: Sequence[pytest.Item], legacy: str, migrated: str) -> None:
        """Sees that checks do not fail where there is no fault."""
        with self._judging(server, migrated, legacy, ()):
            for item in items:
                if item.nodeid in self.task["sound"]:
                    result = self._judged(item)
                    if result.outcome != "passed" and not result.needs_baseline:
                        self._say(fault=SOUND, check=result.check, missed=_told([result]))

    def _plant(
        self,
        fault: faults.Fault,
        server: embedded.Server,
        items: dict[str, list[pytest.Item]],
        legacy: str,
        migrated: str,
        *,
        copy: str,
    ) -> None:
        server.create(copy, template=legacy if fault.before else migrated)
        try:
            with server.connect(copy) as connection:
                icu = connection.execute("SELECT FROM pg_collation WHERE collname = 'und-x-icu'")
                if fault.needs_icu and not icu.rowcount:
                    self._say(fault=fault.name, left_out="its faults need a PostgreSQL that was built with ICU")
                    return
                embedded.run_script(connection, fault.path)
            before, after = (copy, migrated) if fault.before else (legacy, copy)
            with self._judging(server, after, before if fault.against_baseline else "", fault.options):
                for check in items.keys() & (fault.red | fault.warns):
                    results: list[Result] = []
                    for item in items[check]:
                        results.append(self._judged(item))
                        # One of several tables suffices to have seen it.
                        if not _missed(fault, check, results):
                            break
                    self._say(fault=fault.name, check=check, missed=_missed(fault, check, results))
        finally:
            server.drop(copy)

    @contextmanager
    def _judging(self, server: embedded.Server, target: str, baseline: str, called: Sequence[str]) -> Iterator[None]:
        """Lets checks see a database of our own."""
        named = [f"--db-url={server.conninfo(target)}"]
        if baseline and self.task["baseline"]:
            named.append(f"--baseline={server.conninfo(baseline)}")
        option = self._parser.parse_args([*named, *called])
        migration = self.config.stash[SESSION].migration
        run = opened(options.request(option), options.judging(option, migration.plan_checks), migration)
        with run.cleanup:
            self.config.stash[RUN] = run
            yield

    def _judged(self, item: pytest.Item) -> Result:
        """How a check ends on that database."""
        self._results = []
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        # A fixture that breaks after the check has passed must not be lost behind the success.
        return next((result for result in self._results if result.outcome != "passed"), self._results[0])

    def _say(self, **facts: str) -> None:
        with Path(self.task["seen"]).open("a") as seen:
            seen.write(json.dumps(facts) + "\n")


def _missed(fault: faults.Fault, check: str, results: Sequence[Result]) -> str:
    """What a check did instead of catching a fault; nothing where it caught it."""
    if check in fault.warns:
        statements = " ".join(result.evidence.words for result in results if result.evidence.warnings)
        return "" if fault.says in statements else "it does not warn of it"
    if not any(result.outcome == "failed" for result in results):
        return _told(results)
    if check == fault.check and not any(fault.says in result.evidence.words for result in results):
        return f"it fails, and does not say “{fault.says}”"
    return ""


def _told(results: Sequence[Result]) -> str:
    """How a check ended that should have ended otherwise."""
    result = max(results, key=lambda result: result.outcome != "passed")
    return f"it {result.outcome}" if result.outcome in ("passed", "failed") else f"{result.outcome}: {result.reason}"
