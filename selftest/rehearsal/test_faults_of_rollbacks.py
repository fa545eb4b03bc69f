"""Each way in which a rollback went wrong is named: what it leaves, what it destroys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.rehearsal import plan, psql
from postmigration.rehearsal.stage import Stage
from selftest.rehearsal.stages import script, stage, words
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("faults of rollbacks")

# The deployment plan's own.
OF_THE_PLAN = """
    DELETE FROM project_contact_points WHERE created_at >= '2025-01-01';
    UPDATE projects SET customer_organization_id = NULL;
    DROP TABLE IF EXISTS project_contact_points;
    ALTER TABLE projects DROP COLUMN IF EXISTS customer_organization_id;
    ALTER TABLE contacts DROP COLUMN IF EXISTS role, DROP COLUMN IF EXISTS is_primary_contact,
        DROP COLUMN IF EXISTS description;
    ALTER TABLE organizations DROP COLUMN IF EXISTS address, DROP COLUMN IF EXISTS city, DROP COLUMN IF EXISTS state,
        DROP COLUMN IF EXISTS country, DROP COLUMN IF EXISTS postal_code;
"""

# What is done besides the reference rollback, and what must be said of the state.
BESIDES = {
    "leaves a policy": ("CREATE POLICY old ON projects USING (true);", "policy old on public.projects is left"),
    "leaves a publication entry": (
        "CREATE PUBLICATION live; ALTER PUBLICATION live ADD TABLE contacts;",
        "publication live is left",
    ),
    "leaves an index": ("CREATE INDEX left_behind ON contacts (city);", "index public.left_behind is left"),
    "loses a grant": (
        "REVOKE SELECT ON documents FROM authenticated;",
        "grant of SELECT on table public.documents to authenticated is lost",
    ),
    "switches a policy off": (
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY;",
        "table public.users is changed (row-level security)",
    ),
    "leaves a trigger switched off": (
        "ALTER TABLE contacts DISABLE TRIGGER contacts_updated_at;",
        "trigger contacts_updated_at on public.contacts is changed (enabled)",
    ),
    "deletes an organization that was there before": (
        "DELETE FROM organizations WHERE id = (SELECT organization_id FROM contacts WHERE type = 'supplier' LIMIT 1);",
        "the rows are not the same",
    ),
    "changes one value": (
        "UPDATE workflow_stages SET color = '#000000' WHERE id = (SELECT id FROM workflow_stages LIMIT 1);",
        "workflow_stages: 1 changed: changed ",
    ),
    "invents a row": (
        "INSERT INTO organizations (name, slug) VALUES ('x', 'x');",
        "organizations: 1 extra: extra ",
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    """An embedded server with the databases `before` and `done`, which is migrated."""
    server = embedded.Server()
    psql.log_statements(server)
    demonstration_world(server, MIGRATION, seed=1, size=12)
    with server.connect("postgres") as connection:
        connection.execute("ALTER DATABASE legacy RENAME TO before")
        connection.execute("ALTER DATABASE migrated RENAME TO done")
    yield server
    server.stop()


def back(server: embedded.Server, scratch: Path, *texts: str | Path) -> Stage:
    """A stage with a migrated database, and a rollback of these scripts."""
    scripts = [text if isinstance(text, Path) else script(scratch, text, f"{n}.sql") for n, text in enumerate(texts)]
    on = stage(server, scratch, rollback=scripts, selective=scripts)
    server.create("migrated", template="done")
    return on


def _cascading(statement: re.Match[str]) -> str:
    return statement[0].replace(",", " CASCADE,").replace(";", " CASCADE;")


@pytest.mark.full
def test_the_plans_own_rollback_is_found_out(server: embedded.Server, tmp_path: Path) -> None:
    on = back(server, tmp_path, OF_THE_PLAN)
    plan.roll_back(on, on.state("before"))
    said = words(on.steps[0])
    assert on.steps[0].outcome == "failed"
    # Columns on which policies depend cannot be dropped, and psql went on.
    assert "because other objects depend on it" in said
    on = back(
        server,
        tmp_path,
        OF_THE_PLAN.replace(";", " CASCADE;").replace("NULL CASCADE", "NULL").replace("' CASCADE", "'"),
    )
    plan.roll_back(on, on.state("before"))
    plan.roll_back_after_use(on)
    assert [step.outcome for step in on.steps] == ["failed", "failed"]
    said = words(on.steps[0])
    for words_ in (
        "column public.organizations.website is left",
        "function public.get_project_contact_points(uuid) is left",
        "function public.log_activity() is changed (body)",
        "policy contacts_own_organization on public.contacts is lost",
        "contacts: ",
        "organizations: ",
    ):
        assert words_ in said, said
    said = words(on.steps[1])
    assert "contacts: " in said
    assert " not as before: " in said
    assert " of the migration left: " in said


def test_the_plans_trigger_is_left(server: embedded.Server, tmp_path: Path) -> None:
    on = back(server, tmp_path, "DROP FUNCTION validate_customer_organization_migration();")
    plan.roll_back(on, on.state("before"))
    assert "trigger project_contact_points_log_activity" not in words(on.steps[0])
    assert "table public.project_contact_points is left" in words(on.steps[0])


@pytest.mark.parametrize("case", few(BESIDES))
def test_what_is_left_lost_or_changed_is_named(case: str, server: embedded.Server, tmp_path: Path) -> None:
    text, said = BESIDES[case]
    on = back(server, tmp_path, *MIGRATION.rollback, text)
    plan.roll_back(on, on.state("before"))
    assert on.steps[0].outcome == "failed"
    assert said in words(on.steps[0]), words(on.steps[0])


AFTER_USE = {
    "loses rows that were written since": (
        "ALTER TABLE activity_log DISABLE TRIGGER USER; DELETE FROM projects WHERE title = 'A project of tomorrow';",
        "projects: 2 of 2 rows: ",
    ),
    "loses a contact that was written since": (
        "UPDATE projects SET customer_id = NULL WHERE title = 'A project of tomorrow'; "
        "DELETE FROM contacts WHERE contact_name = 'A new contact';",
        "contacts: 2 of 2 rows: ",
    ),
    "deletes an organization that was there before": (
        "DELETE FROM organizations WHERE id = (SELECT id FROM organizations o WHERE NOT EXISTS "
        "(SELECT FROM users WHERE organization_id = o.id) ORDER BY id LIMIT 1);",
        "organizations: 1 lost: ",
    ),
    "leaves a value of the new model": (
        "UPDATE contacts SET role = 'buyer' WHERE id = (SELECT id FROM contacts ORDER BY id LIMIT 1);",
        "contacts.role: 1 values left",
    ),
    "leaves contacts where they were": (
        "UPDATE contacts SET organization_id = (SELECT organization_id FROM users WHERE role = 'customer' LIMIT 1) "
        # One that was there before, and not one of those that were written since.
        "WHERE id = (SELECT id FROM contacts ORDER BY created_at, id LIMIT 1);",
        "contacts: 1 not as before: ",
    ),
}


@pytest.mark.parametrize("case", few(AFTER_USE))
def test_what_it_destroys_after_use_is_named(case: str, server: embedded.Server, tmp_path: Path) -> None:
    text, said = AFTER_USE[case]
    on = back(server, tmp_path, *MIGRATION.selective_rollback, text)
    plan.roll_back_after_use(on)
    assert on.steps[0].outcome == "failed"
    assert said in words(on.steps[0]), words(on.steps[0])


def test_the_reference_rollback_tells_what_would_be_lost(server: embedded.Server, tmp_path: Path) -> None:
    on = back(server, tmp_path, *MIGRATION.selective_rollback)
    plan.roll_back_after_use(on)
    assert on.steps[0].outcome == "passed"
    said = words(on.steps[0])
    assert "the former model has no place for would be lost" in said
    assert "organizations: 1 of 1 rows: " in said
    assert "project_contact_points: 2 of 2 rows: " in said


@pytest.mark.full
def test_the_backup_is_a_way_back_only_into_an_empty_database(server: embedded.Server, tmp_path: Path) -> None:
    on = back(server, tmp_path)
    plan.restore_backup(on, on.state("before"))
    empty, over = on.steps
    assert (empty.outcome, over.outcome) == ("passed", "warned")
    assert "table public.project_contact_points is left" in words(over)
    assert "contacts: " in words(over)
    assert not list(tmp_path.glob("*.dump"))


@pytest.mark.full
def test_a_column_that_comes_back_as_the_last_is_told_and_no_fault(server: embedded.Server, tmp_path: Path) -> None:
    # A trigger would say of each row that it was changed.
    text = """
        ALTER TABLE contacts DISABLE TRIGGER USER; ALTER TABLE contacts ADD again varchar(100);
        UPDATE contacts SET again = city; ALTER TABLE contacts DROP city;
        ALTER TABLE contacts RENAME again TO city; ALTER TABLE contacts ENABLE TRIGGER USER;
    """
    on = back(server, tmp_path, *MIGRATION.rollback, text)
    plan.roll_back(on, on.state("before"))
    assert on.steps[0].outcome == "passed", words(on.steps[0])
    assert "column public.contacts.city stands elsewhere in its table" in words(on.steps[0])
    assert "(position)" not in words(on.steps[0])
