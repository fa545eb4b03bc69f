"""The files of a report stand side by side, are replaced at once, and are written by one run at a time."""

import os
from pathlib import Path

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.report.places import Claim, choose, clear, replace


def test_all_files_stand_beside_the_page() -> None:
    files = choose(Path("/r/validation.html"), Path("/x/junit.xml"))
    assert [str(path) for path in files] == [
        "/r/validation.html",
        "/x/junit.xml",
        "/r/validation.json",
        "/r/summary.md",
        "/r/evidence",
    ]
    other = choose(Path("/r/shop.html"), Path("/r/shop.xml"))
    assert (other.summary.name, other.evidence.name) == ("shop.md", "shop-evidence")
    with pytest.raises(CannotJudge, match=r"^--html=/r/a\.html and --junit-xml=/r/a\.json would overwrite each other$"):
        choose(Path("/r/a.html"), Path("/r/a.json"))


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("check-01-1.csv", False),
        ("repair-1.sql", False),
        ("repair-1-ours.sql", True),
        ("Mine.csv", True),
        ("notes.txt", True),
    ],
)
def test_evidence_is_deleted_unless_somebody_else_keeps_files_there(tmp_path: Path, name: str, left: bool) -> None:
    evidence = tmp_path / "evidence"
    clear(evidence)
    evidence.mkdir()
    (evidence / name).write_text("")
    clear(evidence)
    assert evidence.exists() is left


def test_a_page_and_what_belongs_to_it_are_replaced(tmp_path: Path) -> None:
    texts = {tmp_path / "deep" / "a.html": "page", tmp_path / "deep" / "a.json": "{}"}
    replace(texts, "GO")
    assert {path: path.read_text() for path in (tmp_path / "deep").iterdir()} == texts


def test_a_page_that_cannot_be_written_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        CannotJudge, match=r"cannot be written to .*/a\.html \(.*\), name another with --html; .*: NO-GO$"
    ):
        replace({tmp_path / "file" / "a.html": ""}, "NO-GO")


def test_one_run_writes_a_report_at_a_time(tmp_path: Path) -> None:
    claim = Claim(tmp_path / "validation.html")
    with pytest.raises(
        CannotJudge, match=rf"^another run \(process {os.getpid()}\) writes .*: --html names another place$"
    ):
        Claim(tmp_path / "validation.xml")
    Claim(tmp_path / "other.html").release()
    claim.release()
    Claim(tmp_path / "validation.html").release()
    assert list(tmp_path.iterdir()) == []
