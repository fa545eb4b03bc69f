from pathlib import Path

import pytest

from postmigration.checks.workload import file
from postmigration.checks.workload.statements import Attempt, Plan, Refusal, Statement, Workload
from postmigration.diff.fingerprint_contents import WorkloadFingerprint
from postmigration.model.errors import CannotJudge, NotJudged

WORKLOAD = Workload(
    "shop on PostgreSQL 18",
    "2026-11-02 12:00:00+00",
    [
        Statement(
            "SELECT $1", "shop", 3, 1.5, 0.5, 3, Attempt("public", True, plan=Plan(2.5, {"stay": 1.0}, ["stay"]))
        ),
        Statement("SELECT wrong", "shop", before=Attempt(refused=Refusal("42703", "no such column", 8))),
    ],
    {"utility statements": 2},
)


def test_a_workload_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "workload.json"
    file.write(WORKLOAD, path)
    read = file.read(path)
    assert (read.database, read.taken_at, read.left_out) == (WORKLOAD.database, WORKLOAD.taken_at, WORKLOAD.left_out)
    first, second = read.statements
    assert (first.text, first.calls, first.mean) == ("SELECT $1", 3, 0.5)
    assert first.before is not None
    assert first.before.plan == Plan(2.5, {"stay": 1.0}, ["stay"])
    assert second.before is not None
    assert second.before.refused == Refusal("42703", "no such column", 8)


def test_a_workload_cannot_be_written_where_there_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"the workload cannot be written to .*No such file or directory"):
        file.write(WORKLOAD, tmp_path / "nowhere" / "workload.json")


REFUSED = {
    "": "No such file or directory",
    "{": "Input data was truncated",
    '{"postmigration_workload": 2, "workload": {"database": "", "taken_at": "", "statements": []}}': "format 2",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "workload.json"
    if text:
        path.write_text(text)
    with pytest.raises(CannotJudge, match=REFUSED[text]):
        file.read(path)


def test_a_fingerprint_keeps_a_workload() -> None:
    kept = file.put_into_fingerprint(WORKLOAD)
    assert [one.text for one in file.take_from_fingerprint(kept).statements] == ["SELECT $1", "SELECT wrong"]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (WorkloadFingerprint(reason="it was not installed"), r"holds no statements .*: it was not installed"),
        (WorkloadFingerprint({"postmigration_workload": 2}), r"in format 2, and this version reads 1"),
    ],
)
def test_a_fingerprint_without_a_workload_is_not_judged(held: WorkloadFingerprint, words: str) -> None:
    with pytest.raises(NotJudged, match=words):
        file.take_from_fingerprint(held)
