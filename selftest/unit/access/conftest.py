"""A database whose rows belong to people, and some of these people."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from postmigration.access.principals import Actor
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers
from selftest.unit.conftest import NewDatabase

TENANT = uuid.UUID("11111111-1111-4111-8111-111111111111")
ELSEWHERE = uuid.UUID("22222222-2222-4222-8222-222222222222")
STAFF = Actor("staff", "internal", tenant=TENANT, id="aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
GUEST = Actor("guest", "portal", tenant=TENANT, id="bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb")
STRANGER = Actor("stranger", "outsider", id="cccccccc-cccc-4ccc-8ccc-cccccccccccc")

# As the scripts of this migration make them, since a server has them once.
ROLES = """
    DO $$ BEGIN
        IF to_regrole('anon') IS NULL THEN CREATE ROLE anon NOLOGIN NOINHERIT; END IF;
        IF to_regrole('authenticated') IS NULL THEN CREATE ROLE authenticated NOLOGIN NOINHERIT; END IF;
        IF to_regrole('service_role') IS NULL THEN CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS; END IF;
    END $$;
"""
# Three notes of two tenants. Members see those of their tenant but for the secret one, strangers none, and anon may not
# ask.
NOTES = f"""
    {ROLES}
    CREATE TABLE note (id uuid PRIMARY KEY, tenant uuid NOT NULL, body text, secret boolean NOT NULL DEFAULT false);
    INSERT INTO note VALUES ('00000000-0000-4000-8000-000000000001', '{TENANT}', 'first', false),
                            ('00000000-0000-4000-8000-000000000002', '{TENANT}', 'second', true),
                            ('00000000-0000-4000-8000-000000000003', '{ELSEWHERE}', 'third', false);
    CREATE TABLE member (id uuid PRIMARY KEY, tenant uuid NOT NULL, kind text NOT NULL);
    INSERT INTO member VALUES ('{STAFF.id}', '{TENANT}', 'internal'), ('{GUEST.id}', '{TENANT}', 'portal');
    CREATE FUNCTION own_tenant() RETURNS uuid STABLE SECURITY DEFINER SET search_path = public LANGUAGE sql AS $$
        SELECT tenant FROM member WHERE id::text = current_setting('request.jwt.claims', true)::json ->> 'sub' $$;
    ALTER TABLE note ENABLE ROW LEVEL SECURITY;
    GRANT SELECT, UPDATE ON note TO authenticated;
    CREATE POLICY own ON note FOR SELECT TO authenticated USING (tenant = own_tenant() AND NOT secret);
    CREATE POLICY write ON note FOR UPDATE TO authenticated USING (tenant = own_tenant());
"""


@pytest.fixture(scope="module")
def notes(new_database: NewDatabase) -> Database:
    """A database with the notes."""
    return new_database(NOTES)


@pytest.fixture
def snapshot(notes: Database) -> Iterator[Snapshot]:
    """A snapshot of the notes."""
    opened = Snapshot(notes)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def login(servers: Servers) -> Iterator[str]:
    """A role that may log in and nothing else; selftests grant it more."""
    name = "unit_login"
    with servers[18].connect("postgres") as connection:
        connection.execute(f"{ROLES} CREATE ROLE {name} LOGIN".encode())
        yield name
        connection.execute(f"DROP ROLE {name}".encode())
