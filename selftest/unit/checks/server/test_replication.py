import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.replication import examine_subscriptions, find_leftovers, read_subscriptions
from selftest.unit.uncommitted import Fill

TABLE = "CREATE TABLE stay (id int PRIMARY KEY); INSERT INTO stay VALUES (1)"
# Nobody connects: what is not committed, no worker sees.
SUBSCRIBED = f"""
    {TABLE};
    CREATE SUBSCRIPTION from_old CONNECTION 'host=nowhere' PUBLICATION all_tables WITH (connect = false);
    UPDATE pg_subscription SET subenabled = true WHERE subname = 'from_old';
    INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
        SELECT oid, 'stay'::regclass, 'r' FROM pg_subscription WHERE subname = 'from_old'
"""
DISABLED = "UPDATE pg_subscription SET subenabled = false"
UNREADY = "UPDATE pg_subscription_rel SET srsubstate = 'd'"
# The server's views, as they are on a server that replicates.
RUNNING = """
    ALTER VIEW pg_catalog.pg_stat_subscription RENAME TO pg_stat_subscription_of_now;
    CREATE VIEW pg_catalog.pg_stat_subscription AS
        SELECT oid AS subid, CAST(NULL AS oid) AS relid, 7 AS pid FROM pg_subscription
"""
FAILED = """
    ALTER VIEW pg_catalog.pg_stat_subscription_stats RENAME TO pg_stat_subscription_stats_of_now;
    CREATE VIEW pg_catalog.pg_stat_subscription_stats AS
        SELECT oid AS subid, 3 AS apply_error_count, 0 AS sync_error_count, 2 AS confl_insert_exists
        FROM pg_subscription
"""
SLOTS = """
    ALTER VIEW pg_catalog.pg_replication_slots RENAME TO pg_replication_slots_of_now;
    CREATE VIEW pg_catalog.pg_replication_slots AS
        SELECT slot_name, slot_type, active, CAST('0/1' AS pg_lsn) AS restart_lsn, 'reserved' AS wal_status,
               false AS temporary, false AS synced, current_database() AS database
        FROM (VALUES ('follower', 'logical', {active}), ('standby', 'physical', false))
             AS v (slot_name, slot_type, active)
"""
ORIGIN = "INSERT INTO pg_replication_origin VALUES (77, 'unit''s')"


def said(found: Examination) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.severity, finding.statement) for finding in found.findings]


def test_subscriptions_are_read_with_what_they_have_met(now: Fill) -> None:
    found = Examination()
    (one,) = read_subscriptions(now(SUBSCRIBED, RUNNING, FAILED, UNREADY), found).values()
    assert (one.name, one.enabled, one.running, one.slot) == ("from_old", True, True, "from_old")
    assert (one.publications, one.unready, one.stops) == (("all_tables",), ("public.stay",), False)
    assert one.counts == ("errors while applying: 3", "conflicts of the kind insert exists: 2")


def test_a_subscription_that_receives_everything_is_sound(was: Fill, now: Fill) -> None:
    found = examine_subscriptions(now(SUBSCRIBED, RUNNING), was(TABLE))
    assert (said(found), found.facts) == ([], 1)
    assert examine_subscriptions(now(), was()).inapplicable == "the database subscribes to nothing"


@pytest.mark.parametrize(
    ("change", "before", "code", "severity", "words"),
    [
        ("SELECT 1", TABLE, "subscription_idle", "blocker", "it is enabled, and no worker of it runs"),
        (
            RUNNING + ";" + UNREADY,
            TABLE,
            "subscription_incomplete",
            "blocker",
            "1 table is not copied whole: public.stay",
        ),
        (RUNNING + ";" + FAILED, TABLE, "subscription_failed", "warning", "it has met errors while applying: 3"),
        (DISABLED, SUBSCRIBED, "subscription_disabled", "blocker", "it is disabled, and was enabled"),
        ("SELECT 1", SUBSCRIBED, "subscription_idle", "warning", "nothing arrives (see the log); it was so before"),
        (
            f"{FAILED}; {DISABLED}; UPDATE pg_subscription SET subdisableonerr = true",
            TABLE,
            "subscription_failed",
            "blocker",
            "conflicts of the kind insert exists: 2; that disabled it",
        ),
    ],
)
def test_a_subscription_that_does_not_receive_is_found(
    was: Fill, now: Fill, change: str, before: str, code: str, severity: str, words: str
) -> None:
    # Two of a name cannot be made on one server at the same time.
    side = before.replace("from_old", "from_older")
    other = f"{side}; UPDATE pg_subscription SET subname = 'from_old'" if before == SUBSCRIBED else side
    older = was(other)
    found = examine_subscriptions(now(SUBSCRIBED, change), older)
    ((found_code, found_severity, statement),) = said(found)
    assert (found_code, found_severity) == (code, severity)
    assert statement.startswith("subscription from_old: ")
    assert words in statement


def test_what_replication_left_behind_is_found(was: Fill, now: Fill) -> None:
    found = find_leftovers(now(SUBSCRIBED, RUNNING, SLOTS.format(active="false"), ORIGIN), was(TABLE))
    subscription, slot, origin = said(found)
    assert subscription == (
        "subscription_left_over",
        "warning",
        "subscription from_old is left over: it still receives from another server; drop it when the database is to "
        "go live",
    )
    assert slot[0] == "replication_slot_inactive"
    assert slot[2].startswith("replication slot follower is inactive: nobody reads it, and it keeps ")
    assert origin[0] == "replication_origin_left_over"
    assert found.findings[2].repair == "SELECT pg_replication_origin_drop('unit''s');"
    # What a standby may still read is of the whole server, and not of this database.
    assert [note.partition(",")[0] for note in found.notes] == [
        "physical replication slot of the server standby is inactive: nobody reads it"
    ]


def test_a_database_that_is_written_to_while_it_still_receives_collides(was: Fill, now: Fill) -> None:
    found = find_leftovers(now(SUBSCRIBED, "INSERT INTO stay VALUES (2)"), was(TABLE))
    ((code, severity, words),) = said(found)
    assert (code, severity) == ("subscription_collides", "blocker")
    assert "public.stay; what both write collides, and stops it" in words


def test_what_is_gone_and_what_was_so_before_is_told(was: Fill, now: Fill) -> None:
    before = was(SUBSCRIBED, SLOTS.format(active="true"))
    found = find_leftovers(now(TABLE), before)
    assert [code for code, _, _ in said(found)] == ["subscription_lost"]
    assert found.notes == ["replication slots of before that somebody read, and that are not here: follower"]
    inactive = SLOTS.format(active="false")
    found = find_leftovers(now(TABLE, inactive), was(TABLE, inactive))
    assert said(found) == []
    assert [note.endswith("it was so before") for note in found.notes] == [True, True]
    assert find_leftovers(now(), was()).inapplicable.startswith("there is neither a subscription nor")
