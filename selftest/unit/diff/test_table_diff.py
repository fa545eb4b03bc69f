from collections.abc import Callable

import pytest

from postmigration.diff.scope import Relation
from postmigration.diff.table_diff import TableComparison, diff_table, diff_tables, diff_with_fingerprint
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.fingerprints import take_whole
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE stay (id int PRIMARY KEY, note text, day date, fax text);
    INSERT INTO stay VALUES (1, 'a', '2025-01-01'), (2, 'b', '2025-01-02');
    CREATE TABLE lost (id int); INSERT INTO lost VALUES (1), (2);
    CREATE TABLE same (id int); INSERT INTO same VALUES (1), (1);
"""
AFTER = """
    CREATE TABLE stay (id int PRIMARY KEY, note text, day text, state text);
    INSERT INTO stay VALUES (1, 'a', '2025-01-01'), (2, 'x', '2025-01-02');
    CREATE TABLE came (id int);
    CREATE TABLE same (id int); INSERT INTO same VALUES (1), (1);
"""
Diff = Callable[[str], TableComparison]


@pytest.fixture(scope="module")
def sides(open_snapshot: OpenSnapshot) -> tuple[Snapshot, Snapshot]:
    return open_snapshot(BEFORE), open_snapshot(AFTER)


@pytest.fixture
def diff(sides: tuple[Snapshot, Snapshot]) -> Diff:
    return lambda name: diff_table(*sides, *(catalog.table(side, name) for side in sides), keep=5)


def test_a_table_is_compared_in_the_columns_of_both_sides(diff: Diff) -> None:
    found = diff("stay")
    assert found.rows is not None
    assert [(d.kind, d.key) for d in found.rows.differences] == [("changed", ("2",))]
    assert (found.columns, found.key, found.plain) == (("id", "note", "day"), ("id",), frozenset({"id"}))
    assert found.problems == ("column fax is missing", "column state is extra")
    assert found.notes == ("column day was date and is text: compared as text",)
    assert not found.equal


def test_a_table_without_a_key_is_compared_in_all_columns(diff: Diff) -> None:
    found = diff("same")
    assert (found.equal, found.key) == (True, ("id",))


def test_a_table_of_one_side_differs_in_all_its_rows(diff: Diff) -> None:
    lost, came = diff("lost"), diff("came")
    assert (lost.problems, came.problems) == (("the table is missing",), ("the table is extra",))
    assert lost.rows is not None
    assert came.rows is not None
    assert (lost.rows.want_rows, lost.rows.have_rows, lost.rows.counts["missing"]) == (2, 0, 2)
    assert (came.equal, came.rows.wrong) == (False, 0)


def test_what_cannot_be_read_says_why(open_snapshot: OpenSnapshot, sides: tuple[Snapshot, Snapshot]) -> None:
    broken = open_snapshot("CREATE TABLE real (id int); CREATE VIEW same AS SELECT 1 / (id - id) AS id FROM real")
    table = catalog.table(sides[0], "same")
    with_rows = open_snapshot("CREATE VIEW same AS SELECT 1 / (id - id) AS id FROM generate_series(1, 2) AS g(id)")
    assert diff_table(sides[0], with_rows, table, table, keep=5).reason == "division by zero (SQLSTATE 22012)"
    assert not diff_table(sides[0], broken, table, table, keep=5).reason


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_largest_tables_are_compared_first(
    sides: tuple[Snapshot, Snapshot], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side in sides:
        monkeypatch.setattr(side.database, "limits", Limits(jobs=jobs))
    names = [Relation("same", 1, ""), Relation("stay", 9, ""), Relation("lost", 5, "")]
    found = list(diff_tables(*sides, names, keep=5))
    assert [each.table for each in found] == ["stay", "lost", "same"]


def test_a_table_is_compared_with_its_fingerprint(sides: tuple[Snapshot, Snapshot]) -> None:
    taken = take_whole(sides[0])
    names = [Relation(name, 1, "") for name in ("stay", "same", "came")]
    stay, same, came = diff_with_fingerprint(sides[1], taken, names, keep=5)
    assert stay.reason
    assert same.equal
    assert came.problems == ("the table is extra",)
    (changed,) = diff_with_fingerprint(sides[0], taken, names[:1], keep=5)
    assert changed.equal
