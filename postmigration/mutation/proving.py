"""The pytest plugin that proves the checks of a run before they judge, and says so beside each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postmigration.model.faults import Fault
from postmigration.model.verdict import Result
from postmigration.mutation.proof import Proof, prove


class Prover:
    """Proves the checks of a run; one that cannot be trusted to fail is an error of ours, and no success.

    Args:
        config: pytest's.
        checks: the directory of the checks.
        faults: what can be planted.
        baseline: the run compares with the rows of a state before.
        scratch: where the worlds live that faults are planted in, as the user named it.
    """

    def __init__(
        self,
        config: pytest.Config,
        checks: Path,
        faults: Sequence[Fault],
        *,
        baseline: bool,
        scratch: str | None = None,
    ) -> None:
        self._scratch = scratch
        self.proof: Proof | None = None
        self._config = config
        self._checks = checks
        self._faults = faults
        self._baseline = baseline
        self._seen: dict[str, Result] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Proves what this process is going to run."""
        if not session.testsfailed:
            self._prove([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """Proves what the workers are going to run, all of them the same."""
        self._prove(ids)

    def _prove(self, ids: Sequence[str]) -> None:
        root = self._config.rootpath
        checks = [name for name in ids if self._is_to_prove(name)]
        if self.proof is None and checks:
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                reporter.write_line("proving that the checks can fail, on copies of the reference world")
            self.proof = prove(root, self._faults, checks, baseline=self._baseline, scratch=self._scratch)

    def _is_to_prove(self, nodeid: str) -> bool:
        """Whether a check must be proven here: the project's own, and built-in ones that it has faults for."""
        file, _, function = nodeid.partition("::")
        known = self._checks in (self._config.rootpath / file).parents
        check = function.removeprefix("test_").partition("[")[0]
        return known or any(check in fault.red | fault.warns for fault in self._faults)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Says beside the result of a check what is known of the check, before anybody else takes it."""
        facts = getattr(report, "postmigration", None)
        if facts is None or self.proof is None:
            return
        result = Result.from_dict(facts)
        if result.outcome not in ("passed", "failed") or not self._is_to_prove(result.nodeid):
            return
        words = self.proof.words(result.check)
        if caught := self.proof.caught.get(result.check):
            rows = [(fault.name, fault.what) for fault in caught.values()]
            result.evidence.show(words, ("fault", "what happened"), rows)
        else:
            result.evidence.notes.append(words)
        if result.outcome == "passed" and self.proof.missed.get(result.check):
            result = replace(result, outcome="broken", reason=words)
            report.outcome, report.longrepr = "failed", words
        report.postmigration = result.to_dict()  # type: ignore[attr-defined]
        self._seen[result.check] = result

    def sentence(self) -> str:
        """What the verdict says of the proof."""
        return "" if self.proof is None else self.proof.sentence(self._seen)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Lists the checks, and what is known of each."""
        if self.proof is None:
            return
        terminalreporter.section("proof")
        for check, result in sorted(self._seen.items(), key=lambda seen: seen[1].plan or 1_000):
            number = f"{check:>2} " if result.plan else ""
            terminalreporter.write_line(f"{number}{result.title.split(':')[0]}: {self.proof.words(check)}")
