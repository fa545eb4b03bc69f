"""Nothing else changed: every row and every legacy column of every table is as it was (rule R5)."""

from collections.abc import Collection

import pytest

from fixtures import MIGRATION
from fixtures.intended import BEFORE
from fixtures.rules import CUSTOMER_ORGANIZATION, INTERNAL_ROLES, blank, same, settled
from postmigration import Finding, Target
from postmigration.diff.expected_rows import expectation, lost_columns
from postmigration.diff.scope import Relation, ledger, relations
from postmigration.postgres import catalog


def test_the_state_before_met_the_preconditions(target: Target) -> None:
    """The state before held nothing that the migration must refuse.

    Impact: What stands in its place now was guessed.

    Likely causes: Contacts without a company, named like the operator, or of another type were in use before.

    Fix: Correct these rows in the state before, with somebody who knows the customers, and migrate again.
    """
    customers = "SELECT count(*) FROM contacts WHERE type = 'customer'"
    target.expect_none(
        f"SELECT id, company_name FROM contacts WHERE type = 'customer' AND {blank('company_name')}",
        statement="customer contacts whose company name was blank",
        examined=customers,
        before=True,
    )
    target.expect_none(
        f"""
        SELECT c.id, c.company_name, o.id AS operator FROM contacts c
        JOIN organizations o ON {same("o.name", "c.company_name")}
        WHERE c.type = 'customer'
          AND EXISTS (SELECT FROM users u WHERE u.organization_id = o.id AND u.{INTERNAL_ROLES})
        """,
        statement="customer contacts whose company name was the name of an operator",
        examined=customers,
        before=True,
    )
    target.expect_none(
        """
        SELECT p.id, p.project_id, c.id AS contact, c.type::text AS contact_type
        FROM projects p JOIN contacts c ON c.id = p.customer_id WHERE c.type <> 'customer'
        """,
        statement="projects whose customer_id was a contact that is no customer",
        examined="SELECT count(*) FROM projects WHERE customer_id IS NOT NULL",
        plain=["project_id", "contact_type"],
        before=True,
    )
    target.expect_none(
        """
        SELECT id, client_organization_id, organization_id FROM contacts
        WHERE type = 'customer' AND client_organization_id <> organization_id
        """,
        statement="customer contacts whose client_organization_id was neither NULL nor their organization_id",
        examined=customers,
        before=True,
    )


def test_every_table_and_column_is_still_there(target: Target) -> None:
    """Every table of before is still there with all its columns, of the same types.

    Impact: Programs that were not changed yet fail on what is missing.

    Likely causes: A script dropped or renamed what it took for legacy, or it ran against another version of the schema.

    Fix: Add the column or table again and fill it from the state before; drop nothing until no program reads it.
    """
    before = target.before.tables()
    problems = []
    for name in before:
        after = catalog.table(target.snapshot, name, expressions=False)
        if after.exists:
            problems += lost_columns(before[name], after)
        else:
            problems.append(f"table {name} is gone")
    lacking = [name for name in target.migration.legacy_tables if name not in before]
    problems += [f"the state before holds no table {name}: it cannot be all of it" for name in lacking]
    target.expect_no_problems(problems, facts=sum(len(table.columns) for table in before.values()))
    expected = {name: expectation(MIGRATION, table, target.snapshot.database.schema) for name, table in before.items()}
    known = {name: Relation(name, 0, "") for name in before}
    if target.before.fingerprint is not None:
        _warn_of_unknown(target, {*before, *target.migration.tables})
    lines = ledger(known if target.baseline is None else relations(target.baseline), expected)
    target.evidence.show("what is compared, and how", ("relation", "compared", "how, or why not"), lines, "coverage")


def _warn_of_unknown(target: Target, known: Collection[str]) -> None:
    """Tells the tables that a fingerprint does not hold: new, or cut from it."""
    there = relations(target.snapshot)
    unknown = [name for name, relation in there.items() if not relation.excluded and name not in known]
    for name in unknown:
        words = f"the fingerprint holds no table {name}, and the migration brings none: its rows are not compared"
        target.evidence.findings.append(Finding(words, 1, len(there), severity="warning"))


@pytest.mark.parametrize("table", MIGRATION.legacy_tables)
def test_every_row_is_as_it_was(target: Target, table: str) -> None:
    """Every row of before is there with every value to the last byte, but for the intended changes, which happened.

    Impact: Data was lost or altered on the way, or invented.

    Likely causes: Rows were deleted by a cascade, rewritten by a trigger, rounded or trimmed by an export, or written
    by somebody during the migration.

    Fix: Look at the column that differs: restore its value from the state before, name the cut-over if people have
    worked since, or waive what is right.
    """
    before = target.before.tables().get(table)
    if before is None:
        target.expect(False, f"the state before holds no table {table}: its rows cannot be compared")
    else:
        target.expect_as_before(before)


def test_every_row_of_other_tables_is_as_it_was(target: Target) -> None:
    """Every row of the tables that the migration does not know is there with every value to the last byte.

    Impact: Data was lost or altered on the way, or invented.

    Likely causes: A cascade or a trigger reached a table that nobody thought of.

    Fix: Restore the rows that are named from the state before, and find what wrote to them in the scripts.
    """
    excluded = {} if target.baseline is None else relations(target.baseline)
    others = [
        table
        for name, table in target.before.tables().items()
        if name not in MIGRATION.legacy_tables and not (name in excluded and excluded[name].excluded)
    ]
    target.note(f"{len(others)} other tables: {', '.join(table.name for table in others) or 'none'}")
    for table in others:
        target.expect_as_before(table)


def test_settings_keep_what_they_held(target: Target) -> None:
    """The settings of a marked organization keep what they held, and gain its former description and nothing else.

    Impact: A customer's time zone, holidays or limits are gone; or nobody can tell any more what the organization was.

    Likely causes: The script replaced the settings as a whole where it had to add one key to them.

    Fix: Restore the settings from the state before and add legacy_description to them.
    """
    target.expect_same(
        f"""
        SELECT r.id, {_without_description("r.settings")} AS settings,
               CASE WHEN r.description IS DISTINCT FROM 'Customer Organization' THEN r.description
                    ELSE r.settings ->> 'legacy_description' END AS legacy_description
        FROM ({BEFORE["organizations"]}) r WHERE r.becomes_customer
        """,
        f"""
        SELECT id, {_without_description("settings")} AS settings,
               settings ->> 'legacy_description' AS legacy_description, {settled("o")} AS postmigration_settled
        FROM organizations o WHERE {CUSTOMER_ORGANIZATION}
        """,
        columns=["id", "settings", "legacy_description"],
        statement="marked organizations whose settings are not what they held and their former description",
        ignore=["extra", "missing"],
        optional=True,
    )


def _without_description(settings: str) -> str:
    # No settings, and settings that hold nothing, are the same to the application.
    return f"""CASE WHEN jsonb_typeof({settings}) = 'object' THEN {settings} - 'legacy_description'
                    ELSE coalesce(nullif({settings}, 'null'), '{{}}') END"""
