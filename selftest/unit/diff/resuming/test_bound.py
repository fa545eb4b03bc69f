"""What is done of one comparison counts for no other: other databases, other tables, another version."""

from typing import Any

import msgspec
import pytest

from postmigration.diff.resuming.bound import Bound, Side, advance, tell_apart, tell_sides_apart

SIDE = Side("db.example:5432/shop", "7001", "16384", 3, 1_000)
BOUND = Bound("1.0", "public", (), SIDE, SIDE)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"place": "b:5432/shop"}, "was db.example:5432/shop and is b:5432/shop"),
        ({"oid": "16385"}, "is another one at the same address, db.example:5432/shop"),
        ({"system": None}, "is another one at the same address, db.example:5432/shop"),
        ({"timeline": 4}, "was promoted or restored since (its timeline was 3 and is 4)"),
        ({"reached": 999}, "was set back since: its log ends before what was read then"),
        ({"reached": 1_001}, ""),
        ({"reached": None}, ""),
    ],
    ids=str,
)
def test_a_database_is_the_same_after_its_server_was_started_again(change: dict[str, Any], says: str) -> None:
    assert tell_sides_apart(SIDE, msgspec.structs.replace(SIDE, **change)) == says


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "1.1"}, "postmigration was 1.0 and is 1.1"),
        ({"schema": "shop"}, "it was of schema public and is of shop"),
        ({"tables": ("a", "b")}, "it was of all tables and is of a, b"),
        (
            {"after": msgspec.structs.replace(SIDE, oid="1")},
            "the database after is another one at the same address, db.example:5432/shop",
        ),
        ({}, ""),
    ],
    ids=str,
)
def test_comparisons_are_told_apart(change: dict[str, Any], says: str) -> None:
    assert tell_apart(BOUND, msgspec.structs.replace(BOUND, **change)) == says


def test_a_comparison_comes_as_far_as_its_databases() -> None:
    further, behind = (msgspec.structs.replace(SIDE, reached=reached) for reached in (2_000, 900))
    assert advance(BOUND, further, behind) == msgspec.structs.replace(BOUND, before=further)
