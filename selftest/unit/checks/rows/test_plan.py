"""Which table of the state before is which table now, and which has none on the other side."""

import pytest

from postmigration.checks.contents.tables import Name, Relation, read_tables
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.plan import Plan, plan
from postmigration.model.changes import Change, GoneTable, Ignored, MovedRows, NewTable, RenamedTable
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE same (id int PRIMARY KEY, note text); CREATE TABLE lost (id int); CREATE TABLE seen (id int);
    CREATE TABLE apart (a int); CREATE TABLE split (id int) PARTITION BY RANGE (id);
    CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (9)
"""
AFTER = """
    CREATE TABLE same (id int PRIMARY KEY, note text, more int); CREATE TABLE new (id int);
    CREATE VIEW seen AS SELECT 1 AS id;
    CREATE TABLE apart (b int); CREATE TABLE split (id int) PARTITION BY RANGE (id);
    CREATE TABLE split_1 PARTITION OF split FOR VALUES FROM (0) TO (9)
"""
Sides = tuple[dict[Name, Relation], dict[Name, Relation]]


@pytest.fixture(scope="module")
def sides(open_snapshot: OpenSnapshot) -> Sides:
    before, after = (dict(read_tables(open_snapshot(script), ["public"])) for script in (BEFORE, AFTER))
    return before, after


def _plan(sides: Sides, *changes: Change) -> Plan:
    return plan(*sides, "UTC", Declared(changes))


def test_each_table_has_its_like_or_is_told(sides: Sides) -> None:
    found = _plan(sides)
    # Partitions are read through the table that they are part of.
    assert [pair.now.name for pair in found.pairs] == ["same", "split"]
    assert [table.name for table in found.lost] == ["lost"]
    assert [table.name for table in found.new] == ["new"]
    assert found.other == ["seen was a table and is a view"]
    assert [(was.name, now.name) for was, now in found.apart] == [("apart", "apart")]


def test_what_is_declared_is_neither_lost_nor_new(sides: Sides) -> None:
    found = _plan(sides, GoneTable(table="lost"), NewTable(table="new"), Ignored(table="same"))
    assert (found.lost, found.new, found.ignored) == ([], [], ["same"])
    assert [table.name for table in (*found.gone, *found.added)] == ["lost", "new"]


def test_a_renamed_table_is_the_same(sides: Sides) -> None:
    found = _plan(sides, RenamedTable(table="lost", to="new"))
    assert [pair.now.name for pair in found.pairs] == ["new", "same", "split"]
    assert (found.lost, found.new) == ([], [])


def test_rows_that_moved_to_a_table_that_is_not_there_have_no_home(sides: Sides) -> None:
    moved = MovedRows(table="lost", to="none", key={"id": "r.id"})
    assert _plan(sides, moved).homeless == [("public", "none")]
