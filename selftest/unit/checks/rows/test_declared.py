from dataclasses import replace

import pytest

from postmigration.checks.contents.tables import Relation
from postmigration.checks.rows.declared import Declared, TableChanges
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    HistoryTable,
    Ignored,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)

TABLE = Relation("public", "booking", "r", 1, False, False, "p", True, False, False, 1, "", (), {}, (("id",),))
MOVE = MovedRows(table="booking", to="visit", key={"id": "r.code"})
TO_VISIT = RepointedReference(table="payment", column="booking_id", to="visit_id", parent="booking", through="visit")


def test_changes_are_sorted_by_the_table_as_it_is_called_now() -> None:
    declared = Declared(
        [
            RenamedTable(table="booking", to="stay"),
            RenamedColumn(table="booking", column="euro", to="price"),
            GoneColumn(table="booking", column="fax"),
            NewColumn(table="stay", column="state"),
        ]
    )
    assert declared.renamed == {("public", "booking"): ("public", "stay")}
    stay = declared.of(("public", "stay"))
    assert (stay.columns, stay.gone, stay.new) == ({"price": "euro"}, {"fax"}, {"state"})


def test_whole_tables_are_apart_from_what_is_declared_of_their_rows() -> None:
    gone, ids = GoneTable(table="draft"), NewIds(table="visit", column="id", by=("code",))
    declared = Declared([gone, NewTable(table="visit"), Ignored(table="cache"), ids, MOVE, TO_VISIT])
    assert declared.gone == {("public", "draft"): gone}
    assert (declared.new, declared.ignored) == ({("public", "visit")}, {("public", "cache")})
    assert declared.of(("public", "visit")).moves == [MOVE]
    # A reference is of the column that holds the new key.
    assert declared.of(("public", "payment")).repointed == {"visit_id": [TO_VISIT]}
    assert declared.identify(MOVE) == ("code",)
    assert Declared([MOVE]).identify(MOVE) == ()


def test_the_moves_that_a_reference_follows_are_those_into_its_table() -> None:
    elsewhere = MovedRows(table="booking", to="archive", key={"id": "r.id"})
    declared = Declared([MOVE, elsewhere])
    assert declared.moves_from(("public", "booking")) == [MOVE, elsewhere]
    assert declared.moves_from(("old", "booking")) == []
    assert declared.moves_through(TO_VISIT) == [MOVE]


def test_tables_of_before_are_found_by_what_they_are_called_now() -> None:
    part = replace(TABLE, name="booking_2025", partition=True, parents=(("public", "booking"),))
    called = Declared([RenamedTable(table="booking", to="stay", to_schema="shop")]).rename(
        {table.key: table for table in (TABLE, part)}
    )
    assert called["shop", "stay"].name == "booking"
    assert called["public", "booking_2025"].parents == (("shop", "stay"),)


@pytest.mark.parametrize(
    ("change", "changes_rows"),
    [
        (RenamedColumn(table="stay", column="euro", to="price"), True),
        (MayChange(table="stay", column="note"), True),
        (DerivedValue(table="stay", column="note", value="''"), True),
        (Shrinks(table="stay", where="r.id < 3"), True),
        (HistoryTable(table="stay"), True),
        (Retyped(table="stay", column="price", value="r.price * 100"), True),
        (Retyped(table="stay", column="price"), False),
        (GoneColumn(table="stay", column="fax"), False),
        (NewColumn(table="stay", column="state"), False),
    ],
)
def test_rows_are_others_where_a_change_says_so(change: Change, changes_rows: bool) -> None:
    assert Declared([change]).of(("public", "stay")).changes_rows is changes_rows


def test_what_is_declared_of_rows_is_listed() -> None:
    derived, grows = DerivedValue(table="visit", column="note", value="''"), Grows(table="visit")
    shrinks, gone = Shrinks(table="visit", where="false"), GoneColumn(table="visit", column="fax")
    declared = Declared([shrinks, grows, gone, derived, MOVE])
    assert declared.of(("public", "visit")).listed == [MOVE, derived, grows, shrinks]
    assert TableChanges().listed == []
