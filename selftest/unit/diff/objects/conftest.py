"""The objects of a guest house before its migration and after it, which nobody ever commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.schema_objects import Objects, objects
from selftest.servers import Servers

BEFORE = """
    CREATE ROLE unit_app;
    CREATE TABLE house (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE booking (
        id int PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, house int REFERENCES house (id) ON DELETE CASCADE,
        cents int NOT NULL DEFAULT 0 CONSTRAINT paid CHECK (cents > 0), fax text, done smallint DEFAULT 0);
    CREATE INDEX by_fax ON booking (fax);
    CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER noted BEFORE UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION note_it();
    ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
    ALTER TABLE booking FORCE ROW LEVEL SECURITY;
    CREATE POLICY mine ON booking FOR SELECT TO unit_app USING (code = CURRENT_USER);
    GRANT SELECT, UPDATE ON booking TO unit_app;
    CREATE TABLE payment (id serial PRIMARY KEY, booking int REFERENCES booking (id), note text);
    CREATE VIEW shown AS SELECT id, cents, done FROM booking WHERE cents > 5;
    COMMENT ON COLUMN booking.fax IS 'a number';
    CREATE TABLE log (day date, size int DEFAULT 5) PARTITION BY RANGE (day);
    CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
"""
RENAMED = """
    ALTER TABLE booking RENAME TO stay;
    ALTER TABLE stay RENAME cents TO "netCents";
    ALTER TABLE payment RENAME booking TO stay
"""
RETYPED = """
    DROP VIEW shown;
    ALTER TABLE booking ALTER cents TYPE bigint, ALTER done DROP DEFAULT, ALTER done TYPE boolean USING done = 1,
        ALTER done SET DEFAULT false;
    CREATE VIEW shown AS SELECT id, cents, done FROM booking WHERE cents > 5;
    ALTER TABLE log ALTER size TYPE bigint;
    ALTER TABLE payment ALTER id DROP DEFAULT;
    DROP SEQUENCE payment_id_seq;
    ALTER TABLE payment ALTER id TYPE text
"""
# Their rows are in another table, and nobody thought of what protected them.
MOVED = """
    CREATE TABLE visit (number text PRIMARY KEY, code varchar(20), house int, cents int);
    GRANT SELECT, DELETE ON visit TO unit_app;
    CREATE POLICY everybody ON visit USING (true);
    ALTER TABLE payment DROP CONSTRAINT payment_booking_fkey;
    DROP VIEW shown;
    DROP TABLE booking
"""


@contextmanager
def read_objects(database: Database, *statements: str) -> Iterator[Objects]:
    """The objects of an empty database after some statements."""
    snapshot = Snapshot(database, writable=True)
    try:

        def change(connection: sa.Connection) -> None:
            connection.exec_driver_sql("; ".join(statements))

        snapshot.prepare(change)
        yield objects(snapshot)
    finally:
        snapshot.close()


@pytest.fixture(scope="session")
def house(servers: Servers) -> Iterator[Database]:
    """An empty database."""
    servers[18].create("unit_house")
    database = Database(servers[18].conninfo("unit_house"), option="--db-url")
    yield database
    database.close()
    servers[18].drop("unit_house")


@pytest.fixture(scope="session")
def before(house: Database) -> Objects:
    """The guest house before."""
    with read_objects(house, BEFORE) as found:
        return found


@pytest.fixture(scope="session")
def renamed(house: Database) -> Objects:
    """After a table and a column got other names."""
    with read_objects(house, BEFORE, RENAMED) as found:
        return found


@pytest.fixture(scope="session")
def retyped(house: Database) -> Objects:
    """After columns got other types."""
    with read_objects(house, BEFORE, RETYPED) as found:
        return found


@pytest.fixture(scope="session")
def moved(house: Database) -> Objects:
    """After the rows of a table moved to another one."""
    with read_objects(house, BEFORE, MOVED) as found:
        return found


def by_text(objects: Objects) -> dict[str, dict[str, str]]:
    """The facts of objects by what they are called in words."""
    return {str(name): dict(facts) for name, facts in objects.items()}
