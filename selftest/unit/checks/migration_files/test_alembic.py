"""Revisions of Alembic, which name the ones before them."""

from pathlib import Path

import pytest

from postmigration.checks.migration_files.alembic import Alembic, Revision
from postmigration.model.errors import CannotJudge
from selftest.unit.checks.migration_files.writing import apply, write

FILES = {
    "versions/1.py": "revision = 'a1'\ndown_revision = None\n",
    "versions/2.py": "revision: str = 'b2'\ndown_revision: str | None = 'a1'\n",
    "versions/3.py": "revision, down_revision = 'c3', ('b2',)\nbranch_labels = 'shop'\n",
    "versions/4.py": "revision = 'd4'\ndown_revision = 'a1'\ndepends_on = 'shop'\n",
    "versions/helpers.py": "revision = 'no migration'\n",
}


def test_revisions_are_read_and_never_run(tmp_path: Path) -> None:
    write(tmp_path, {**FILES, "versions/2.py": FILES["versions/2.py"] + "raise SystemExit('it was run')\n"})
    places = Alembic.find(tmp_path, named=False)
    assert places == [tmp_path / "versions"]
    files = Alembic(places, named=False)
    assert files.count == 4
    assert files.revisions["c3"] == Revision("c3", ("b2",), (), ("shop",))
    assert files.revisions["d4"] == Revision("d4", ("a1",), ("shop",), ())


@pytest.mark.parametrize(
    ("heads", "pending"),
    [
        ((), ["a1", "b2", "c3", "d4"]),
        (("b2",), ["c3", "d4"]),
        # What a revision depends on was applied, too.
        (("d4",), []),
    ],
    ids=["nothing", "one", "all"],
)
def test_a_head_stands_for_all_before_it(tmp_path: Path, heads: tuple[str, ...], pending: list[str]) -> None:
    found = Alembic([write(tmp_path, FILES) / "versions"], named=True).compare(apply(*heads))
    assert (found.pending, found.unknown, found.lost) == (pending, [], [])


def test_what_a_revision_needs_may_be_named_by_its_beginning(tmp_path: Path) -> None:
    files = {"1.py": "revision = 'b2'\ndown_revision = None\n"}
    write(tmp_path, {**files, "2.py": "revision = 'c3'\ndown_revision = None\ndepends_on = 'b'\n"})
    assert Alembic([tmp_path], named=True).compare(apply("c3")).pending == []


def test_a_head_without_a_file_is_unknown(tmp_path: Path) -> None:
    found = Alembic([write(tmp_path, FILES) / "versions"], named=True).compare(apply("e5"))
    assert (found.unknown, found.pending) == (["e5"], [])
    assert found.notes == ["which revisions are pending is not told: it depends on those that have no file"]


def test_a_revision_that_others_name_may_be_lost(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "versions/2.py"}
    assert Alembic([write(tmp_path, files) / "versions"], named=True).compare(apply("c3")).lost == ["b2"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alembic.ini", "[alembic]\nscript_location = %(here)s/database\n"),
        ("alembic.ini", "[alembic]\nversion_locations = database/versions other\n"),
        ("pyproject.toml", "[tool.alembic]\nscript_location = 'database'\n"),
    ],
    ids=["script_location", "version_locations", "pyproject"],
)
def test_a_configuration_says_where_revisions_lie(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text, "database/versions/1.py": FILES["versions/1.py"], **FILES})
    assert [place.resolve() for place in Alembic.find(tmp_path, named=False)] == [tmp_path / "database" / "versions"]


def test_revisions_before_each_other_have_no_order(tmp_path: Path) -> None:
    write(tmp_path, {"1.py": "revision = 'a'\ndown_revision = 'b'\n", "2.py": "revision = 'b'\ndown_revision = 'a'\n"})
    with pytest.raises(CannotJudge, match="revisions of Alembic come before each other: "):
        Alembic([tmp_path], named=True).compare([])


def test_a_configuration_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path, {"alembic.ini": "script_location\n"})
    with pytest.raises(CannotJudge, match=r"the configuration of Alembic in .* cannot be read"):
        Alembic.find(tmp_path, named=False)
