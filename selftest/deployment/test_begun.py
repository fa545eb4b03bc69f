"""A run that was killed has left no record, and a plan that counted the GO before it would count too much."""

import datetime
import functools
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.recording import begin_recording
from postmigration.deployment.records import begun
from postmigration.deployment.records.store import read_records, write_record
from selftest.conftest import Scratch
from selftest.deployment.records import GO, NOON, STAGING, make
from selftest.processes import Begin, kill
from selftest.servers import Servers

HOUR = datetime.timedelta(hours=1)
read = functools.partial(read_records, now=NOON + 24 * HOUR)
UNFINISHED = (
    "gate of staging was started 2026-11-28 13:00 UTC and has left no record: it still runs, was killed, or could "
    "not write one; run it again, or delete this file if nothing can have been found"
)


def test_a_run_that_left_no_record_stands_in_the_way(tmp_path: Path) -> None:
    write_record(GO, tmp_path)
    path = begun.mark(tmp_path, "gate", "staging", NOON + HOUR)
    found = read([tmp_path])
    assert len(found.stored) == 1
    assert found.refusals == [(path, UNFINISHED)]


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"environment": "production"}, False),
        ({"command": "check"}, False),
        ({"minutes": 59}, False),
    ],
    ids=str,
)
def test_a_later_record_of_the_same_says_more(tmp_path: Path, fields: dict[str, Any], counts: bool) -> None:
    begun.mark(tmp_path, "gate", "staging", NOON + HOUR)
    write_record(make(**{"minutes": 60, **fields}), tmp_path / "later")
    assert bool(read([tmp_path, tmp_path / "later"]).refusals) != counts


def test_a_run_of_no_named_environment_is_made_good_by_any(tmp_path: Path) -> None:
    path = begun.mark(tmp_path, "rehearse", "", NOON)
    assert read([tmp_path]).refusals == [(path, UNFINISHED.replace("gate of staging", "rehearse").replace("13", "12"))]
    write_record(make(command="rehearse", environment="development"), tmp_path)
    assert not read([tmp_path]).refusals


def test_what_is_no_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / f"x{begun.SUFFIX}").write_text('{"command": "gate"}')
    (refusal,) = read([tmp_path]).refusals
    assert refusal.reason == "is no mark of a run that has begun: delete it"


def test_a_run_that_can_not_say_what_it_found_ends_all_the_same(tmp_path: Path) -> None:
    recording = begin_recording("gate", tmp_path, tmp_path / "records")
    recording.database = replace(STAGING, version="\ud800")
    assert recording.end(0, "GO", "all of it").startswith(
        f"no record was left in {tmp_path}/records (UnicodeEncodeError while it was written): "
    )
    # There is nothing more to say of it.
    assert recording.end(4, "ERROR", "later") == ""
    # Nobody knows what it found: a GO of before may be out of date.
    (refusal,) = read_records([tmp_path / "records"]).refusals
    assert "has left no record: it still runs, was killed, or could not write one" in refusal.reason


@pytest.mark.full
def test_the_gate_is_known_of_when_it_was_killed(scratch: Scratch, servers: Servers, begin: Begin) -> None:
    scratch.write("@plan\ndef test_it(target):\n    print('here', flush=True)\n    input()\n", "test_it.py")
    url = servers.world(18).conninfo("migrated")
    process = begin("-m", "pytest", "-s", f"--db-url={url}", "--environment=staging", cwd=scratch.directory)
    assert process.stdout is not None
    while "here" not in process.stdout.readline():
        assert process.poll() is None
    kill(process)
    found = read_records([scratch.directory / "reports" / "records"])
    assert not found.stored
    (refusal,) = found.refusals
    assert refusal.reason.startswith("gate of staging was started ")
