"""The schema has what the organization-based model needs, judged by what it enforces and not by names."""

import pytest

from postmigration import Subject, Table, Target

TIMESTAMPTZ = "timestamp with time zone"


@pytest.mark.plan(1, group="Database Schema", title="Projects table has customer_organization_id column")
def test_projects_have_a_customer_organization(target: Target, projects: Table) -> None:
    """Projects can refer to a customer organization, the reference is enforced, and projects are found by it quickly.

    Impact: Without it no project can show its customer organization; with a cascading key, deleting a customer would
    delete its projects.

    Likely causes: The schema script stopped at an error that nobody saw, as psql goes on without ON_ERROR_STOP; or the
    constraint was added NOT VALID, or the index built CONCURRENTLY failed, and nobody finished it.

    Fix: Make what is named as the schema script does, validate the constraint or REINDEX; if much is missing, run the
    script again with psql -v ON_ERROR_STOP=1 and look at the first statement that fails.
    """
    target.expect_no_problems(
        [
            *projects.column_problems("customer_organization_id", "uuid"),
            *projects.nullable_problems("customer_organization_id"),
            *projects.index_problems("customer_organization_id"),
            *projects.invalid_index_problems(),
        ],
        facts=4,
    )
    _expect_reference(target, projects, "customer_organization_id", "organizations", cascades=False)


def _expect_reference(target: Target, table: Table, column: str, parent: str, *, cascades: bool) -> None:
    names = [key.name for key in table.foreign_keys if key.columns == (column,)]
    name = names[0] if len(names) == 1 else ""
    target.expect_no_problems(
        table.reference_problems(column, parent, cascades=cascades),
        facts=1,
        code="foreign_key_unfit",
        subject=Subject("constraint", target.snapshot.database.schema, name, table.name),
    )


@pytest.mark.plan(2, group="Database Schema", title="Contacts table has role, is_primary_contact, description columns")
def test_contacts_have_roles(target: Target, contacts: Table) -> None:
    """A contact can say its role, whether it is the primary contact, and describe itself.

    Impact: The customer pages read and write these columns; a wrong type or length refuses or cuts what staff enter.

    Likely causes: The schema script stopped, or an older version of it ran.

    Fix: Run the schema script again with psql -v ON_ERROR_STOP=1, or alter the column that is named.
    """
    target.expect_no_problems(
        [
            *contacts.column_problems("role", "character varying(100)"),
            *contacts.column_problems("is_primary_contact", "boolean", default="false"),
            *contacts.column_problems("description", "text"),
        ],
        facts=3,
    )


@pytest.mark.plan(3, group="Database Schema", title="Project_contact_points table exists")
def test_project_contact_points_exist(target: Target, contact_points: Table) -> None:
    """The table of contact points has its columns, keys, indexes and the trigger that keeps updated_at.

    Impact: Contact points of deleted projects and contacts would stay behind, or every page of a project would read the
    whole table.

    Likely causes: CREATE TABLE IF NOT EXISTS found a table of an earlier attempt and left it as it was.

    Fix: Run what each finding prints: an index that is invalid is rebuilt by REINDEX, one that is missing is created.
    Alter a table of an earlier attempt and never drop it, since its rows would go with it.
    """
    target.expect_no_problems(
        [
            *contact_points.column_problems("id", "uuid", default="any"),
            *contact_points.column_problems("project_id", "uuid", filled=True),
            *contact_points.column_problems("contact_id", "uuid", filled=True),
            *contact_points.column_problems("role", "character varying(100)"),
            *contact_points.column_problems("is_primary", "boolean", default="false"),
            *contact_points.column_problems("created_at", TIMESTAMPTZ, default="now"),
            *contact_points.column_problems("updated_at", TIMESTAMPTZ, default="now"),
            *contact_points.primary_key_problems("id"),
            *contact_points.index_problems("project_id"),
            *contact_points.index_problems("contact_id"),
            *contact_points.invalid_index_problems(),
        ]
        if contact_points.exists
        else ["table project_contact_points does not exist"],
        facts=11,
    )
    if contact_points.exists:
        for column, parent in (("project_id", "projects"), ("contact_id", "contacts")):
            _expect_reference(target, contact_points, column, parent, cascades=True)
    target.expect_no_problems(
        contact_points.updated_at_problems() if contact_points.exists else [],
        facts=1,
        code="trigger_missing",
        subject=Subject("column", target.snapshot.database.schema, "updated_at", "project_contact_points"),
    )
    target.repair_by_definitions("project_contact_points")


@pytest.mark.plan(4, group="Database Schema", title="Organizations table has address fields")
def test_organizations_have_addresses(target: Target, organizations: Table) -> None:
    """An organization can have an address, in columns of the agreed types.

    Impact: Customer pages show and edit the address of the organization instead of the contact's.

    Likely causes: The schema script stopped, or the columns stood there with other types.

    Fix: Run the schema script again with psql -v ON_ERROR_STOP=1, or alter the column that is named.
    """
    target.expect_no_problems(
        [
            *organizations.column_problems("address", "text"),
            *organizations.column_problems("city", "character varying(100)"),
            *organizations.column_problems("state", "character varying(100)"),
            *organizations.column_problems("country", "character varying(100)"),
            *organizations.column_problems("postal_code", "character varying(20)"),
        ],
        facts=5,
    )


def test_organizations_have_a_website(target: Target, organizations: Table) -> None:
    """An organization can have a website.

    Impact: The customer form saves it; without the column the form cannot be saved at all.

    Likely causes: The schema script stopped, or an older version of it ran.

    Fix: ALTER TABLE organizations ADD COLUMN website varchar(255).
    """
    target.expect_no_problems(organizations.column_problems("website", "character varying(255)"), facts=1)


def test_contact_points_are_protected(target: Target, contact_points: Table) -> None:
    """Row-level security is on for the contact points of projects.

    Impact: Without it every role of the platform that may read the table reads the contacts of every customer.

    Likely causes: Policies were created, but row-level security was never switched on, or off again to find an error.

    Fix: ALTER TABLE project_contact_points ENABLE ROW LEVEL SECURITY.
    """
    target.expect(
        contact_points.row_security,
        "row-level security is off on project_contact_points",
        code="row_level_security_off",
        subject=Subject.of_table(target.snapshot.database.schema, "project_contact_points"),
    )
    target.repair_by_definitions("project_contact_points")


@pytest.mark.parametrize(
    ("function", "columns"),
    [
        ("get_project_customer_organization(uuid)", ("organization_id", "organization_name", "organization_slug")),
        (
            "get_project_contact_points(uuid)",
            (
                "contact_point_id",
                "contact_id",
                "contact_name",
                "contact_email",
                "contact_phone",
                "role",
                "is_primary",
            ),
        ),
        ("validate_customer_organization_migration()", ("validation_type", "count_value", "status")),
    ],
    ids=["customer_organization", "contact_points", "validation"],
)
def test_functions_exist(target: Target, function: str, columns: tuple[str, ...]) -> None:
    """The functions of the new model return their columns and may be executed by signed-in users.

    Impact: The application calls them by name and reads their columns by name.

    Likely causes: The script that creates them did not run, or EXECUTE was withdrawn from everybody and not granted to
    signed-in users.

    Fix: Run the schema script again; GRANT EXECUTE ON FUNCTION … TO authenticated.
    """
    found = target.snapshot.rows(
        """
        SELECT CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated')
                    THEN has_function_privilege('authenticated', p.oid, 'EXECUTE') END AS executable,
               -- Declared with the function, or those of the composite type that it returns.
               ARRAY(SELECT u.name FROM unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS u(name, mode, position)
                     WHERE u.mode IN ('t', 'o', 'b') ORDER BY u.position)
               || ARRAY(SELECT a.attname::text FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
                        WHERE t.oid = p.prorettype AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
               AS columns
        FROM pg_proc p WHERE p.oid = to_regprocedure(:function)
        """,
        target.snapshot.application,
        function=function,
    )
    target.expect(bool(found), f"function {function} does not exist")
    for row in found:
        have = tuple(row.columns)
        target.expect(have == columns, f"{function} returns ({', '.join(have)}), want ({', '.join(columns)})")
        target.expect(row.executable is not False, f"role authenticated may not execute {function}")
    target.repair_by_definitions("project_contact_points")
