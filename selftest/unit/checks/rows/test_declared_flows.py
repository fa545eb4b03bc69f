"""Where declared changes lead: from which table or column to which, in how many rows, and in how many it is not so."""

from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_flows import Used, show_declared
from postmigration.diff.row_diff import Comparison
from postmigration.model.changes import Change, GoneTable, Grows, Ignored, MovedRows, NewTable, RenamedTable, Retyped
from postmigration.model.evidence import Overview

ITEMS, PERSONS = ("public", "items"), ("public", "persons")
RENAMED = RenamedTable(table="articles", to="items")
MOVED = MovedRows(table="people", to="persons", key={"code": "'P' || r.id"}, columns={"mail": "r.mail"})
WRONG = Comparison(10, 9, {"missing": 2, "changed": 1, "extra": 1}, 0, {}, ())


def _show(used: Used, *changes: Change) -> dict[str, Overview]:
    return {shown.title: shown for shown in show_declared(Declared(changes), used)}


def test_tables_that_are_as_declared_are_whole() -> None:
    used = Used()
    used.take(ITEMS, Comparison(10, 10, {"missing": 0, "changed": 0, "extra": 0}, 0, {}, ()))
    (shown,) = _show(used, RENAMED).values()
    assert (shown.title, shown.picture) == ("Declared changes of tables", "flows")
    assert shown.rows == (("articles", "items", "10", "", "another name"),)
    assert shown.figures == ((10, 10),)
    assert used.count_wrong(ITEMS) == (0, 0)


def test_rows_that_are_not_so_are_counted() -> None:
    used = Used()
    used.take(ITEMS, WRONG)
    assert used.count_wrong(ITEMS) == (3, 1)
    assert used.count_wrong(ITEMS, "note") == (2, 1)
    (shown,) = _show(used, RENAMED).values()
    assert shown.rows == (("articles", "items", "10", "3 differ, 1 that nothing brings", "another name"),)
    assert shown.figures == ((10, 7),)


def test_a_table_that_is_not_there_holds_none_of_the_rows() -> None:
    used = Used(missing={PERSONS}, rows={id(MOVED): 5})
    tables, columns = _show(used, MOVED).values()
    assert tables.rows == (("people", "persons", "5", "there is no such table", ""),)
    assert tables.figures == ((5, 0),)
    assert columns.title == "people to persons: columns"
    assert [row[:2] for row in columns.rows] == [("id", "code"), ("mail", "mail")]
    assert [row[4] for row in columns.rows] == ["'P' || r.id", ""]


def test_what_was_not_counted_is_told_without_numbers() -> None:
    grows = Grows(table="logs")
    used = Used(words={id(grows): "7 rows"})
    changes = (grows, GoneTable(table="old"), NewTable(table="fresh"), Ignored(table="cache"))
    (shown,) = _show(used, *changes).values()
    assert shown.rows == (
        ("logs", "logs", "", "", "rows may be new: 7 rows"),
        ("old", "", "", "", "gone"),
        ("", "fresh", "", "", "new"),
        ("cache", "cache", "", "", "ignored"),
    )
    assert set(shown.figures) == {(None, None)}


def test_columns_of_a_table_that_stays_are_told_by_that_table() -> None:
    used = Used(different={ITEMS})
    shown = _show(used, Retyped(table="items", column="sum"))
    assert list(shown) == ["items: columns"]
    assert shown["items: columns"].rows == (("sum", "sum", "", "", "another type"),)


def test_without_declared_changes_nothing_is_shown() -> None:
    assert show_declared(Declared(()), Used()) == []
