"""The application's queries give what the tables hold, within their budgets.

Each query is compared in SQL for every organization or project, against the plain tables; one page of it is timed.
"""

import pytest

from fixtures import services
from fixtures.legacy_queries import legacy_query
from fixtures.models import Organization, Project
from fixtures.rules import CUSTOMER_ORGANIZATION
from postmigration import Target, write_literals
from postmigration.checks import expect_fast_for

LARGEST = """
    SELECT customer_organization_id FROM projects WHERE customer_organization_id IS NOT NULL
    GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1
"""
BUSIEST = "SELECT project_id FROM project_contact_points GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
# The largest customer of an operator, and one of its projects; a row of NULLs where it has none.
PAGE_OF = """
    SELECT page.* FROM (SELECT) one LEFT JOIN (
        SELECT o.id AS organization, o.name AS company, min(p.id::text) AS project
        FROM projects p JOIN organizations o ON o.id = p.customer_organization_id
        WHERE p.organization_id = CAST(:operator AS uuid) AND p.customer_id IS NOT NULL
        GROUP BY o.id ORDER BY count(*) DESC, o.id LIMIT 1) page ON true
"""
CUSTOMERS = f"SELECT count(*) FROM organizations WHERE {CUSTOMER_ORGANIZATION}"


@pytest.mark.plan(17, group="Performance Queries", title="Organization-based project queries work")
def test_project_lists(target: Target) -> None:
    """The project list of every customer organization shows its projects, each once; a page of the largest is fast.

    Impact: Staff choose a customer and miss projects, or wait for them.

    Likely causes: Rows with a wrong organization, a join that multiplies rows, or the index on customer_organization_id
    is missing or unused.

    Fix: Repair the references first (checks 7 and 9); for the time, read the plan with EXPLAIN ANALYZE and run ANALYZE
    on the tables.
    """
    listed = services.organization_projects()
    shown = write_literals(listed.order_by(None))
    target.expect_none(
        f"""
        SELECT coalesce(p.id, listed.id) AS id, p.customer_organization_id AS want_organization,
               listed.organization_id AS have_organization
        FROM (SELECT p.id, p.customer_organization_id FROM projects p
              WHERE EXISTS (SELECT FROM organizations o WHERE o.id = p.customer_organization_id)) p
        FULL JOIN (SELECT id, organization_id, count(*) AS times FROM ({shown}) q GROUP BY 1, 2) listed
          ON listed.id = p.id AND listed.organization_id = p.customer_organization_id
        WHERE p.id IS NULL OR listed.id IS NULL OR listed.times > 1
        """,
        statement="projects that their organization's list does not show exactly once",
        examined="SELECT count(*) FROM projects WHERE customer_organization_id IS NOT NULL",
    )
    largest = target.value(LARGEST)
    if largest is not None:
        page = listed.where(Organization.id == largest).limit(services.PAGE)
        target.expect_fast(page, budget=100, plan=17)


@pytest.mark.plan(18, group="Performance Queries", title="Customer organization with contacts query works")
def test_organizations_with_contacts(target: Target) -> None:
    """The query for customer organizations with their contacts shows each contact once; a page of 50 is fast.

    Impact: The customer pages miss contacts, or show one twice.

    Likely causes: A contact has several organizations of one name, the marker is missing, or contacts have no index on
    their organization.

    Fix: Repair checks 5 and 6 first; for the time, run ANALYZE and look for the index on contacts.
    """
    shown = write_literals(services.organizations_with_contacts().order_by(None))
    target.expect_none(
        f"""
        SELECT coalesce(want.contact, have.contact) AS contact, coalesce(want.organization, have.organization)
                   AS organization, coalesce(want.times, 0) AS want_times, coalesce(have.times, 0) AS have_times
        FROM (SELECT o.id AS organization, c.id AS contact, count(DISTINCT c.id) AS times
              FROM organizations o JOIN contacts c ON c.organization_id = o.id AND c.type = 'customer'
              WHERE o.{CUSTOMER_ORGANIZATION} AND o.is_active GROUP BY 1, 2) want
        FULL JOIN (SELECT organization_id AS organization, contact_id AS contact, count(*) AS times
                   FROM ({shown}) q WHERE contact_id IS NOT NULL GROUP BY 1, 2) have
          ON have.organization = want.organization AND have.contact = want.contact
        WHERE want.times IS DISTINCT FROM have.times
        """,
        statement="contacts that the query does not show exactly once with their organization",
        examined=CUSTOMERS,
    )
    target.expect_fast(services.organizations_with_contacts(services.PAGE), budget=150, plan=18)


@pytest.mark.parametrize("plan", [17, 18, 28, 29])
def test_queries_are_fast_for_staff(target: Target, plan: int) -> None:
    """The four timed queries are as fast for the operator's staff as for a superuser, and about as fast as before.

    Impact: A policy that asks a function for every row makes every page slow, for everybody but those who test it.

    Likely causes: A policy calls a function, or looks something up, for each row instead of once per statement.

    Fix: Wrap the call in the policy into a scalar subquery, (SELECT function()), so that it runs once; index what it
    looks up.
    """
    staff = {actor.tenant: actor for actor in reversed(target.population.actors) if actor.kind == "internal"}
    if not staff:
        target.state()
        target.evidence.unexamined.append("queries of internal users, of whom there is none")
    for actor in staff.values():
        page = target.snapshot.first(PAGE_OF, target.snapshot.application, operator=str(actor.tenant))
        if page.organization is None:
            target.note(f"{actor.name}: the operator has no project with a customer")
            continue
        queries = {
            17: services.organization_projects().where(Organization.id == page.organization).limit(services.PAGE),
            18: services.organizations_with_contacts(services.PAGE),
            28: services.organization_overviews().where(Organization.id == page.organization),
            29: services.project_overviews().where(Project.id == page.project),
        }
        expect_fast_for(
            target,
            actor,
            write_literals(queries[plan]),
            name=f"check {plan}",
            budget=target.options.budgets.get(plan, {17: 100, 18: 150, 28: 200, 29: 200}[plan]),
            before=legacy_query(plan, company=page.company, project=page.project),
        )


@pytest.mark.plan(28, group="Query Performance", title="Complex organization query works")
def test_organization_overview(target: Target) -> None:
    """The overview of every customer organization counts its contacts, projects and contact points right, and fast.

    Impact: The dashboard shows wrong totals, or does not come up.

    Likely causes: A join of contacts and projects multiplies both, references are wrong, or an index is missing.

    Fix: Repair checks 6, 7 and 10 first; for the time, read the plan and add the index that it lacks.
    """
    overviews = services.organization_overviews()
    target.expect_none(
        f"""
        SELECT have.id, want_contacts.contacts AS want_contacts, have.contacts AS have_contacts,
               want_projects.projects AS want_projects, have.projects AS have_projects,
               want_points.contact_points AS want_contact_points, have.contact_points AS have_contact_points
        FROM ({write_literals(overviews)}) have
        LEFT JOIN (SELECT organization_id AS id, count(*) AS contacts,
                          count(*) FILTER (WHERE is_primary_contact) AS main
                   FROM contacts WHERE type = 'customer' GROUP BY 1) want_contacts USING (id)
        LEFT JOIN (SELECT customer_organization_id AS id, count(*) AS projects,
                          count(*) FILTER (WHERE status = 'active') AS active, sum(estimated_value) AS value
                   FROM projects GROUP BY 1) want_projects USING (id)
        LEFT JOIN (SELECT p.customer_organization_id AS id, count(*) AS contact_points
                   FROM project_contact_points k JOIN projects p ON p.id = k.project_id GROUP BY 1) want_points
               USING (id)
        WHERE (have.contacts, have.primary_contacts, have.projects, have.active_projects, have.contact_points)
              IS DISTINCT FROM
              (coalesce(want_contacts.contacts, 0), coalesce(want_contacts.main, 0),
               coalesce(want_projects.projects, 0), coalesce(want_projects.active, 0),
               coalesce(want_points.contact_points, 0))
           OR have.estimated_value IS DISTINCT FROM want_projects.value
        """,
        statement="customer organizations whose overview counts other than the tables hold",
        examined=CUSTOMERS,
    )
    largest = target.value(LARGEST)
    if largest is not None:
        target.expect_fast(overviews.where(Organization.id == largest), budget=200, plan=28, index_only=True)


@pytest.mark.plan(29, group="Query Performance", title="Complex project query works")
def test_project_overview(target: Target) -> None:
    """The page of every project shows its customer organization and all its contact points, and fast.

    Impact: Staff open a project and miss whom to call, or wait for it.

    Likely causes: Contact points are doubled or dangle, or the index on their project is missing.

    Fix: Repair checks 7, 8 and 15 first; for the time, read the plan and add the index that it lacks.
    """
    overviews = services.project_overviews()
    target.expect_none(
        f"""
        SELECT coalesce(want.id, have.id) AS id, want.organization AS want_organization,
               have.organization AS have_organization, want.points AS want_points, have.points AS have_points
        FROM (SELECT p.id, o.id AS organization, coalesce(k.points, 0) AS points FROM projects p
              LEFT JOIN organizations o ON o.id = p.customer_organization_id
              LEFT JOIN (SELECT project_id, count(*) AS points FROM project_contact_points GROUP BY 1) k
                     ON k.project_id = p.id) want
        FULL JOIN (SELECT id, min(organization_id::text)::uuid AS organization, count(contact_point_id) AS points
                   FROM ({write_literals(overviews.order_by(None))}) q GROUP BY 1) have ON have.id = want.id
        WHERE want.id IS NULL OR have.id IS NULL OR want.organization IS DISTINCT FROM have.organization
           OR want.points <> have.points
        """,
        statement="projects whose page shows another customer organization or contact points than the tables hold",
        examined="SELECT count(*) FROM projects",
    )
    busiest = target.value(BUSIEST)
    if busiest is not None:
        target.expect_fast(overviews.where(Project.id == busiest), budget=200, plan=29, index_only=True)
