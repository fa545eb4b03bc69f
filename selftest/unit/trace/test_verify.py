"""What a sample suggests is verified over all rows."""

from postmigration.model.changes import MovedRows, RenamedTable
from postmigration.trace.verify import Verifier, list_differing, read_keys
from selftest.unit.trace.worlds import BEFORE, CLIENT, FLAG, MIGRATION, VISIT, Sides
from selftest.unit.uncommitted import Fill

MOVED = MovedRows(
    table="person", to="client", key={"id": "'cl_' || r.id"}, columns={"title": "r.name", "mail": "lower(r.email)"}
)


def test_a_table_is_compared_with_what_changes_make_of_another(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    result = sides.verifier.compare(sides.after.tables[CLIENT], [MOVED])
    assert not isinstance(result, str)
    pair, found = result
    assert (found.want_rows, found.wrong, [*pair.columns]) == (24, 0, ["id", "title", "mail"])
    assert sides.verifier.compare(sides.after.tables[CLIENT], []) == "nothing of it can be compared"


def test_what_differs_is_named(was: Fill, now: Fill) -> None:
    damage = "UPDATE client SET title = left(title, 6); DELETE FROM visit; DELETE FROM client WHERE id = 'cl_3'"
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION, damage))
    result = sides.verifier.compare(sides.after.tables[CLIENT], [MOVED])
    assert not isinstance(result, str)
    pair, found = result
    assert list_differing(pair, found) == ["title"]
    assert (read_keys(found, "missing"), read_keys(found, "extra")) == ([("cl_3",)], [])
    wrong, words = sides.verifier.count_column(pair, "title")
    assert (wrong, words) == (23, "23 cut at 6 characters")
    assert sides.verifier.count_column(pair, "mail") == (0, "")
    assert sides.verifier.count_column(pair, "id") == (0, "")


def test_sql_that_fails_is_told(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, MIGRATION))
    wrong = MovedRows(table="person", to="client", key={"id": "r.nothing"})
    result = sides.verifier.compare(sides.after.tables[CLIENT], [wrong])
    assert isinstance(result, str)
    assert "r.nothing" in result


def test_a_table_is_paired_with_the_one_of_its_name(was: Fill, now: Fill) -> None:
    sides = Sides(was(BEFORE), now(BEFORE, "DROP TABLE flag; ALTER TABLE visit RENAME TO flag"))
    verifier = Verifier(sides.before, sides.after)
    pair = verifier.pair(sides.after.tables[FLAG], [RenamedTable(table="visit", to="flag")])
    assert pair is not None
    assert pair.was is not None
    assert pair.was.key == VISIT
