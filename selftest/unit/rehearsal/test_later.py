"""A rollback after the migrated application was used: what is gone, what is whole, what would be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmigration.diff.database_diff import Source
from postmigration.model.changes import Grows
from postmigration.model.migration import Migration
from postmigration.rehearsal.later import checks
from postmigration.rehearsal.steps import Check
from selftest.servers import Servers
from selftest.unit.rehearsal.conftest import Make

BEFORE = "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'one'), (2, 'two');"
MIGRATED = f"""{BEFORE}
    ALTER TABLE item ADD COLUMN code text; UPDATE item SET code = 'c';
    CREATE TABLE part (id int PRIMARY KEY);
"""
USED = f"{MIGRATED} INSERT INTO item VALUES (3, 'three', 'c'); INSERT INTO part VALUES (7);"
MIGRATION = Migration("a", tables=("item", "part"), legacy_tables=("item",), scripts=(Path("up.sql"),))


def judge(
    servers: Servers, make: Make, back: str, *, used: str = USED, migration: Migration = MIGRATION
) -> list[Check]:
    made = [make(script) for script in (BEFORE, MIGRATED, used, back)]
    sides = [Source(servers[18].conninfo(name), name) for name in made]
    return checks(migration, "public", *sides)


def test_a_rollback_that_keeps_what_was_written_since_loses_nothing_of_it(servers: Servers, make: Make) -> None:
    whole, gone, lost = judge(servers, make, f"{BEFORE} INSERT INTO item VALUES (3, 'three');")
    assert whole == Check("the former model is whole: 2 rows are as they were", "passed")
    assert gone == Check("no data of the new model is left", "passed")
    # The former model has no place for rows of a new table.
    assert lost == Check(
        "of 2 rows that were written since, what the former model has no place for would be lost",
        "passed",
        ("part: 1 of 1 rows: 7",),
        rows_lost=1,
    )


def test_what_is_lost_changed_or_left_is_named(servers: Servers, make: Make) -> None:
    back = f"{USED} DELETE FROM item WHERE id IN (1, 3); UPDATE item SET name = 'x';"
    whole, gone, lost = judge(servers, make, back)
    assert (whole.outcome, whole.details) == ("failed", ("item: 1 lost: 1", "item: 1 not as before: 2"))
    assert (gone.outcome, gone.details) == ("failed", ("item.code: 1 values left", "part: 1 rows left"))
    assert (lost.outcome, lost.details) == ("failed", ("item: 1 of 1 rows: 3",))
    assert (lost.statement, lost.rows_lost) == ("rows that were written since are lost", 1)


@pytest.mark.parametrize(
    ("where", "outcome"), [("t.name = 'three'", "passed"), ("t.name = 'four'", "failed")], ids=["of it", "another"]
)
def test_rows_of_a_former_table_that_only_the_migration_adds_may_be_lost(
    servers: Servers, make: Make, where: str, outcome: str
) -> None:
    grows = Grows(table="item", where=where, reason="it adds some")
    migration = Migration("a", tables=("item",), legacy_tables=("item",), changes=(grows,))
    assert judge(servers, make, BEFORE, migration=migration)[2].outcome == outcome


def test_where_nothing_was_written_nothing_is_known_of_losses(servers: Servers, make: Make) -> None:
    assert judge(servers, make, BEFORE, used=MIGRATED)[2] == Check(
        "nothing was written since, so nothing is known of what would be lost", "warned"
    )
