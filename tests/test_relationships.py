"""The rows of the new model belong together (rules R2 to R4)."""

import pytest

from fixtures import repairs
from fixtures.rules import changed_since, settled
from postmigration import Table, Target

GROUP = "Data Relationships"


@pytest.mark.plan(9, group=GROUP, title="Projects link to correct customer organizations")
def test_projects_link_to_their_customers_organization(target: Target) -> None:
    """A project's customer organization is that of its customer contact, and is marked as a customer.

    Impact: Staff open a project and see another company's name on it, or none.

    Likely causes: The organization was taken by position or by a similar name, or the contact was moved after its
    projects were written.

    Fix: Set customer_organization_id to the organization of the project's customer_id; mark that organization.
    """
    target.expect_none(
        f"""
        SELECT p.id, p.project_id, c.organization_id AS want_organization,
               p.customer_organization_id AS have_organization,
               o.description = 'Customer Organization' AS is_customer_organization
        FROM projects p JOIN contacts c ON c.id = p.customer_id
        LEFT JOIN organizations o ON o.id = p.customer_organization_id
        WHERE {settled("p")} AND {settled("c")} AND (o.id IS NULL OR {settled("o")})
          AND (p.customer_organization_id IS DISTINCT FROM c.organization_id
               OR o.description IS DISTINCT FROM 'Customer Organization')
        """,
        statement="projects whose customer organization is not that of their customer contact, or no customer at all",
        repair=repairs.SET_OTHER_CUSTOMERS,
        examined=f"SELECT count(*) FROM projects p WHERE customer_id IS NOT NULL AND {settled('p')}",
        plain=["project_id"],
    )


@pytest.mark.plan(10, group=GROUP, title="Contact points link to correct projects and contacts")
def test_contact_points_link_customer_contacts_to_their_projects(target: Target) -> None:
    """A contact point's contact is a customer contact of the project's own customer organization.

    Impact: Somebody of another company is named on the project, and is sent its drawings.

    Likely causes: Contact points were made before the contacts were moved, or copied from another project.

    Fix: Remove the contact point that is named, or correct the contact's organization if that is what is wrong.
    """
    target.expect_none(
        f"""
        SELECT k.id, k.project_id, k.contact_id, pc.organization_id AS contacts_organization,
               p.customer_organization_id AS projects_organization, pc.type::text AS contact_type
        FROM project_contact_points k
        JOIN projects p ON p.id = k.project_id
        JOIN contacts pc ON pc.id = k.contact_id
        LEFT JOIN contacts c ON c.id = p.customer_id
        WHERE (pc.type <> 'customer' AND {settled("pc")})
           -- Where the two disagree, check 9 names the project; the contact point need not be named too.
           OR (pc.organization_id IS DISTINCT FROM p.customer_organization_id
               AND pc.organization_id IS DISTINCT FROM c.organization_id)
        """,
        statement="contact points whose contact is no customer contact of the project's customer organization",
        repair=repairs.STRANGE_CONTACT_POINTS,
        examined="SELECT count(*) FROM project_contact_points",
        plain=["contact_type"],
    )


@pytest.mark.plan(11, group=GROUP, title="Primary contacts are properly set")
def test_customer_organizations_have_one_primary_contact(target: Target) -> None:
    """Each customer organization with contacts has exactly one primary contact; nobody but a customer is primary.

    Impact: Letters go to nobody, or to all contacts of a company.

    Likely causes: Every contact of a company was made primary, or the primary one was removed without another being
    promoted.

    Fix: Demote all but one, or promote one, of each organization that is named; demote the former one first.
    """
    organizations = "SELECT count(DISTINCT organization_id) FROM contacts WHERE type = 'customer'"
    target.expect_none(
        """
        SELECT organization_id, count(*) AS primary_contacts, (array_agg(id ORDER BY id))[1:5] AS contacts
        FROM contacts WHERE type = 'customer' AND is_primary_contact
        GROUP BY organization_id HAVING count(*) > 1
        """,
        statement="organizations with more than one primary contact",
        repair=repairs.PRIMARY_CONTACTS,
        examined=organizations,
    )
    target.expect_none(
        # A primary contact that was changed since the cut-over may have left its organization without one; each such
        # contact excuses one organization.
        f"""
        SELECT organization_id, contacts, first_contacts FROM (
            SELECT c.organization_id, count(*) AS contacts, (array_agg(c.id ORDER BY c.id))[1:5] AS first_contacts,
                   row_number() OVER (ORDER BY c.organization_id) AS n
            FROM contacts c LEFT JOIN organizations o ON o.id = c.organization_id
            WHERE c.type = 'customer'
            GROUP BY c.organization_id
            HAVING NOT coalesce(bool_or(c.is_primary_contact), false)
               AND bool_and({settled("c")} AND (o.id IS NULL OR {settled("o")}))) headless
        WHERE n > (SELECT count(*) FROM contacts c WHERE {changed_since("c")})
        """,
        statement="organizations with customer contacts and no primary contact",
        repair=repairs.PRIMARY_CONTACTS,
        examined=organizations,
    )
    target.expect_none(
        f"""
        SELECT id, type::text AS type, organization_id FROM contacts c
        WHERE type <> 'customer' AND is_primary_contact AND {settled("c")}
        """,
        statement="primary contacts that are no customer contacts",
        repair=repairs.PRIMARY_CONTACTS,
        examined=f"SELECT count(*) FROM contacts c WHERE type <> 'customer' AND {settled('c')}",
        plain=["type"],
        optional=True,
    )


@pytest.mark.plan(12, group=GROUP, title="Primary contact points are properly set")
def test_projects_have_one_primary_contact_point(target: Target, contact_points: Table) -> None:
    """Each project with contact points has exactly one primary one, and it is the project's customer contact.

    Impact: The project page does not know whom to call first, or names somebody else than the legacy pages do.

    Likely causes: The script ran twice, or a contact point was promoted without demoting the former one, and no unique
    index refused that.

    Fix: Demote all but the contact point of the project's customer_id.
    """
    projects = "SELECT count(DISTINCT project_id) FROM project_contact_points"
    target.expect_none(
        """
        SELECT project_id, count(*) AS primary_points, (array_agg(contact_id ORDER BY id))[1:5] AS contacts
        FROM project_contact_points WHERE is_primary GROUP BY project_id HAVING count(*) > 1
        """,
        statement="projects with more than one primary contact point",
        repair=repairs.PRIMARY_CONTACT_POINTS,
        examined=projects,
    )
    target.expect_none(
        f"""
        SELECT k.project_id, p.project_id AS code, count(*) AS contact_points
        FROM project_contact_points k JOIN projects p ON p.id = k.project_id
        GROUP BY k.project_id, p.project_id
        HAVING NOT coalesce(bool_or(k.is_primary), false) AND bool_and({settled("p")} AND {settled("k")})
        """,
        statement="projects with contact points and no primary one",
        repair=repairs.PRIMARY_CONTACT_POINTS,
        examined=projects,
        plain=["code"],
    )
    target.expect_none(
        f"""
        SELECT k.project_id, p.project_id AS code, p.customer_id AS want_contact, k.contact_id AS have_contact
        FROM project_contact_points k JOIN projects p ON p.id = k.project_id
        WHERE k.is_primary AND k.contact_id IS DISTINCT FROM p.customer_id AND {settled("p")} AND {settled("k")}
        """,
        statement="primary contact points other than the project's customer contact",
        repair=repairs.PRIMARY_CONTACT_POINTS,
        examined=projects,
        plain=["code"],
    )
    target.expect_no_problems(
        contact_points.uniqueness_problems("project_id", where="is_primary"), facts=1, severity="warning"
    )
