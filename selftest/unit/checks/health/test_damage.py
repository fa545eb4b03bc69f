"""Damaged indexes, by the order of what they hold where amcheck is not installed."""

from postmigration.checks.health.damage import examine
from selftest.unit.uncommitted import Fill, add

WORLD = """
    CREATE FUNCTION rank(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
    CREATE TABLE item (id int PRIMARY KEY, n int);
    INSERT INTO item SELECT g, g FROM generate_series(1, 9) g;
    CREATE INDEX by_rank ON item (rank(n));
"""
REPLACED = "CREATE OR REPLACE FUNCTION rank(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN -$1; END'"
NO_AMCHECK = "amcheck is not installed (CREATE EXTENSION amcheck): the order of {} was tested, and no table"


def test_sound_indexes_are_tested(was: Fill, now: Fill) -> None:
    found = examine(now(WORLD), was(WORLD), ["public"])
    assert (found.findings, found.unjudged, found.facts, found.rows) == ([], [], 2, 18)
    assert found.notes == [NO_AMCHECK.format("2 of 2 indexes")]


def test_a_damaged_one_is_found_with_what_builds_it_anew(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, REPLACED), was(WORLD), ["public"]).findings
    assert finding.statement == (
        "index by_rank of item: 8 entries of 9 stand in another order than int4_ops demands: searches miss rows"
    )
    assert (finding.severity, finding.code) == ("blocker", "damaged_index")
    assert finding.repair == "REINDEX INDEX CONCURRENTLY public.by_rank;"


def test_what_was_damaged_before_is_a_warning(was: Fill, now: Fill) -> None:
    (finding,) = examine(now(WORLD, REPLACED), was(WORLD, REPLACED), ["public"]).findings
    assert finding.statement.endswith("; it was so before")
    assert finding.severity == "warning"


def test_rows_that_are_not_in_it_are_counted(now: Fill) -> None:
    ready = "UPDATE pg_index SET indisready = {0} WHERE indexrelid = 'by_rank'::regclass"
    after = now(WORLD, ready.format("false"), "INSERT INTO item VALUES (10, 10)", ready.format("true"))
    assert [finding.statement for finding in examine(after, None, ["public"]).findings] == [
        "index by_rank of item: 1 row of 10 is not in it"
    ]


def test_there_may_be_no_index(now: Fill) -> None:
    assert (
        examine(now("CREATE TABLE bare (id int)"), None, ["public"]).inapplicable == "there is no index on either side"
    )


def test_tables_are_examined_where_amcheck_is_installed(extended: Fill) -> None:
    # Rows of this transaction are older than the oldest one that the table may have.
    frozen = """
        UPDATE pg_class SET relfrozenxid = CAST(CAST(CAST(CAST(pg_current_xact_id() AS text) AS bigint) + 5000 AS text)
            AS xid) WHERE relname = 'item'
    """
    after = extended("CREATE EXTENSION amcheck", WORLD)
    sound = examine(after, None, ["public"])
    # Two indexes and a table.
    assert (sound.findings, sound.notes, sound.facts) == ([], [], 3)
    add(after, frozen)
    (finding,) = examine(after, None, ["public"]).findings
    assert finding.statement.startswith("table item: amcheck finds it damaged: 9 places; the first: block 0, item 1: ")
    assert finding.repair.startswith("-- restore it from a copy that is sound")
