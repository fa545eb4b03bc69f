"""A new project starts from three checks of tables that the migration changed."""

from typing import Any

import pytest

from postmigration.gate.scaffold.plan_checks import PlanCheck, choose_checks
from postmigration.model.changes import MovedRows, NewTable, RenamedTable, RepointedReference
from postmigration.trace.findings import Found, Trace
from postmigration.trace.reading import Side
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE "People" (id int PRIMARY KEY, mail text NOT NULL, note text);
    CREATE TABLE orders (id int PRIMARY KEY, person int REFERENCES "People");
    INSERT INTO "People" VALUES (1, 'a@example.com', ''), (2, 'b@example.com', NULL);
    INSERT INTO orders VALUES (1, 1), (2, 2), (3, NULL);
"""


@pytest.fixture(scope="module")
def side(open_snapshot: OpenSnapshot) -> Side:
    return Side(open_snapshot(SCRIPT), ["public"])


def _read(side: Side, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in side.snapshot.rows(sql, side.snapshot.application)]


def _count(side: Side, check: PlanCheck) -> tuple[int, int]:
    """The rows that a check finds, and those that it counts."""
    return len(_read(side, check.sql)), int(_read(side, check.examined)[0][0])


def test_without_a_state_before_they_are_of_this_database(side: Side) -> None:
    references, filled, unique = choose_checks(side, None)
    assert [check.function for check in (references, filled, unique)] == [
        "every_orders_leads_to_its_people",
        "every_people_has_its_mail",
        # No index keeps it, and people know each other by it.
        "no_two_people_have_the_same_mail",
    ]
    assert [_count(side, check) for check in (references, filled, unique)] == [(0, 2), (0, 2), (0, 2)]
    assert {check.have for check in (references, filled, unique)} == {""}


def test_amounts_are_compared_with_what_the_rows_were_made_of(side: Side) -> None:
    moved = MovedRows(table="persons", to="People", key={"id": "r.id"}, where="r.alive")
    found = [Found(moved, "people"), Found(NewTable(table="People"), "people")]
    repointed = RepointedReference(table="orders", column="p", to="person", parent="People", through="People")
    *_, counts = choose_checks(side, Trace(found=[*found, Found(repointed, "orders")]))
    assert counts.title == "No row of People is lost or invented"
    assert counts.sql == "SELECT 'people' AS what, (SELECT count(*) FROM persons r WHERE r.alive) AS rows"
    assert counts.sentence == "People has as many rows as persons gave it."
    assert _read(side, counts.have) == [("people", 2)]


def test_a_merge_is_counted_with_the_rows_that_the_table_itself_had(side: Side) -> None:
    moved = Found(MovedRows(table="guests", to="People", key={"id": "r.id"}), "people")
    *_, counts = choose_checks(side, Trace(found=[moved]))
    own = """(SELECT count(*) FROM "People" r)"""
    assert counts.sql == f"SELECT 'people' AS what, {own} + (SELECT count(*) FROM guests r) AS rows"
    assert counts.sentence == "People has as many rows as People and guests gave it."
    renamed = Found(RenamedTable(table="persons", to="People"), "people")
    *_, counts = choose_checks(side, Trace(found=[renamed, moved]))
    both = "(SELECT count(*) FROM persons r) + (SELECT count(*) FROM guests r)"
    assert counts.sql == f"SELECT 'people' AS what, {both} AS rows"


def test_a_table_is_not_counted_of_which_not_all_sources_were_found(side: Side) -> None:
    moved = MovedRows(table="persons", to="People", key={"id": "r.id"})
    found = [Found(NewTable(table="People"), "people"), Found(moved, "people")]
    *_, counts = choose_checks(side, Trace(found=found, invented={("public", "People")}))
    assert counts.sentence == "orders has as many rows as it had before."


def test_a_reference_that_leads_elsewhere_must_show_what_it_showed(open_snapshot: OpenSnapshot) -> None:
    before = """
        CREATE TABLE event (id int PRIMARY KEY, title text NOT NULL);
        CREATE TABLE booking (id int PRIMARY KEY, event int REFERENCES event);
        INSERT INTO event VALUES (1, 'a'), (2, 'b');
        INSERT INTO booking VALUES (7, 1), (8, 2);
    """
    after = """
        CREATE TABLE offer (id text PRIMARY KEY, name text NOT NULL);
        CREATE TABLE booking (id int PRIMARY KEY, offer text REFERENCES offer);
        INSERT INTO offer VALUES ('o1', 'a'), ('o2', 'b');
        INSERT INTO booking VALUES (7, 'o1'), (8, 'o1');
    """
    was, now = (Side(open_snapshot(script), ["public"]) for script in (before, after))
    moved = MovedRows(table="event", to="offer", key={"id": "'o' || r.id"}, columns={"name": "r.title"})
    point = RepointedReference(table="booking", column="event", to="offer", parent="event", through="offer")
    first, *_ = choose_checks(now, Trace(found=[Found(moved, "offer"), Found(point, "booking")]))
    assert first.title == "Every booking shows the name that it showed"
    assert (first.columns, first.key) == (("id", "name"), 1)
    assert sorted(_read(was, first.sql)) == [(7, "a"), (8, "b")]
    assert sorted(_read(now, first.have)) == [(7, "a"), (8, "a")]
    # By a key that is another one now no row would be found again.
    keyed = open_snapshot(
        after.replace("id int PRIMARY KEY, offer text", "id int, offer text PRIMARY KEY").replace(
            "(8, 'o1')", "(8, 'o2')"
        )
    )
    first, *_ = choose_checks(Side(keyed, ["public"]), Trace(found=[Found(moved, "offer"), Found(point, "booking")]))
    assert first.title == "Every booking leads to its offer"
    # One of two references that became one says nothing of the rows of the other one.
    other = RepointedReference(table="booking", column="series", to="offer", parent="event", through="offer")
    found = [Found(change, "booking") for change in (moved, point, other)]
    first, *_ = choose_checks(now, Trace(found=found))
    assert first.title == "Every booking leads to its offer"


def test_a_table_that_only_stayed_is_counted_as_it_was(side: Side) -> None:
    *_, counts = choose_checks(side, Trace())
    assert counts.sentence == "orders has as many rows as it had before."
    assert _read(side, counts.sql) == [("orders", 3)]
