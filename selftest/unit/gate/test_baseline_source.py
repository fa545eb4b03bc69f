"""What a user names as the state before is a database, the files of a backup, or a fingerprint."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.gate.baseline_source import is_address, locate
from postmigration.model.errors import CannotJudge


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("postgresql://judge@h/x", True),
        ("dbname=x", True),
        ("judge@h", True),
        ("shop", True),
        ("", True),
        ("before.dump", False),
        ("backups/shop", False),
    ],
)
def test_an_address_is_told_from_a_file(
    text: str, address: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_address(text) is address


def test_a_file_that_is_there_is_one_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("day=1").write_text("")
    assert not is_address("day=1")


def test_a_database_is_named_by_its_address() -> None:
    with ExitStack() as cleanup:
        assert locate([], cleanup) is None
        found = locate(["postgresql://judge@h/x"], cleanup)
    assert found is not None
    assert conninfo_to_dict(found.conninfo)["host"] == "h"
    assert (found.restored, found.fingerprint, found.place) == (False, "", "")
    assert "judge" not in repr(found)


def test_a_fingerprint_is_named_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "before.json"
    file.write_text('{"postmigration fingerprint": 4}')
    with ExitStack() as cleanup:
        found = locate([str(file)], cleanup)
        assert found is not None
        assert (found.fingerprint, found.conninfo) == (str(file), "")
        with pytest.raises(CannotJudge, match=r"^BEFORE is given 2 times with a fingerprint: name"):
            locate([str(file), str(file)], cleanup, option="BEFORE")


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        (["gone.dump"], r"^--baseline: no such file: gone\.dump \(want a URL like "),
        (["postgresql://h/x", "gone.dump"], r"^--baseline may be repeated for the files of one backup only"),
        (["mysql://h/x"], "^--baseline is not a PostgreSQL URL"),
    ],
)
def test_what_cannot_be_meant_is_said(
    named: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as cleanup, pytest.raises(CannotJudge, match=reason):
        locate(named, cleanup)


def test_a_base_backup_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    (tmp_path / "global").mkdir()
    (tmp_path / "global" / "pg_control").write_text("")
    with ExitStack() as cleanup, pytest.raises(CannotJudge, match=r"^--baseline is given 2 times with a base backup"):
        locate([f"{tmp_path}#app", "more.dump"], cleanup)
