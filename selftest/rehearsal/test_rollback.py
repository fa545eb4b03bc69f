"""The reference rollback gives back the state before, to the last byte and the last object."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from fixtures import MIGRATION
from postmigration.diff.database_diff import Source, diff_schemas, schemas
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from postmigration.postgres.schema_objects import differing, objects
from selftest.conftest import Copy
from selftest.test_real_rows import load
from selftest.tiers import few


def differences(server: embedded.Server, before: str, after: str) -> list[str]:
    """What two databases differ in, in words."""
    sides = Source(server.conninfo(before), before), Source(server.conninfo(after), after)
    with ExitStack() as cleanup:
        snapshots = [side.snapshot(cleanup) for side in sides]
        found = [str(difference) for difference in differing(*(objects(snapshot) for snapshot in snapshots))]
        names = dict.fromkeys(name for snapshot in snapshots for name in schemas(snapshot))
        rows = diff_schemas(sides[0], sides[1], list(names), main="public", keep=3)
    return found + [f"{result.table}: {result.problems} {result.rows}" for result in rows if not result.equal]


def run(server: embedded.Server, database: str, scripts: Sequence[Path]) -> None:
    with server.connect(database) as connection:
        for script in scripts:
            run_script(connection, script)


@pytest.mark.parametrize("times", few([1, 2]))
def test_nothing_is_left_and_nothing_is_lost(server: embedded.Server, copy: Copy, times: int) -> None:
    after = copy("legacy")
    for _ in range(times):
        run(server, after, MIGRATION.scripts)
    run(server, after, MIGRATION.rollback)
    assert differences(server, "legacy", after) == []
    # What was taken back can be migrated again.
    run(server, after, MIGRATION.scripts)
    run(server, after, MIGRATION.rollback)
    assert differences(server, "legacy", after) == []


@pytest.mark.full
@pytest.mark.skipif("POSTMIGRATION_REAL_ROWS" not in os.environ, reason="POSTMIGRATION_REAL_ROWS names no directory")
def test_the_applications_own_rows_come_back(server: embedded.Server) -> None:
    server.create("real")
    with server.connect("real") as connection:
        load(connection)
    server.create("real_back", template="real")
    run(server, "real_back", MIGRATION.scripts)
    assert differences(server, "real", "real_back") != []
    run(server, "real_back", MIGRATION.rollback)
    assert differences(server, "real", "real_back") == []
    server.drop("real")
    server.drop("real_back")


def test_it_refuses_what_it_cannot_take_back(server: embedded.Server, copy: Copy) -> None:
    after = copy("migrated")
    kept = copy("migrated")
    with pytest.raises(psycopg.Error, match="nothing has changed: the rows are still migrated"):
        run(server, after, MIGRATION.rollback[1:])
    assert differences(server, kept, after) == []
    run(server, after, MIGRATION.selective_rollback)
    with pytest.raises(psycopg.Error, match=r"nothing has changed: customer_migration\.run holds no migration"):
        run(server, after, MIGRATION.selective_rollback)


def test_it_takes_back_what_was_changed_and_keeps_what_was_written_since(server: embedded.Server, copy: Copy) -> None:
    after = copy("migrated")
    run(server, after, [MIGRATION.later])
    with server.connect(after) as connection:
        connection.execute(
            """
            UPDATE organizations SET settings = settings || '{"new": 1}' WHERE settings ? 'legacy_description';
            UPDATE contacts SET phone = '+84 1' WHERE id = (SELECT customer_id FROM projects
                WHERE customer_id IS NOT NULL ORDER BY id LIMIT 1);
            """
        )
    run(server, after, MIGRATION.rollback)
    with server.connect("legacy") as before, server.connect(after) as now:
        counts = "SELECT 'organizations', count(*) FROM organizations UNION SELECT 'contacts', count(*) FROM contacts"
        was, became = (dict(connection.execute(counts).fetchall()) for connection in (before, now))
        assert became == {**was, "contacts": was["contacts"] + 2}
        new = now.execute(
            """
            SELECT c.contact_name, c.organization_id = p.organization_id, c.organization_id = c.client_organization_id
            FROM projects p JOIN contacts c ON c.id = p.customer_id WHERE p.title = 'A project of tomorrow'
            """
        ).fetchall()
        assert new == [("A new contact", True, True)] * 2
        settings = "SELECT id, coalesce(settings, '{}') - 'new' FROM organizations ORDER BY id"
        assert now.execute(settings).fetchall() == before.execute(settings).fetchall()
        edited = "SELECT count(*) FROM contacts WHERE phone = '+84 1' AND updated_at > now() - interval '1 hour'"
        assert now.execute(edited).fetchone() == (1,)
