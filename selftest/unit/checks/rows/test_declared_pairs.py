from collections.abc import Sequence
from typing import Any

import pytest

from postmigration.checks.contents.tables import read_tables
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_pairs import pair_declared
from postmigration.checks.rows.pairs import Pair
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    Grows,
    MayChange,
    MovedRows,
    NewIds,
    RenamedColumn,
    RepointedReference,
    Retyped,
    Shrinks,
)
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

# Both states stand in one database, each in a schema of its own.
STATES = """
    CREATE SCHEMA was; CREATE SCHEMA now;
    CREATE TABLE was.booking (id int PRIMARY KEY, code text NOT NULL, euro numeric(8, 2), fax text);
    INSERT INTO was.booking VALUES (1, 'a', 10.50, '1'), (2, 'b', 20, NULL);
    CREATE TABLE now.booking (id int PRIMARY KEY, code text NOT NULL, price numeric(8, 3), note text);
    INSERT INTO now.booking VALUES (1, 'a', 10.5, 'x'), (2, 'b', 20, 'y'), (3, 'c', 5, 'z');
    CREATE TABLE now.visit (id int PRIMARY KEY, code text NOT NULL UNIQUE, state text);
    CREATE TABLE was.payment (id int PRIMARY KEY, booking_id int);
    INSERT INTO was.payment VALUES (7, 2), (8, NULL);
    CREATE TABLE now.payment (id int PRIMARY KEY, visit_code text);
    INSERT INTO now.payment VALUES (7, 'b'), (8, NULL);
    CREATE TABLE was.song (id int PRIMARY KEY, moods text);
    INSERT INTO was.song VALUES (1, 'calm,slow'), (2, 'slow'), (3, ''), (4, NULL);
    CREATE TABLE was.offer (id int PRIMARY KEY); CREATE TABLE was.bill (id int PRIMARY KEY);
    INSERT INTO was.offer VALUES (5); INSERT INTO was.bill VALUES (6);
    CREATE TABLE was.line (id int PRIMARY KEY, offer int, bill int);
    INSERT INTO was.line VALUES (1, 5, NULL), (2, NULL, 6), (3, NULL, NULL), (4, 5, 6);
    CREATE TABLE now.line (id int PRIMARY KEY, code text);
    INSERT INTO now.line VALUES (1, 'offer_5'), (2, 'bill_6'), (3, NULL), (4, 'offer_5');
    CREATE TABLE now.mood (name varchar(9) PRIMARY KEY, weight numeric);
"""
MOVE = MovedRows(
    schema="was",
    table="booking",
    to="visit",
    to_schema="now",
    key={"code": "r.code"},
    columns={"state": "'open'"},
    where="r.id > 1",
)
POINT = RepointedReference(
    schema="was", table="payment", column="booking_id", to="visit_code", parent="booking", through="visit"
)


@pytest.fixture(scope="module")
def states(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(STATES)


def pair(states: Snapshot, name: str, *changes: Change, was: bool = True) -> Pair:
    """The pair of a table, of which these changes are declared."""
    tables, declared = read_tables(states, ["was", "now"]), Declared(changes)
    of_name = declared.of(("was", name))
    of_name.moves = declared.of(("now", name)).moves
    return pair_declared(
        tables["was", name] if was else None,
        tables["now", name],
        of_name,
        declared,
        tables,
        only=False,
        zone="UTC",
        pages=3,
    )


def rows(states: Snapshot, pair: Pair, side: int) -> Sequence[tuple[Any, ...]]:
    return sorted(map(tuple, states.rows(pair.sql[side])), key=str)


def test_values_that_a_change_says_are_made_of_the_rows_of_before(states: Snapshot) -> None:
    found = pair(
        states,
        "booking",
        RenamedColumn(schema="was", table="booking", column="euro", to="price"),
        DerivedValue(schema="was", table="booking", column="note", value="'x'", where="r.id = 1"),
        GoneColumn(schema="was", table="booking", column="fax"),
    )
    assert (found.columns, found.key, found.pages) == (("id", "code", "price", "note"), ("id",), 3)
    # A number of other decimals is written alike on both sides.
    assert rows(states, found, 0) == [(1, "a", "10.5", "x"), (2, "b", "20", None)]
    assert rows(states, found, 1) == [(1, "a", "10.5", "x"), (2, "b", "20", "y"), (3, "c", "5", "z")]


def test_what_may_be_anything_is_left_out_or_masked(states: Snapshot) -> None:
    name = {"schema": "was", "table": "booking", "column": "code"}
    assert pair(states, "booking", MayChange(**name)).columns == ("id",)
    masked = pair(states, "booking", MayChange(**name, where="r.id = 2", after="t.id >= 2"))
    assert rows(states, masked, 0) == [(1, "a"), (2, None)]
    assert rows(states, masked, 1) == [(1, "a"), (2, None), (3, None)]


def test_rows_that_may_come_and_go_are_marked(states: Snapshot) -> None:
    grows = Grows(schema="was", table="booking", where="t.id = 3")
    shrinks = Shrinks(schema="was", table="booking", where="r.code = 'a'")
    found = pair(states, "booking", grows, shrinks)
    assert rows(states, found, 0) == [(1, "a", True), (2, "b", False)]
    assert [row[-1] for row in rows(states, found, 1)] == [False, False, True]
    assert found.marks == ({"shrinkage": "q.postmigration_shrinks"}, {"growth": "q.postmigration_grows"})


def test_a_new_table_holds_the_rows_that_were_moved_to_it(states: Snapshot) -> None:
    found = pair(states, "visit", MOVE, was=False)
    assert (found.is_new, found.was.title, found.key) == (True, "was.booking", ("code",))
    assert rows(states, found, 0) == [("b", "open")]


def test_a_reference_is_followed_to_what_its_parent_became(states: Snapshot) -> None:
    found = pair(states, "payment", MOVE, POINT)
    assert rows(states, found, 0) == rows(states, found, 1) == [(7, "b"), (8, None)]
    # Under new ids of the table, by which its rows are known.
    ids = NewIds(schema="now", table="visit", column="id", by=("code",))
    assert rows(states, pair(states, "payment", MOVE, POINT, ids), 0) == [(7, "b"), (8, None)]


def test_two_references_may_have_become_one(states: Snapshot) -> None:
    moves = [
        MovedRows(schema="was", table=table, to="code", to_schema="now", key={"code": f"'{table}_' || r.id"})
        for table in ("offer", "bill")
    ]
    points = [
        RepointedReference(schema="was", table="line", column=table, to="code", parent=table, through="code")
        for table in ("offer", "bill")
    ]
    # A row that held both holds one of them now: the other one is lost, whichever it is.
    want = [(1, "offer_5"), (2, "bill_6"), (3, None), (4, None)]
    assert rows(states, pair(states, "line", *moves, *points), 0) == want
    assert rows(states, pair(states, "line", *moves, *points), 1)[3] == (4, "offer_5")


def test_a_column_of_another_type_is_told(states: Snapshot) -> None:
    found = pair(states, "booking", Retyped(schema="was", table="booking", column="id", value="r.id + 0"))
    assert found.retyped == ()
    # As a text, since what is made of a value may be more than its column holds.
    assert rows(states, found, 0) == [("1", "a"), ("2", "b")]


def test_a_change_that_leads_nowhere_cannot_be_judged(states: Snapshot) -> None:
    with pytest.raises(CannotJudge, match=r"no moved_rows brings rows of booking to visit"):
        pair(states, "payment", POINT)
    stray = MovedRows(schema="was", table="order", to="visit", to_schema="now", key={"code": "r.code"})
    with pytest.raises(CannotJudge, match=r"the state before holds no table was\.order"):
        pair(states, "visit", stray, was=False)


def test_a_row_of_before_becomes_as_many_as_its_values_are(states: Snapshot) -> None:
    parts = {"name": "unnest(string_to_array(r.moods, ','))"}
    move = MovedRows(schema="was", table="song", to="mood", to_schema="now", key=parts, columns={"weight": "r.id"})
    assert rows(states, pair(states, "mood", move, was=False), 0) == [("calm", "1"), ("slow", "1"), ("slow", "2")]
    once = MovedRows(schema="was", table="song", to="mood", to_schema="now", key=parts, merged=True)
    assert rows(states, pair(states, "mood", once, was=False), 0) == [("calm",), ("slow",)]
