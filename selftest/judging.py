"""A process that judges one database after the other, as fast as the checks are, and what asks it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from postmigration.gate.check_result import check_of
from postmigration.gate.mutation.runner import Runner
from postmigration.model.verdict import Result

ROOT = Path(__file__).parent.parent
# The runner is named too: a session that judges worlds of its own writes no report, and claims no place for one.
_PLUGINS = ("-p", "postmigration.gate.mutation.runner", "-p", "selftest.judging")
_DESELECT = "--deselect="

pytest_plugins = ["postmigration.gate.mutation.runner"]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Answering(config))


@dataclass
class Enough:
    """What a check must come to for its remaining cases to be left out."""

    fails: bool = False
    warns: bool = False
    says: str = ""
    heard: str = ""

    def take(self, result: Result) -> None:
        """Counts what one case came to."""
        self.fails &= result.outcome != "failed"
        self.warns &= not result.evidence.warnings
        self.heard += f" {result.evidence.words}"

    @property
    def reached(self) -> bool:
        return not (self.fails or self.warns) and self.says in self.heard


class _Answering(Runner):
    """Takes requests as lines of JSON, and answers each with the results as one line."""

    def work(self, checks: dict[str, list[pytest.Item]]) -> None:
        # What was imported and collected is there until the end.
        gc.freeze()
        answers = os.fdopen(int(os.environ["ANSWERS"]), "w")
        for line in sys.stdin:
            request = json.loads(line)
            results = []
            with self.judging(request["target"], request["baseline"], request["options"]):
                enough = {name: Enough(**wanted) for name, wanted in request["enough"].items()}
                for item in _select(checks, request):
                    if (wanted := enough.get(check_of(item))) is not None and wanted.reached:
                        continue
                    result = self.judge(item)
                    results.append(result.to_dict())
                    if wanted is not None:
                        wanted.take(result)
                    if request["until_red"] and results[-1]["outcome"] == "failed":
                        break
            print(json.dumps(results), file=answers, flush=True)


def _select(checks: dict[str, list[pytest.Item]], request: dict[str, Any]) -> Iterator[pytest.Item]:
    names = request["first"] if request["only"] else dict.fromkeys([*request["first"], *checks])
    for name in names:
        yield from (item for item in checks[name] if not item.nodeid.startswith(tuple(request["deselected"])))


class Judges:
    """Judges databases in a process of its own."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-s", "--tb=no", "-p", "no:cacheprovider", *_PLUGINS, "tests"],
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
        self,
        target: str,
        baseline: str = "",
        *,
        options: Sequence[str] = (),
        first: Sequence[str] = (),
        only: bool = False,
        until_red: bool = False,
        enough: Mapping[str, Enough] | None = None,
    ) -> tuple[Result, ...]:
        """The results of checks.

        Args:
            target: the connection string of the database to judge.
            baseline: that of the state before, or nothing.
            options: as a user gives them, and `--deselect` of checks.
            first: the checks to begin with, by name.
            only: leaves out all others.
            until_red: ends with the first one that fails.
            enough: by their names, when further cases of checks are left out.
        """
        assert self._process.stdin is not None
        request = {
            "target": target,
            "baseline": baseline,
            "options": [option for option in options if not option.startswith(_DESELECT)],
            "deselected": [option.removeprefix(_DESELECT) for option in options if option.startswith(_DESELECT)],
            "first": list(first),
            "only": only,
            "until_red": until_red,
            "enough": {name: asdict(wanted) for name, wanted in (enough or {}).items()},
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return tuple(Result.from_dict(facts) for facts in json.loads(self._answers.readline()))

    def stop(self) -> None:
        assert self._process.stdin is not None
        # Its session would still report on all that was judged, which takes seconds and is for nobody.
        self._process.kill()
        self._process.stdin.close()
        self._process.wait()
        self._answers.close()
