import pytest

from postmigration.diff.row_diff import GROWTH, SHRINKAGE, Sides, calibration, count_buckets, method
from postmigration.diff.row_sets import Bucket, RowSet
from postmigration.model.comparison import RowComparison
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def sides(open_snapshot: OpenSnapshot) -> tuple[Snapshot, Snapshot]:
    return open_snapshot(), open_snapshot()


def rows(values: str, **marks: str) -> RowSet:
    return RowSet(f"SELECT * FROM (VALUES {values}) v(id, note)", ("id", "note"), 1, marks)


def test_every_kind_of_difference_is_counted_and_shown(sides: tuple[Snapshot, Snapshot]) -> None:
    want, have = rows("(1, 'a'), (2, 'b '), (3, 'c')"), rows("(2, 'b'), (3, 'c'), (4, 'd')")
    found = Sides(*sides, want, have).compare(keep=5)
    assert (found.want_rows, found.have_rows, found.wrong) == (3, 3, 3)
    assert found.counts == {"missing": 1, "extra": 1, "changed": 1}
    assert {(d.kind, d.key) for d in found.differences} == {("missing", ("1",)), ("changed", ("2",)), ("extra", ("4",))}
    (column,) = found.columns
    assert (column.name, column.rows, column.nulls, column.damage) == ("note", 1, 0, "trimmed")
    assert Sides(*sides, want, want).compare(keep=5).wrong == 0


def test_no_more_differences_are_given_than_are_kept(sides: tuple[Snapshot, Snapshot]) -> None:
    found = Sides(*sides, rows("(1, 'a'), (2, 'b'), (3, 'c')"), rows("(9, 'z')")).compare(keep=2, ignore=["extra"])
    assert (found.counts["missing"], found.counts["extra"], len(found.differences)) == (3, 0, 2)


def test_in_how_many_rows_each_column_differs_is_counted_in_all_of_them(sides: tuple[Snapshot, Snapshot]) -> None:
    want, have = (
        RowSet(f"SELECT i AS id, {a} AS a, {b} AS b FROM generate_series(1, 300) AS g(i)", ("id", "a", "b"), 1)
        for a, b in (("'x'", "i"), ("NULL::text", "CASE WHEN i > 250 THEN -i ELSE i END"))
    )
    found = Sides(*sides, want, have).compare(keep=1)
    assert [(column.name, column.rows, column.nulls) for column in found.columns] == [("a", 300, 300), ("b", 50, 0)]
    assert found.counted == 300


def test_marked_rows_may_come_and_go_but_not_change(sides: tuple[Snapshot, Snapshot]) -> None:
    want = rows("(1, 'a'), (2, 'b')", **{SHRINKAGE: "q.id = 1"})
    have = rows("(2, 'x'), (3, 'c')", **{GROWTH: "q.id >= 2"})
    found = Sides(*sides, want, have).compare(keep=5)
    assert (found.grown, found.marked) == (1, {SHRINKAGE: 1})
    assert found.counts == {"missing": 0, "extra": 0, "changed": 1}


def test_two_queries_say_by_their_columns_what_is_excused(sides: tuple[Snapshot, Snapshot]) -> None:
    comparison = RowComparison(
        "SELECT 1 AS id, 'a' AS note, false AS waived UNION ALL SELECT 2, 'b', true",
        "SELECT 1 AS id, 'x' AS note, true AS settled, false AS grown, false AS fresh, false AS waived UNION ALL "
        "SELECT 2, 'y', true, false, false, true UNION ALL SELECT 3, 'c', false, false, false, false UNION ALL "
        "SELECT 4, 'd', true, true, true, false",
        ("id", "note"),
        settled="settled",
        growth="grown",
        new="fresh",
    )
    of_queries = Sides.of(*sides, comparison, accepted=["waived"])
    assert of_queries.impersonal == {"id"}
    found = of_queries.compare(keep=5)
    assert (found.grown, found.marked) == (1, {"since": 1, "waived": 1})
    assert [d.key for d in found.differences] == [("1",)]


def test_two_servers_that_agree_on_known_values_hash_alike(sides: tuple[Snapshot, Snapshot]) -> None:
    assert method(*sides) == "native"
    assert calibration(sides[0]) == calibration(sides[1])
    assert calibration(sides[0]).startswith("UTF8 ")


def test_the_buckets_of_a_side_are_counted(sides: tuple[Snapshot, Snapshot]) -> None:
    both = Sides(*sides, rows("(1, 'a'), (2, 'b')"), rows("(2, 'b'), (1, 'a')"))
    counted = [
        count_buckets(side, of_side, both.hashing, 1, {}) for side, of_side in zip(sides, both.row_sets, strict=True)
    ]
    assert counted[0] == counted[1] == {0: Bucket(2, 0, counted[0][0].total)}
