"""A project of one check of the plan, and one beyond it, to be judged within a selftest."""

from __future__ import annotations

from selftest.conftest import Judged, Scratch

_SETTINGS = """
[tool.postmigration]
migration = "migration.toml"
checks = "tests"
built_in = false
[tool.pytest.ini_options]
testpaths = ["tests"]
"""
PASSES = "@plan\ndef test_it(target): target.expect(True, 'all is well')\n"


def judge_shop(scratch: Scratch, url: str, source: str, *options: str) -> Judged:
    """Judges a database by the checks of a source."""
    (scratch.directory / "pyproject.toml").write_text(_SETTINGS)
    (scratch.directory / "migration.toml").write_text('name = "shop"\nplan_checks = 1\n')
    return scratch.judge(source, f"--db-url={url}", *options)
