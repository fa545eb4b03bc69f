"""A change that cannot be meant is refused before anything is judged, in one line that names what may have been."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration import CannotJudge, Migration
from postmigration.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    MayChange,
    MovedRows,
    NewColumn,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)
from postmigration.postgres import embedded
from selftest.check.conftest import Change as Changed
from selftest.check.conftest import load
from selftest.check.judging import judge
from selftest.tiers import few

AFTER = """
CREATE TABLE public."Visit" (code text PRIMARY KEY, day date);
ALTER TABLE public.payment ADD "paidAt" date;
"""
MOVE = MovedRows(table="booking", to="Visit", key={"code": "'v' || r.id"}, columns={"day": "NULL"})
VISIT = NewTable(table="Visit")
MISTAKES: dict[str, tuple[list[Change], str]] = {
    "a table that was never there": (
        [GoneTable(table="bookings")],
        "gone_table bookings: the state before has no table bookings (did you mean booking?)",
    ),
    "a table of another schema": (
        [GoneTable(table="scrap", schema="old")],
        "gone_table old.scrap: the state before has no table old.scrap (did you mean scrap?)",
    ),
    "a column that was never there": (
        [GoneColumn(table="Guest", column="email")],
        "gone_column Guest.email: the state before has no column Guest.email (did you mean eMail?)",
    ),
    "a table that is nearly new": (
        [NewTable(table="Visits")],
        "new_table Visits: there is no table Visits (did you mean Visit?)",
    ),
    "a column that is nearly new": (
        [NewColumn(table="payment", column="paidat")],
        "new_column payment.paidat: there is no column payment.paidat (did you mean paidAt?)",
    ),
    "a new table that was there": (
        [NewTable(table="scrap")],
        "new_table scrap: the state before has a table scrap already",
    ),
    "a new column that was there": (
        [NewColumn(table="scrap", column="part")],
        "new_column scrap.part: the state before has a column scrap.part already",
    ),
    "a table that neither side has": (
        [Grows(table="Vist")],
        "grows Vist: neither side has a table Vist (did you mean Visit?)",
    ),
    "a column that neither side has": (
        [Retyped(table="booking", column="totl")],
        "retyped booking.totl: neither side has a column booking.totl (did you mean total?)",
    ),
    "a column to which rows did not move": (
        [VISIT, MovedRows(table="booking", to="Visit", key={"cod": "r.id"})],
        "moved_rows booking to Visit: neither side has a column Visit.cod (did you mean code?)",
    ),
    "a reference without a move": (
        [RepointedReference(table="payment", column="booking_id", parent="booking", through="Visit")],
        "repointed_reference payment.booking_id through Visit: no moved_rows moves rows of booking to Visit",
    ),
    "a reference to a key of two columns": (
        [
            VISIT,
            MovedRows(table="booking", to="Visit", key={"code": "'v'", "day": "NULL"}),
            RepointedReference(table="payment", column="booking_id", parent="booking", through="Visit"),
        ],
        "repointed_reference payment.booking_id through Visit: the key of Visit has 2 columns: name one as "
        "through_column",
    ),
    "SQL that names no column": (
        [MovedRows(table="booking", to="Visit", key={"code": "r.idd"}), VISIT],
        "key code of moved_rows booking to Visit: column r.idd does not exist",
    ),
    "SQL that is no SQL": (
        [DerivedValue(table="booking", column="note", value="r.total +")],
        "value of derived_value booking.note: syntax error",
    ),
    "SQL that is two values": (
        [DerivedValue(table="booking", column="note", value="r.total, r.note")],
        "value of derived_value booking.note: syntax error",
    ),
    "SQL that leaves its parentheses": (
        [Shrinks(table="booking", where="true) OR (true")],
        "where of shrinks booking: syntax error",
    ),
    "a condition that is none": (
        [Shrinks(table="booking", where="r.total")],
        "where of shrinks booking: argument of WHERE must be type boolean",
    ),
    "a type that cannot be the column's": (
        [VISIT, MovedRows(table="booking", to="Visit", key={"code": "r.id"}, columns={"day": "r.total"})],
        "column day of moved_rows booking to Visit: column day is date: cannot cast type integer to date",
    ),
    "a constant that is no value of the column": (
        [DerivedValue(table="booking", column="total", value="'none'")],
        "value of derived_value booking.total: column total is integer: invalid input syntax for type integer",
    ),
    "an aggregate": (
        [Retyped(table="booking", column="total", value="max(r.total)")],
        "value of retyped booking.total: aggregate functions are not allowed in WHERE",
    ),
    "a table that needs its schema": (
        [Shrinks(table="booking", where="r.id IN (SELECT booking_id FROM payment)")],
        'where of shrinks booking: relation "payment" does not exist',
    ),
    "a condition on rows of now": (
        [Grows(table="Visit", where="t.cod = ''")],
        "where of grows Visit: column t.cod does not exist",
    ),
    "a condition without its other side": (
        [MayChange(table="booking", column="note", where="r.id > 1")],
        "may_change booking.note: after is empty: say which rows of now are those of where",
    ),
    "the same twice": ([GoneTable(table="scrap"), GoneTable(table="scrap")], "gone_table scrap is declared twice"),
    "gone and renamed": (
        [GoneTable(table="scrap"), RenamedTable(table="scrap", to="scraps")],
        "renamed_table scrap to scraps: gone_table scrap is declared too",
    ),
    "a column that is gone and renamed": (
        [GoneColumn(table="scrap", column="part"), RenamedColumn(table="scrap", column="part", to="piece")],
        "renamed_column scrap.part to piece: gone_column scrap.part is declared too",
    ),
    "two of one name": (
        [RenamedColumn(table="scrap", column="part", to="piece"), NewColumn(table="scrap", column="piece")],
        "new_column scrap.piece: renamed_column scrap.part to piece is declared too",
    ),
}


@pytest.fixture(scope="module")
def small(world: embedded.Server) -> Iterator[str]:
    world.create("mistaken")
    load(world, "mistaken", (Path(__file__).parent / "declared.sql").read_text())
    yield "mistaken"
    world.drop("mistaken")


@pytest.mark.parametrize("what", few(list(MISTAKES), 3))
def test_what_cannot_be_meant_is_refused(what: str, changed: Changed, small: str) -> None:
    changes, words = MISTAKES[what]
    before, after = changed(AFTER, database=small)
    with pytest.raises(CannotJudge, match="the migration is declared wrong: ") as refused:
        judge(before, after, only=("none",), migration=Migration(name="stays", changes=tuple(changes)))
    assert words in str(refused.value)
    assert "more)" not in str(refused.value)


@pytest.mark.full
def test_a_target_that_was_not_migrated_is_judged(changed: Changed, small: str) -> None:
    before, after = changed(database=small)
    changes = (
        VISIT,
        MOVE,
        NewColumn(table="payment", column="paidAt"),
        RenamedTable(table="Guest", to="Person"),
        RenamedColumn(table="Guest", column="eMail", to="mail"),
        DerivedValue(table="Guest", column="mail", value='lower(r."eMail")'),
        MayChange(table="payment", column="paidAt", where="true"),
        Grows(table="Visit", where="t.code <> ''"),
        RepointedReference(table="payment", column="booking_id", to="visit", parent="booking", through="Visit"),
    )
    verdict = judge(before, after, only=("test_changes",), migration=Migration(name="stays", changes=changes))
    assert verdict.red() == {"declared changes"}
    assert verdict.words("blocker") == [
        "new_table Visit: there is none",
        "new_column payment.paidAt: there is no column paidAt",
        "renamed_table Guest to Person: it is still called Guest",
        "renamed_column Guest.eMail to mail: it is still called eMail",
        "repointed_reference payment.booking_id through Visit: there is no column visit",
    ]
