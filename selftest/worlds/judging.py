"""A process that judges one database after the other, as fast as the checks are, and what asks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from postmigration.gate.bench import Bench
from postmigration.model.verdict import Result
from selftest.conftest import ROOT

pytest_plugins = ["postmigration.gate.bench"]
# The bench is named too: a session that judges worlds of its own writes no report, and claims no place for one.
_PLUGINS = ("-p", "postmigration.gate.bench", "-p", "selftest.worlds.judging")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Answering(config))


class _Answering(Bench):
    """Takes requests as lines of JSON, and answers each with the results as one line."""

    def work(self, checks: dict[str, list[pytest.Item]]) -> None:
        answers = os.fdopen(int(os.environ["ANSWERS"]), "w")
        for line in sys.stdin:
            request = json.loads(line)
            results = []
            with self.judging(request["target"], request["baseline"]):
                for item in self._in_order(checks, request["first"]):
                    results.append(self.judged(item).to_dict())
                    if request["until_red"] and results[-1]["outcome"] == "failed":
                        break
            print(json.dumps(results), file=answers, flush=True)

    def _in_order(self, checks: dict[str, list[pytest.Item]], first: Sequence[str]) -> Iterator[pytest.Item]:
        for name in [*first, *(name for name in checks if name not in first)]:
            yield from checks[name]


class Judges:
    """Judges databases in a process of its own."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-s", "--tb=no", *_PLUGINS, "tests"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PG", "POSTM"))}
            | {"ANSWERS": str(writing)},
            pass_fds=[writing],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(writing)
        self._answers = os.fdopen(reading)

    def judge(
        self, target: str, baseline: str, *, first: Sequence[str] = (), until_red: bool = False
    ) -> tuple[Result, ...]:
        """The results of all checks, or of those up to the first one that fails, beginning with some."""
        assert self._process.stdin is not None
        request = {"target": target, "baseline": baseline, "first": list(first), "until_red": until_red}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return tuple(Result.from_dict(facts) for facts in json.loads(self._answers.readline()))

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._answers.close()
