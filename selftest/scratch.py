"""A project with one check of a selftest's own, judged like a real one."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

import fixtures
from selftest.conftest import COUNTER, ROOT, Judged, Recorder

# A plan of one check, so that it alone decides.
MIGRATION = dataclasses.replace(fixtures.MIGRATION, plan_checks=1)

_SETTINGS = f"""
[tool.postmigration]
migration = "selftest.scratch:MIGRATION"
checks = "tests"
[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["{ROOT}"]
"""

_HEAD = """
import asyncio, os, psycopg, pytest
from postmigration import Target
plan = pytest.mark.plan(1, group="Scratch", title="A check")
"""


class Scratch:
    """A directory with a project, and a way to judge with it in this process."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.html = directory / "reports" / "validation.html"
        self._capsys = capsys
        (directory / "tests").mkdir()
        (directory / "pyproject.toml").write_text(_SETTINGS)
        (directory / "conftest.py").write_text('pytest_plugins = ["postmigration.plugin"]\n')

    def judge(self, source: str, *options: str) -> Judged:
        """Judges with the checks of this source, of which one is marked with `@plan`."""
        file = self.directory / "tests" / f"test_scratch_{next(COUNTER)}.py"
        file.write_text(_HEAD + source)
        recorder = Recorder()
        before = Path.cwd()
        os.chdir(self.directory)
        try:
            status = pytest.main([str(file), "-p", "no:cacheprovider", *options], plugins=[recorder])
        finally:
            os.chdir(before)
        written = self._capsys.readouterr()
        return Judged(int(status), written.out + written.err, tuple(recorder.results))
