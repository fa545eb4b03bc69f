"""Whether a database is in the state in which another one was."""

from __future__ import annotations

import pytest

from postmigration.diff.database_diff import Source
from postmigration.postgres.schema_objects import ObjectName
from postmigration.rehearsal.states import (
    Position,
    State,
    compare,
    describe,
    same_objects,
    same_rows,
    same_state,
    state,
)
from postmigration.rehearsal.steps import Check
from selftest.servers import Servers
from selftest.unit.rehearsal.conftest import Make

SCRIPT = """
    CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'one'), (2, 'two');
    CREATE SCHEMA other; CREATE TABLE other.code (id int PRIMARY KEY);
"""
NOWHERE = Source("", "x")
NAME = ObjectName("column public.item.id")


@pytest.mark.parametrize(
    ("now", "was", "precedes"),
    [
        (Position(5, 1), Position(6, 1), True),
        (Position(6, 1), Position(6, 1), False),
        (Position(7, 1), Position(6, 1), False),
        (Position(-5, -1), Position(-6, -1), True),
        (Position(-7, -1), Position(-6, -1), False),
    ],
)
def test_a_sequence_has_gone_back_where_it_gives_values_again(now: Position, was: Position, precedes: bool) -> None:
    assert now.precedes(was) is precedes


def test_a_state_has_objects_and_where_each_sequence_stands(servers: Servers, make: Make) -> None:
    name = make("CREATE SEQUENCE n; SELECT nextval('n'); CREATE SEQUENCE \"Down\" INCREMENT -2; CREATE TABLE item ()")
    found = state(Source(servers[18].conninfo(name), "x"), "public")
    assert found.sequences == {"public.n": Position(2, 1), 'public."Down"': Position(-1, -2)}
    assert "table public.item" in found.objects


def test_objects_and_sequences_are_compared() -> None:
    before = State(NOWHERE, {NAME: {"type": "int"}, ObjectName("view v"): {}}, {"n": Position(9, 1)})
    after = State(NOWHERE, {NAME: {"type": "text"}, ObjectName("view w"): {}}, {"n": Position(3, 1)})
    assert same_objects(before, before) == Check("the schema is the same: 2 objects", "passed")
    assert same_objects(before, after, otherwise="warned") == Check(
        "the schema is not the same: 1 lost, 1 left, 1 changed",
        "warned",
        (
            "column public.item.id is changed (type)",
            "view v is lost",
            "view w is left",
            "sequence n has gone back: it gives 3 next, where it gave 9",
        ),
    )


def test_columns_may_stand_in_another_order_where_that_is_nothing() -> None:
    before, after = (State(NOWHERE, {NAME: {"position": place}}, {}) for place in ("1", "2"))
    assert same_objects(before, after).outcome == "failed"
    assert same_objects(before, after, any_order=True) == Check(
        "the schema is the same: 1 objects", "passed", ("column public.item.id stands elsewhere in its table",)
    )


def test_a_view_that_was_filled_has_lost_nothing() -> None:
    before, after = (State(NOWHERE, {NAME: {"populated": filled}}, {}) for filled in ("False", "True"))
    assert same_objects(before, after).outcome == "passed"
    assert same_objects(after, before).outcome == "failed"


def test_many_differences_are_told_by_their_number() -> None:
    many = State(NOWHERE, {ObjectName(f"view v{n:02}"): {} for n in range(60)}, {})
    details = same_objects(many, State(NOWHERE, {}, {})).details
    assert (len(details), details[-1]) == (51, "and 10 more")


@pytest.mark.full
def test_the_rows_of_all_schemas_are_compared(servers: Servers, make: Make) -> None:
    changed = SCRIPT + "DELETE FROM item WHERE id = 2; UPDATE item SET name = 'x'; INSERT INTO other.code VALUES (5);"
    one, same, other = (Source(servers[18].conninfo(make(script)), "x") for script in (SCRIPT, SCRIPT, changed))
    assert [describe(result) for result in compare(one, other, "public") if not result.equal] == [
        "item: 1 missing, 1 changed: changed 1 (name); missing 2",
        "other.code: 1 extra: extra 5",
    ]
    before, like, after = (State(source, {}, {}) for source in (one, same, other))
    assert same_rows(before, like, "public") == Check("the rows are the same: 2 in 2 tables", "passed")
    assert same_rows(before, after, "public", otherwise="warned").outcome == "warned"
    objects, rows = same_state(before, after, "public")
    assert (objects.outcome, rows.outcome, rows.statement) == (
        "passed",
        "failed",
        "the rows are not the same: item, other.code",
    )
