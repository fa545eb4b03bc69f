"""What the application holds, as a plain model, and how it is used: as somebody, in a transaction that is committed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import Session

from fixtures.models import CUSTOMER, Contact, Organization, Project, ProjectContactPoint
from fixtures.workplace import MANAGING, WORKING
from postmigration.access.principals import ANONYMOUS, Actor, acting

T = TypeVar("T")


@dataclass
class Person:
    """A contact of a customer: where, whom it deals with, and whether it is the one to call first."""

    organization: uuid.UUID
    operator: uuid.UUID
    primary: bool
    active: bool | None


@dataclass
class Order:
    """A project: whose, and for which customer."""

    operator: uuid.UUID
    organization: uuid.UUID | None
    customer: uuid.UUID | None


@dataclass
class Point:
    """Somebody with whom a project is discussed."""

    project: uuid.UUID
    contact: uuid.UUID
    primary: bool


@dataclass
class Model:
    """The customers by name, their contacts, the projects and their contact points, by id."""

    customers: dict[uuid.UUID, tuple[str, bool | None]] = field(default_factory=dict)
    people: dict[uuid.UUID, Person] = field(default_factory=dict)
    orders: dict[uuid.UUID, Order] = field(default_factory=dict)
    points: dict[uuid.UUID, Point] = field(default_factory=dict)

    @classmethod
    def read(cls, session: Session) -> Model:
        """What a session sees."""
        model = cls()
        for o in session.scalars(sa.select(Organization).where(Organization.description == CUSTOMER)):
            model.customers[o.id] = (o.name, o.is_active)
        for c in session.scalars(sa.select(Contact).where(Contact.type == "customer")):
            assert c.client_organization_id is not None
            model.people[c.id] = Person(
                c.organization_id, c.client_organization_id, bool(c.is_primary_contact), c.is_active
            )
        for p in session.scalars(sa.select(Project)):
            model.orders[p.id] = Order(p.organization_id, p.customer_organization_id, p.customer_id)
        for k in session.scalars(sa.select(ProjectContactPoint)):
            model.points[k.id] = Point(k.project_id, k.contact_id, bool(k.is_primary))
        return model

    def seen_by(self, tenant: uuid.UUID) -> Model:
        """What the staff of an operator sees of it."""
        orders = {key: order for key, order in self.orders.items() if order.operator == tenant}
        people = {key: person for key, person in self.people.items() if person.operator == tenant}
        served = {person.organization for person in people.values()} | {o.organization for o in orders.values()}
        taken = {person.organization for person in self.people.values()} | {
            order.organization for order in self.orders.values()
        }
        return Model(
            {key: value for key, value in self.customers.items() if key in served or key not in taken},
            people,
            orders,
            {key: point for key, point in self.points.items() if point.project in orders},
        )

    def broken_rules(self) -> list[str]:
        """The rules that hold for whatever is done after the cut-over, as far as they do not."""
        broken = []
        for name, primary in (
            ("contacts", [p.organization for p in self.people.values() if p.primary]),
            ("contact points", [p.project for p in self.points.values() if p.primary]),
        ):
            if len(primary) != len(set(primary)):
                broken.append(f"two primary {name}")
        pairs = [(point.project, point.contact) for point in self.points.values()]
        if len(pairs) != len(set(pairs)):
            broken.append("a contact stands on a project twice")
        for person in self.people.values():
            if person.organization not in self.customers:
                broken.append("a contact of no customer")
        for order in self.orders.values():
            if order.organization is not None and order.organization not in self.customers:
                broken.append("a project of no customer")
        for point in self.points.values():
            discussed, contact = self.orders.get(point.project), self.people.get(point.contact)
            if discussed is None or contact is None or discussed.organization != contact.organization:
                broken.append("a contact point that is no contact of the project's customer")
        return broken


class Application:
    """The application on a database."""

    def __init__(self, conninfo: str) -> None:
        self.engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=sa.NullPool
        )
        with self.seeing(None) as session:
            rows = session.execute(
                sa.text("SELECT id, organization_id, role::text AS role FROM users ORDER BY organization_id, role")
            )
            people = [
                Actor(f"{r.role} {n}", "portal", r.organization_id, r.role, str(r.id)) for n, r in enumerate(rows)
            ]
        self.staff = [replace(actor, kind="internal") for actor in people if actor.role in WORKING]
        self.managers = [actor for actor in self.staff if actor.role in MANAGING]
        self.others = [*(actor for actor in people if actor.role not in WORKING), ANONYMOUS]

    def seeing(self, actor: Actor | None) -> Session:
        """A session of somebody, or of a superuser; what is left of it is rolled back."""
        session = Session(self.engine)
        if actor is not None:
            acting(session.connection(), actor)
        return session

    def done(self, actor: Actor, what: Callable[[Session], T]) -> T:
        """Does something as somebody, and commits it.

        Raises:
            sa.exc.DBAPIError: the database refuses it, and nothing has changed.
        """
        with self.seeing(actor) as session:
            value = what(session)
            session.commit()
            return value

    def changed(self, actor: Actor, *changes: sa.Update | sa.Delete) -> list[int]:
        """How many rows each of these changed, in one transaction."""

        def make(session: Session) -> list[int]:
            results: list[Any] = [
                session.execute(change.execution_options(synchronize_session=False)) for change in changes
            ]
            return [result.rowcount for result in results]

        return self.done(actor, make)
