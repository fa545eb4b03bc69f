"""Partitions that show their rows through the whole, and hold the rows that belong to them."""

from postmigration.checks.contents.partitions import examine
from postmigration.model.evidence import Finding
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill, add

WORLD = """
    CREATE TABLE event (made int) PARTITION BY RANGE (made);
    CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (100) TO (200);
    CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (200) TO (300);
    CREATE TABLE event_rest PARTITION OF event DEFAULT;
    INSERT INTO event VALUES (150), (151), (250), (900);
"""
DETACHED = "ALTER TABLE event DETACH PARTITION event_1"


def judge(before: Snapshot | None, after: Snapshot) -> list[Finding]:
    return examine(after, before, ["public"]).findings


def test_a_table_that_is_no_partition_any_more_hides_its_rows(was: Fill, now: Fill) -> None:
    (finding,) = judge(was(WORLD), now(WORLD, DETACHED))
    assert finding.statement == (
        "event_1: it was a partition of event and is not attached: its 2 rows cannot be seen through event"
    )
    assert (finding.severity, finding.code) == ("blocker", "partition_detached")
    assert finding.repair == "ALTER TABLE public.event ATTACH PARTITION public.event_1 FOR VALUES FROM (100) TO (200);"


def test_an_empty_one_hides_nothing(was: Fill, now: Fill) -> None:
    (finding,) = judge(was(WORLD), now(WORLD, DETACHED, "TRUNCATE event_1"))
    assert finding.statement == "event_1: it was a partition of event and is not attached"
    assert finding.severity == "warning"


def test_its_repair_brings_it_back(was: Fill, now: Fill) -> None:
    before, after = was(WORLD), now(WORLD, DETACHED)
    (finding,) = judge(before, after)
    add(after, finding.repair)
    assert judge(before, after) == []


def test_rows_of_another_partition_that_lie_in_the_default_one_are_told(was: Fill, now: Fill) -> None:
    after = now(WORLD, "DROP TABLE event_2; INSERT INTO event VALUES (250)")
    (finding,) = judge(was(WORLD), after)
    assert finding.statement == (
        "event_rest: 1 row of this default partition is within the bounds of event_2, which held such rows before"
    )
    assert [tuple(row) for row in after.rows(finding.query)] == [(250,)]


def test_sound_partitions_are_counted(was: Fill, now: Fill) -> None:
    after = now(WORLD)
    found = examine(after, was(WORLD), ["public"])
    assert (found.findings, found.facts) == ([], 3)
    assert examine(after, None, ["other"]).inapplicable == "there is no partition on either side"
