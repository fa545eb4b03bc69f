"""People: what the API layer says of them to the database, and how some of each kind are found or made."""

import json
import uuid
from collections.abc import Iterator, Sequence

import pytest
import sqlalchemy as sa

from postmigration.access.principals import (
    ANONYMOUS,
    MOST_PEOPLE,
    WITHOUT_PROFILE,
    Actor,
    Population,
    acting,
    find_other_role,
    find_people,
    find_profiles,
    insert_unchecked,
    population,
    require_roles,
)
from postmigration.model.errors import NotJudged
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers
from selftest.unit.access.conftest import GUEST, STAFF, TENANT
from selftest.unit.conftest import OpenSnapshot

# One person of each kind that is wanted, with an id where there is one.
PEOPLE = f"""
    SELECT CASE w.kind WHEN 'internal' THEN 'staff' ELSE 'guest' END AS name, w.kind,
           CAST('{TENANT}' AS uuid) AS tenant,
           w.kind AS role, m.id
    FROM (VALUES ('internal'), ('portal')) AS w (kind)
    LEFT JOIN member m ON m.kind = w.kind AND (m.id::text = ANY(CAST(:ids AS text[])) OR CAST(:ids AS text[]) = '{{}}')
    WHERE m.id IS NOT NULL OR CAST(:ids AS text[]) = '{{}}'
    ORDER BY 2
"""


def invent(connection: sa.Connection, actors: Sequence[Actor]) -> None:
    for actor in actors:
        connection.exec_driver_sql("INSERT INTO member VALUES (%s, %s, %s)", (actor.id, str(actor.tenant), actor.kind))


@pytest.fixture
def connection(notes: Database) -> Iterator[sa.Connection]:
    with notes.begin_rollback_only() as opened:
        yield opened


def test_the_claims_of_somebody_say_who_they_are() -> None:
    somebody = Actor("x", "portal", id=str(GUEST.id), profile={"email": "a@b.example"})
    claims = somebody.claims
    assert (claims["sub"], claims["role"], claims["email"]) == (GUEST.id, "authenticated", "a@b.example")
    assert claims["exp"] - claims["iat"] == 3_660
    assert ANONYMOUS.claims.keys() == {"iss", "role", "iat", "exp"}
    assert (ANONYMOUS.database_role, WITHOUT_PROFILE.database_role) == ("anon", "authenticated")


def test_the_settings_hold_the_claims_together_or_each_by_itself_and_the_role_last() -> None:
    together = STAFF.settings
    assert json.loads(together["request.jwt.claims"])["sub"] == STAFF.id
    assert together["request.jwt.claim.sub"] == ""
    assert list(together.items())[-1] == ("role", "authenticated")
    apart = Actor("x", "internal", id=STAFF.id, style="request.jwt.claim.*").settings
    assert (apart["request.jwt.claims"], apart["request.jwt.claim.sub"]) == ("", STAFF.id)
    assert apart["request.jwt.claim.is_anonymous"] == "false"


def test_people_who_are_there_are_found(snapshot: Snapshot) -> None:
    found = population(snapshot, PEOPLE, invent, only=[], writing=False, everybody="SELECT id::text FROM member")
    try:
        assert [(actor.name, actor.id) for actor in found.actors] == [
            ("staff", STAFF.id),
            ("guest", GUEST.id),
            ("a signed-in id without profile", WITHOUT_PROFILE.id),
            ("anon", None),
        ]
        assert [actor.name for actor in found.everybody] == ["another staff", "another guest"]
        assert (found.absent, found.lasting, found.reach(found.actors[0])) == ([], found.real, found.real)
    finally:
        found.real.close()


def test_those_whose_ids_are_named_are_the_only_ones(snapshot: Snapshot) -> None:
    found = population(snapshot, PEOPLE, invent, only=[str(GUEST.id)], writing=True)
    try:
        assert [actor.name for actor in found.actors] == [f"guest ({GUEST.id})"]
    finally:
        found.real.close()


def test_those_who_are_not_there_are_made_where_nobody_else_sees_them(open_snapshot: OpenSnapshot) -> None:
    empty = open_snapshot("CREATE TABLE member (id uuid, tenant uuid, kind text CHECK (kind <> 'portal'))")
    found = population(empty, PEOPLE, invent, only=[], writing=True)
    try:
        made = found.actors[0]
        assert (made.name, made.invented) == ("staff (invented)", True)
        assert found.reach(made) is found.snapshot is not found.real
        assert found.snapshot.scalar("SELECT id::text FROM public.member") == made.id
        assert found.real.scalar("SELECT count(*) FROM public.member") == 0
        assert [words.partition(": ")[0] for words in found.absent] == ["guest"]
        assert "there is none, and none could be made: new row" in found.absent[0]
    finally:
        found.real.close()
        found.snapshot.close()
    found = population(empty, PEOPLE, invent, only=[], writing=False)
    found.real.close()
    assert found.absent == [f"{name}: there is none, and none may be made here" for name in ("staff", "guest")]


def test_no_more_of_all_people_are_asked_for_than_are_counted(snapshot: Snapshot) -> None:
    many = f"SELECT m.id::text FROM member m, generate_series(1, {MOST_PEOPLE}) WHERE m.kind = 'portal'"
    found = population(snapshot, "SELECT 'x' AS name, 'portal' AS kind, CAST(NULL AS uuid) AS tenant, '' AS role, i.id "
                       "FROM unnest(CAST(:ids AS text[])) AS i (id)", invent, only=[], writing=False,
                       everybody=f"{many} UNION ALL {many}")  # fmt: skip
    found.real.close()
    assert len(found.everybody) == MOST_PEOPLE + 1


def test_a_login_is_where_those_who_were_not_invented_are_tried(snapshot: Snapshot) -> None:
    login = snapshot.join()
    try:
        people = Population(snapshot, snapshot, [STAFF], [], login)
        made = Actor("made", "portal", id=str(uuid.uuid4()), invented=True)
        assert (people.lasting, people.reach(STAFF), people.reach(made)) == (login, login, snapshot)
    finally:
        login.close()


def test_profiles_are_what_the_platform_knows_of_users(open_snapshot: OpenSnapshot) -> None:
    platform = open_snapshot(f"""
        CREATE SCHEMA auth;
        CREATE TABLE auth.users (id uuid, email text, phone text, raw_app_meta_data jsonb);
        INSERT INTO auth.users VALUES ('{STAFF.id}', 'staff@example.org', NULL, '{{"level": 3}}');
        CREATE TABLE auth.mfa_factors (user_id uuid, status text);
        INSERT INTO auth.mfa_factors VALUES ('{STAFF.id}', 'verified'), ('{GUEST.id}', 'unverified');
    """)
    ids = [str(STAFF.id), str(GUEST.id)]
    profile = {"email": "staff@example.org", "app_metadata": {"level": 3}, "aal": "aal2"}
    assert find_profiles(platform, ids) == {STAFF.id: profile}
    people = f"SELECT 'x' AS name, 'internal' AS kind, NULL AS tenant, '' AS role, CAST('{STAFF.id}' AS uuid) AS id"
    assert find_people(platform, people, [])[0].claims["email"] == "staff@example.org"


def test_without_the_platform_nobody_has_a_profile(snapshot: Snapshot) -> None:
    assert find_profiles(snapshot, [str(STAFF.id)]) == {}


def test_a_superuser_inserts_without_triggers_and_foreign_keys(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE public.child (member uuid REFERENCES member (id))")

    def insert() -> None:
        connection.exec_driver_sql("INSERT INTO public.child VALUES ('00000000-0000-4000-8000-000000000009')")

    insert_unchecked(connection, insert)
    assert connection.exec_driver_sql("SELECT count(*) FROM public.child").scalar_one() == 1
    assert connection.exec_driver_sql("SHOW session_replication_role").scalar_one() == "origin"


def test_a_role_that_may_not_act_as_people_judges_none(snapshot: Snapshot, servers: Servers, login: str) -> None:
    require_roles(snapshot)
    database = Database(servers[18].conninfo(snapshot.info.dbname, login), option="--db-url")
    its = Snapshot(database)
    try:
        with pytest.raises(NotJudged, match="may not act as authenticated: GRANT authenticated TO it"):
            require_roles(its)
    finally:
        its.close()
        database.close()


def test_a_transaction_goes_on_as_somebody_and_as_oneself_again(connection: sa.Connection) -> None:
    def ask(what: str) -> object:
        return connection.exec_driver_sql(f"SELECT {what}").scalar_one()

    acting(connection, STAFF)
    assert (ask("current_user"), ask("count(*) FROM note")) == ("authenticated", 1)
    assert find_other_role(connection, STAFF) is None
    assert find_other_role(connection, ANONYMOUS) == "authenticated"
    acting(connection, None)
    assert (ask("current_user"), ask("count(*) FROM note")) == ("postgres", 3)
    assert ask("current_setting('request.jwt.claims')") == ""
