"""What became of the columns of a table that is there on both sides."""

import pytest

from postmigration.checks.contents.tables import Name
from postmigration.model.changes import DerivedValue, Retyped, describe_change
from postmigration.trace.kept import ColumnTracer, KeptTable
from selftest.unit.trace.worlds import BEFORE, PERSON, VISIT, Sides
from selftest.unit.uncommitted import Fill


def follow(was: Fill, now: Fill, change: str, *differing: str, name: Name = VISIT, first: str = "") -> KeptTable:
    sides = Sides(was(BEFORE, first), now(BEFORE, first, change))
    tracer = ColumnTracer(sides.before, sides.after, sides.finder, sides.verifier)
    table = KeptTable(sides.before.tables[name], sides.after.tables[name], differing={*differing})
    table.key = tracer.find_key(table.was, table.now)
    tracer.trace(table)
    return table


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("SELECT 1", []),
        ("ALTER TABLE visit RENAME note TO remark", ["renamed_column visit.note to remark"]),
        ("ALTER TABLE visit DROP note", ["gone_column visit.note"]),
        (
            "ALTER TABLE visit ADD price numeric; UPDATE visit SET price = cents / 100.0",
            ["new_column visit.price", "derived_value visit.price"],
        ),
        ("ALTER TABLE visit ADD color text", ["new_column visit.color"]),
        ("ALTER TABLE visit ALTER cents TYPE bigint", ["retyped visit.cents"]),
    ],
    ids=["nothing", "renamed", "gone", "derived", "new", "retyped"],
)
def test_changes_of_columns_are_found(was: Fill, now: Fill, change: str, found: list[str]) -> None:
    table = follow(was, now, change)
    assert [part.column for part in table.key] == ["id"]
    assert [describe_change(one) for one in table.changes] == found


def test_a_value_that_became_another_is_found_with_the_rows_in_which_it_did(was: Fill, now: Fill) -> None:
    table = follow(was, now, "UPDATE person SET old = 'none' WHERE kind = 'guest'", "old", name=PERSON)
    assert table.changes == [
        DerivedValue(table="person", column="old", value="'none'", where="r.kind = 'guest'"),
    ]
    assert table.found[0].figures == "8 of 24 rows"


def test_damage_is_never_taken_for_meant(was: Fill, now: Fill) -> None:
    assert follow(was, now, "UPDATE visit SET note = upper(note)", "note").changes == []


@pytest.mark.parametrize("text", ["", "NULL", r"\N"])
def test_what_a_tool_writes_for_null_is_damage(was: Fill, now: Fill, text: str) -> None:
    change = f"UPDATE visit SET note = '{text}' WHERE note IS NULL"
    first = "UPDATE visit SET note = CASE WHEN id % 2 = 0 THEN 'x' END"
    assert follow(was, now, change, "note", first=first).changes == []


def test_an_empty_text_that_became_null_is_damage(was: Fill, now: Fill) -> None:
    change = "UPDATE person SET old = NULL WHERE old = ''"
    first = "UPDATE person SET old = repeat('x', id % 2)"
    assert follow(was, now, change, "old", name=PERSON, first=first).changes == []


def test_the_key_of_a_table_may_have_become_another(was: Fill, now: Fill) -> None:
    change = "ALTER TABLE visit ALTER id TYPE text USING 'v-' || id"
    (part,) = follow(was, now, change).key
    assert (part.column, part.sql) == ("id", "'v-' || r.id")


def test_a_part_of_a_key_that_was_renamed_is_no_new_column(was: Fill, now: Fill) -> None:
    """Small numbers are values of both parts."""
    liked = """
        CREATE TABLE liked (
            visit int REFERENCES visit, person int REFERENCES person, at int, PRIMARY KEY (visit, person));
        INSERT INTO liked SELECT 1 + g % 40, 1 + g % 23, g FROM generate_series(1, 400) g
    """
    sides = Sides(was(BEFORE, liked), now(BEFORE, liked, "ALTER TABLE liked RENAME person TO guest"))
    tracer = ColumnTracer(sides.before, sides.after, sides.finder, sides.verifier)
    name = "public", "liked"
    table = KeptTable(sides.before.tables[name], sides.after.tables[name])
    table.key = tracer.find_key(table.was, table.now)
    assert [(part.column, part.sql) for part in table.key] == [("visit", "r.visit"), ("guest", "r.person")]
    tracer.trace(table)
    assert [describe_change(one) for one in table.changes] == ["renamed_column liked.person to guest"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE person SET kind = upper(kind); ALTER TABLE person ADD CHECK (kind IN ('GUEST', 'MEMBER'))",
        """
            CREATE TYPE kinds AS ENUM ('GUEST', 'MEMBER');
            ALTER TABLE person ALTER kind TYPE kinds USING upper(kind)::kinds
        """,
    ],
    ids=["CHECK", "enumerated type"],
)
def test_codes_that_have_other_names_are_told_one_by_one(was: Fill, now: Fill, change: str) -> None:
    (found,) = follow(was, now, change, "kind", name=PERSON).changes
    assert isinstance(found, DerivedValue | Retyped)
    assert found.value == "CASE WHEN r.kind = 'guest' THEN 'GUEST' WHEN r.kind = 'member' THEN 'MEMBER' END"


def test_values_in_another_case_are_damage_where_no_list_has_them(was: Fill, now: Fill) -> None:
    change = "UPDATE person SET kind = upper(kind); ALTER TABLE person ADD CHECK (kind <> 'GUEST' OR id > 0)"
    assert follow(was, now, change, "kind", name=PERSON).changes == []


def test_of_a_column_without_a_meaning_it_is_told_what_it_holds(was: Fill, now: Fill) -> None:
    (found,) = follow(was, now, "ALTER TABLE visit ADD seen float; UPDATE visit SET seen = sin(id * id)").found
    assert found.figures == "follows from nothing of before: seen (filled in 40 of 40 rows, 40 different values)"
