import pytest

from postmigration.diff.objects.moved.moves import read_moves
from postmigration.diff.objects.moved.rules import compare_children, compare_rules
from postmigration.model.changes import Change, GoneTable, MovedRows, NewTable, RepointedReference
from postmigration.postgres.schema_objects import Objects
from selftest.unit.diff.objects.made import Made, column, index, part

MOVE = MovedRows(
    table="booking",
    to="visit",
    key={"number": "'v' || r.id"},
    columns={"code": "r.code", "house": "r.house", "cents": "r.cents"},
)
CHANGES: list[Change] = [NewTable(table="visit"), GoneTable(table="booking"), MOVE]


def compare(before: Objects, after: Objects, changes: list[Change] = CHANGES) -> dict[str, tuple[str, str]]:
    """The level and the statement of each difference, by what is lost."""
    return {
        f"{one.what.removeprefix('taken over: ')} {one.name.name}": (one.level, one.statement)
        for one in compare_rules(read_moves(before, after, changes))
    }


def test_rules_that_nobody_thought_of_are_lost(before: Objects, moved: Objects) -> None:
    found = compare(before, moved)
    assert {what: level for what, (level, _) in found.items()} == {
        "not null code": "blocker",
        "not null cents": "blocker",
        "foreign key booking_house_fkey": "blocker",
        "check lost paid": "blocker",
        "trigger lost noted": "warning",
        "unique booking_code_key": "blocker",
    }
    assert found["not null code"][1] == (
        "column public.visit.code may be NULL, and column public.booking.code, whose values it holds, might not"
    )
    assert found["foreign key booking_house_fkey"][1].startswith(
        "house of table public.visit has no foreign key to house"
    )
    assert found["check lost paid"][1].startswith("table public.visit has no CHECK of cents, and constraint paid on")
    assert found["trigger lost noted"][1].startswith(
        "trigger noted on public.booking called public.note_it for the rows"
    )
    assert found["unique booking_code_key"][1].startswith("code of table public.visit need not be unique")


def test_rules_that_moved_with_the_rows_are_kept(before: Objects, moved: Objects) -> None:
    check = {"kind": "check", "columns": "cents", "definition": "CHECK ((cents > 0))"}
    key = {"kind": "foreign key", "columns": "house"}
    key["definition"] = "FOREIGN KEY (house) REFERENCES public.house(id) ON DELETE CASCADE"
    calls = {"definition": "BEFORE UPDATE FOR EACH ROW EXECUTE FUNCTION public.note_it()"}
    kept: Made = (
        dict(moved)
        | part("constraint", "paid", "visit", check)
        | part("constraint", "led", "visit", key)
        | part("trigger", "noted", "visit", calls)
        | index("code", "visit", " USING btree (code)", {"unique": "True"})
    )
    assert {what.partition(" ")[0] for what in compare(before, kept)} == {"not"}
    other = kept | part("constraint", "paid", "visit", {**check, "definition": "CHECK ((cents > 7))"})
    assert compare(before, other)["check changed paid"][0] == "warning"
    loose = {**key, "definition": key["definition"].removesuffix(" ON DELETE CASCADE")}
    found = compare(before, kept | part("constraint", "led", "visit", loose))
    assert found["foreign key changed booking_house_fkey"][1].startswith(
        "the foreign key of house of table public.visit says nothing after its parent"
    )


@pytest.mark.parametrize(("not_null", "lost"), [("yes", False), ("no", True)])
def test_not_null_says_as_much_as_a_check_of_it(before: Objects, moved: Objects, not_null: str, lost: bool) -> None:
    check = {"kind": "check", "columns": "cents", "definition": "CHECK ((cents IS NOT NULL))"}
    was = dict(before) | part("constraint", "filled", "booking", check)
    now = dict(moved) | column("visit", "cents", "integer", {"not null": not_null})
    assert ("check lost filled" in compare(was, now)) is lost


def test_beside_rows_of_other_tables_less_can_be_asked_for(before: Objects, moved: Objects) -> None:
    beside = MovedRows(table="house", to="visit", key={"number": "r.id"})
    found = compare(before, moved, [*CHANGES, GoneTable(table="house"), beside])
    assert found["not null code"][0] == "told"
    assert found["check lost paid"][0] == "warning"


def test_foreign_keys_that_led_to_the_rows_must_lead_there_again(before: Objects, moved: Objects) -> None:
    same = MovedRows(table="booking", to="visit", key={"id": "r.id"})
    changes: list[Change] = [NewTable(table="visit"), GoneTable(table="booking"), same]
    moves = read_moves(before, moved, changes)
    (found,) = compare_children(moves, changes)
    assert (found.level, found.statement) == (
        "blocker",
        "booking of public.payment has no foreign key to visit, and constraint payment_booking_fkey on public.payment, "
        "which led to the rows that it took over, was FOREIGN KEY (booking) REFERENCES public.booking(id)",
    )
    # A reference that is re-pointed is judged as that.
    point = RepointedReference(table="payment", column="booking", parent="booking", through="visit")
    assert list(compare_children(moves, [*changes, point])) == []


@pytest.mark.parametrize(
    ("was", "now", "lost"),
    [
        ("(house)", "", True),
        ("(house DESC, code)", "(code, house)", False),
        ("(house)", "(house, code)", False),
        ("(house)", "(code, house)", True),
        ("(fax)", "", False),
        ("(lower(code))", "", False),
    ],
)
def test_an_index_without_a_successor_is_told(before: Objects, moved: Objects, was: str, now: str, lost: bool) -> None:
    old = dict(before) | index("by_house", "booking", f" USING btree {was}")
    there = dict(moved) | (index("there", "visit", f" USING btree {now}") if now else {})
    found = compare(old, there)
    assert ("index lost by_house" in found) is lost
    if lost:
        assert found["index lost by_house"] == (
            "warning",
            "index public.by_house has no successor on table public.visit, which took over its rows: "
            "no index there is over house",
        )
