from collections.abc import Mapping

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.contents.tables import Name, read_tables
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_flows import Used
from postmigration.checks.rows.declared_use import DeclaredUse
from postmigration.checks.rows.plan import plan
from postmigration.diff.row_diff import Comparison
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneTable,
    Grows,
    Ignored,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RepointedReference,
    Shrinks,
)
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE booking (id int PRIMARY KEY, code text NOT NULL);
    INSERT INTO booking VALUES (1, 'a'), (2, 'b'), (3, 'b');
    CREATE TABLE payment (id int PRIMARY KEY, booking_id int, note text);
    INSERT INTO payment VALUES (7, 2, 'x'), (8, NULL, 'y');
"""
AFTER = """
    CREATE TABLE visit (id int PRIMARY KEY, code text);
    INSERT INTO visit VALUES (11, 'a'), (12, 'b'), (13, 'b');
    CREATE TABLE payment (id int PRIMARY KEY, booking_id int, note text, state text);
    INSERT INTO payment VALUES (7, 2, 'x'), (8, NULL, 'z');
    CREATE TABLE extra (id int PRIMARY KEY);
    INSERT INTO extra VALUES (1);
"""
MOVE = MovedRows(table="booking", to="visit", key={"code": "r.code"}, where="r.id < 3")


@pytest.fixture(scope="module")
def sides(open_snapshot: OpenSnapshot) -> tuple[Snapshot, Snapshot]:
    return open_snapshot(BEFORE), open_snapshot(AFTER)


def judge(
    sides: tuple[Snapshot, Snapshot], *changes: Change, compared: Mapping[Name, Comparison] | None = None
) -> Examination:
    found, declared = Examination(), Declared(changes)
    was, now = (read_tables(side, ["public"]) for side in sides)
    planned = plan(was, now, "UTC", declared)
    DeclaredUse(found, *sides, was, planned, declared, compared or {}, Used(), "UTC").judge()
    return found


def test_each_change_tells_of_how_many_rows_of_before_it_decides(sides: tuple[Snapshot, Snapshot]) -> None:
    derived = DerivedValue(table="payment", column="state", value="'paid'", where="r.booking_id > 5")
    point = RepointedReference(table="payment", column="booking_id", parent="booking", through="visit")
    found = judge(sides, GoneTable(table="booking"), NewTable(table="visit"), MOVE, derived, point)
    assert found.findings == []
    assert "moved_rows booking to visit: 2 rows" in found.notes
    assert "derived_value payment.state: 0 rows" in found.notes
    assert "repointed_reference payment.booking_id through visit: 1 row" in found.notes
    assert "gone_table booking: 1 row went with it" in found.notes


def test_rows_that_should_have_moved_to_a_table_that_is_not_there_are_a_finding(
    sides: tuple[Snapshot, Snapshot],
) -> None:
    found = judge(sides, MovedRows(table="booking", to="archive", key={"code": "r.code"}))
    words = "archive: there is no such table: moved_rows booking to archive did not happen"
    assert [finding.statement for finding in found.findings] == [words]


def test_a_new_table_holds_no_rows_that_nothing_explains(sides: tuple[Snapshot, Snapshot]) -> None:
    (finding,) = judge(sides, NewTable(table="extra")).findings
    assert finding.statement.startswith("extra: 1 row: it is declared as new, and neither moved_rows nor grows")
    assert judge(sides, NewTable(table="extra"), Grows(table="extra")).findings == []


def test_rows_under_new_ids_must_be_told_apart(sides: tuple[Snapshot, Snapshot]) -> None:
    ids = NewIds(table="visit", column="id", by=("code",))
    (finding,) = judge(sides, NewTable(table="visit"), MOVE, ids).findings
    assert finding.statement.startswith("visit: 2 rows are alike in code or lack it")
    known = judge(sides, NewIds(table="payment", column="id", by=("note",)))
    assert "new_ids payment.id: its rows are known by note" in known.notes


def test_permissions_tell_how_many_rows_used_them(sides: tuple[Snapshot, Snapshot]) -> None:
    changes = (
        MayChange(table="payment", column="note"),
        MayChange(table="payment", column="booking_id"),
        Grows(table="payment"),
        Shrinks(table="payment", where="true"),
    )
    compared = {("public", "payment"): Comparison(2, 2, {}, 1, {"shrinkage": 3}, ())}
    notes = judge(sides, *changes, compared=compared).notes
    assert "may_change payment.note: 1 row changed" in notes
    assert "may_change payment.booking_id: nothing used it" in notes
    assert "grows payment: 1 row is new" in notes
    assert "shrinks payment: 3 rows are gone" in notes


def test_what_is_not_compared_is_told(sides: tuple[Snapshot, Snapshot]) -> None:
    notes = judge(sides, Ignored(table="extra"), NewColumn(table="payment", column="state")).notes
    assert notes == [
        "rows not compared, as declared: extra",
        "payment: not compared, since no change says what they hold: state (filled in 0 of 2 rows)",
    ]


def test_a_table_went_though_its_values_became_rows(sides: tuple[Snapshot, Snapshot]) -> None:
    parts = MovedRows(table="booking", to="visit", key={"id": "unnest(ARRAY[r.id, r.id + 1])"})
    found = judge(sides, GoneTable(table="booking"), NewTable(table="visit"), parts)
    assert any(note.startswith("gone_table booking: 3 rows went with it") for note in found.notes), found.notes
