"""What was found is verified over all rows, and put into words."""

from postmigration.trace.kept import KeptTable
from postmigration.trace.moves import MoveFinder
from postmigration.trace.telling import Teller, count_rows
from selftest.unit.trace.worlds import BEFORE, CLIENT, FLAG, MIGRATION, PERSON, VISIT, Sides, sample
from selftest.unit.uncommitted import Fill


def test_rows_are_counted_in_words() -> None:
    assert [count_rows(rows) for rows in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]


def test_moved_gone_and_kept_rows_are_told(was: Fill, now: Fill) -> None:
    damage = "UPDATE client SET title = left(title, 6) WHERE id = 'cl_3'; DELETE FROM visit WHERE id = 5"
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION, damage))
    before, after = sides.before.tables, sides.after.tables
    finder = MoveFinder(sides.before, sides.after, sides.finder)
    moves = finder.find(after[CLIENT], sample(sides.after, after[CLIENT]), [[before[PERSON]]])
    teller = Teller(sides.before, sides.after, sides.verifier, [move.declare() for move in moves])
    kept = [KeptTable(before[VISIT], after[VISIT])]
    told = teller.tell(kept, [before[FLAG], before[PERSON]], [after[CLIENT]], {CLIENT: moves}, [])
    assert [(one.subject, one.figures) for one in told.found if one.change is not None] == [
        ("client", "24 rows"),
        ("person to client", "24 rows"),
        ("person", "it held 24 rows, all of which moved; no column holds what kind, old held"),
        ("flag", "it held 2 rows"),
    ]
    misfits = [words for one in told.found for words in one.misfits]
    assert "title: 1 of 24 are others: 1 cut at 6 characters" in misfits
    assert "none of its rows was found elsewhere" in misfits
    assert any(words.startswith("1 of 40 rows are lost") for words in misfits)
    assert told.rows == (66, 63)
    # What moved has one reason with the table that it left, and the table that is gone another.
    groups = {one.subject: one.group for one in told.found}
    assert groups["client"] == groups["person to client"] == groups["person"] == "person"
    assert groups["flag"] == "flag"


def test_a_table_that_is_the_same_is_counted(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE))
    teller = Teller(sides.before, sides.after, sides.verifier, [])
    kept = [KeptTable(sides.before.tables[name], sides.after.tables[name]) for name in (FLAG, PERSON, VISIT)]
    told = teller.tell(kept, [], [], {}, [])
    assert (told.found, told.same, told.notes) == ([], 3, [])
