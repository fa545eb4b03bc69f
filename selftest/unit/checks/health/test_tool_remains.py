"""What was made for a migration and is still there."""

from collections.abc import Collection

from postmigration.checks.contents.examination import Examination
from postmigration.checks.health.tool_remains import examine
from postmigration.diff.objects.privileges import read_state
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import objects
from selftest.unit.uncommitted import Fill

WORLD = "CREATE TABLE orders (id int PRIMARY KEY, client text, amount int)"
SCHEMAS = ("public", "staging", "pgcopydb")


def judge(
    before: Snapshot | None, after: Snapshot, *, compared: bool = True, meant: Collection[str] = ()
) -> Examination:
    now = objects(after)
    return examine(
        None if before is None else objects(before),
        now,
        SCHEMAS,
        rights=read_state(now, ("PUBLIC",)),
        compared=compared,
        meant=[name for name in now if name in meant],
    )


def told(found: Examination) -> list[str]:
    assert {finding.code for finding in found.findings} <= {"left_over"}
    return sorted(finding.statement for finding in found.findings)


def test_copies_and_what_tools_make_are_found(was: Fill, now: Fill) -> None:
    after = now(
        WORLD,
        "CREATE TABLE orders_old AS SELECT * FROM orders",
        "CREATE TABLE loaded AS SELECT *, 1 AS batch FROM orders",
        "CREATE TABLE awsdms_status (id int PRIMARY KEY)",
        "CREATE SCHEMA pgcopydb; CREATE TABLE pgcopydb.sentinel (id int)",
        "ALTER TABLE orders ADD _pgroll_new_amount int",
        "CREATE TABLE lines (id int PRIMARY KEY)",
    )
    found = judge(was(WORLD), after)
    assert told(found) == [
        "column public.orders._pgroll_new_amount is a column of pgroll",
        "schema pgcopydb is one of pgcopydb (1 table)",
        "table public.awsdms_status is a table of AWS DMS",
        "table public.loaded has all columns of table public.orders and no key, and was not there before",
        "table public.orders_old looks like a copy of table public.orders that was left",
    ]
    repairs = {finding.subject.name: finding.repair.splitlines()[-1] for finding in found.findings}
    assert repairs["pgcopydb"] == "-- once decided: DROP SCHEMA pgcopydb CASCADE;"
    assert repairs["_pgroll_new_amount"] == (
        "-- once decided: ALTER TABLE public.orders DROP COLUMN _pgroll_new_amount;"
    )


def test_what_was_there_before_is_told_and_what_is_meant_is_not(was: Fill, now: Fill) -> None:
    old, new = "CREATE TABLE orders_old AS SELECT * FROM orders", "CREATE SCHEMA staging"
    after = now(WORLD, old, new)
    found = judge(was(WORLD, old), after)
    assert told(found) == ["schema staging was not there before, and is called as one that serves a migration"]
    assert found.notes == [
        "table public.orders_old looks like a copy of table public.orders that was left; it was so before"
    ]
    assert judge(None, after, meant=["table public.orders_old"]).findings == []


def test_one_that_anybody_may_read_is_a_blocker_where_nobody_else_tells(was: Fill, now: Fill) -> None:
    before = was(WORLD)
    after = now(WORLD, "CREATE TABLE orders_old AS SELECT * FROM orders; GRANT SELECT ON orders_old TO PUBLIC")
    (finding,) = judge(before, after, compared=False).findings
    assert finding.statement.endswith("that was left, and PUBLIC may read it")
    assert finding.severity == "blocker"
    assert judge(before, after).findings[0].severity == "warning"


def test_there_may_be_no_table(now: Fill) -> None:
    assert judge(None, now()).inapplicable == "there is no table on either side"
