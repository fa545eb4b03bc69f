"""Whether rows that are there can still be changed."""

import pytest

from postmigration.checks.existing_rows import Touched, guards, touch
from postmigration.postgres import catalog, embedded
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE TABLE item (id int PRIMARY KEY, name text, price int);
    INSERT INTO item SELECT g, 'n' || g, g FROM generate_series(1, 5) g;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'nobody may'; END$$;
    CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
"""
REFUSES = "CREATE TRIGGER guard BEFORE UPDATE ON item FOR EACH ROW WHEN (OLD.id = 5) EXECUTE FUNCTION refuse()"
SKIPS = "CREATE TRIGGER guard BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION skip()"
VIOLATED = "ALTER TABLE item ADD CONSTRAINT dear CHECK (price > 1) NOT VALID"


def try_rows(after: Snapshot, *conditions: str) -> Touched:
    table = catalog.table(after, "item")
    with after.use_connection({"search_path": "public", "lock_timeout": "1s"}) as connection:
        return touch(connection, table, conditions or ("true",))


def test_the_first_and_the_last_row_of_each_condition_are_changed(now: Fill) -> None:
    after = now(WORLD)
    assert try_rows(after, "t.price < 3", "t.price > 90", "true") == Touched(4)
    # And changed back.
    assert after.scalar("SELECT count(DISTINCT xmin::text) FROM public.item") == 1


def test_a_row_that_a_trigger_guards_is_refused(now: Fill) -> None:
    after = now(WORLD, REFUSES)
    found = try_rows(after)
    assert (found.rows, found.violates, found.silent) == (1, False, False)
    # What it says may be somebody's value; where it was raised is told.
    assert found.refused.startswith("code of the database raised it: PL/pgSQL function refuse() line 1")
    assert "refuse()" in found.context
    assert try_rows(after, "t.id < 5").refused == ""


def test_a_row_that_violates_a_constraint_is_refused_by_that(now: Fill) -> None:
    found = try_rows(now(WORLD, VIOLATED))
    assert found.violates
    assert "dear" in found.refused


@pytest.mark.parametrize(
    ("columns", "sure"),
    # What sets a time of change is a change for sure; a column that is set to itself is perhaps none.
    [("", False), ("ALTER TABLE item ADD updated_at timestamptz;", True)],
    ids=["to itself", "time of change"],
)
def test_a_change_may_be_left_out_without_a_word(now: Fill, columns: str, sure: bool) -> None:
    found = try_rows(now(WORLD, columns + SKIPS))
    assert (found.silent, found.sure) == (True, sure)


GUARD = """
    CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {} RETURN NEW; END$$;
    CREATE TRIGGER guard BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION guard();
"""


def test_a_lock_of_somebody_else_tells_nothing_of_the_rows(now: Fill, empty: embedded.Server) -> None:
    after = now(WORLD, GUARD.format("LOCK TABLE information_schema.sql_features IN SHARE MODE NOWAIT;"))
    with empty.connect("unit_after") as other, other.transaction():
        other.execute("LOCK TABLE information_schema.sql_features IN ACCESS EXCLUSIVE MODE")
        found = try_rows(after)
    assert (found.rows, found.refused) == (2, "")
    assert "another session held a lock" in found.busy


def test_an_application_that_gives_the_code_of_a_lock_refuses(now: Fill) -> None:
    found = try_rows(now(WORLD, GUARD.format("RAISE EXCEPTION 'closed' USING ERRCODE = '55P03';")))
    assert found.busy == ""
    assert found.refused.endswith("(SQLSTATE 55P03)")


def test_what_may_refuse_a_change_is_read_without_its_name(now: Fill) -> None:
    after = now(WORLD, REFUSES, "CREATE RULE other AS ON DELETE TO item DO INSTEAD NOTHING")
    found = guards(after, "item")
    assert sorted(found.values()) == ["", "refuse"]
    assert not any("guard" in words for words in found)
    assert guards(after, "nothing") == {}
