"""The data migration happened, for every row that it owed something to (rules R1 to R4)."""

import pytest

from fixtures import repairs
from fixtures.intended import BEFORE
from fixtures.rules import CUSTOMER_ORGANIZATION, INTERNAL_ROLES, blank, changed_since, same, settled
from postmigration import RowComparison, Target

GROUP = "Migration Data Integrity"

INVENTED = "customer organizations whose name is the company of no customer contact"


@pytest.mark.plan(5, group=GROUP, title="Customer organizations exist")
def test_customer_organizations_exist(target: Target) -> None:
    """The companies of the customer contacts and the active customer organizations match one to one, byte for byte.

    Impact: A company without its organization disappears from the customer list; an invented or doubled one splits its
    orders.

    Likely causes: Names were compared after trimming or folding case, DISTINCT did not remove doubles, the script ran
    twice, or an organization that existed never got the marker.

    Fix: Compare the company named by the contact with the organizations of that name; mark or create the missing one,
    and merge what is doubled.
    """
    companies = f"SELECT count(DISTINCT company_name) FROM contacts c WHERE type = 'customer' AND {settled('c')}"
    marked = f"SELECT count(*) FROM organizations WHERE {CUSTOMER_ORGANIZATION}"
    target.expect_none(
        f"""
        SELECT min(c.id::text) AS a_contact, c.company_name, count(*) AS contacts,
               coalesce(max(o.organizations), 0) AS organizations_of_this_name
        FROM (SELECT id, organization_id, company_name COLLATE "C" AS company_name FROM contacts c
              WHERE type = 'customer' AND {settled("c")}) c
        LEFT JOIN (SELECT name COLLATE "C" AS name, count(*) AS organizations,
                          bool_or({CUSTOMER_ORGANIZATION}) AS marked
                   FROM organizations GROUP BY 1) o ON o.name = c.company_name
        LEFT JOIN organizations theirs ON theirs.id = c.organization_id
        GROUP BY c.company_name
        HAVING NOT coalesce(bool_or(o.marked), false)
           AND bool_and(theirs.id IS NULL OR {settled("theirs")})
        """,
        statement="companies of customer contacts without an organization of exactly this name marked as customer",
        repair=repairs.MARK_ORGANIZATIONS,
        examined=companies,
        plain=["a_contact"],
    )
    target.expect_none(
        f"""
        SELECT o.id, o.name, n.marked AS customer_organizations_of_this_name
        FROM organizations o
        JOIN (SELECT name COLLATE "C" AS name, count(*) AS marked FROM organizations o
              WHERE {CUSTOMER_ORGANIZATION} AND {settled("o")} GROUP BY 1 HAVING count(*) > 1) n
          ON n.name = o.name COLLATE "C"
        WHERE {CUSTOMER_ORGANIZATION} AND {settled("o")}
        """,
        statement="customer organizations of which there are several of one name",
        repair=repairs.DELETE_UNUSED,
        examined=marked,
    )
    target.expect_none(
        f"""
        SELECT id, name, oldest_id FROM (
            SELECT *, first_value(id) OVER (PARTITION BY name COLLATE "C" ORDER BY created_at, id) AS oldest_id
            FROM organizations o WHERE {settled("o")}) o
        WHERE {CUSTOMER_ORGANIZATION} AND id <> oldest_id
        """,
        statement="customer organizations although an older organization of the same name exists",
        examined=marked,
    )
    illegible = f"""
        SELECT id, name, slug FROM organizations o
        WHERE {CUSTOMER_ORGANIZATION} AND slug !~ '[a-z0-9]' AND {settled("o")}
    """
    if target.baseline is None:
        invented = f"""
            SELECT id, name, row_number() OVER (ORDER BY id) AS n FROM organizations o
            WHERE {CUSTOMER_ORGANIZATION} AND {settled("o")}
              AND NOT EXISTS (SELECT FROM contacts c WHERE c.type = 'customer' AND {same("c.company_name", "o.name")})
        """
        # A contact that was changed since may have left one of them; only the state before could tell which.
        excused = f"(SELECT count(*) FROM contacts c WHERE {changed_since('c')})"
        target.expect_none(
            f"SELECT id, name FROM ({invented}) o WHERE n > {excused}",
            statement=INVENTED,
            examined=marked,
            repair=repairs.DELETE_UNUSED,
        )
        target.expect_none(
            f"SELECT id, name FROM ({invented}) o WHERE n <= {excused}",
            statement=INVENTED,
            examined=marked,
            severity="warning",
        )
        target.expect_none(
            # A slug that existed before stays as it was: such an organization is older than its contacts, or keeps its
            # former description.
            f"""
            SELECT * FROM ({illegible}) o WHERE NOT EXISTS (
                SELECT FROM organizations old WHERE old.id = o.id AND (
                    old.settings -> 'legacy_description' IS NOT NULL
                    OR old.created_at <= (SELECT min(c.created_at) FROM contacts c WHERE c.organization_id = o.id)))
            """,
            statement="customer organizations whose slug has none of a-z and 0-9",
            repair=repairs.SLUGS,
            examined=marked,
            plain=["slug"],
        )
    target.expect_none(
        f"""
        SELECT id, name, is_active FROM organizations o
        WHERE {CUSTOMER_ORGANIZATION} AND is_active IS NOT TRUE AND {settled("o")}
        """,
        statement="customer organizations that are not active",
        repair=repairs.MARK_ORGANIZATIONS,
        examined=marked,
    )
    target.expect_none(
        f"""
        SELECT o.id, o.name, count(*) AS staff FROM organizations o JOIN users u ON u.organization_id = o.id
        WHERE o.{CUSTOMER_ORGANIZATION} AND u.{INTERNAL_ROLES} AND {settled("o")} AND {settled("u")} GROUP BY o.id
        """,
        statement="operators (organizations with staff) that are marked as customers",
        examined=marked,
    )
    target.expect_none(
        f"""
        SELECT id, company_name FROM contacts c
        WHERE type = 'customer' AND {blank("company_name")} AND {settled("c")}
        """,
        statement="customer contacts with a blank company name, which the migration must refuse",
        examined=companies,
    )
    if target.baseline is not None:
        target.expect_same(
            RowComparison(
                "SELECT id, slug FROM organizations WHERE slug !~ '[a-z0-9]'",
                illegible,
                columns=["id", "slug"],
            ),
            statement="new customer organizations whose slug has none of a-z and 0-9",
            repair=repairs.SLUGS,
            ignore=["missing", "changed"],
            plain=["slug"],
            optional=True,
        )
        target.expect_same(
            RowComparison(
                """SELECT DISTINCT company_name COLLATE "C" AS name FROM contacts WHERE type = 'customer'""",
                f"""
                SELECT name, {settled("o")} AS unchanged_since_cutover FROM organizations o
                WHERE {CUSTOMER_ORGANIZATION}
                """,
                columns=["name"],
                settled="unchanged_since_cutover",
            ),
            statement="customer organizations whose name was the company of no customer contact before",
            repair=repairs.DELETE_UNUSED,
            # A company without an organization is named above, by its contacts.
            ignore=["missing"],
        )
        target.expect_same(
            RowComparison(
                f"SELECT r.id, r.name FROM ({BEFORE['organizations']}) r WHERE r.becomes_customer",
                # One that was changed since may have lost its marker, or its name.
                f"""
                SELECT id, name, {settled("o")} AS unchanged_since_cutover FROM organizations o
                WHERE {CUSTOMER_ORGANIZATION} OR NOT {settled("o")}
                """,
                columns=["id", "name"],
                settled="unchanged_since_cutover",
            ),
            statement="organizations that existed under a company's name and are not its customer organization",
            repair=repairs.MARK_ORGANIZATIONS,
            ignore=["extra"],
            optional=True,
        )


@pytest.mark.plan(6, group=GROUP, title="Contacts have organization references")
def test_contacts_have_their_organization(target: Target) -> None:
    """Each customer contact is in the organization of its company name, with a role and its operator; others stay.

    Impact: Staff look for a contact at the wrong company, or the operator that served it can no longer see it.

    Likely causes: The update joined on something else than the exact name, a second run moved contacts again, or only
    part of the script ran.

    Fix: Set the contact's organization_id to the organization of its company_name, and client_organization_id to the
    operator of before.
    """
    customers = f"SELECT count(*) FROM contacts c WHERE type = 'customer' AND {settled('c')}"
    others = f"SELECT count(*) FROM contacts c WHERE type <> 'customer' AND {settled('c')}"
    target.expect_none(
        f"""
        SELECT c.id, c.company_name, o.name AS organization, c.organization_id
        FROM contacts c LEFT JOIN organizations o ON o.id = c.organization_id
        WHERE c.type = 'customer' AND {settled("c")}
          AND (o.id IS NULL OR ({settled("o")} AND (
              NOT {same("o.name", "c.company_name")}
              -- A namesake of its company's customer organization; where none is marked, check 5 names the company.
              OR o.description IS DISTINCT FROM 'Customer Organization' AND EXISTS (
                  SELECT FROM organizations n
                  WHERE n.{CUSTOMER_ORGANIZATION} AND {same("n.name", "c.company_name")}))))
        """,
        statement="customer contacts that are not in the organization of their company",
        repair=repairs.MOVE_CONTACTS,
        examined=customers,
    )
    target.expect_none(
        rf"""
        SELECT id, role FROM contacts c
        WHERE type = 'customer' AND (role IS NULL OR role !~ '\S') AND {settled("c")}
        """,
        statement="customer contacts without a role",
        repair=repairs.ROLES,
        examined=customers,
    )
    target.expect_none(
        # Before the migration contacts are the operators'. One whose operator is its customer was moved first and
        # copied afterwards; with the state before at hand, that is compared instead.
        f"""
        SELECT c.id, c.client_organization_id, c.organization_id FROM contacts c
        LEFT JOIN organizations o ON o.id = c.client_organization_id
        WHERE c.type = 'customer' AND {settled("c")}
          AND (o.id IS NULL {"" if target.baseline else f"OR (o.{CUSTOMER_ORGANIZATION} AND {settled('o')})"})
        """,
        statement="customer contacts whose operator is lost (client_organization_id is NULL, or leads to none)",
        examined=customers,
    )
    if target.baseline is None:
        target.expect_none(
            f"""
            SELECT c.id, c.type::text AS type, c.organization_id
            FROM contacts c JOIN organizations o ON o.id = c.organization_id
            WHERE c.type <> 'customer' AND o.{CUSTOMER_ORGANIZATION} AND {settled("c")}
            """,
            statement="contacts of another type that were moved to a customer organization",
            examined=others,
            plain=["type"],
            optional=True,
        )
    else:
        target.expect_same(
            RowComparison(
                """
                SELECT r.id, CASE WHEN r.type = 'customer' THEN r.company_name END AS organization,
                       CASE WHEN r.type <> 'customer' THEN r.organization_id END AS organization_id,
                       CASE WHEN r.type = 'customer' THEN coalesce(r.client_organization_id, r.organization_id)
                            ELSE r.client_organization_id END AS client_organization_id
                FROM contacts r
                """,
                # Of several organizations of one name, the statements above and check 5 tell the right one.
                f"""
                SELECT c.id, CASE WHEN c.type = 'customer' THEN o.name END AS organization,
                       CASE WHEN c.type <> 'customer' THEN c.organization_id END AS organization_id,
                       c.client_organization_id,
                       {settled("c")} AND (o.id IS NULL OR {settled("o")}) AS unchanged_since_cutover
                FROM contacts c LEFT JOIN organizations o ON o.id = c.organization_id
                """,
                columns=["id", "organization", "organization_id", "client_organization_id"],
                settled="unchanged_since_cutover",
            ),
            statement="contacts that are in another organization than the rules give them",
            repair=repairs.MOVE_CONTACTS,
        )


@pytest.mark.plan(7, group=GROUP, title="Projects have customer organization references")
def test_projects_have_their_customer_organization(target: Target) -> None:
    """Each project with a customer has a customer organization, and a project without one has none.

    Impact: Staff see "No Customer" or another customer on their projects, or one on a project that has none.

    Likely causes: The step for projects did not run or stopped in between, or it was copied from another column than
    the contact's organization.

    Fix: Run the project step of the data script again; it sets the organization of each customer_id.
    """
    target.expect_none(
        f"""
        SELECT id, project_id, customer_id FROM projects p
        WHERE customer_id IS NOT NULL AND customer_organization_id IS NULL AND {settled("p")}
        """,
        statement="projects with a customer and without a customer organization",
        repair=repairs.SET_MISSING_CUSTOMERS,
        examined=f"SELECT count(*) FROM projects p WHERE customer_id IS NOT NULL AND {settled('p')}",
        plain=["project_id"],
    )
    target.expect_none(
        f"""
        SELECT p.id, p.project_id, p.customer_organization_id
        FROM projects p JOIN organizations o ON o.id = p.customer_organization_id
        WHERE p.customer_id IS NULL AND {settled("p")}
        """,
        statement="projects without a customer that were given a customer organization",
        repair=repairs.NO_CUSTOMER,
        examined=f"SELECT count(*) FROM projects p WHERE customer_id IS NULL AND {settled('p')}",
        plain=["project_id"],
        optional=True,
    )
    if target.baseline is not None:
        target.expect_same(
            RowComparison(
                """
                SELECT p.id, c.company_name AS organization
                FROM projects p LEFT JOIN contacts c ON c.id = p.customer_id
                """,
                f"""
                SELECT p.id, o.name AS organization,
                       {settled("p")} AND (o.id IS NULL OR {settled("o")}) AS unchanged_since_cutover
                FROM projects p LEFT JOIN organizations o ON o.id = p.customer_organization_id
                """,
                columns=["id", "organization"],
                settled="unchanged_since_cutover",
            ),
            statement="projects whose customer organization is not the company of their customer before",
            repair=repairs.SET_CUSTOMERS_BY_NAME,
        )


@pytest.mark.plan(8, group=GROUP, title="Project contact points exist")
def test_projects_have_their_contact_point(target: Target) -> None:
    """Every project with a customer has its customer contact as a contact point.

    Impact: The project page names nobody to call.

    Likely causes: The step that makes contact points did not run, or it skipped projects whose contact was moved later.

    Fix: Run the contact point step of the data script again; it makes what is missing and nothing twice.
    """
    target.expect_none(
        f"""
        SELECT p.id, p.project_id, p.customer_id FROM projects p
        WHERE p.customer_id IS NOT NULL AND {settled("p")}
          AND NOT EXISTS (SELECT FROM project_contact_points k
                          WHERE k.project_id = p.id AND k.contact_id = p.customer_id)
        """,
        statement="projects whose customer contact is not among their contact points",
        repair=repairs.CONTACT_POINTS,
        examined=f"SELECT count(*) FROM projects p WHERE customer_id IS NOT NULL AND {settled('p')}",
        plain=["project_id"],
    )
    if target.baseline is not None:
        target.expect_same(
            RowComparison(
                "SELECT id AS project, customer_id AS contact FROM projects",
                f"""
                SELECT p.id AS project, k.contact_id AS contact, {settled("p")} AS unchanged_since_cutover
                FROM projects p
                LEFT JOIN project_contact_points k ON k.project_id = p.id AND k.contact_id = p.customer_id
                """,
                columns=["project", "contact"],
                settled="unchanged_since_cutover",
            ),
            statement="projects that do not have the one contact point that their customer before calls for",
            repair=repairs.CONTACT_POINTS,
        )
