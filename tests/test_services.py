"""The application's services do what they promise. What they write is rolled back."""

import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from fixtures import services
from fixtures.models import CUSTOMER, Contact, Organization, Project, ProjectContactPoint
from fixtures.rules import CUSTOMER_ORGANIZATION
from postmigration import Subject, Table, Target, find_refusal, write_literals

METHODS = "Service Methods"
INTEGRATION = "Project Integration"

# Rows of our own need codes that no row of the target has; they are never committed.
MARK = f"postmigration-{uuid.uuid4().hex[:12]}"
ROLE_OF_100 = {True: "Quality – Ω 客户 ".ljust(100, "x"), False: "Quality".ljust(100, "x")}


class Workshop:
    """An operator, a customer of it and a project, made inside a transaction that is rolled back."""

    def __init__(self, connection: sa.Connection) -> None:
        self.session = Session(connection, join_transaction_mode="create_savepoint")
        self.operator = Organization(name=f"{MARK} operator", slug=f"{MARK}-operator")
        self.session.add(self.operator)
        self.session.flush()
        self.customer = services.create_customer_organization(self.session, name=f"{MARK} Ümit & Söhne", slug=MARK)

    def contact(self, name: str, *, is_primary: bool = False, role: str = "general") -> Contact:
        """Adds a contact to the customer."""
        return services.add_contact_to_organization(
            self.session,
            self.customer,
            acting_organization_id=self.operator.id,
            contact_name=name,
            role=role,
            is_primary=is_primary,
        )

    def project(self, code: str | None = MARK) -> Project:
        """Creates a project with the customer selected, and without a customer_id; a trigger makes a code of None."""
        project = Project(
            organization_id=self.operator.id,
            project_id=sa.null() if code is None else code,
            title="A project of the validation",
            customer_organization_id=self.customer.id,
        )
        self.session.add(project)
        self.session.flush()
        self.session.refresh(project)
        return project


@pytest.mark.plan(19, group=METHODS, title="getCustomerOrganizations returns data")
def test_customer_organizations_are_listed(target: Target) -> None:
    """The customer list returns every active customer organization with its contacts, by name and then id.

    Impact: Customers are missing from the list that every order starts from, or stand where nobody looks for them.

    Likely causes: The marker is missing on organizations that existed before, they are inactive, or contacts were left
    behind.

    Fix: Repair checks 5 and 6; the list follows.
    """
    target.expect_none(
        f"""
        SELECT coalesce(want.id, have.id) AS id, want.position AS want_position, have.position AS have_position,
               want.contacts AS want_contacts, have.contacts AS have_contacts
        FROM (SELECT o.id, coalesce(c.contacts, 0) AS contacts,
                     row_number() OVER (ORDER BY o.name COLLATE "default", o.id) AS position
              FROM organizations o
              LEFT JOIN (SELECT organization_id, count(*) AS contacts FROM contacts
                         WHERE type = 'customer' GROUP BY 1) c ON c.organization_id = o.id
              WHERE o.{CUSTOMER_ORGANIZATION} AND o.is_active) want
        FULL JOIN (SELECT id, jsonb_array_length(contacts) AS contacts, row_number() OVER () AS position
                   FROM ({write_literals(services.customer_organizations())}) q) have ON have.id = want.id
        WHERE (want.position, want.contacts) IS DISTINCT FROM (have.position, have.contacts)
        """,
        statement="customer organizations that the list does not show, in their place and with their contacts",
        examined=f"SELECT count(*) FROM organizations WHERE {CUSTOMER_ORGANIZATION} AND is_active",
    )


@pytest.mark.plan(20, group=METHODS, title="createCustomerOrganization works")
def test_customer_organizations_can_be_created(target: Target) -> None:
    """A new customer organization gets its marker and the defaults, and a slug that is taken is refused.

    Impact: Staff cannot enter a new customer, or enter one that no list shows.

    Likely causes: A default or the unique constraint on the slug is missing, or a trigger overwrites what was given.

    Fix: Compare the defaults and constraints of organizations with the schema script.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        made = workshop.customer
        target.expect(made.description == CUSTOMER, "a new customer organization is not marked as a customer")
        target.expect(made.is_active is True, f"a new customer organization is active: {made.is_active}, want true")
        target.expect(
            made.subscription_plan == "starter", f"its subscription plan is {made.subscription_plan}, want starter"
        )
        target.expect(made.settings == {}, "its settings are not the empty object")
        target.expect(made.created_at is not None, "it has no created_at")
        target.expect(made.updated_at is not None, "it has no updated_at")
        target.expect(
            find_refusal(connection, sa.insert(Organization).values(name=f"{MARK} again", slug=MARK)) == "23505",
            "a second organization with the same slug is not refused",
            code="double_accepted",
            subject=Subject.of_key(target.snapshot.database.schema, "organizations", ["slug"]),
        )
    target.repair_by_definitions()


@pytest.mark.plan(21, group=METHODS, title="addContactToOrganization works")
def test_contacts_can_be_added(target: Target) -> None:
    """A contact is added to a customer as its customer contact; a new primary contact replaces the former one.

    Impact: Staff cannot enter the person that they have on the telephone.

    Likely causes: A constraint allows only some roles, or a trigger overwrites type or organization.

    Fix: Drop the constraint or trigger that is named in the refusal; the service accepts any role.
    """
    role = ROLE_OF_100[target.value("SELECT current_setting('server_encoding')") == "UTF8"]
    with target.writing() as connection:
        workshop = Workshop(connection)
        first = workshop.contact("First", is_primary=True)
        second = workshop.contact("Second", is_primary=True, role=role)
        workshop.session.refresh(first)
        target.expect(first.type == "customer", f"the new contact's type is {first.type}, want customer")
        target.expect(first.organization_id == workshop.customer.id, "the new contact is not in its organization")
        target.expect(first.company_name == workshop.customer.name, "its company name is not its organization's name")
        target.expect(
            first.client_organization_id == workshop.operator.id, "it is not filed under the operator that added it"
        )
        target.expect(second.role == role, "a role of 100 characters is not kept as it is")
        target.expect(second.is_primary_contact is True, "the new primary contact is not primary")
        target.expect(first.is_primary_contact is False, "the former primary contact is still primary")
    target.repair_by_definitions()


@pytest.mark.plan(22, group=INTEGRATION, title="Create test project")
def test_projects_can_be_created(target: Target, projects: Table) -> None:
    """A project is created with an organization selected and without a customer_id; its code is made and unique.

    Impact: No new order can be entered, or two orders share one code.

    Likely causes: The trigger that makes codes fails or was dropped, or customer_id was made NOT NULL.

    Fix: Restore the trigger and the unique constraint of project_id, and let customer_id be NULL.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        project = workshop.project()
        target.expect(
            project.customer_organization_id == workshop.customer.id, "the project lost its selected organization"
        )
        target.expect(project.customer_id is None, "a project without a customer_id was given one")
        target.expect(project.status == "active", f"a new project's status is {project.status}, want active")
        copy = sa.insert(Project).values(organization_id=workshop.operator.id, project_id=MARK, title="The same code")
        target.expect(
            find_refusal(connection, copy) == "23505",
            "a second project with the same code is not refused",
            code="double_accepted",
            subject=Subject.of_key(target.snapshot.database.schema, "projects", ["project_id"]),
        )
        # A code that comes from a sequence would be used up by the trial.
        if not any("nextval" in trigger.source for trigger in projects.triggers):
            workshop.project(code=None)
    target.repair_by_definitions("projects")


@pytest.mark.plan(23, group=INTEGRATION, title="addProjectContactPoint works")
def test_contact_points_can_be_added(target: Target) -> None:
    """A contact point is added to a project, a new primary one demotes the former one, and updated_at says when.

    Impact: Nobody can be named on a project, or two are named as the one to call first.

    Likely causes: The audit trigger reads a column that the table does not have, or a unique index forbids demoting and
    promoting in two statements.

    Fix: Give the table a trigger function of its own, and the updated_at trigger.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        project = workshop.project()
        points = [
            services.add_project_contact_point(
                workshop.session, project_id=project.id, contact_id=workshop.contact(name).id, is_primary=True
            )
            for name in ("First", "Second")
        ]
        workshop.session.execute(
            sa.update(ProjectContactPoint)
            .values(updated_at=sa.func.make_timestamptz(2000, 1, 1, 0, 0, 0))
            .where(ProjectContactPoint.project_id == project.id)
        )
        for point in points:
            workshop.session.refresh(point)
            target.expect(
                point.updated_at is not None and point.updated_at.year > 2000,
                "a change of a contact point does not move its updated_at",
                code="trigger_silent",
                subject=Subject("column", target.snapshot.database.schema, "updated_at", "project_contact_points"),
            )
        target.expect(points[1].is_primary is True, "the new primary contact point is not primary")
        target.expect(points[0].is_primary is False, "the former primary contact point was not demoted")
    target.repair_by_definitions()


@pytest.mark.plan(24, group=INTEGRATION, title="getProjectContactPoints works")
def test_contact_points_are_listed(target: Target) -> None:
    """The contact points of a project are listed with the primary one first and then by creation.

    Impact: Staff call the wrong person first.

    Likely causes: created_at is overwritten, or the same for all rows of a bulk insert.

    Fix: Let created_at keep its default, and give older rows the order in which they were entered.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        project = workshop.project()
        # Made in one transaction, they would all have the same time; their ids are in no useful order.
        for position, (day, is_primary) in enumerate(((3, False), (2, True), (1, False))):
            workshop.session.add(
                ProjectContactPoint(
                    id=uuid.UUID(int=(position + 1) << 64 | uuid.uuid4().int >> 64),
                    project_id=project.id,
                    contact_id=workshop.contact(f"Contact {position}").id,
                    is_primary=is_primary,
                    created_at=sa.func.make_timestamptz(2025, 1, day, 12, 0, 0),
                )
            )
            workshop.session.flush()
        listed = services.project_contact_points().where(ProjectContactPoint.project_id == project.id)
        names = [row.contact_name for row in workshop.session.execute(listed)]
        want = ["Contact 1", "Contact 2", "Contact 0"]
        target.expect(names == want, f"contact points are listed as {', '.join(names)}, want {', '.join(want)}")
    target.repair_by_definitions()


def test_contact_points_are_audited(target: Target) -> None:
    """Adding, changing and removing a contact point writes to the activity log, under the operator.

    Impact: An auditor cannot see who took a contact off a project: nothing was written, or it is filed where only the
    customer could read it.

    Likely causes: The trigger is missing, or takes the organization of the contact, which is the customer's.

    Fix: Create the trigger with a function that files under the project's organization.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        start = _logged(connection)
        project, contact = workshop.project(), workshop.contact("First")
        before = _logged(connection)
        point = services.add_project_contact_point(workshop.session, project_id=project.id, contact_id=contact.id)
        added = _logged(connection)
        point.role = "changed"
        workshop.session.flush()
        changed = _logged(connection)
        workshop.session.delete(point)
        workshop.session.flush()
        audit = Subject("trigger", target.snapshot.database.schema, "", "project_contact_points")
        target.expect(
            added > before,
            "adding a contact point writes nothing to activity_log",
            code="trigger_silent",
            subject=audit,
        )
        target.expect(
            changed > added,
            "changing a contact point writes nothing to activity_log",
            code="trigger_silent",
            subject=audit,
        )
        target.expect(
            _logged(connection) > changed,
            "removing a contact point writes nothing to activity_log",
            code="trigger_silent",
            subject=audit,
        )
        filed = connection.execute(
            sa.text("SELECT count(*) FROM activity_log WHERE organization_id = :operator"),
            {"operator": workshop.operator.id},
        ).scalar_one()
        entries = _logged(connection) - start
        target.expect(
            filed >= entries,
            f"of {entries} entries about contacts, projects and contact points {filed} are the operator's",
        )
    target.repair_by_definitions()


def test_functions_answer_for_a_project(target: Target) -> None:
    """The functions of the new model return the organization and the contact points of a project.

    Impact: The application calls them instead of joining the tables itself.

    Likely causes: The function names a column of before, or joins through customer_id only.

    Fix: Replace it by the version of the schema script.
    """
    with target.writing() as connection:
        workshop = Workshop(connection)
        project, contact = workshop.project(), workshop.contact("First", is_primary=True)
        point = services.add_project_contact_point(
            workshop.session, project_id=project.id, contact_id=contact.id, role="buyer", is_primary=True
        )
        customer = workshop.customer
        organizations = connection.execute(sa.text(f"SELECT * FROM get_project_customer_organization('{project.id}')"))
        target.expect(
            [(row.organization_id, row.organization_name, row.organization_slug) for row in organizations]
            == [(customer.id, customer.name, customer.slug)],
            "get_project_customer_organization does not return the project's customer organization",
        )
        columns = "contact_point_id, contact_id, contact_name, contact_email, contact_phone, role, is_primary"
        points = connection.execute(sa.text(f"SELECT {columns} FROM get_project_contact_points('{project.id}')"))
        want = (point.id, contact.id, contact.contact_name, contact.email, contact.phone, "buyer", True)
        target.expect(
            [tuple(row) for row in points] == [want],
            "get_project_contact_points does not return the project's contact points",
        )
    target.repair_by_definitions()


def test_validator_sees_damage(target: Target) -> None:
    """The built-in validator of the migration reports something else once the data is damaged.

    Impact: A validator that tests only what cannot be otherwise says PASS on a database in which nothing was migrated.

    Likely causes: Its conditions are true of every database, or it counts only that tables exist.

    Fix: Replace it by the version of the schema script, and do not rely on it.
    """
    report = sa.text("SELECT * FROM validate_customer_organization_migration() ORDER BY 1, 2, 3")
    with target.writing(milliseconds=300_000) as connection:
        workshop = Workshop(connection)
        contacts = [workshop.contact(name, is_primary=True) for name in ("First", "Second")]
        project = workshop.project()
        sound = connection.execute(report).all()
        # Broken in several ways at once: which of them it looks at is its own business.
        for contact in contacts:
            contact.is_primary_contact, contact.role, contact.client_organization_id = False, " ", None
            contact.company_name = f"{MARK} of another name"
        project.customer_id, project.customer_organization_id = contacts[0].id, None
        workshop.session.flush()
        target.expect(bool(sound), "validate_customer_organization_migration returns nothing")
        target.expect(
            connection.execute(report).all() != sound,
            "validate_customer_organization_migration says the same of damaged data as of sound data",
        )
    target.repair_by_definitions()


def _logged(connection: sa.Connection) -> int:
    """How many rows this transaction has written to the activity log, without reading the log."""
    return int(
        connection.execute(sa.text("SELECT pg_stat_get_xact_tuples_inserted('activity_log'::regclass)")).scalar_one()
    )
