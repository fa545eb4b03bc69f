"""Large objects: their numbers, their bytes, and the columns that point at them."""

from postmigration.checks.contents.large_objects import examine, take_fingerprint
from postmigration.diff.fingerprint import Fingerprint
from postmigration.postgres.connection import Snapshot
from selftest.unit.checks.targets import make_fingerprint
from selftest.unit.uncommitted import Fill

SCANS = """
    CREATE TABLE scan (id int PRIMARY KEY, content oid);
    INSERT INTO scan SELECT g, lo_from_bytea(7000 + g, convert_to('page ' || g, 'UTF8')) FROM generate_series(1, 4) g;
"""
MOVED = SCANS.replace("7000", "8000")
LOST, NEW, CHANGED = "SELECT lo_unlink(7002)", "SELECT lo_create(9000)", "SELECT lo_put(7003, 0, 'other')"


def told(before: Snapshot | Fingerprint | None, after: Snapshot) -> list[str]:
    return [finding.statement for finding in examine(after, before, ["public"]).findings]


def test_the_same_objects_are_sound(was: Fill, now: Fill) -> None:
    found = examine(now(SCANS), was(SCANS), ["public"])
    # Four objects, and the column that points at them.
    assert (found.findings, found.unjudged, found.notes, found.facts) == ([], [], [], 5)


def test_what_became_of_them_is_found(was: Fill, now: Fill) -> None:
    before, after = was(SCANS), now(SCANS, LOST, NEW, CHANGED)
    assert told(before, after) == [
        "large objects: 1 of 4 is missing",
        "large objects: 1 was not there before",
        "large objects: 1 object has other bytes than before",
        "scan.content: 1 value of 4 points at no large object",
    ]
    held = take_fingerprint(before, ["public"], 42)
    assert (held.count, held.columns) == (4, {"scan.content": (4, 0)})
    assert told(make_fingerprint(secret=42, large_objects=held), after) == [
        "large objects: at least 1 of 4 is missing",
        "large objects: at least 1 was not there before",
        "large objects: at least 1 object has other bytes than before",
        "scan.content: 1 value of 4 points at no large object",
    ]


def test_a_column_that_never_pointed_at_one_holds_other_numbers(now: Fill) -> None:
    after = now(SCANS, LOST, "CREATE TABLE seen (relation oid); INSERT INTO seen VALUES (4242)")
    assert told(None, after) == ["scan.content: 1 value of 4 points at no large object"]


def test_the_same_bytes_under_other_numbers_are_told(was: Fill, now: Fill) -> None:
    found = examine(now(MOVED), was(SCANS), ["public"])
    assert [(finding.statement, finding.severity) for finding in found.findings] == [
        ("large objects: the same bytes have other numbers than before", "warning")
    ]


def test_a_database_without_any_is_no_case_for_it(was: Fill, now: Fill) -> None:
    assert examine(now(), was(), ["public"]).inapplicable == "there is no large object on either side"
