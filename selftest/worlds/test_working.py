"""Whatever people do with the application, as whom and in which order: the rules hold, and all is as a model says."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from fixtures import services
from fixtures.models import Contact, Organization, Project, ProjectContactPoint
from postmigration.access.principals import Actor
from selftest.worlds.application import Application, Model, Order, Person, Point
from selftest.worlds.conftest import Stage
from selftest.worlds.examples import examples

DRAWN = st.data()


class Working(RuleBasedStateMachine):
    """Several users at work; the model is told what they did, and never reads it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self._cleanup = ExitStack()
        database = self._cleanup.enter_context(stage.copied("migrated_working"))
        self.application = Application(stage.server.conninfo(database))
        with self.application.seeing(None) as session:
            self.model = Model.read(session)
        self.made = 0

    def teardown(self) -> None:
        self._cleanup.close()

    def _one(self, data: st.DataObject, of: Any) -> Any:
        return data.draw(st.sampled_from(list(of)))

    @rule(data=DRAWN, name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20))
    def create_customer(self, data: st.DataObject, name: str) -> None:
        actor = self._one(data, self.application.managers)
        self.made += 1
        made = self.application.done(
            actor,
            lambda session: services.create_customer_organization(session, name=name, slug=f"made-{self.made}").id,
        )
        self.model.customers[made] = (name, True)

    @rule(data=DRAWN, active=st.booleans())
    def deactivate_customer(self, data: st.DataObject, active: bool) -> None:
        actor = self._one(data, self.application.managers)
        key = self._one(data, self.model.seen_by(actor.tenant).customers)
        change = sa.update(Organization).where(Organization.id == key).values(is_active=active)
        assert self.application.changed(actor, change) == [1]
        self.model.customers[key] = (self.model.customers[key][0], active)

    @rule(data=DRAWN, primary=st.booleans())
    def add_contact(self, data: st.DataObject, primary: bool) -> None:
        actor = self._one(data, self.application.managers)
        key = self._one(data, self.model.seen_by(actor.tenant).customers)

        def add(session: Session) -> uuid.UUID:
            return services.add_contact_to_organization(
                session,
                session.get_one(Organization, key),
                acting_organization_id=actor.tenant,
                contact_name="somebody",
                is_primary=primary,
            ).id

        made = self.application.done(actor, add)
        if primary:
            self._demote(key)
        self.model.people[made] = Person(key, actor.tenant, primary, True)

    def _demote(self, organization: uuid.UUID) -> None:
        for person in self.model.people.values():
            if person.organization == organization:
                person.primary = False

    @rule(data=DRAWN)
    def move_contact(self, data: st.DataObject) -> None:
        actor = self._one(data, self.application.managers)
        seen = self.model.seen_by(actor.tenant)
        busy = {point.contact for point in self.model.points.values()} | {
            o.customer for o in self.model.orders.values()
        }
        free = [key for key in seen.people if key not in busy]
        if not free:
            return
        key, to = self._one(data, free), self._one(data, seen.customers)
        change = (
            sa.update(Contact)
            .where(Contact.id == key)
            .values(organization_id=to, company_name=self.model.customers[to][0], is_primary_contact=False)
        )
        assert self.application.changed(actor, change) == [1]
        self.model.people[key].organization = to
        self.model.people[key].primary = False

    @rule(data=DRAWN, active=st.booleans())
    def deactivate_contact(self, data: st.DataObject, active: bool) -> None:
        actor = self._one(data, self.application.managers)
        key = self._one(data, self.model.seen_by(actor.tenant).people)
        change = sa.update(Contact).where(Contact.id == key).values(is_active=active)
        assert self.application.changed(actor, change) == [1]
        self.model.people[key].active = active

    @rule(data=DRAWN)
    def switch_primary_contact(self, data: st.DataObject) -> None:
        actor = self._one(data, self.application.managers)
        key = self._one(data, self.model.seen_by(actor.tenant).people)
        organization = self.model.people[key].organization
        demote = sa.update(Contact).where(Contact.organization_id == organization, Contact.is_primary_contact.is_(True))
        promote = sa.update(Contact).where(Contact.id == key)
        # One whom another operator deals with is not seen, and demoted all the same.
        seen = self.model.seen_by(actor.tenant).people
        former = sum(p.primary for p in seen.values() if p.organization == organization)
        assert self.application.changed(
            actor, demote.values(is_primary_contact=False), promote.values(is_primary_contact=True)
        ) == [former, 1]
        self._demote(organization)
        self.model.people[key].primary = True

    @rule(data=DRAWN)
    def create_project(self, data: st.DataObject) -> None:
        actor = self._one(data, self.application.staff)
        key = self._one(data, [None, *self.model.seen_by(actor.tenant).customers])

        def create(session: Session) -> uuid.UUID:
            made = Project(organization_id=actor.tenant, title="made", customer_organization_id=key)
            session.add(made)
            session.flush()
            session.refresh(made)
            return made.id

        self.model.orders[self.application.done(actor, create)] = Order(actor.tenant, key, None)

    @rule(data=DRAWN)
    def delete_project(self, data: st.DataObject) -> None:
        actor = self._one(data, self.application.staff)
        orders = self.model.seen_by(actor.tenant).orders
        if not orders:
            return
        key = self._one(data, orders)
        assert self.application.changed(actor, sa.delete(Project).where(Project.id == key)) == [1]
        del self.model.orders[key]
        self.model.points = {point: p for point, p in self.model.points.items() if p.project != key}

    @rule(data=DRAWN, primary=st.booleans())
    def add_contact_point(self, data: st.DataObject, primary: bool) -> None:
        actor = self._one(data, self.application.staff)
        seen = self.model.seen_by(actor.tenant)
        there = {(point.project, point.contact) for point in self.model.points.values()}
        pairs = [
            (order, contact)
            for order, o in seen.orders.items()
            for contact, c in seen.people.items()
            if o.organization == c.organization and (order, contact) not in there
        ]
        if not pairs:
            return
        project, contact = self._one(data, pairs)
        made = self.application.done(
            actor,
            lambda session: (
                services.add_project_contact_point(
                    session, project_id=project, contact_id=contact, is_primary=primary
                ).id
            ),
        )
        if primary:
            for point in self.model.points.values():
                point.primary = point.primary and point.project != project
        self.model.points[made] = Point(project, contact, primary)

    @rule(data=DRAWN)
    def switch_primary_contact_point(self, data: st.DataObject) -> None:
        actor = self._one(data, self.application.staff)
        points = self.model.seen_by(actor.tenant).points
        if not points:
            return
        key = self._one(data, points)
        project = self.model.points[key].project
        demote = sa.update(ProjectContactPoint).where(
            ProjectContactPoint.project_id == project, ProjectContactPoint.is_primary.is_(True)
        )
        promote = sa.update(ProjectContactPoint).where(ProjectContactPoint.id == key)
        former = sum(p.primary for p in self.model.points.values() if p.project == project)
        assert self.application.changed(actor, demote.values(is_primary=False), promote.values(is_primary=True)) == [
            former,
            1,
        ]
        for point in self.model.points.values():
            point.primary = point.primary and point.project != project
        self.model.points[key].primary = True

    @rule(data=DRAWN)
    def be_refused(self, data: st.DataObject) -> None:
        """Portal users, outsiders and nobody at all change nothing, and staff nothing of another operator."""
        actor: Actor = self._one(data, [*self.application.others, *self.application.staff])
        theirs = Model() if actor.kind != "internal" or actor.tenant is None else self.model.seen_by(actor.tenant)
        targets: list[Callable[[], sa.Update | sa.Delete]] = [
            *(
                partial(sa.update(Contact).where(Contact.id == key).values, is_primary_contact=True)
                for key in self.model.people.keys() - theirs.people.keys()
            ),
            *(
                partial(sa.update(ProjectContactPoint).where(ProjectContactPoint.id == key).values, is_primary=True)
                for key in self.model.points.keys() - theirs.points.keys()
            ),
            *(
                partial(sa.delete(Project).where, Project.id == key)
                for key in self.model.orders.keys() - theirs.orders.keys()
            ),
        ]
        if not targets:
            return
        change = data.draw(st.sampled_from(targets))()
        refused, changed = None, [0]
        try:
            changed = self.application.changed(actor, change)
        except sa.exc.DBAPIError as error:
            refused = getattr(error.orig, "sqlstate", None)
        assert (refused in (None, "42501"), changed) == (True, [0])

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        with self.application.seeing(None) as session:
            assert Model.read(session) == self.model
            listed = session.execute(services.customer_organizations()).all()
        assert {row.id for row in listed} == {key for key, (_, active) in self.model.customers.items() if active}

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.model.broken_rules() == []

    @invariant()
    def everybody_sees_what_is_theirs(self) -> None:
        for actor in {actor.tenant: actor for actor in self.application.staff}.values():
            assert actor.tenant is not None
            with self.application.seeing(actor) as session:
                assert Model.read(session) == self.model.seen_by(actor.tenant)


@pytest.mark.full
def test_the_rules_hold_whatever_people_do(stage: Stage) -> None:
    run_state_machine_as_test(partial(Working, stage), settings=examples)  # type: ignore[arg-type] # it takes what makes one, too


@pytest.mark.full
def test_of_two_operators_who_promote_at_the_same_time_one_wins(stage: Stage) -> None:
    promote = "UPDATE contacts SET is_primary_contact = true WHERE id = %s"
    served = "FROM contacts WHERE company_name = 'Shared Customer plc'"
    with ExitStack() as cleanup:
        name = cleanup.enter_context(stage.copied("migrated_working"))
        one, other, watch = (cleanup.enter_context(stage.server.connect(name)) for _ in range(3))
        # Nobody is to be demoted, for whom the two would wait in any case.
        watch.execute("UPDATE contacts SET is_primary_contact = false")
        contacts = watch.execute(f"SELECT id {served} ORDER BY id LIMIT 2").fetchall()
        # Begun last, so ended before the connections are closed.
        thread = cleanup.enter_context(ThreadPoolExecutor(1))
        with one.transaction():
            one.execute(promote, contacts[0])
            waiting = thread.submit(other.execute, promote, contacts[1])
            blocked = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
            while watch.execute(blocked, [other.info.backend_pid]).fetchone() != (True,):
                assert not waiting.done()
        waiting.result()
        primary = watch.execute(f"SELECT id {served} AND is_primary_contact").fetchall()
    assert primary == [contacts[1]]


@pytest.fixture(scope="session", autouse=True)
def _world(stage: Stage) -> None:
    stage.reference("_working")
