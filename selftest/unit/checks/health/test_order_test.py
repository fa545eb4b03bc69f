"""Indexes are read in the order in which their entries stand, and held against the operators of today."""

import pytest

from postmigration.checks.health.indexes import read_indexes
from postmigration.checks.health.order_test import Order, check_order
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE FUNCTION rank(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
    CREATE TABLE item (id int PRIMARY KEY, n int, name text);
    INSERT INTO item SELECT g, nullif(g, 5), 'x' || g % 3 FROM generate_series(1, 9) g;
    CREATE INDEX by_name ON item (name DESC NULLS LAST, n);
    CREATE INDEX by_rank ON item (rank(n)) WHERE id > 2;
"""


def read_orders(snapshot: Snapshot) -> dict[str, Order]:
    indexes = [*read_indexes(snapshot, ["public"], []).values()]
    return {index.name: order for index, order in check_order(snapshot, indexes)}


@pytest.mark.parametrize(
    ("order", "broken"),
    [
        (Order(9, 0, 9), False),
        (Order(9, 1, 9), True),
        (Order(8, 0, 9), True),
        (Order(unreadable="invalid page"), True),
        (Order(unread="locked"), False),
    ],
    ids=["sound", "misplaced", "lacking", "unreadable", "unread"],
)
def test_an_index_is_broken_where_entries_are_lacking_or_misplaced(order: Order, broken: bool) -> None:
    assert order.broken == broken


def test_sound_indexes_are_in_order(now: Fill) -> None:
    assert read_orders(now(WORLD)) == {
        "item_pkey": Order(9, 0, 9),
        "by_name": Order(9, 0, 9),
        "by_rank": Order(7, 0, 7),
    }


def test_entries_stand_in_the_order_that_a_function_gave_before_it_was_replaced(now: Fill) -> None:
    replaced = "CREATE OR REPLACE FUNCTION rank(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN -$1; END'"
    order = read_orders(now(WORLD, replaced))["by_rank"]
    assert (order.entries, order.rows) == (7, 7)
    # All but the first, and the one before which a NULL would stand.
    assert order.misplaced == 5
    assert order.broken


def test_rows_that_are_not_in_an_index_are_counted(now: Fill) -> None:
    ready = "UPDATE pg_index SET indisready = {0} WHERE indexrelid = 'by_name'::regclass"
    after = now(WORLD, ready.format("false"), "INSERT INTO item VALUES (10, 10, 'y')", ready.format("true"))
    assert read_orders(after)["by_name"] == Order(9, 0, 10)


def test_an_index_that_the_planner_does_not_read_is_shadowed(now: Fill) -> None:
    order = read_orders(now(WORLD, "CREATE INDEX again ON item (id)"))
    shadowed = [name for name, one in order.items() if one.shadowed]
    assert len(shadowed) == 1
    assert order[shadowed[0]].unread.startswith("the server answers from ")
    assert not order[shadowed[0]].broken
