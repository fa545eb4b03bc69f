from postmigration.diff.objects.moved.compare import Declared, compare_moved
from postmigration.model.changes import Change, GoneTable, MovedRows, NewTable
from postmigration.postgres.schema_objects import Objects

MOVE = MovedRows(table="booking", to="visit", key={"number": "r.id"}, columns={"code": "r.code"})
CHANGES: list[Change] = [NewTable(table="visit"), GoneTable(table="booking"), MOVE]


def compare(before: Objects, after: Objects, changes: list[Change] = CHANGES, *, privileges: bool = True) -> list[str]:
    found = compare_moved(Declared(before, changes), after, ["public"], privileges=privileges)
    return [one.check for one in found]


def test_all_that_protected_the_rows_is_compared(before: Objects, moved: Objects) -> None:
    assert set(compare(before, moved)) == {"row_security", "privileges", "constraints", "triggers"}
    assert "privileges" not in compare(before, moved, privileges=False)


def test_without_a_move_there_is_nothing_to_compare(before: Objects, moved: Objects) -> None:
    assert compare(before, moved, CHANGES[:2]) == []
    elsewhere = compare_moved(Declared(before, CHANGES), moved, ["sales"], privileges=True)
    assert {one.check for one in elsewhere} == {"constraints", "triggers"}


def test_two_moves_of_the_same_rows_tell_a_difference_once(before: Objects, moved: Objects) -> None:
    halves: list[Change] = [
        MovedRows(table="booking", to="visit", key={"number": "r.id"}, columns={"code": "r.code"}, where=where)
        for where in ("r.id < 5", "r.id >= 5")
    ]
    found = compare_moved(Declared(before, [*CHANGES[:2], *halves]), moved, ["public"], privileges=True)
    names = [(one.what, str(one.name)) for one in found]
    assert len(names) == len(set(names)) > 5
