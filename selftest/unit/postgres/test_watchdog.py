"""The process that cleans up after another one: it waits for its end, ends what works in a directory and deletes it."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from postmigration.postgres import watchdog
from postmigration.postgres.watchdog import clear, main


def test_programs_that_work_in_a_directory_are_ended_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    ours = subprocess.Popen(["sh", "-c", f"read line; : {tmp_path}"], stdin=subprocess.PIPE)
    others = subprocess.Popen(["sh", "-c", "read line"], stdin=subprocess.PIPE)
    try:
        clear(tmp_path)
        assert not psutil.pid_exists(ours.pid)
        assert others.poll() is None
        assert not tmp_path.exists()
    finally:
        for process in (ours, others):
            process.kill()
            process.communicate()


def test_it_waits_for_the_end_of_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "place"
    place.mkdir()
    reading, writing = os.pipe()
    os.write(writing, b"still here")
    os.close(writing)
    monkeypatch.setattr("sys.argv", [watchdog.__file__, str(place)])
    with os.fdopen(reading) as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        main()
    assert not place.exists()
