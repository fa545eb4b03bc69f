"""The repair of a table that must hold what it held before."""

from postmigration.checks.repairs.as_before import repair_as_before, repair_lost
from postmigration.diff.expected_rows import expectation
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.postgres import catalog
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id int PRIMARY KEY, note text NOT NULL, twice int GENERATED ALWAYS AS (id * 2) STORED);
    INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c');
"""


def test_missing_and_changed_rows_are_copied_from_the_baseline(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, "DELETE FROM item WHERE id = 2; UPDATE item SET note = 'x' WHERE id = 3")
    table = catalog.table(before, "item")
    expected = expectation(None, table, "public")
    found = Sides.of(
        before, after, expected.comparison, accepted=(), application=False, cutover="infinity", newest="infinity"
    ).compare(keep=10)
    text = repair_as_before(after, table, expected, found, ["id", "note"])
    copied = next(line for line in text.splitlines() if line.startswith("\\copy (SELECT"))
    # What the server computes cannot be written.
    assert "id, note" in copied
    assert "twice" not in copied
    assert "(2)" in text.replace("'", "")
    assert "(3)" in text.replace("'", "")
    said = text.partition("BEGIN;")[0].replace("\n-- ", " ")
    assert "Enable disabled triggers after it, not before: they would fire for it. Delete the file" in said


def test_a_table_that_is_gone_comes_whole_from_the_baseline(was: Fill, now: Fill) -> None:
    before, after = catalog.table(was(WORLD), "item"), catalog.table(now(), "item")
    text = repair_lost("public", before, after)
    assert "pg_dump" in text
    assert "public.item" in text


def test_a_column_that_is_gone_is_added_and_filled(was: Fill, now: Fill) -> None:
    before = catalog.table(was(WORLD), "item")
    after = catalog.table(now(WORLD, "ALTER TABLE item DROP note"), "item")
    text = repair_lost("public", before, after)
    assert "ALTER TABLE public.item ADD COLUMN IF NOT EXISTS note text;" in text
    assert repair_lost("public", before, before) == ""


def test_a_time_that_has_a_time_zone_now_is_copied_in_that_of_the_comparison(was: Fill, now: Fill) -> None:
    world = "CREATE TABLE visit (id int PRIMARY KEY, at {}); INSERT INTO visit VALUES (1, '2026-01-15 10:00')"
    before, after = was(world.format("timestamp")), now(world.format("timestamptz"), "DELETE FROM visit")
    table = catalog.table(before, "visit")
    expected = expectation(None, table, "public")
    found = Comparison(1, 0, {"missing": 1, "extra": 0, "changed": 0}, 0, {}, ())
    text = repair_as_before(after, table, expected, found, [])
    assert text.count("SET LOCAL TimeZone = 'UTC';") == 2
