"""What the planner does not know of tables."""

import pytest

from postmigration.checks.health import planner_statistics
from postmigration.checks.health.planner_statistics import examine, read_known
from selftest.unit.conftest import OpenSnapshot
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE many (id int, word text);
    INSERT INTO many SELECT g, 'w' || g FROM generate_series(1, 1200) g;
    CREATE TABLE few (id int);
    INSERT INTO few VALUES (1);
"""
ANALYZED = WORLD + "ANALYZE many, few;"


def test_a_table_is_read_with_what_is_known_of_it(now: Fill) -> None:
    after = now(ANALYZED, "ALTER TABLE many ADD at date; CREATE STATISTICS pairs ON id, word FROM many")
    many = read_known(after, ["public"], [])["public", "many"]
    assert (many.key, many.sql) == (("public", "many"), "public.many")
    assert (many.analyzed, many.readable, many.untouched, many.known_rows) == (True, True, False, 1200)
    assert (many.unknown, many.unbuilt) == (("at",), ("public.pairs",))


def test_many_rows_that_were_never_analyzed_are_found(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD), was(ANALYZED), ["public"]).findings
    assert finding.statement == "1 table was never analyzed, though it holds 1,000 rows or more: many"
    assert (finding.severity, finding.repair) == ("warning", "ANALYZE public.many;")


def test_a_large_table_that_lost_its_statistics_blocks(was: Fill, now: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_statistics, "_LARGE_BYTES", 10_000)
    (finding,) = examine(now(WORLD), was(ANALYZED), ["public"]).findings
    assert finding.statement == (
        "1 table was never analyzed, though it had statistics before and is larger than 1 GB: many"
    )
    assert finding.severity == "blocker"


def test_what_was_never_analyzed_before_is_told_only(was: Fill, now: Fill) -> None:
    found = examine(now(WORLD), was(WORLD), ["public"])
    assert (found.findings, found.facts) == ([], 2)
    assert found.notes == ["never analyzed, and neither before: many"]


def test_what_came_since_the_last_analyze_is_found(was: Fill, now: Fill) -> None:
    change = "ALTER TABLE many ADD at date; CREATE STATISTICS pairs ON id, word FROM many"
    assert [finding.statement for finding in examine(now(ANALYZED, change), was(ANALYZED), ["public"]).findings] == [
        "many was not analyzed since it got at",
        "extended statistics pairs of many are empty: they were not built since they were created",
    ]


def test_a_table_that_grew_since_is_found(open_snapshot: OpenSnapshot) -> None:
    # The server counts rows when they are committed.
    after = open_snapshot(
        f"{ANALYZED} INSERT INTO many SELECT g FROM generate_series(1, 2000) g; SELECT pg_stat_force_next_flush()"
    )
    assert [finding.statement for finding in examine(after, None, ["public"]).findings] == [
        "many grew from about 1,200 to about 3,200 rows since its last ANALYZE"
    ]
