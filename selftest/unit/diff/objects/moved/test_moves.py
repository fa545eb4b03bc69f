import pytest

from postmigration.diff.objects.moved.moves import ByTable, find_table, read_moves, select, tell
from postmigration.model.changes import Change, GoneTable, MovedRows, NewTable
from postmigration.postgres.schema_objects import ObjectName, Objects

MOVE = MovedRows(
    table="booking",
    to="visit",
    key={"number": "'v' || r.id"},
    columns={"code": "r.code", "house": "coalesce(r.house, 0)", "cents": "r.cents * 100", "state": "'open'"},
)
CHANGES: list[Change] = [NewTable(table="visit"), GoneTable(table="booking"), MOVE]


def test_a_move_tells_what_became_of_the_columns(before: Objects, moved: Objects) -> None:
    (move,) = read_moves(before, moved, CHANGES).all
    assert (move.source, move.target) == (("public", "booking"), ("public", "visit"))
    assert move.same == {"code": "code"}
    # A constant beside a value, or a factor, keeps values apart; what fills in for NULL does not.
    assert move.keyed == {"id": "number", "code": "code", "cents": "cents"}
    assert move.follows == move.keyed
    assert move.read_from["house"] == ["house"]
    assert move.constant == ["state"]
    assert (move.whole, move.stays, move.alone) == (True, False, True)


@pytest.mark.parametrize(
    ("change", "whole", "alone"),
    [
        (MovedRows(table="booking", to="visit", key={"number": "r.id"}, where="r.cents > 5"), False, True),
        (MovedRows(table="house", to="visit", key={"number": "r.id"}), True, False),
    ],
)
def test_a_move_may_be_of_some_rows_and_beside_others(
    before: Objects, moved: Objects, change: MovedRows, whole: bool, alone: bool
) -> None:
    others = CHANGES if change.table == "house" else CHANGES[:2]
    move = read_moves(before, moved, [*others, change]).all[-1]
    assert (move.whole, move.alone) == (whole, alone)
    # A table that is still there keeps what protects its rows.
    assert move.stays is (change.table == "house")


def test_tables_that_are_not_there_are_not_moved_to(before: Objects, moved: Objects) -> None:
    elsewhere = MovedRows(table="booking", to="archive", key={"id": "r.id"})
    assert read_moves(before, moved, [elsewhere]).all == []
    assert read_moves(before, moved, [MovedRows(table="shown", to="visit", key={"number": "r.id"})]).all == []


def test_definitions_of_a_source_are_written_of_its_target(before: Objects, moved: Objects) -> None:
    moves = read_moves(before, moved, CHANGES)
    assert moves.heirs == {("public", "booking"): [("public", "visit")]}
    assert moves.renames_of(moves.all[0]).rewrite("public.booking.id", None) == "public.visit.number"
    assert set(moves.became(("public", "booking"))) == {("public", "visit")}
    assert set(moves.became(("public", "house"))) == {("public", "house")}
    assert set(moves.became(("public", "nowhere"))) == set()


def test_copies_and_other_moves_into_the_same_table_are_known(before: Objects, moved: Objects) -> None:
    copied = MovedRows(table="booking", to="house", key={"id": "r.id"}, columns={"name": "r.code", "n": "r.cents"})
    beside = MovedRows(table="payment", to="visit", key={"number": "r.id"})
    moves = read_moves(before, moved, [*CHANGES, copied, beside])
    first, copy, other = moves.all
    assert list(moves.copies(first)) == [copy]
    assert list(moves.others(first)) == [other]
    assert list(moves.copies(other)) == []


def test_objects_can_be_asked_for_by_table(before: Objects) -> None:
    by_table = ByTable(before)
    assert {str(name) for name in select(by_table, ("public", "booking"), "policy", "trigger")} == {
        "policy mine on public.booking",
        "trigger noted on public.booking",
    }
    name, facts = find_table(by_table, ("public", "booking"))
    assert (str(name), facts["row-level security"]) == ("table public.booking", "True")


@pytest.mark.parametrize(
    ("called", "line"),
    [
        ("policy mine on public.visit", "object = 'policy mine on public.visit'"),
        ("policy it's on public.visit", 'object = "policy it\'s on public.visit"'),
        ("policy a* on public.visit", "object = 'policy a[*] on public.visit'"),
    ],
)
def test_a_difference_says_how_it_is_declared(called: str, line: str) -> None:
    found = tell("row_security", "blocker", "it is lost", ObjectName(called), "policy lost", repair="CREATE POLICY …")
    assert (found.excuse, found.level, found.repair) == (line, "blocker", "CREATE POLICY …")
