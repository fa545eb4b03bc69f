"""What columns hold of which no change says anything is counted."""

from dataclasses import replace

import pytest

from postmigration.checks.contents.tables import Relation, read_tables
from postmigration.checks.rows.unsaid import describe_unsaid
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE guest (id int PRIMARY KEY, mood text, "extra Data" json, empty int);
    INSERT INTO guest VALUES (1, 'calm', '{}', NULL), (2, 'calm', '[]', NULL), (3, NULL, '{}', NULL);
"""


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


@pytest.fixture(scope="module")
def guest(snapshot: Snapshot) -> Relation:
    return read_tables(snapshot, ["public"])["public", "guest"]


def test_rows_that_hold_something_and_different_values_are_counted(snapshot: Snapshot, guest: Relation) -> None:
    assert describe_unsaid(snapshot, guest, ["mood", "extra Data", "empty"]) == [
        "mood (filled in 2 of 3 rows, 1 different value)",
        "extra Data (filled in 3 of 3 rows, 2 different values)",
        "empty (filled in 0 of 3 rows)",
    ]


def test_in_a_large_table_only_rows_are_counted(snapshot: Snapshot, guest: Relation) -> None:
    large = replace(guest, pages=1_000_000)
    assert describe_unsaid(snapshot, large, ["mood"]) == ["mood (filled in 2 of 3 rows)"]


def test_what_cannot_be_read_is_named(snapshot: Snapshot, guest: Relation) -> None:
    assert describe_unsaid(snapshot, guest, ["mood", "lost"]) == ["mood", "lost"]
