"""Which migration tools have files in a directory."""

from pathlib import Path

import pytest

from postmigration.checks.migration_files.find import find_files, refuse_none
from postmigration.model.errors import CannotJudge
from selftest.unit.checks.migration_files.writing import write

PRISMA = {"prisma/migrations/1_first/migration.sql": "SELECT 1;"}
FLYWAY = {"db/migration/V1__first.sql": "SELECT 1;"}


def test_the_files_of_one_tool_are_found_together(tmp_path: Path) -> None:
    for part in ("one", "two"):
        write(tmp_path / part, PRISMA)
    write(tmp_path / "two", FLYWAY)
    found = find_files([tmp_path / "one", tmp_path / "two"], named=False)
    assert [(files.tool, len(files.places), files.count) for files in found] == [("Flyway", 1, 1), ("Prisma", 2, 1)]
    assert find_files([tmp_path], named=False) == []


def test_a_directory_that_is_named_holds_some(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"no migration file of a known tool is there \(looked for Alembic's "):
        refuse_none(tmp_path)
    refuse_none(write(tmp_path, PRISMA))


def test_the_files_of_one_tool_lie_in_one_place(tmp_path: Path) -> None:
    write(tmp_path, {**FLYWAY, "sql/V2__second.sql": "SELECT 2;"})
    with pytest.raises(CannotJudge, match=r"Flyway has files in .*/db/migration and .*/sql: name those that are meant"):
        refuse_none(tmp_path)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotJudge, match=r"absent: cannot be read: No such file or directory$"):
        find_files([tmp_path / "absent"], named=True)
