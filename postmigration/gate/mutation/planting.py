"""The pytest plugin of a process that plants faults: it judges worlds of its own, and knows of no other database.

It takes its task as a line of JSON from its standard input, and writes what it sees as lines of JSON into a file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from postmigration.backups.open_scratch import open_scratch
from postmigration.gate.judgement import SESSION
from postmigration.gate.mutation.runner import Runner
from postmigration.gate.session import demonstration_world
from postmigration.model import faults
from postmigration.model.verdict import Result
from postmigration.mutation.proof import SEED, SIZE, SOUND
from postmigration.postgres import embedded
from postmigration.postgres.throwaway import Server

pytest_plugins = ["postmigration.gate.mutation.runner"]


def pytest_configure(config: pytest.Config) -> None:
    """Takes the task, and ends with whoever gave it: what is read next is the end of the input."""
    config.pluginmanager.register(Planter(config, json.loads(sys.stdin.readline())))
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


class Planter(Runner):
    """Plants one fault after the other, each in a copy of a sound world, and runs the checks that must see it."""

    def __init__(self, config: pytest.Config, task: dict[str, Any]) -> None:
        super().__init__(config)
        self.task = task

    def work(self, checks: dict[str, list[pytest.Item]]) -> None:
        """Does the task."""
        with ExitStack() as cleanup:
            server = open_scratch(self.task["scratch"], cleanup).server
            world = demonstration_world(server, self.config.stash[SESSION].migration, seed=SEED, size=SIZE)
            self._try_sound(server, checks, *world)
            for number, path in enumerate(self.task["faults"]):
                fault = faults.read(Path(path))
                if checks.keys() & (fault.red | fault.warns):
                    self._plant(fault, server, checks, *world, copy=f"broken_{number}")

    def _try_sound(self, server: Server, checks: dict[str, list[pytest.Item]], legacy: str, migrated: str) -> None:
        """Sees that checks do not fail where there is no fault."""
        with self.judging(server.conninfo(migrated), server.conninfo(legacy) if self.task["baseline"] else ""):
            for check, items in checks.items():
                for item in items:
                    if item.nodeid in self.task["sound"]:
                        result = self.judge(item)
                        if result.outcome != "passed" and not result.needs_baseline:
                            self._say(fault=SOUND, check=check, missed=_describe_end([result]))

    def _plant(
        self,
        fault: faults.Fault,
        server: Server,
        checks: dict[str, list[pytest.Item]],
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
            baseline = server.conninfo(before) if fault.against_baseline else ""
            with self.judging(server.conninfo(after), baseline, fault.options):
                for check in checks.keys() & (fault.red | fault.warns):
                    results: list[Result] = []
                    for item in checks[check]:
                        results.append(self.judge(item))
                        # One of several tables suffices to have seen it.
                        if not _describe_miss(fault, check, results):
                            break
                    self._say(fault=fault.name, check=check, missed=_describe_miss(fault, check, results))
        finally:
            server.drop(copy)

    def _say(self, **facts: str) -> None:
        with Path(self.task["seen"]).open("a") as seen:
            seen.write(json.dumps(facts) + "\n")


def _describe_miss(fault: faults.Fault, check: str, results: Sequence[Result]) -> str:
    """What a check did instead of catching a fault; nothing where it caught it."""
    if check in fault.warns:
        statements = " ".join(result.evidence.words for result in results if result.evidence.warnings)
        return "" if fault.says in statements else "it does not warn of it"
    if not any(result.outcome == "failed" for result in results):
        return _describe_end(results)
    if check == fault.check and not any(fault.says in result.evidence.words for result in results):
        return f"it fails, and does not say “{fault.says}”"
    return ""


def _describe_end(results: Sequence[Result]) -> str:
    """How a check ended that should have ended otherwise."""
    result = max(results, key=lambda result: result.outcome != "passed")
    return f"it {result.outcome}" if result.outcome in ("passed", "failed") else f"{result.outcome}: {result.reason}"
