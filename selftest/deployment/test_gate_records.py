"""Each run of the gate that judges leaves one record of what it was of and what it came to; others leave none."""

import json
import subprocess
from collections.abc import Callable

import pytest

from postmigration.deployment.records.record import Record
from postmigration.deployment.records.store import KEY, Stored, read_records
from selftest.conftest import Judged, Scratch
from selftest.servers import Servers

PASSES = """
@plan
def test_it(target):
    '''It holds.'''
    target.expect(True, "it holds")
"""
FAILS = """
@plan
def test_it(target):
    '''It holds.'''
    target.expect(False, "{words}")
"""
INTERRUPTED = """
def test_the_first(target):
    '''It holds.'''
@plan
def test_it(target):
    '''It holds.'''
    raise KeyboardInterrupt
"""
Read = Callable[[], list[Stored]]
Judging = Callable[..., Judged]


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has records stand where they do for users: beside the report."""
    monkeypatch.delenv("POSTMIGRATION_RECORD_DIR", raising=False)


@pytest.fixture
def read(scratch: Scratch) -> Read:
    """Reads the records of the project: all must be believed, and nothing else stand beside them."""

    def read() -> list[Stored]:
        directory = scratch.directory / "reports" / "records"
        if not directory.exists():
            return []
        found = read_records([directory])
        assert not found.refusals
        assert sorted(path.name for path in directory.iterdir()) == sorted(one.path.name for one in found.stored)
        return found.stored

    return read


@pytest.fixture
def judging(scratch: Scratch, servers: Servers) -> Judging:
    """Judges the migrated world with the project's one check."""
    url = servers.world(18).conninfo("migrated")
    return lambda source, *options: scratch.judge(source, f"--db-url={url}", *options)


def test_a_go_says_of_what_it_was(scratch: Scratch, judging: Judging, read: Read) -> None:
    subprocess.run(["git", "init", "-q", scratch.directory], check=True)
    judged = judging(PASSES, "--environment=staging", "--cutover=2026-11-01")
    assert judged.status == 0, judged.output
    (stored,) = read()
    record = stored.record
    assert stored.path.name == f"gate-{record.started:%Y%m%dT%H%M%S}Z.json"
    assert (record.command, record.environment, record.word, record.status) == ("gate", "staging", "GO", 0)
    assert record.sentence.startswith("1 of 1 plan checks passed, ")
    assert record.database is not None
    assert record.database.label.endswith(":5432/migrated")
    assert record.database.started < str(record.started)
    assert not record.demonstration
    assert [file.name.rpartition("/")[2] for file in record.scripts] == [
        *("1_schema.sql", "2_data.sql", "1_data.sql", "2_schema.sql")
    ]
    assert record.commit == ""
    assert {check.nodeid.rpartition("::")[2]: check.outcome for check in record.checks} == {"test_it": "passed"}
    powers, alone = record.weakened
    assert powers.startswith("judged as the superuser postgres: ")
    assert alone == "no state before (--baseline)"
    assert record.facts["cut-over"] == "2026-11-01T00:00:00+00:00"
    assert record.report == "../validation.html"
    # What is wrong is of the same run, another time: the first one stays.
    judging(PASSES)
    first, second = read()
    assert first == stored
    assert second.record.report_sha256 != record.report_sha256
    assert second.record.environment == ""


def test_a_no_go_says_what_failed_and_no_value(judging: Judging, read: Read) -> None:
    assert judging(FAILS.replace("{words}", "secret of row 17")).status == 1
    (stored,) = read()
    assert (stored.record.word, stored.record.status) == ("NO-GO", 1)
    assert [check.outcome for check in stored.record.checks] == ["failed"]
    assert "secret of row 17" not in stored.path.read_text()


def test_what_was_left_out_weakens_it(scratch: Scratch, judging: Judging, read: Read) -> None:
    scratch.write("def test_other(target):\n    '''It holds.'''\n", "test_other.py")
    judging(PASSES, "--allow-partial", "--allow-empty", "-k", "test_it")
    (stored,) = read()
    assert {"--allow-partial", "--allow-empty", "-k test_it", "1 of 2 checks left out"} <= {*stored.record.weakened}
    outcomes = {check.nodeid.rpartition("/")[2]: (check.outcome, check.title) for check in stored.record.checks}
    assert outcomes["test_other.py::test_other"] == ("left out", "test_other.py::test_other")


def test_what_a_run_did_not_come_to_was_left_out(scratch: Scratch, judging: Judging, read: Read) -> None:
    scratch.write(PASSES.replace("test_it", "test_later"), "test_z.py")
    judging(FAILS.replace("{words}", "no").replace("@plan\n", ""), "-x")
    (stored,) = read()
    assert stored.record.status == 1
    assert [check.outcome for check in stored.record.checks] == ["failed", "left out"]


def test_an_interrupted_run_leaves_what_it_had_found(judging: Judging, read: Read) -> None:
    assert judging(INTERRUPTED).status == 2
    (stored,) = read()
    assert (stored.record.word, stored.record.status) == ("INTERRUPTED", 2)
    assert stored.record.database is not None


def test_a_database_that_cannot_be_reached_is_recorded_without_its_password(scratch: Scratch, read: Read) -> None:
    url = "postgresql://gate:hunter2@127.0.0.1:1/app"
    assert scratch.judge(PASSES, f"--db-url={url}", "--environment=production").status == 4
    (stored,) = read()
    assert (stored.record.word, stored.record.status, stored.record.environment) == ("ERROR", 4, "production")
    assert "127.0.0.1" in stored.record.sentence
    assert stored.record.database is None
    assert "hunter2" not in stored.path.read_text()


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--no-record"], 0),
        (["--collect-only"], 4),
        (["--help"], 0),
        (["--no-such-option"], 4),
        (["--strict", "--allow-partial"], 4),
        (["--environment=pro duction"], 4),
        (["--record-dir="], 4),
        (["--record-dir=here", "--no-record"], 4),
        (["--record-dir=pyproject.toml"], 4),
    ],
    ids=str,
)
def test_what_judges_nothing_leaves_no_record(
    judging: Judging, read: Read, options: list[str], status: int, scratch: Scratch
) -> None:
    assert judging(PASSES, *options).status == status
    assert read() == []
    assert not (scratch.directory / "here").exists()


def test_a_wrong_place_or_name_is_said_before_anything_is_judged(judging: Judging) -> None:
    judged = judging(PASSES, "--record-dir=pyproject.toml")
    assert "pyproject.toml: nothing can be written there: " in judged.last_line
    judged = judging(PASSES, "--environment=pro duction")
    assert "--environment=pro duction: want a name of letters, digits, dots, - and _" in judged.last_line


def test_a_key_that_is_none_is_said_before_anything_is_judged(
    judging: Judging, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "")
    judged = judging(PASSES)
    assert judged.status == 4
    assert f"{KEY} is empty" in judged.last_line
    assert read() == []


def test_a_go_that_cannot_be_recorded_stays_go_and_says_so(scratch: Scratch, judging: Judging) -> None:
    (scratch.directory / "reports").mkdir()
    (scratch.directory / "reports" / "records").write_text("no directory")
    judged = judging(PASSES)
    assert judged.status == 0
    # What is said on the other stream comes behind all of the first one here.
    assert "\nGO: 1 of 1 plan checks passed" in judged.output
    assert "no record was left in " in judged.last_line
    assert "/reports/records (File exists): the deployment plan will not know what this run found" in judged.last_line


def test_the_named_directory_and_the_key_are_used(
    scratch: Scratch, judging: Judging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "a key of some length")
    monkeypatch.setenv("POSTMIGRATION_RECORD_DIR", "kept/here")
    judging(PASSES)
    (stored,) = read_records([scratch.directory / "kept" / "here"], b"a key of some length").stored
    assert stored.record.report == "../../reports/validation.html"
    assert (stored.path.parent / stored.record.report).is_file()
    assert "a key of some length" not in stored.path.read_text()


@pytest.mark.full
def test_a_demonstration_is_of_development_and_says_what_it_is(scratch: Scratch, read: Read) -> None:
    assert scratch.judge(PASSES, "--world-size=2").status == 0
    (stored,) = read()
    assert (stored.record.environment, stored.record.demonstration) == ("development", True)
    assert isinstance(stored.record, Record)
    assert json.loads(stored.path.read_text())["demonstration"] is True
