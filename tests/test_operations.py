"""The deployment plan's manual checklist, done as each of the people who do it, and as those who must not (rule R6).

All that is done stands in one transaction that is rolled back, on rows of its own.
"""

import inspect
import uuid
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from fixtures import operations
from fixtures.legacy_workplace import LEGACY, LegacyWorkplace
from fixtures.operations import Operation
from fixtures.workplace import MANAGING, WORKING, Workplace
from postmigration import Finding, NotJudged, Subject, Target, describe_refusal, refusal, write_literals
from postmigration.access import Actor, Attempt, Tried, acting, find_other_role, require_roles, try_all
from postmigration.checks import expect_refused

# How SQLSTATEs begin that say that a constraint is violated.
_VIOLATION = "(SQLSTATE 23"

MARK = f"postmigration-{uuid.uuid4().hex[:12]}"


def _workplace(connection: sa.Connection, *, shared: bool = False) -> Workplace:
    try:
        place = Workplace(connection, MARK)
        if shared:
            place.share_customer()
        return place
    except sa.exc.DBAPIError as error:
        # That is no matter of access; the plan's checks of the services name it.
        raise NotJudged(f"nobody can work, whoever they are: {describe_refusal(error)}") from None


def _words(operation: Operation) -> str:
    return (inspect.getdoc(operation) or "").rstrip(".")


def _done(
    connection: sa.Connection,
    place: Workplace,
    operation: Operation,
    actor: Actor | None,
    after: Callable[[], None] | None = None,
) -> Sequence[str]:
    """What goes wrong when somebody does something, or when whoever judges does it; nothing of it stays.

    Args:
        after: what to do when it succeeded.
    """
    savepoint = connection.begin_nested()
    try:
        acting(connection, actor)
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            problems = operation(session, place)
            session.flush()
            if actor is not None and (role := find_other_role(connection, actor)):
                return [
                    f"code of the database goes on as {role}, and not as {actor.database_role}: RESET ROLE or the like"
                ]
            # Before the session ends, which takes back what it wrote.
            if after is not None and not problems:
                after()
        return problems
    except sa.exc.DBAPIError as error:
        return [f"refused: {refusal(error, acting=True)}"]
    except sa.exc.NoResultFound:
        return ["a row that it needs is not seen"]
    finally:
        savepoint.rollback()


@pytest.mark.parametrize(
    ("operation", "roles"),
    [(o, MANAGING) for o in operations.MANAGING] + [(o, WORKING) for o in operations.WORKING],
    ids=[o.__name__ for o in (*operations.MANAGING, *operations.WORKING)],
)
def test_staff_can_do_their_work(target: Target, operation: Operation, roles: Sequence[str]) -> None:
    """Each item of the manual checklist succeeds for everybody whose work it is, as themselves, and is read back.

    Impact: The application says that something went wrong, or says nothing and changes nothing.

    Likely causes: The policy for SELECT is gone or too narrow: a new row that it does not show is refused where it is
    read back (INSERT … RETURNING). Or a policy for INSERT or UPDATE is missing, a policy looks up the new row through a
    STABLE function and does not see it yet, or a trigger reads a column that the table does not have.

    Fix: Look at what the role sees first, then at what it may write: repeat the item as the role that is named, in psql
    under SET ROLE with its claims, once with and once without RETURNING; give the table the policy that is missing.
    """
    require_roles(target.snapshot)
    with target.writing() as connection:
        place = _workplace(connection)
        if failing := _done(connection, place, operation, None):
            raise NotJudged(f"nobody can do it, whoever they are: {'; '.join(failing)}")
        problems = {role: _done(connection, place, operation, place.staff[role]) for role in roles}
        for role, said in problems.items():
            hidden = _find_hidden(connection, place, place.staff[role]) if said else ""
            schema = target.snapshot.database.schema if hidden else ""
            target.expect_no_problems(
                [f"{_words(operation)}, as {role}: {p}" for p in said],
                facts=1,
                code="operation_fails",
                subject=Subject("operation", schema, operation.__name__, hidden, who=role),
            )
        target.repair_by_definitions()
        done = [role for role, said in problems.items() if not said]
        target.note(f"{_words(operation)}: done as {', '.join(done) or 'nobody'}")


def _find_hidden(connection: sa.Connection, place: Workplace, actor: Actor) -> str:
    """The first table of whose row that somebody works with they are shown nothing; empty where they see all."""
    for row in (place.customer, place.contact, place.project, place.point):
        of = type(row)
        seen = sa.select(sa.func.count()).select_from(of).where(of.id == row.id)
        savepoint = connection.begin_nested()
        try:
            acting(connection, actor)
            if not connection.execute(seen).scalar_one():
                return of.__tablename__
        except sa.exc.DBAPIError:
            return of.__tablename__
        finally:
            savepoint.rollback()
    return ""


def test_a_shared_customer_keeps_one_primary_contact(target: Target) -> None:
    """Where two operators serve a customer, whoever makes a contact the primary one leaves the customer with one.

    Impact: Each operator has its own primary contact of the customer, and whoever judges again finds two.

    Likely causes: The application demotes the former one first, and row-level security hides it when it is the other
    operator's.

    Fix: Let a trigger with its definer's rights demote the former one, or a unique index refuse the second.
    """
    require_roles(target.snapshot)
    with target.writing() as connection:
        place = _workplace(connection, shared=True)
        promote, primary = operations.promote_contact_of_shared_customer, list[int]()
        count = sa.text("SELECT count(*) FROM contacts WHERE organization_id = :id AND is_primary_contact").bindparams(
            id=place.customer.id
        )

        def look() -> None:
            acting(connection, None)
            primary.append(connection.execute(count).scalar_one())

        failing = "; ".join(_done(connection, place, promote, place.rival, look))
        target.state(facts=1)
        if primary == [1] or _VIOLATION in failing:
            target.note(f"{_words(promote)}: {failing or 'the former one is demoted'}")
        else:
            wrong = failing or f"the customer has {primary[0]} primary contacts then"
            target.evidence.findings.append(Finding(f"{_words(promote)}: {wrong}", 1, 1, severity="warning"))
            target.repair_by_definitions("contacts")


def test_what_staff_do_is_recorded_where_they_see_it(target: Target) -> None:
    """What the operator's staff do to contacts, projects and contact points they find in the audit trail afterwards.

    Impact: Nobody at the operator can see who changed what: it is filed under the customer, or hidden.

    Likely causes: The audit trigger takes the organization of the row, which is the customer's since the contact moved,
    or is missing.

    Fix: Let the trigger file under the operator, and look whether its policy lets the operator's staff read it.
    """
    require_roles(target.snapshot)
    with target.writing() as connection:
        place = _workplace(connection)
        actor = place.staff["admin"]
        trail = sa.text(
            "SELECT count(*) FROM activity_log WHERE organization_id IN (:operator, :customer) AND created_at >= now()"
        ).bindparams(operator=place.operator.id, customer=place.customer.id)
        standing = connection.execute(trail).scalar_one()
        read: dict[str, tuple[int, int]] = {}
        for operation in (*operations.MANAGING, *operations.WORKING):
            # What is refused is another check's to say.
            _done(connection, place, operation, actor, partial(_read_back, connection, trail, read, _words(operation)))
        for words, (seen, written) in read.items():
            target.expect(seen == written, f"{words}: of {written} entries of the audit trail they see {seen}")
        entries = sum(written - standing for _, written in read.values())
        if read:
            target.expect(entries > 0, "nothing that they do is recorded in the audit trail")
        target.repair_by_definitions()
        target.note(f"{entries} entries of the audit trail that the admin of an operator wrote")


def _read_back(connection: sa.Connection, trail: sa.TextClause, read: dict[str, tuple[int, int]], words: str) -> None:
    """Counts the entries that whoever acts sees, and those that there are."""
    seen = connection.execute(trail).scalar_one()
    acting(connection, None)
    read[words] = (seen, connection.execute(trail).scalar_one())


def test_nobody_else_can_do_it(target: Target) -> None:
    """Customers are changed only by those who manage them, and projects only by the operator's staff.

    Impact: Somebody who must not changes orders and customers, and the application cannot keep them from it.

    Likely causes: A policy says true for everybody, tests only that somebody is signed in, or row-level security is
    off.

    Fix: Narrow the policy of the table that is named to the roles whose work it is; withdraw what was granted to anon.
    """
    require_roles(target.snapshot)
    earlier = _before(target)
    with target.writing() as connection:
        place = _workplace(connection)
        tried = _tried_by_all(connection, place)
        for actor in (*place.staff.values(), *place.outsiders):
            done = {what: tried[actor.name, what] for what in sorted(place.forbidden(actor))}
            expect_refused(target, actor, done, earlier, possible_before=LEGACY)
        target.repair_by_definitions()
        actors, everything = (*place.staff.values(), *place.outsiders), list(place.everything())
        target.evidence.show(
            f"who can do what{' (before → after)' if earlier else ''}, by one statement that reads nothing back: "
            "whether they see what they wrote, the checks of their work say",
            ("who", *everything),
            [
                (actor.name, *(_cell(earlier.get((actor.name, w)), tried[actor.name, w]) for w in everything))
                for actor in actors
            ],
            "work",
            wrong=[
                (row, column)
                for row, actor in enumerate(actors)
                for column, what in enumerate(everything, 1)
                if (came := tried[actor.name, what]) not in _MARKS or (came != "done" and what in place.work_of(actor))
            ],
        )


def _before(target: Target) -> Tried:
    """What everybody could do before; nothing is known where the state before is no copy that may be written to."""
    scratch = target.before.scratch
    if scratch is None:
        return {}
    try:
        with scratch.begin_rollback_only(statement_timeout="10000", lock_timeout="2000") as connection:
            return _tried_by_all(connection, LegacyWorkplace(connection, MARK))
    except sa.exc.DBAPIError as error:
        target.note(f"what people could do before cannot be tried: {describe_refusal(error)}")
        return {}


def _tried_by_all(connection: sa.Connection, place: Workplace | LegacyWorkplace) -> Tried:
    attempts = {what: Attempt(write_literals(statement)) for what, statement in place.everything().items()}
    return try_all(connection, [*place.staff.values(), *place.outsiders], attempts)


def _cell(before: str | None, after: str) -> str:
    now = _MARKS.get(after, "✘")
    return now if before is None else f"{_MARKS.get(before, '✘')} → {now}"


_MARKS = {"done": "✔", "no rows": "–", "42501": "–"}
