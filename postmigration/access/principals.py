"""People who use the database: as whom the API layer runs their statements, and where to find some of each kind."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, get_args

import sqlalchemy as sa

from postmigration.model.errors import NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.limits.settings import configure
from postmigration.postgres.refusals import describe_refusal

Kind = Literal["internal", "portal", "outsider"]
# How the API layer tells the database who asks: today all claims as one text, older ones each claim by itself.
Style = Literal["request.jwt.claims", "request.jwt.claim.*"]
STYLES: tuple[Style, ...] = get_args(Style)

# What the API layer calls itself: nothing may tell whoever judges from it.
API = "PostgREST"

# What is counted for all people one by one is counted for no more than these.
MOST_PEOPLE = 300

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
        profile: claims of theirs that the platform takes from what it knows of them.
        invented: they were made for this run, in one transaction.
        style: how the API layer tells the database who they are.
    """

    name: str
    kind: Kind
    tenant: uuid.UUID | None = None
    role: str = ""
    id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    invented: bool = False
    style: Style = "request.jwt.claims"

    @property
    def database_role(self) -> str:
        """As which role of the database their statements run."""
        return "anon" if self.id is None else "authenticated"

    @property
    def claims(self) -> dict[str, Any]:
        """What their token says of them, since policies may read any of it."""
        now = int(time.time())
        claims = {"iss": "supabase", "role": self.database_role, "iat": now - 60, "exp": now + 3_600}
        if self.id is None:
            return claims
        return {
            **claims,
            "aud": "authenticated",
            "sub": self.id,
            "email": "",
            "phone": "",
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": now - 60}],
            "session_id": str(uuid.uuid5(uuid.NAMESPACE_URL, self.id)),
            "app_metadata": {"provider": "email", "providers": ["email"]},
            "user_metadata": {},
            "is_anonymous": False,
            **self.profile,
        }

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a transaction that the API layer makes for them, and no others; the role comes last."""
        together, claims = self.style == "request.jwt.claims", self.claims
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in claims.items()}
        return {
            "request.jwt.claims": json.dumps(claims) if together else "",
            **{f"request.jwt.claim.{name}": "" if together else text for name, text in texts.items()},
            "application_name": API,
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
        login: where statements are run through the login of the API, as those who were not invented; whoever judges
            runs them all where it is None.
        everybody: all who work with the application, or one more than `MOST_PEOPLE` of them; nobody where others were
            named.
    """

    snapshot: Snapshot
    real: Snapshot
    actors: Sequence[Actor]
    absent: Sequence[str]
    login: Snapshot | None = None
    everybody: Sequence[Actor] = ()

    @property
    def lasting(self) -> Snapshot:
        """Where statements are run as those who were not invented."""
        return self.login or self.real

    def reach(self, actor: Actor) -> Snapshot:
        """Where statements are run as somebody: no other login sees who was invented."""
        return self.snapshot if actor.invented else self.lasting


def population(
    snapshot: Snapshot,
    people: str,
    invent: Callable[..., None],
    *,
    only: Sequence[str],
    writing: bool,
    everybody: str = "",
    login: Snapshot | None = None,
) -> Population:
    """Finds people of each kind; where there are none, makes some in a transaction that is never committed.

    Args:
        snapshot: where to look.
        people: a query for the people that are wanted: name, kind, tenant, role, and their id or NULL; `:ids` are
            those of `only`.
        invent: inserts some who are not there.
        only: ids of those who are wanted instead; some of each kind where it is empty.
        writing: whether any may be inserted.
        everybody: a query for the ids of all who work with the application.
        login: the same instant through the login of the API.

    Raises:
        NotJudged: the server has no such roles, or this role may not act as them.
    """
    require_roles(snapshot)
    found = find_people(snapshot, people, only)
    if only:
        found = [replace(actor, name=f"{actor.name} ({actor.id})") for actor in found]
    lacking = [actor for actor in found if actor.id is None]
    # A connection of its own: what they see is compared with what the other one sees.
    real = snapshot.join()
    inventing = bool(lacking) and writing
    crowd = Snapshot(snapshot.database, snapshot.export(), writable=True) if inventing else real
    actors: list[Actor] = []
    absent: list[str] = []
    for actor in found:
        if actor.id is not None:
            actors.append(actor)
        elif not writing:
            absent.append(f"{actor.name}: there is none, and none may be made here")
        else:
            made = replace(actor, id=str(uuid.uuid4()), name=f"{actor.name} (invented)", invented=True)
            try:
                crowd.prepare(partial(_invent, invent=invent, actor=made))
                actors.append(made)
            except sa.exc.DBAPIError as error:
                absent.append(f"{actor.name}: there is none, and none could be made: {describe_refusal(error)}")
    if only:
        return Population(crowd, real, actors, absent, login)
    wanted = f"SELECT id FROM ({everybody}) e LIMIT {MOST_PEOPLE + 1}"
    ids = snapshot.rows(wanted, snapshot.application) if everybody else ()
    users = find_people(snapshot, people, [row.id for row in ids]) if ids else []
    others = [replace(user, name=f"another {user.name}") for user in users]
    return Population(crowd, real, [*actors, WITHOUT_PROFILE, ANONYMOUS], absent, login, others)


def find_people(snapshot: Snapshot, people: str, ids: Sequence[str]) -> list[Actor]:
    """Finds the people of a database whom a query names, with the claims that the platform knows of them.

    Args:
        people, ids: see `population`.
    """
    rows = snapshot.rows(people, snapshot.application, ids=list(ids))
    profiles = find_profiles(snapshot, [str(row.id) for row in rows if row.id])
    return [
        Actor(row.name, row.kind, row.tenant, row.role, row.id and str(row.id), profiles.get(str(row.id), {}))
        for row in rows
    ]


# What there is of these differs between versions of the platform; what is absent is NULL.
_PROFILES = """
    SELECT p ->> 'id' AS id,
           jsonb_strip_nulls(jsonb_build_object(
               'email', p ->> 'email', 'phone', p ->> 'phone', 'is_anonymous', p -> 'is_anonymous',
               'app_metadata', nullif(p -> 'raw_app_meta_data', 'null'),
               'user_metadata', nullif(p -> 'raw_user_meta_data', 'null'))) AS claims
    FROM auth.users u CROSS JOIN LATERAL to_jsonb(u) AS p WHERE u.id = ANY(CAST(:ids AS uuid[]))
"""
_SECOND_FACTORS = "SELECT DISTINCT user_id::text AS id FROM auth.mfa_factors WHERE status = 'verified'"


def find_profiles(snapshot: Snapshot, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The claims that the platform takes from what it knows of some users; none where that may not be read."""
    try:
        profiles = {row.id: dict(row.claims) for row in snapshot.rows(_PROFILES, ids=list(ids))}
    except sa.exc.DBAPIError:
        return {}
    # Who has a second factor is taken to have used it.
    with suppress(sa.exc.DBAPIError):
        if snapshot.scalar("SELECT to_regclass('auth.mfa_factors')") is not None:
            for row in snapshot.rows(_SECOND_FACTORS):
                profiles.setdefault(row.id, {})["aal"] = "aal2"
    return profiles


def _invent(connection: sa.Connection, invent: Callable[..., None], actor: Actor) -> None:
    insert_unchecked(connection, partial(invent, connection, [actor]))


def insert_unchecked(connection: sa.Connection, insert: Callable[[], None]) -> None:
    """Inserts rows; a superuser does it without triggers and without foreign keys, which lock the rows that they find.

    Args:
        insert: inserts them, and does it again where it must do with triggers.
    """
    with suppress(sa.exc.DBAPIError), connection.begin_nested():
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        insert()
        connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
        return
    insert()


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
            **{f"request.jwt.claim.{name}": "" for name in WITHOUT_PROFILE.claims},
            "row_security": "off",
        }
        if actor is None
        else actor.settings
    )
    configure(connection, settings)


def find_other_role(connection: sa.Connection, actor: Actor) -> str | None:
    """Finds as whom a transaction goes on, where code of the database made that another role than somebody's.

    What was done since then was not done as them, whatever came of it.
    """
    role = str(connection.exec_driver_sql("SELECT current_user").scalar_one())
    return None if role == actor.database_role else role
