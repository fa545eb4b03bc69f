"""Where the files of a migration tool lie, and how they are read without being run."""

import ast
from pathlib import Path

import pytest

from postmigration.checks.migration_files.files import (
    display,
    evaluate,
    list_files,
    list_places,
    list_texts,
    parse,
    walk,
)
from postmigration.checks.migration_files.prisma import Prisma
from postmigration.model.errors import CannotJudge
from selftest.unit.checks.migration_files.writing import write


def test_places_by_convention_are_found_once(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "again").symlink_to(tmp_path / "db")
    (tmp_path / "file").touch()
    assert [path.name for path in list_places(tmp_path, ("db", "again", "file", "absent"))] in (["db"], ["again"])


def test_files_are_listed_by_name_and_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/2.sql": "", "b/1.sql": "", "b/3.txt": ""})
    found = list_files([tmp_path / "a", tmp_path / "b", tmp_path / "a"], "*.sql")
    assert [path.name for path in found] == ["1.sql", "2.sql"]


def test_what_others_wrote_is_not_walked(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "app/migrations/1.py": "",
            "node_modules/app/1.py": "",
            ".git/app/1.py": "",
            "environment/pyvenv.cfg": "",
            "environment/lib/1.py": "",
            "1/2/3/4/5/6/1.py": "",
        },
    )
    near = {str(path.relative_to(tmp_path)) for path in walk(tmp_path, named=False)}
    assert near == {".", "app", "app/migrations", "1", "1/2", "1/2/3", "1/2/3/4"}
    assert {str(path.relative_to(tmp_path)) for path in walk(tmp_path, named=True)} == {
        *near,
        "1/2/3/4/5",
        "1/2/3/4/5/6",
    }


def test_a_name_that_a_user_gives_counts_without_a_convention(tmp_path: Path) -> None:
    write(tmp_path, {"1_first/migration.sql": "SELECT 1;"})
    assert Prisma.find(tmp_path, named=False) == []
    assert Prisma.find(tmp_path, named=True) == [tmp_path]
    write(tmp_path, {"prisma/migrations/1_first/migration.sql": "SELECT 1;"})
    assert Prisma.find(tmp_path, named=True) == [tmp_path / "prisma" / "migrations"]


def test_python_is_read_and_not_run(tmp_path: Path) -> None:
    write(tmp_path, {"1.py": "names = ['a', 'b']\nraise SystemExit", "2.py": "x = 1\nif"})
    (node, _) = parse(tmp_path / "1.py").body
    assert isinstance(node, ast.Assign)
    assert evaluate(node.value, "names", tmp_path / "1.py") == ["a", "b"]
    with pytest.raises(CannotJudge, match=r"2\.py, line 2: this is no Python that can be read"):
        parse(tmp_path / "2.py")


def test_what_is_no_literal_is_refused(tmp_path: Path) -> None:
    value = ast.parse("replaces = list_them()").body[0]
    assert isinstance(value, ast.Assign)
    with pytest.raises(CannotJudge, match=r"1\.py, line 1: replaces is no literal, and .* never run"):
        evaluate(value.value, "replaces", tmp_path / "1.py")


@pytest.mark.parametrize(
    ("value", "texts"), [("a", ("a",)), (["a", "b"], ("a", "b")), (("a",), ("a",)), (None, ()), (7, ())]
)
def test_one_text_or_several_are_a_tuple(value: object, texts: tuple[str, ...]) -> None:
    assert list_texts(value) == texts


def test_a_name_is_shown_on_one_line() -> None:
    assert [display("1_first"), display("two\nlines"), display("")] == ["1_first", "two\\nlines", "''"]
