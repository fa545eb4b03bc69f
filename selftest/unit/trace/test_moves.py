"""Where the rows of a table of now come from."""

import pytest

from postmigration.trace.moves import Move, MoveFinder, count_move, is_rename
from selftest.unit.trace.worlds import BEFORE, CLIENT, FLAG, MIGRATION, PERSON, VISIT, Sides, sample
from selftest.unit.uncommitted import Fill


def find(sides: Sides) -> list[Move]:
    client = sides.after.tables[CLIENT]
    tables = sides.before.tables
    finder = MoveFinder(sides.before, sides.after, sides.finder)
    return finder.find(client, sample(sides.after, client), [[tables[PERSON], tables[FLAG]], [tables[VISIT]]])


@pytest.fixture
def sides(was: Fill, now: Fill) -> Sides:
    return Sides(was(BEFORE), now(BEFORE, MIGRATION))


def test_rows_that_moved_are_found_with_what_they_hold(sides: Sides) -> None:
    (move,) = find(sides)
    declared = move.declare()
    assert (declared.table, declared.to, declared.where, declared.merged) == ("person", "client", "true", False)
    assert (declared.key, declared.columns) == (
        {"id": "'cl_' || r.id"},
        {"title": "r.name", "mail": "lower(r.email)"},
    )
    assert {*move.list_sql()} == {"true", "'cl_' || r.id", "r.name", "lower(r.email)"}
    assert count_move(move, sides.before) == 24
    assert (move.source, move.target) == (sides.before.tables[PERSON], sides.after.tables[CLIENT])


def test_a_condition_tells_which_rows_moved(was: Fill, now: Fill) -> None:
    some = MIGRATION.replace("FROM person;", "FROM person WHERE kind = 'member';").replace("REFERENCES client", "")
    sides = Sides(was(BEFORE), now(BEFORE, some))
    (move,) = find(sides)
    assert move.where == "r.kind = 'member'"
    assert count_move(move, sides.before) == 16


def test_a_table_with_other_ids_is_not_the_same_under_another_name(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    assert not is_rename(find(sides), {"public.person": 1}, sides.before, sides.after)


def test_a_table_with_all_rows_and_most_columns_is(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, "DROP TABLE visit; ALTER TABLE person RENAME TO client"))
    moves = find(sides)
    assert is_rename(moves, {"public.person": 1}, sides.before, sides.after)
    # Unless its rows went elsewhere too.
    assert not is_rename(moves, {"public.person": 2}, sides.before, sides.after)


def test_columns_that_a_declaration_would_have_to_say_are_listed(sides: Sides) -> None:
    (move,) = find(sides)
    assert move.list_unexplained(move.target) == []
    move.declared = ("title",)
    assert move.list_unexplained(move.target) == ["mail"]


def test_a_column_that_only_one_source_names_is_not_said_of_the_others(was: Fill, now: Fill) -> None:
    merged = """
        CREATE TABLE client (id text PRIMARY KEY, mail text, remark text);
        INSERT INTO client SELECT 'p' || id, email, NULL FROM person;
        INSERT INTO client SELECT 'v' || id, NULL, note FROM visit;
    """
    sides = Sides(was(BEFORE), now(BEFORE, merged))
    columns = {move.source.title: move.declare().columns for move in find(sides)}
    assert columns == {"person": {"mail": "r.email"}, "visit": {"remark": "r.note"}}
