"""What the services return has the keys and types that the application reads."""

import pytest
import sqlalchemy as sa

from fixtures import repairs, services
from fixtures.models import Contact
from postmigration import Target, write_literals

STRUCTURE = "Data Structure Validation"


@pytest.mark.plan(25, group=STRUCTURE, title="Organization has correct structure")
def test_organizations_have_their_structure(target: Target) -> None:
    """The service returns organizations with the agreed keys and types, and none without its id, name and slug.

    Impact: The application reads these fields by name and type; the page stays empty where one is another.

    Likely causes: A column has another type than the application expects, or identifying values are NULL.

    Fix: Alter the column that is named to the type that is wanted.
    """
    query = write_literals(services.customer_organizations())
    target.expect_columns(
        query,
        {
            "id": "uuid",
            "name": "character varying",
            "slug": "character varying",
            "domain": "character varying",
            "logo_url": "text",
            "description": "text",
            "industry": "character varying",
            "settings": "jsonb",
            "subscription_plan": "enum",
            "is_active": "boolean",
            "created_at": "timestamp with time zone",
            "updated_at": "timestamp with time zone",
            "address": "text",
            "city": "character varying",
            "state": "character varying",
            "country": "character varying",
            "postal_code": "character varying",
            "website": "character varying",
            "contacts": "jsonb",
        },
    )
    target.expect_none(
        f"SELECT id, name, slug FROM ({query}) q WHERE id IS NULL OR name IS NULL OR slug IS NULL",
        statement="organizations without an id, a name or a slug",
        examined=f"SELECT count(*) FROM ({query}) q",
    )
    target.repair_by_definitions("organizations")


@pytest.mark.plan(26, group=STRUCTURE, title="Contact has correct structure")
def test_contacts_have_their_structure(target: Target) -> None:
    """The service returns contacts with the agreed keys and types, and none without what identifies it.

    Impact: The application reads these fields by name and type; the page stays empty where one is another.

    Likely causes: A column has another type than the application expects, or identifying values are NULL.

    Fix: Alter the column that is named to the type that is wanted.
    """
    query = write_literals(sa.select(Contact.__table__).where(Contact.type == "customer"))
    text, time = "character varying", "timestamp with time zone"
    target.expect_columns(
        query,
        {
            "id": "uuid",
            "organization_id": "uuid",
            "type": "enum",
            "address": "text",
            "city": text,
            "state": text,
            "country": text,
            "postal_code": text,
            "website": text,
            "tax_id": text,
            "payment_terms": text,
            "credit_limit": "numeric",
            "notes": "text",
            "created_at": time,
            "updated_at": time,
            "created_by": "uuid",
            "client_organization_id": "uuid",
            "role": text,
            "is_primary_contact": "boolean",
            "description": "text",
        },
    )
    target.expect_none(
        f"SELECT id, organization_id, company_name FROM ({query}) q "
        "WHERE id IS NULL OR organization_id IS NULL OR company_name IS NULL",
        statement="customer contacts without an id, an organization or a company name",
        examined=f"SELECT count(*) FROM ({query}) q",
    )
    target.repair_by_definitions("contacts")


@pytest.mark.plan(27, group=STRUCTURE, title="Project contact point has correct structure")
def test_contact_points_have_their_structure(target: Target) -> None:
    """The service returns contact points with the agreed keys and types, and says of each whether it is primary.

    Impact: The application reads these fields by name and type; a flag that is neither true nor false is shown as
    either.

    Likely causes: The flag has no default, or rows were inserted with NULL in it.

    Fix: Set is_primary to false where it is NULL, and give it its default.
    """
    query = write_literals(services.project_contact_points().order_by(None))
    text, time = "character varying", "timestamp with time zone"
    target.expect_columns(
        query,
        {
            "id": "uuid",
            "project_id": "uuid",
            "contact_id": "uuid",
            "role": text,
            "is_primary": "boolean",
            "created_at": time,
            "updated_at": time,
            "contact_name": text,
            "contact_email": text,
            "contact_phone": text,
            "company_name": text,
        },
    )
    target.expect_none(
        f"""
        SELECT id, project_id, contact_id, is_primary FROM ({query}) q
        WHERE id IS NULL OR project_id IS NULL OR contact_id IS NULL OR is_primary IS NULL
        """,
        statement="contact points without an id, a project or a contact, or that do not say whether they are primary",
        repair=repairs.FLAGS + repairs.DANGLING_CONTACT_POINTS,
        examined="SELECT count(*) FROM project_contact_points",
    )
    target.repair_by_definitions("contacts")
