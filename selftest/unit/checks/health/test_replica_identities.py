"""Published tables in which a subscriber would not find the row that was changed."""

from postmigration.checks.health.replica_identities import examine
from postmigration.postgres.schema_objects import objects
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE keyed (id int PRIMARY KEY);
    CREATE TABLE bare (id int);
    CREATE TABLE whole (id int);
    ALTER TABLE whole REPLICA IDENTITY FULL;
    CREATE TABLE private (id int);
    CREATE PUBLICATION feed FOR TABLE keyed, whole, bare;
"""
UNKEYED = "ALTER TABLE keyed DROP CONSTRAINT keyed_pkey"


def test_a_published_table_without_a_key_refuses_to_be_updated(now: Fill) -> None:
    found = examine(None, objects(now(WORLD)), ["public"])
    (finding,) = found.findings
    assert finding.statement == (
        "table public.bare has no replica identity: "
        "the server refuses UPDATE and DELETE, which publication feed publishes"
    )
    assert (finding.severity, finding.repair) == ("warning", "ALTER TABLE public.bare REPLICA IDENTITY FULL;")
    assert found.facts == 3


def test_one_that_could_be_updated_before_is_a_blocker(was: Fill, now: Fill) -> None:
    found = examine(objects(was(WORLD)), objects(now(WORLD, UNKEYED)), ["public"])
    assert [(finding.statement.rpartition("; ")[2], finding.severity) for finding in found.findings] == [
        ("it was so before", "warning"),
        ("it could be updated before", "blocker"),
    ]


def test_tables_of_which_the_same_is_true_are_told_at_once(now: Fill) -> None:
    (finding,) = examine(None, objects(now(WORLD, UNKEYED)), ["public"]).findings
    assert finding.statement.startswith("2 tables have no replica identity: ")
    assert finding.statement.endswith(": public.bare, public.keyed")


def test_what_publishes_only_new_rows_needs_none(now: Fill) -> None:
    after = now(WORLD, "ALTER PUBLICATION feed SET (publish = 'insert')")
    assert examine(None, objects(after), ["public"]).inapplicable == ("no publication publishes updates on either side")
