from collections.abc import Sequence
from dataclasses import replace

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.contents.tables import Column
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_fingerprint import DeclaredRows, list_declared, take_declared, write_now
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    Grows,
    Ignored,
    MovedRows,
    NewColumn,
    RenamedTable,
)
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE booking (id int PRIMARY KEY, code text NOT NULL, cents int);
    INSERT INTO booking VALUES (1, 'a', 100), (2, 'b', 250);
"""
AFTER = """
    CREATE TABLE stay (id int PRIMARY KEY, code text NOT NULL, cents int, euro numeric(8, 2));
    INSERT INTO stay VALUES (1, 'a', 100, 1), (2, 'b', 250, 2.5);
    CREATE TABLE visit (code text PRIMARY KEY);
    INSERT INTO visit VALUES ('a'), ('b'), ('c');
"""
RENAMED, NEW = RenamedTable(table="booking", to="stay"), NewColumn(table="stay", column="euro")
DERIVED = DerivedValue(table="booking", column="euro", value="r.cents / 100.0")
MOVE = MovedRows(table="booking", to="visit", key={"code": "r.code"})
EMPTY = Fingerprint("", "", "", "", "public", "native", "", "", {}, secret=5)


@pytest.fixture(scope="module")
def before(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(BEFORE)


@pytest.fixture(scope="module")
def after(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(AFTER)


def compare(after: Snapshot, taken: Fingerprint, changes: Sequence[Change], name: str) -> Examination:
    found = Examination()
    DeclaredRows(after, taken, Declared(changes), found, keep=5, show_values=False).compare(("public", name))
    return found


def test_tables_whose_rows_changes_concern_are_listed_by_their_names_now() -> None:
    changes: list[Change] = [
        RENAMED,
        MOVE,
        GoneColumn(table="fax", column="number"),
        NewColumn(table="unit", column="beds"),
    ]
    assert list_declared(Declared(changes)) == [("public", "fax"), ("public", "stay"), ("public", "visit")]
    assert list_declared(Declared([RENAMED, Ignored(table="booking")])) == []


def test_rows_that_became_what_was_declared_are_equal(before: Snapshot, after: Snapshot) -> None:
    changes: list[Change] = [RENAMED, NEW, DERIVED]
    taken = take_declared(before, ["public"], changes, EMPTY)
    (held,) = taken.declared
    assert (held.name, held.said, held.reason) == ("stay", ("euro",), "")
    assert held.rows is not None
    assert held.rows.rows == 2
    found = compare(after, taken, changes, "stay")
    assert (found.findings, found.unjudged, found.rows, found.tables) == ([], [], 2, 1)


def test_rows_that_became_others_are_found(before: Snapshot, after: Snapshot) -> None:
    taken = take_declared(before, ["public"], [MOVE], EMPTY)
    found = compare(after, taken, [MOVE], "visit")
    (finding,) = found.findings
    assert finding.statement.startswith("visit: rows differ from those that must have become of those of before")
    assert finding.rows[0][0].startswith("‹masked")


def test_a_table_that_did_not_come_is_a_finding(before: Snapshot, after: Snapshot) -> None:
    elsewhere = MovedRows(table="booking", to="archive", key={"code": "r.code"})
    found = compare(after, take_declared(before, ["public"], [elsewhere], EMPTY), [elsewhere], "archive")
    words = "archive: there is no such table: moved_rows booking to archive did not happen"
    assert [finding.statement for finding in found.findings] == [words]


def test_changes_other_than_those_it_was_taken_under_are_not_judged(before: Snapshot, after: Snapshot) -> None:
    taken = take_declared(before, ["public"], [MOVE], EMPTY)
    other = MovedRows(table="booking", to="visit", key={"code": "upper(r.code)"})
    (reason,) = compare(after, taken, [other], "visit").unjudged
    assert reason.startswith("visit: the changes are declared otherwise than when the fingerprint was taken")
    # A reason changes nothing.
    explained = MovedRows(table="booking", to="visit", key={"code": "r.code"}, reason="why")
    assert compare(after, taken, [explained], "visit").unjudged == []
    (reason,) = compare(after, EMPTY, [MOVE], "visit").unjudged
    assert reason.startswith("visit: what declared changes make of rows it was not taken for")


def test_what_a_fingerprint_cannot_tell_says_why(before: Snapshot) -> None:
    (held,) = take_declared(before, ["public"], [Grows(table="booking")], EMPTY).declared
    assert (held.rows, held.reason) == (None, "which rows grows booking is used for, it cannot tell")
    wrong = DerivedValue(table="booking", column="cents", value="r.nothing")
    (held,) = take_declared(before, ["public"], [wrong], EMPTY).declared
    assert "nothing" in held.reason


@pytest.mark.parametrize(
    ("hashed", "now", "said", "how"),
    [
        ("integer", "bigint", False, "{0}"),
        ("text", "text", True, "{0}"),
        ("integer", "text", True, "{0}"),
        ("text", "enum", True, "{0}"),
        ("text", "integer", True, None),
        ("numeric", "integer", True, None),
        ("jsonb", "json", False, None),
        ("character varying", "text", False, "({0})::text"),
    ],
)
def test_a_value_is_written_as_it_was_hashed_where_it_can_be(
    hashed: str, now: str, said: bool, how: str | None
) -> None:
    assert write_now(hashed, Column("value", now, False, "", now, now, 1), said=said) == how


def test_a_fingerprint_keeps_what_it_held(before: Snapshot) -> None:
    other = replace(EMPTY, database="shop")
    assert replace(take_declared(before, ["public"], [MOVE], other), declared=()) == other
