from typing import Any

import pytest

from postmigration.diff.expected_rows import describe_growth, expectation, is_free, list_value_changes
from postmigration.model.changes import Change, DerivedValue, Grows, HistoryTable, MayChange
from postmigration.model.migration import Conventions, Migration
from postmigration.postgres.catalog import Column, Index, Table
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

COLUMNS = {
    name: Column(name, type_, name != "id", None)
    for name, type_ in [("id", "integer"), ("note", "text"), ("made", "timestamp with time zone")]
}
KEY = Index("stay_pkey", ("id",), True, True, "btree", True, None)
STAY = Table("stay", COLUMNS, (KEY,), (), (), row_security=False)
DERIVED = DerivedValue(table="stay", column="note", value="upper(r.note)", where="r.id = 1")
FREE = MayChange(table="stay", column="made")
SOME = MayChange(table="stay", column="note", where="r.id = 2", after="t.id = 2")
MIGRATION = Migration(
    "shop", changes=[DERIVED, SOME, Grows(table="stay", where="t.id > 2")], conventions=Conventions(created=["made"])
)


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("""
        CREATE TABLE stay (id int PRIMARY KEY, note text, made timestamptz);
        INSERT INTO stay VALUES (1, 'a', '2025-01-01'), (2, 'b', '2025-01-02'), (3, 'c', '2025-01-03');
    """)


def test_without_changes_a_table_must_hold_what_it_held(snapshot: Snapshot) -> None:
    expected = expectation(None, STAY, "public")
    assert (expected.columns, expected.key, expected.free, expected.application) == (tuple(COLUMNS), 1, (), False)
    assert len(snapshot.rows(expected.want)) == 3
    held = snapshot.rows(expected.have, cutover="infinity", newest="infinity")
    assert {(row.postmigration_settled, row.postmigration_growth) for row in held} == {(True, False)}


def test_values_that_are_declared_stand_where_the_old_ones_were(snapshot: Snapshot) -> None:
    expected = expectation(MIGRATION, STAY, "public")
    assert expected.application
    assert [row.note for row in snapshot.rows(f"{expected.want} ORDER BY 1")] == ["A", None, "c"]
    parameters: dict[str, Any] = {"cutover": "infinity", "newest": "2025-01-02"}
    held = snapshot.rows(f"{expected.have} ORDER BY 1", **parameters)
    # Of the second any value may stand there; the third is made after those of before, and may be new.
    assert [row.note for row in held] == ["a", None, "c"]
    assert [row.postmigration_growth for row in held] == [False, False, True]
    assert [row.postmigration_new for row in held] == [False, False, True]
    assert snapshot.scalar(expected.newest).startswith("2025-01-03")


def test_what_came_after_the_cut_over_is_not_settled(snapshot: Snapshot) -> None:
    expected = expectation(MIGRATION, STAY, "public", {"waived": "id = 1"})
    held = snapshot.rows(f"{expected.have} ORDER BY 1", cutover="2025-01-02", newest="2025-01-02")
    assert [row.postmigration_settled for row in held] == [True, True, False]
    assert [row.waived for row in held] == [True, False, False]
    rows = expected.comparison
    assert (rows.want, rows.have, rows.columns, rows.key) == (expected.want, expected.have, expected.columns, 1)
    assert (rows.settled, rows.newest) == ("postmigration_settled", expected.newest)


def test_a_column_that_may_hold_anything_is_not_compared() -> None:
    expected = expectation(Migration("shop", changes=[FREE]), STAY, "public")
    assert (expected.columns, expected.free) == (("id", "note"), ("made",))
    assert [is_free(change) for change in (FREE, SOME, DERIVED)] == [True, False, False]


def test_a_query_of_the_project_may_stand_for_the_rows_of_before(snapshot: Snapshot) -> None:
    migration = Migration("shop", before={"stay": "SELECT 9 AS id, 'z' AS note, now() AS made"})
    expected = expectation(migration, STAY, "public")
    assert [(row.id, row.note) for row in snapshot.rows(expected.want)] == [(9, "z")]


def test_changes_are_of_their_table() -> None:
    changes: list[Change] = [DERIVED, SOME, DerivedValue(table="room", column="beds", value="2"), Grows(table="room")]
    migration = Migration("shop", changes=[*changes, Grows(table="stay", where="t.id > 2"), HistoryTable(table="stay")])
    assert list_value_changes(migration, "stay") == [DERIVED, SOME]
    assert describe_growth(migration, "stay") == "(t.id > 2) OR (true)"
    assert describe_growth(migration, "guest") == "false"
