"""People who use the database: as whom the API layer runs their statements, and where to find some of each kind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from postmigration.database import Snapshot, configure, refused_because
from postmigration.errors import NotJudged

Kind = Literal["internal", "portal", "outsider"]

# Signed in, and nobody: no profile has this id.
_NO_PROFILE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Actor:
    """Somebody as whom statements are run.

    Args:
        name: who that is, for people, without telling of a person.
        kind: staff, whom the migration owes that they see no less; guests of theirs; and everybody else, whom it must
            show no more.
        tenant: whose member they are, or None.
        role: their role in the application.
        id: the `sub` of their claims, or None for somebody who did not sign in.
    """

    name: str
    kind: Kind
    tenant: uuid.UUID | None = None
    role: str = ""
    id: str | None = None

    @property
    def database_role(self) -> str:
        """As which role of the database their statements run."""
        return "anon" if self.id is None else "authenticated"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a transaction that the API layer makes for them; the role comes last."""
        claims = {"role": self.database_role} | ({} if self.id is None else {"sub": self.id})
        return {
            "request.jwt.claims": json.dumps(claims),
            "request.jwt.claim.sub": self.id or "",
            "request.jwt.claim.role": self.database_role,
            "row_security": "on",
            "role": self.database_role,
        }


ANONYMOUS = Actor("anon", "outsider")
WITHOUT_PROFILE = Actor("a signed-in id without profile", "outsider", id=_NO_PROFILE)


@dataclass(frozen=True)
class Population:
    """Some people of each kind, and a snapshot in which all of them exist.

    Args:
        snapshot: where statements are run as them.
        real: where statements are run as those who were not invented; it shows nothing that was.
        actors: the people.
        absent: those that there are not, and why none could be made, in words.
    """

    snapshot: Snapshot
    real: Snapshot
    actors: Sequence[Actor]
    absent: Sequence[str]


def population(
    snapshot: Snapshot, people: str, invent: Callable[..., None], *, only: Sequence[str], writing: bool
) -> Population:
    """Finds people of each kind; where there are none, makes some in a transaction that is never committed.

    Args:
        snapshot: where to look.
        people: a query for the people that are wanted: name, kind, tenant, role, and their id or NULL; `:ids` are
            those of `only`.
        invent: inserts some who are not there.
        only: ids of those who are wanted instead; some of each kind where it is empty.
        writing: whether any may be inserted.

    Raises:
        NotJudged: the server has no such roles, or this role may not act as them.
    """
    require_roles(snapshot)
    rows = snapshot.rows(people, ids=list(only))
    found = [Actor(r.name, r.kind, r.tenant, r.role, r.id and str(r.id)) for r in rows]
    if only:
        found = [replace(actor, name=f"{actor.name} ({actor.id})") for actor in found]
    lacking = [actor for actor in found if actor.id is None]
    # A connection of its own: what they see is compared with what the other one sees.
    real = snapshot.joined()
    inventing = bool(lacking) and writing
    crowd = Snapshot(snapshot.database, snapshot.exported(), writable=True) if inventing else real
    actors: list[Actor] = []
    absent: list[str] = []
    for actor in found:
        if actor.id is not None:
            actors.append(actor)
        elif not writing:
            absent.append(f"{actor.name}: there is none, and none may be made here")
        else:
            made = replace(actor, id=str(uuid.uuid4()), name=f"{actor.name} (invented)")
            try:
                crowd.prepare(partial(_invented, invent=invent, actor=made))
                actors.append(made)
            except sa.exc.DBAPIError as error:
                absent.append(f"{actor.name}: there is none, and none could be made: {refused_because(error)}")
    return Population(crowd, real, actors if only else [*actors, WITHOUT_PROFILE, ANONYMOUS], absent)


def _invented(connection: sa.Connection, invent: Callable[..., None], actor: Actor) -> None:
    """Inserts somebody; a superuser does it without checking foreign keys, which would lock the rows that they find."""
    with suppress(sa.exc.DBAPIError), connection.begin_nested():
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        invent(connection, [actor])
        connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
        return
    invent(connection, [actor])


def require_roles(snapshot: Snapshot) -> None:
    """Makes sure that anybody can be acted as.

    Raises:
        NotJudged: the server has no such roles, or this role may not act as them.
    """
    for role in ("authenticated", "anon"):
        if not snapshot.scalar("SELECT count(*) FROM pg_roles WHERE rolname = :role", role=role):
            raise NotJudged(f"the role {role} does not exist")
        if not snapshot.scalar("SELECT pg_has_role(current_user, :role, 'MEMBER')", role=role):
            raise NotJudged(f"the role of --db-url may not act as {role}: GRANT {role} TO it")


def acting(connection: sa.Connection, actor: Actor | None) -> None:
    """Goes on in this transaction as somebody, or as oneself again.

    Raises:
        sa.exc.DBAPIError: this role may not act as them.
    """
    connection.exec_driver_sql("RESET ROLE")
    settings: Mapping[str, Any] = (
        {
            "request.jwt.claims": "",
            "request.jwt.claim.sub": "",
            "request.jwt.claim.role": "",
            "row_security": "off",
        }
        if actor is None
        else actor.settings
    )
    configure(connection, settings)
