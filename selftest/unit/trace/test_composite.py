"""Rows that no single column tells apart are found again by several."""

from postmigration.trace.composite import CompositeFinder
from postmigration.trace.links import RowLink
from selftest.unit.trace.worlds import Sides, sample
from selftest.unit.uncommitted import Fill

BEFORE = """
    CREATE TABLE booking (id int PRIMARY KEY, guest text, day date, seat int);
    INSERT INTO booking SELECT g, 'guest ' || g % 12, date '2024-01-01' + g / 12, g % 5 FROM generate_series(0, 119) g;
"""
AFTER = """
    CREATE TABLE stay (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), guest text, day date, seat int);
    INSERT INTO stay (guest, day, seat) SELECT guest, day, seat FROM booking;
"""


def find(sides: Sides) -> tuple[CompositeFinder, RowLink | None]:
    finder = CompositeFinder(sides.before, sides.after, sides.finder)
    stay = sides.after.tables["public", "stay"]
    return finder, finder.find(sides.before.tables["public", "booking"], stay, sample(sides.after, stay))


def test_as_few_columns_as_tell_all_rows_apart_are_the_key(was: Fill, now: Fill) -> None:
    finder, link = find(Sides(was(BEFORE), now(BEFORE, AFTER)))
    assert link is not None
    assert {part.column for part in link.key} == {"guest", "day"}
    assert (len(link.pairs), link.certain, finder.ambiguous) == (120, True, {})
    assert all(old["seat"] == new["seat"] for old, new in link.pairs)


def test_rows_that_are_alike_in_all_columns_are_not_guessed(was: Fill, now: Fill) -> None:
    finder, link = find(
        Sides(
            was(BEFORE), now(BEFORE, AFTER, "INSERT INTO stay SELECT gen_random_uuid(), guest, day, seat FROM booking")
        )
    )
    assert link is None
    words = finder.ambiguous["public", "stay"]
    assert words.startswith("its rows look like those of booking in ")
    assert words.endswith("there is no safe link, and none is guessed")
