"""Each command that establishes something leaves a record of it, whatever it comes to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.deployment.records.record import Record
from postmigration.deployment.records.store import read_records
from postmigration.gate.commands import cli, workload
from selftest.conftest import ROOT
from selftest.servers import Servers

Read = Callable[[], list[Record]]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Reads the records of commands that are run in an empty directory."""
    monkeypatch.delenv("POSTMIGRATION_RECORD_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    records = tmp_path / "reports" / "records"
    return lambda: [stored.record for stored in read_records([records]).stored] if records.exists() else []


@pytest.fixture
def legacy(servers: Servers) -> str:
    return f"--db-url={servers.world(18).conninfo('legacy')}"


def test_a_fingerprint_is_of_a_database_and_of_a_file(legacy: str, read: Read, tmp_path: Path) -> None:
    assert cli.main(["fingerprint", legacy, "-o", "before.fingerprint", "--environment=production"]) == 0
    (record,) = read()
    assert (record.command, record.environment, record.word, record.status) == (
        *("fingerprint", "production", "WRITTEN"),
        0,
    )
    assert record.sentence.startswith("before.fingerprint: ")
    assert record.database is not None
    assert record.database.label.endswith("/legacy")
    (file,) = record.backup
    assert file.sha256 == hashlib.sha256((tmp_path / "before.fingerprint").read_bytes()).hexdigest()
    assert record.scripts == ()


def test_in_a_project_it_is_of_its_scripts_and_of_its_commit(
    legacy: str, read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    records = f"--record-dir={tmp_path / 'reports' / 'records'}"
    assert cli.main(["fingerprint", legacy, "-o", str(tmp_path / "f"), records]) == 0
    (record,) = read()
    assert len(record.scripts) == 4
    assert len(record.commit.partition("+")[0]) == 40


@pytest.mark.parametrize(
    ("error", "status", "word", "words"),
    [
        (KeyboardInterrupt(), 2, "INTERRUPTED", "it was interrupted"),
        (BrokenPipeError(), 4, "ERROR", "nobody read what was found"),
        (OSError(28, "No space left on device"), 4, "ERROR", "what was found cannot be written: No space left"),
        (ValueError("secret"), 3, "ERROR", "an error of ours"),
    ],
    ids=["interrupted", "unread", "full", "broken"],
)
def test_whatever_ends_a_command_is_in_its_record(
    legacy: str,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    word: str,
    words: str,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(workload, "collect", fail)
    if status == 3:
        with pytest.raises(ValueError, match="secret"):
            cli.main(["workload", legacy])
    else:
        assert cli.main(["workload", legacy]) == status
    (record,) = read()
    assert (record.command, record.word, record.status) == ("workload", word, status)
    assert record.sentence.startswith(words)
    assert record.database is not None


def test_what_cannot_be_reached_is_in_it_without_its_password(read: Read) -> None:
    assert cli.main(["watch", "--db-url=postgresql://gate:hunter2@127.0.0.1:1/app"]) == 4
    (record,) = read()
    assert (record.command, record.word, record.status, record.database) == ("watch", "ERROR", 4, None)
    assert "hunter2" not in record.sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ["fingerprint", "--help"],
        ["fingerprint"],
        ["fingerprint", "-o", "f", "--no-such-option"],
        ["fingerprint", "-o", "f", "--environment=a b"],
        ["workload", "--no-record"],
        ["watch", "--once"],
        ["watch", "--record"],
        ["compare", "x", "y"],
    ],
    ids=" ".join,
)
def test_what_establishes_nothing_leaves_no_record(read: Read, arguments: list[str]) -> None:
    try:
        assert cli.main(arguments) == 4
    except SystemExit as end:
        assert not end.code  # noqa: PT017 # of --help
    assert read() == []


def test_a_record_that_cannot_be_left_is_said_and_ends_nothing(
    legacy: str, tmp_path: Path, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").write_text("no directory")
    assert cli.main(["fingerprint", legacy, "-o", "f"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"no record was left in {tmp_path}/reports/records (Not a directory): the deployment plan will not know what "
        "this run found; --record-dir names another directory"
    ]
    assert cli.main(["fingerprint", legacy, "-o", "g", "--record-dir=reports/x"]) == 4
    assert not (tmp_path / "g").exists()
    assert capsys.readouterr().err.splitlines() == [
        f"ERROR: --record-dir={tmp_path}/reports/x: nothing can be written there: Not a directory"
    ]
