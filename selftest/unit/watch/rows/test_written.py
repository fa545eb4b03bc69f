import pytest

from postmigration.model.migration import Conventions
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.watch.rows.written import (
    Lost,
    Written,
    count_written,
    describe_lost,
    find_time_columns,
    is_since,
)
from selftest.unit.conftest import OpenSnapshot

CONVENTIONS = Conventions(created=("made_on",))


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("""
        CREATE TABLE stay (id int, created_at timestamptz, "updatedAt" timestamp);
        INSERT INTO stay VALUES (1, '2029-12-31', NULL), (2, '2029-12-31', '2030-01-02'), (3, '2030-01-01', NULL),
                                (4, NULL, '2030-01-05');
        CREATE TABLE room (id int, made_on date);
        INSERT INTO room VALUES (1, '2029-12-31'), (2, '2030-01-01'), (3, '2030-01-02'), (4, '2030-01-02');
        CREATE TABLE quiet (id int, created_at timestamptz);
        CREATE TABLE untold (id int);
    """)


def test_rows_that_were_made_and_changed_since_are_counted_by_table(snapshot: Snapshot) -> None:
    lost = count_written(snapshot, CONVENTIONS, "2030-01-01 00:00+00")
    assert lost == Lost(
        "2030-01-01 00:00+00",
        [Written("room", 3, 0), Written("stay", 1, 2)],
        ["untold (no column says when a row was written)"],
    )


def test_the_columns_that_say_when_a_row_was_written_are_found(snapshot: Snapshot) -> None:
    stay, room = catalog.table(snapshot, "stay"), catalog.table(snapshot, "room")
    assert find_time_columns(stay, CONVENTIONS) == (["created_at"], ["updatedAt"])
    assert find_time_columns(room, Conventions()) == ([], [])
    assert is_since(room, ["made_on"], "r") == "r.made_on >= CAST(:since AS date)"
    assert is_since(stay, ["created_at", "updatedAt"], "r") == (
        'r.created_at >= CAST(:since AS timestamptz) OR r."updatedAt" >= CAST(:since AS timestamptz)'
    )


def test_what_a_rollback_would_lose_is_told() -> None:
    last = "rows that were deleted since are not counted: no column tells of them"
    assert describe_lost(Lost("noon", [Written("stay", 1_000, 1)], ["untold (why)"])) == [
        "a rollback would lose what was written since noon: stay: 1,000 rows made, 1 row changed",
        "not known of untold (why)",
        last,
    ]
    assert describe_lost(Lost("noon", [], [])) == [
        "a rollback would lose what was written since noon: no row that its columns tell of",
        last,
    ]
    many = Lost("noon", [Written(f"t{n}", 1, 0) for n in range(12)], [f"u{n}" for n in range(11)])
    assert describe_lost(many)[0].endswith("t9: 1 row made; and 2 tables more")
    assert describe_lost(many)[1].endswith("u9 and 1 tables more")
