"""Collations whose library is another one now than when they ordered their indexes."""

import pytest

from postmigration.checks.health.collations import Collation, examine, read_collations
from selftest.unit.uncommitted import Fill

# A collation that has a version on every machine.
WORLD = """
    CREATE TABLE name (id int PRIMARY KEY, n text COLLATE pg_c_utf8, m text COLLATE pg_c_utf8);
    CREATE INDEX by_n ON name (n);
"""
STALE = "UPDATE pg_collation SET collversion = '0' WHERE collname = 'pg_c_utf8'"


@pytest.mark.parametrize(
    ("recorded", "actual", "stale"),
    [("1", "1", False), ("1", "2", True), ("1", None, True), (None, "1", False)],
)
def test_a_collation_is_stale_where_its_library_is_another(
    recorded: str | None, actual: str | None, stale: bool
) -> None:
    assert Collation("collation c", "", recorded, actual, (), 1).is_stale == stale


def test_a_collation_is_read_with_what_it_orders(now: Fill) -> None:
    (collation,) = (one for one in read_collations(now(WORLD), ["public"]) if one.recorded is not None)
    assert (collation.title, collation.indexes, collation.tables) == (
        "collation pg_catalog.pg_c_utf8",
        ("public.by_n",),
        1,
    )
    assert collation.recorded == collation.actual
    assert collation.refresh == "ALTER COLLATION pg_catalog.pg_c_utf8 REFRESH VERSION;"


def test_indexes_of_a_stale_one_may_be_in_another_order(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, STALE), was(WORLD), ["public"]).findings
    assert finding.statement == (
        "collation pg_catalog.pg_c_utf8 was made with version 0 of its library, which is 1 now: "
        "by_n may be in another order than searches expect"
    )
    assert finding.severity == "warning"
    assert finding.repair == (
        "REINDEX INDEX CONCURRENTLY public.by_n;\nALTER COLLATION pg_catalog.pg_c_utf8 REFRESH VERSION;"
    )


def test_what_was_stale_before_is_told_only(was: Fill, now: Fill) -> None:
    found = examine(now(WORLD, STALE), was(WORLD, STALE), ["public"])
    assert found.findings == []
    assert [note.endswith("; it was so before") for note in found.notes] == [True]


def test_one_that_no_table_uses_is_of_no_matter(now: Fill) -> None:
    assert examine(now(STALE), None, ["public"]).inapplicable == "no table uses a collation whose version is known"
