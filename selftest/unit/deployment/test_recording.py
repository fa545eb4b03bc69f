"""A run's record is put together while it runs, and written once, bound to what it was of."""

import hashlib
from pathlib import Path

import pytest

from postmigration.deployment.recording import begin_recording
from postmigration.deployment.records.store import KEY, read_records
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from selftest.deployment.records import check


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY, raising=False)


def test_what_is_known_at_the_end_is_in_the_record(tmp_path: Path) -> None:
    records = tmp_path / "records"
    script = tmp_path / "1.sql"
    script.write_text("SELECT 1")
    (tmp_path / "before.dump").write_text("rows")
    recording = begin_recording("gate", tmp_path, records, "staging")
    assert [path.suffix for path in records.iterdir()] == [".begun"]
    recording.bind(Migration("shop", scripts=(script,)))
    recording.bind_backup([tmp_path / "before.dump"])
    recording.conclude("GO: 3 of 3 plan checks passed: \x1b[1mall")
    recording.checks = [check(1)]
    recording.page = tmp_path / "validation.html"
    recording.page.write_text("report")
    assert recording.end(0) == ""
    assert recording.end(3, "ERROR", "later") == ""
    (stored,) = read_records([records]).stored
    record = stored.record
    assert (record.command, record.environment, record.status) == ("gate", "staging", 0)
    assert (record.word, record.sentence) == ("GO", "3 of 3 plan checks passed: \\x1b[1mall")
    assert [file.name for file in (*record.scripts, *record.backup)] == ["1.sql", "before.dump"]
    assert record.report == "../validation.html"
    assert record.report_sha256 == hashlib.sha256(b"report").hexdigest()
    # The mark that it has begun is gone.
    assert [path.suffix for path in records.iterdir()] == [".json"]


def test_a_project_without_its_scripts_is_recorded_without_them(tmp_path: Path) -> None:
    recording = begin_recording("gate", tmp_path, tmp_path / "records")
    recording.bind(Migration("shop", scripts=(tmp_path / "gone.sql",)))
    assert recording.scripts == ()
    assert "gone.sql cannot be read" in recording.facts["scripts"]


def test_scripts_that_no_project_declares_are_bound_too(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    recording = begin_recording("rehearse", tmp_path, tmp_path / "records")
    recording.bind_files([tmp_path / "a.sql"])
    assert [(file.name, file.sha256) for file in recording.scripts] == [
        ("a.sql", hashlib.sha256(b"SELECT 1").hexdigest())
    ]


@pytest.mark.parametrize("in_project", [True, False])
def test_scripts_that_change_while_they_are_tried_are_refused(tmp_path: Path, in_project: bool) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1")
    recording = begin_recording("rehearse", tmp_path, tmp_path / "records")
    recording.refuse_changed_scripts()
    if in_project:
        recording.bind(Migration("shop", scripts=(tmp_path / "a.sql",)))
    else:
        recording.bind_files([tmp_path / "a.sql"])
    recording.refuse_changed_scripts()
    (tmp_path / "a.sql").write_text("SELECT 2")
    with pytest.raises(CannotJudge, match=r"changed while they were tried: a\.sql changed since"):
        recording.refuse_changed_scripts()


def test_a_demonstration_is_of_development_and_a_run_may_leave_no_record(tmp_path: Path) -> None:
    shown = begin_recording("gate", tmp_path, tmp_path / "shown")
    shown.demonstration = True
    shown.end(1, "NO-GO", "a check failed")
    (stored,) = read_records([tmp_path / "shown"]).stored
    assert (stored.record.environment, stored.record.word) == ("development", "NO-GO")
    unwanted = begin_recording("fingerprint", tmp_path, tmp_path / "none")
    unwanted.wanted = False
    unwanted.bind_backup([tmp_path / "gone"])
    assert unwanted.end(0) == ""
    assert list((tmp_path / "none").iterdir()) == []


def test_a_report_that_a_link_cannot_name_is_not_led_to(tmp_path: Path) -> None:
    recording = begin_recording("check", tmp_path, tmp_path / "records")
    recording.page = tmp_path / "a\\b.html"
    recording.page.write_text("report")
    recording.end(4)
    (stored,) = read_records([tmp_path / "records"]).stored
    assert (stored.record.report, stored.record.report_sha256) == ("", "")


def test_where_nothing_can_be_written_is_said_at_once_if_a_user_named_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match=r"^--record-dir=.*/file/x: nothing can be written there: Not a directory$"):
        begin_recording("gate", tmp_path, tmp_path / "file" / "x", named=True)
    recording = begin_recording("gate", tmp_path, tmp_path / "file" / "x")
    assert recording.end(0, "GO", "all").startswith(f"no record was left in {tmp_path}/file/x (Not a directory): ")


def test_an_environment_has_a_name(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"^--environment=\.\./x: want a name of letters, digits, dots, - and _"):
        begin_recording("gate", tmp_path, tmp_path, "../x")
