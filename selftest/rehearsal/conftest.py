"""The commands in this process, as a user runs them in the directory of a migration."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from postmigration.gate.commands import cli
from selftest.conftest import ROOT


@dataclass(frozen=True)
class Done:
    """What a command has done: its exit status, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return (self.out + self.err).strip().splitlines()[-1]

    def object(self) -> dict[str, Any]:
        """What it printed as JSON."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command `postmigration`."""
    monkeypatch.chdir(ROOT)

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return run
