from collections.abc import Sequence

from postmigration.diff.objects.expected import (
    expect_objects,
    find_key,
    find_through,
    list_children,
    list_columns,
    list_made,
    list_made_columns,
    list_used_types,
    read_renames,
    spread,
    uses_of,
)
from postmigration.model.changes import (
    Change,
    GoneColumn,
    GoneTable,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.postgres.schema_objects import ObjectName, Objects
from selftest.unit.diff.objects.conftest import by_text

RENAMES: Sequence[Change] = [
    RenamedTable(table="booking", to="stay"),
    RenamedColumn(table="booking", column="cents", to="netCents"),
    RenamedColumn(table="payment", column="booking", to="stay"),
]


def differing(expected: Objects, there: Objects) -> set[str]:
    """The objects whose facts are not those that were expected, or that are on one side only."""
    sides = [
        # The order of what a view reads says nothing.
        {
            text: {k: sorted(v.split(", ")) if k == "refers to" else v for k, v in facts.items() if k[0] != "~"}
            for text, facts in by_text(side).items()
        }
        for side in (expected, there)
    ]
    return {text for text in sides[0].keys() | sides[1].keys() if sides[0].get(text) != sides[1].get(text)}


def test_declared_names_are_the_only_ones_that_are_others(before: Objects, renamed: Objects) -> None:
    assert differing(expect_objects(before, renamed, RENAMES), renamed) == set()
    assert expect_objects(before, renamed, []) is before


def test_a_change_that_did_not_happen_leaves_everything_as_it_was(before: Objects) -> None:
    changes: list[Change] = [*RENAMES, GoneTable(table="house"), GoneColumn(table="booking", column="fax")]
    assert expect_objects(before, before, changes) == before


def test_declared_types_are_those_that_are_there(before: Objects, retyped: Objects) -> None:
    changes = [
        Retyped(table="booking", column="cents"),
        Retyped(table="booking", column="done"),
        Retyped(table="payment", column="id"),
        Retyped(table="log", column="size"),
    ]
    assert differing(expect_objects(before, retyped, changes), retyped) == set()


def test_new_ids_may_be_of_another_type(before: Objects, retyped: Objects) -> None:
    ids = NewIds(table="payment", column="id", by=("booking",))
    expected = by_text(expect_objects(before, retyped, [ids]))
    assert expected["column public.payment.id"]["type"] == "text"
    # Texts are not counted.
    assert "sequence public.payment_id_seq" not in expected
    assert expected["column public.booking.cents"]["type"] == "integer"


def test_what_stands_on_a_gone_table_goes_with_it(before: Objects, moved: Objects) -> None:
    changes: list[Change] = [GoneTable(table="booking"), GoneTable(table="shown")]
    expected = expect_objects(before, moved, changes)
    left = differing(expected, moved)
    # What came is not expected, and is told where new objects are.
    assert {text for text in left if "visit" not in text} == set()


def test_what_a_gone_column_was_needed_for_goes_with_it(before: Objects) -> None:
    after = {name: facts for name, facts in before.items() if "fax" not in name}
    expected = expect_objects(before, after, [GoneColumn(table="booking", column="fax")])
    assert expected == after
    assert "index public.by_fax" in by_text(before)
    assert "comment on column fax of table public.booking" in by_text(before)


def test_a_re_pointed_reference_must_have_its_foreign_key(before: Objects, moved: Objects) -> None:
    move = MovedRows(table="booking", to="visit", key={"number": "r.code"})
    point = RepointedReference(table="payment", column="booking", to="visit", parent="booking", through="visit")
    expected = by_text(expect_objects(before, moved, [move, point]))
    key = expected["constraint payment_booking_fkey on public.payment"]
    assert key["definition"] == "FOREIGN KEY (visit) REFERENCES public.visit(number)"
    assert key["columns"] == "visit"
    assert key["~sql"].endswith(key["definition"])
    assert find_through(point, [move]) == ("public", "visit")
    assert find_through(point, [MovedRows(table="booking", to="visit", to_schema="new", key={"a": "1"})])[0] == "new"


def test_two_references_that_became_one_have_one_foreign_key(before: Objects, moved: Objects) -> None:
    (name,) = (name for name in before if str(name) == "constraint payment_booking_fkey on public.payment")
    other = ObjectName("constraint other on public.payment", "constraint", "public", "other", "payment")
    moves = [MovedRows(table=table, to="visit", key={"number": "r.code"}) for table in ("booking", "house")]
    points = [
        RepointedReference(table="payment", column=column, to="visit", parent=parent, through="visit")
        for column, parent in (("booking", "booking"), ("other", "house"))
    ]
    facts = {**before[name], "definition": "FOREIGN KEY (other) REFERENCES public.house(id)", "columns": "other"}
    expected = expect_objects({**before, other: facts}, moved, [*moves, *points])
    assert (name in expected, other in expected) == (True, False)


def test_names_are_read_as_far_as_tables_really_have_them(before: Objects, renamed: Objects) -> None:
    renames = read_renames(before, renamed, RENAMES)
    assert renames.tables == {("public", "booking"): ("public", "stay")}
    assert renames.columns["public", "booking", "cents"] == "netCents"
    assert read_renames(before, before, RENAMES).tables == {}
    made: list[Change] = [*RENAMES, NewTable(table="visit"), NewColumn(table="house", column="beds")]
    assert list_made(made) == {("public", "stay"), ("public", "visit")}
    assert list_made_columns(made) == {
        ("public", "stay", "netCents"),
        ("public", "payment", "stay"),
        ("public", "house", "beds"),
    }


def test_tables_tell_their_partitions_columns_and_keys(before: Objects) -> None:
    assert list_children(before) == {("public", "log"): {("public", "log_2025")}}
    assert ("public", "log_2025", "size") in list_columns(before)
    assert find_key(before, ("public", "house")) == "id"
    assert find_key(before, ("public", "log")) == ""


def test_an_object_cannot_be_without_the_columns_that_it_uses(before: Objects) -> None:
    uses = {str(name): set(uses_of(name, facts)) for name, facts in before.items()}
    assert ("public", "booking", "fax") in uses["index public.by_fax"]
    assert uses["constraint payment_booking_fkey on public.payment"] == {
        ("public", "payment", "booking"),
        ("public", "booking", "id"),
    }
    assert uses["sequence public.payment_id_seq"] == {("public", "payment", "id")}
    assert uses["table public.house"] == set()


def test_a_type_is_used_by_the_columns_of_tables_alone(before: Objects) -> None:
    used = list_used_types(before)
    assert ("public", "booking", "cents") in used["integer"]
    assert ("public", "shown", "cents") not in used["integer"]


def test_columns_of_a_table_are_those_of_its_partitions_too(before: Objects) -> None:
    assert spread([("public", "log", "size")], before) == [("public", "log", "size"), ("public", "log_2025", "size")]
