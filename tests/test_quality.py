"""Nothing dangles, nothing is doubled, nothing is empty that should not be."""

import pytest

from fixtures import repairs
from fixtures.rules import CUSTOMER_ORGANIZATION
from postmigration import Table, Target

GROUP = "Data Quality"


@pytest.mark.plan(15, group=GROUP, title="No orphaned project contact points")
def test_no_orphaned_contact_points(target: Target, contact_points: Table) -> None:
    """Every contact point has a project and a contact that exist, and no contact stands twice on a project.

    Impact: The project page fails, or lists the same person twice.

    Likely causes: Triggers were switched off while data was loaded, so that references dangle; the unique constraint on
    the pair is missing, so that the script made them twice.

    Fix: Delete the contact points that dangle and all but one of each doubled pair; add a unique constraint on the
    pair.
    """
    points = "SELECT count(*) FROM project_contact_points"
    target.expect_none(
        """
        SELECT k.id, k.project_id, p.id IS NOT NULL AS project_exists, k.contact_id, c.id IS NOT NULL AS contact_exists
        FROM project_contact_points k
        LEFT JOIN projects p ON p.id = k.project_id
        LEFT JOIN contacts c ON c.id = k.contact_id
        WHERE p.id IS NULL OR c.id IS NULL
        """,
        statement="contact points without their project or their contact",
        repair=repairs.DANGLING_CONTACT_POINTS,
        examined=points,
    )
    target.expect_none(
        """
        SELECT project_id, contact_id, count(*) AS times, (array_agg(id ORDER BY id))[1:5] AS contact_points
        FROM project_contact_points WHERE project_id IS NOT NULL AND contact_id IS NOT NULL
        GROUP BY project_id, contact_id HAVING count(*) > 1
        """,
        statement="contacts that stand on a project more than once",
        repair=repairs.DOUBLED_CONTACT_POINTS,
        examined=points,
    )
    target.expect_no_problems(
        contact_points.uniqueness_problems("project_id", "contact_id"), facts=1, severity="warning"
    )


@pytest.mark.plan(16, group=GROUP, title="No orphaned customer organization references")
def test_no_orphaned_customer_organizations(target: Target) -> None:
    """Every customer organization that a project names exists.

    Impact: The project page fails or shows no customer, though the catalog calls the constraint valid: data loaded with
    triggers switched off can violate it.

    Likely causes: Organizations were deleted while triggers were switched off, or by a rollback script that went too
    far.

    Fix: Restore the organization that is named from the backup, or set the reference anew from the project's customer
    contact.
    """
    target.expect_none(
        """
        SELECT p.id, p.project_id, p.customer_organization_id FROM projects p
        WHERE p.customer_organization_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM organizations o WHERE o.id = p.customer_organization_id)
        """,
        statement="projects whose customer organization does not exist",
        repair=repairs.DANGLING_CUSTOMERS,
        examined="SELECT count(*) FROM projects WHERE customer_organization_id IS NOT NULL",
        plain=["project_id"],
    )


def test_no_company_is_written_in_two_ways(target: Target) -> None:
    """Company names that differ only by case or white space are probably one company.

    Impact: The migration rightly keeps them apart; somebody who knows the customers should decide whether to merge
    them.

    Likely causes: People typed the name anew for each contact.

    Fix: Ask somebody who knows the customers; merge the organizations in the application after going live.
    """
    target.expect_none(
        rf"""
        SELECT min(id::text) AS first_id, count(*) AS organizations, array_agg(name ORDER BY name) AS names
        FROM organizations WHERE {CUSTOMER_ORGANIZATION}
        GROUP BY lower(regexp_replace(btrim(name), '\s+', ' ', 'g')) HAVING count(*) > 1
        """,
        statement="groups of customer organizations whose names differ only by case or white space",
        examined=f"SELECT count(*) FROM organizations WHERE {CUSTOMER_ORGANIZATION}",
        plain=["first_id"],
        severity="warning",
        optional=True,
    )
