"""Nothing was guessed, and nothing else changed (rule R5), where the comparison of all rows cannot tell."""

from fixtures.intended import BEFORE
from fixtures.rules import CUSTOMER_ORGANIZATION, INTERNAL_ROLES, blank, same, settled
from postmigration import RowComparison, Target


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


def test_settings_keep_what_they_held(target: Target) -> None:
    """The settings of a marked organization keep what they held, and gain its former description and nothing else.

    Impact: A customer's time zone, holidays or limits are gone; or nobody can tell any more what the organization was.

    Likely causes: The script replaced the settings as a whole where it had to add one key to them.

    Fix: Restore the settings from the state before and add legacy_description to them.
    """
    target.expect_same(
        RowComparison(
            f"""
            SELECT r.id, {_without_description("r.settings")} AS settings,
                   CASE WHEN r.description IS DISTINCT FROM 'Customer Organization' THEN r.description
                        ELSE r.settings ->> 'legacy_description' END AS legacy_description
            FROM ({BEFORE["organizations"]}) r WHERE r.becomes_customer
            """,
            f"""
            SELECT id, {_without_description("settings")} AS settings,
                   settings ->> 'legacy_description' AS legacy_description, {settled("o")} AS unchanged_since_cutover
            FROM organizations o WHERE {CUSTOMER_ORGANIZATION}
            """,
            columns=["id", "settings", "legacy_description"],
            settled="unchanged_since_cutover",
        ),
        statement="marked organizations whose settings are not what they held and their former description",
        ignore=["extra", "missing"],
        optional=True,
    )


def _without_description(settings: str) -> str:
    # No settings, and settings that hold nothing, are the same to the application.
    return f"""CASE WHEN jsonb_typeof({settings}) = 'object' THEN {settings} - 'legacy_description'
                    ELSE coalesce(nullif({settings}, 'null'), '{{}}') END"""
