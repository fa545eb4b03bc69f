"""What is too long for a page is a file beside it, that a spreadsheet reads as text."""

import csv
from pathlib import Path

from postmigration.model.evidence import Finding
from postmigration.report.formats.as_csv import MOST_FINDINGS, list_files, write
from postmigration.report.validation import Validation
from selftest.unit.results import make_result, make_validation

LONG = Finding("wrong", 3, 9, ("id", "=x"), (("1", "=cmd()"), ("-2.5", "@a"), ("3", "ä\nb")))
SHORT = Finding("wrong", 2, 9, ("id",), (("1",), ("2",)))


def _make() -> Validation:
    many = make_result("failed", 2, *[SHORT] * (MOST_FINDINGS + 1))
    return make_validation([make_result("failed", 1, SHORT, LONG), many], evidence_rows=2)


def test_only_what_is_too_long_has_a_file(tmp_path: Path) -> None:
    listed = list_files(_make(), tmp_path / "evidence")
    assert listed.rows == {("tests/test_rows.py::test_1", 1): "evidence/check-01-2.csv"}
    assert listed.findings == {"tests/test_rows.py::test_2": "evidence/check-02-findings.csv"}
    assert list(tmp_path.iterdir()) == []


def test_no_spreadsheet_runs_what_a_database_holds(tmp_path: Path) -> None:
    assert write(_make(), tmp_path / "evidence") == list_files(_make(), tmp_path / "evidence")
    with (tmp_path / "evidence" / "check-01-2.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["id", "'=x"], ["1", "'=cmd()"], ["-2.5", "'@a"], ["3", "ä\nb"]]
    with (tmp_path / "evidence" / "check-02-findings.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["severity", "wrong", "examined", "statement", "before the migration"]
    assert rows == [["blocker", "2", "9", "wrong", ""]] * (MOST_FINDINGS + 1)


def test_without_anything_to_write_there_is_no_directory(tmp_path: Path) -> None:
    write(make_validation([make_result("failed", 1, SHORT)]), tmp_path / "evidence")
    assert not (tmp_path / "evidence").exists()
