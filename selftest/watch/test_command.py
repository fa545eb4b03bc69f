"""The command `postmigration watch`: what it prints, its exit status, and what the file remembers."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from postmigration.deployment.records.store import read_records
from postmigration.gate.commands import cli
from postmigration.gate.commands import watch as command
from postmigration.watch.running import Clock
from postmigration.watch.series import read_series
from selftest.watch.conftest import BEGIN, Watched

PROJECT = """
[tool.postmigration]
migration = "migration.toml"
checks = "."
"""
DECLARED = """
name = "a log of errors"
[[metric]]
name = "errors"
sql = "SELECT count(*) FROM error_log"
counter = true
max = 5
interval = 60
failures = 1
fix = "read the log"
"""


@pytest.fixture
def here(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A project of its own, and a clock that each wait moves; errors come in the third minute."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "migration.toml").write_text(DECLARED)

    def wait(seconds: float) -> None:
        watched.now += datetime.timedelta(seconds=seconds)
        if watched.now.minute == 3:
            watched.execute(*["INSERT INTO error_log DEFAULT VALUES"] * 9)

    monkeypatch.setattr(command, "CLOCK", Clock(lambda: watched.now, wait))
    return watched


def test_a_watch_says_at_once_what_has_begun_and_ended(here: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("watch", f"--db-url={here.conninfo}", "--interval=60s")
    assert cli.main([*asked, "--for=6m", "--record-dir=kept"]) == 1
    (stored,) = read_records([Path("kept")]).stored
    assert (stored.record.word, stored.record.status, stored.record.started) == ("NO-GO", 1, BEGIN)
    assert stored.record.facts["watched"] == "2026-11-02 12:00:00 to 2026-11-02 12:06:00 UTC"
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "2026-11-02 12:03:00 begun: ✘ errors: 9 per minute (max 5), since 2026-11-02 12:02:00",
        "2026-11-02 12:04:00 ended: errors",
    ]
    lines = told.out.splitlines()
    assert lines[:2] == ["✘ errors: 9 per minute (max 5), 2026-11-02 12:02:00 to 12:03:00", "    fix: read the log"]
    assert lines[-1].startswith("NO-GO: 1 finding: errors 2026-11-02 12:02:00 to 12:03:00; ")
    # Started again, it goes on: what has ended is not in the way of what is so now.
    assert len(read_series(Path("reports/watch.jsonl"), "--series").samples) == 7
    here.now += datetime.timedelta(seconds=60)
    assert cli.main([*asked, "--once"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("GO: ")
    assert ", 8 samples, 1 finding ended, postgres@" in last


def test_the_first_sample_of_a_job_that_cron_starts_judges_nothing(
    here: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    for turn in range(6):
        here.now += datetime.timedelta(seconds=60)
        status = cli.main(["watch", f"--db-url={here.conninfo}", "--once"])
        last = capsys.readouterr().out.splitlines()[-1]
        if turn == 0:
            assert status == 4
            assert last.startswith("PARTIAL: ")
            assert " metrics not judged: " in last
    assert (status, last[:4]) == (0, "GO: ")


@pytest.mark.full
@pytest.mark.parametrize(("minutes", "weakened"), [(1, ()), (30, ("not seeing 29% of the time",))])
def test_a_watch_that_slept_says_so_to_the_plan(here: Watched, minutes: int, weakened: tuple[str, ...]) -> None:
    Path("migration.toml").write_text(DECLARED.replace("max = 5", "max = 99"))
    asked = ["watch", f"--db-url={here.conninfo}", "--interval=60s", "--record-dir=kept"]
    assert cli.main([*asked, "--for=10m"]) == 0
    here.now += datetime.timedelta(minutes=minutes)
    assert cli.main([*asked, "--for=104m"]) == 0
    first, second = (stored.record for stored in read_records([Path("kept")]).stored)
    assert (first.started, second.started, first.weakened, second.weakened) == (BEGIN, BEGIN, (), weakened)


@pytest.mark.parametrize("more", [(), ("--record", "--series=reports/watch.jsonl")], ids=["judge", "record"])
def test_samples_of_a_watch_that_came_to_its_end_are_not_taken_for_a_new_one(
    here: Watched, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    asked = ["watch", f"--db-url={here.conninfo}", "--interval=60s", "--for=6m"]
    cli.main(asked)
    here.now += datetime.timedelta(minutes=2)
    capsys.readouterr()
    assert cli.main([*asked, *more]) == 4
    assert capsys.readouterr().err == (
        "ERROR: --series=reports/watch.jsonl holds a watch that came to its end at 2026-11-02 12:06:00: name another "
        "file, or go on for longer with --for\n"
    )
    assert len(read_series(Path("reports/watch.jsonl"), "--series").samples) == 7


def test_what_cannot_be_meant_is_said_before_anything_is_read(
    here: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("migration.toml").write_text(DECLARED.replace("failures = 1", "failures = 0"))
    assert cli.main(["watch", "--db-url=postgresql://nowhere.invalid/x"]) == 4
    told = capsys.readouterr().err
    assert told == f"ERROR: {Path.cwd()}/migration.toml: expected `int` >= 1 - at `$.metric[0].failures`\n"
