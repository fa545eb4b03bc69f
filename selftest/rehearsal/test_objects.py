"""Every object of a schema is seen when it is lost, left or changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from postmigration.diff.database_diff import Source
from postmigration.postgres import embedded
from postmigration.postgres.schema_objects import Objects, differing, objects
from selftest.conftest import COUNTER

BEFORE = """
    CREATE SCHEMA app;
    CREATE TYPE app.mood AS ENUM ('sad', 'happy');
    CREATE TYPE app.pair AS (a int, b int);
    CREATE DOMAIN app.short AS text CHECK (length(VALUE) < 9);
    CREATE SEQUENCE app.numbers;
    CREATE TABLE app.t (id int PRIMARY KEY, name text DEFAULT 'x', m app.mood, CONSTRAINT positive CHECK (id > 0));
    CREATE INDEX by_name ON app.t (name);
    CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER fires BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
    CREATE POLICY own ON app.t USING (id = 1);
    CREATE VIEW app.v AS SELECT id FROM app.t;
    CREATE MATERIALIZED VIEW app.mv AS SELECT id FROM app.t;
    CREATE RULE r AS ON INSERT TO app.t DO ALSO NOTIFY something;
    CREATE STATISTICS app.s ON id, name FROM app.t;
    CREATE PUBLICATION p FOR TABLE app.t;
    COMMENT ON TABLE app.t IS 'a table';
    GRANT SELECT ON app.t TO PUBLIC;
    CREATE COLLATION app.c (provider = libc, locale = 'C');
    CREATE OPERATOR app.@@@ (leftarg = int, rightarg = int, function = int4pl);
"""

CASES = {
    "DROP SCHEMA app CASCADE": "schema app is lost",
    "CREATE SCHEMA other": "schema other is left",
    "ALTER TYPE app.mood ADD VALUE 'angry'": "type app.mood is changed (values)",
    "ALTER TYPE app.pair ADD ATTRIBUTE c int": "column app.pair.c is left",
    "ALTER DOMAIN app.short ADD CONSTRAINT x CHECK (VALUE <> 'x')": "constraint x on app.short is left",
    "ALTER DOMAIN app.short SET NOT NULL": "type app.short is changed (not null)",
    "ALTER SEQUENCE app.numbers INCREMENT 2": "sequence app.numbers is changed (increment)",
    "ALTER TABLE app.t ADD extra int": "column app.t.extra is left",
    "ALTER TABLE app.t DROP name CASCADE, ADD name text DEFAULT 'x'": "column app.t.m is changed (position)",
    "ALTER TABLE app.t ALTER name TYPE varchar(9)": "column app.t.name is changed (type)",
    "ALTER TABLE app.t ALTER name DROP DEFAULT": "column app.t.name is changed (default)",
    "ALTER TABLE app.t ALTER name SET NOT NULL": "column app.t.name is changed (not null)",
    "ALTER TABLE app.t DROP CONSTRAINT positive": "constraint positive on app.t is lost",
    "ALTER TABLE app.t ENABLE ROW LEVEL SECURITY": "table app.t is changed (row-level security)",
    "ALTER TABLE app.t REPLICA IDENTITY FULL": "table app.t is changed (replica identity)",
    "ALTER TABLE app.t DISABLE TRIGGER fires": "trigger fires on app.t is changed (enabled)",
    "DROP INDEX app.by_name": "index app.by_name is lost",
    "CREATE INDEX another ON app.t (id, name)": "index app.another is left",
    "DROP TRIGGER fires ON app.t": "trigger fires on app.t is lost",
    "CREATE OR REPLACE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'":
        "function app.f() is changed (body)",
    "ALTER FUNCTION app.f() SECURITY DEFINER": "function app.f() is changed (security definer)",
    "REVOKE EXECUTE ON FUNCTION app.f() FROM PUBLIC": "grant of EXECUTE on function app.f() to PUBLIC is lost",
    "DROP POLICY own ON app.t": "policy own on app.t is lost",
    "ALTER POLICY own ON app.t USING (true)": "policy own on app.t is changed (using)",
    "CREATE OR REPLACE VIEW app.v AS SELECT id FROM app.t WHERE id > 1": "view app.v is changed (definition)",
    "DROP MATERIALIZED VIEW app.mv": "materialized view app.mv is lost",
    "DROP RULE r ON app.t": "rule r on app.t is lost",
    "DROP STATISTICS app.s": "statistics app.s is lost",
    "ALTER PUBLICATION p DROP TABLE app.t": "table app.t in publication p is lost",
    "ALTER PUBLICATION p SET (publish = 'insert')": "publication p is changed (pubdelete, pubtruncate, pubupdate)",
    "COMMENT ON TABLE app.t IS 'another'": "comment on table app.t is changed (text)",
    "GRANT SELECT (name) ON app.t TO PUBLIC": "grant of SELECT on column app.t.name to PUBLIC is left",
    "GRANT DELETE ON app.t TO PUBLIC": "grant of DELETE on table app.t to PUBLIC is left",
    "GRANT USAGE ON SCHEMA app TO PUBLIC": "grant of USAGE on schema app to PUBLIC is left",
    "ALTER TABLE app.t OWNER TO somebody": "table app.t is changed (owner)",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC": "default privileges of postgres for tables is left",
    "DROP COLLATION app.c": "collation app.c is lost",
    "DROP OPERATOR app.@@@ (int, int)": "operator app.@@@(integer,integer) is lost",
    "CREATE ROLE newcomer": "role newcomer is left",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION app.g()": "event trigger e is left",
}  # fmt: skip


# What hides others, or is not there any more, or not named by itself, where others were made before.
ALONE = (
    "DROP SCHEMA app CASCADE",
    "ALTER TABLE app.t DROP name CASCADE, ADD name text DEFAULT 'x'",
    "ALTER TABLE app.t DISABLE TRIGGER fires",
    "ALTER TABLE app.t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE app.t OWNER TO somebody",
)
TOGETHER = [change for change in CASES if change not in ALONE]


@pytest.fixture(scope="module")
def schema(server: embedded.Server) -> Iterator[str]:
    server.create("schema_before")
    with server.connect("schema_before") as connection:
        connection.execute(BEFORE)
        connection.execute("CREATE FUNCTION app.g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        connection.execute("CREATE ROLE somebody")
    yield "schema_before"
    server.drop("schema_before")
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE somebody")


def held(server: embedded.Server, database: str) -> Objects:
    with ExitStack() as cleanup:
        return objects(Source(server.conninfo(database), database).snapshot(cleanup))


@pytest.mark.parametrize("some", [TOGETHER[number::3] for number in range(3)], ids=range(3))
def test_many_differences_at_once_are_named(some: list[str], server: embedded.Server, schema: str) -> None:
    name = f"schema_{next(COUNTER)}"
    server.create(name, template=schema)
    before = held(server, name)
    assert differing(before, held(server, schema)) == []
    with server.connect(name) as connection:
        for change in some:
            connection.execute(change.encode())
    found = [str(difference) for difference in differing(before, held(server, name))]
    assert [change for change in some if CASES[change] not in found] == []
    server.drop(name)
    with server.connect("postgres") as connection:
        connection.execute("DROP ROLE IF EXISTS newcomer")


@pytest.mark.parametrize(
    "change", [change if change in ALONE else pytest.param(change, marks=pytest.mark.full) for change in CASES]
)
def test_a_difference_is_named(change: str, server: embedded.Server, schema: str) -> None:
    name = f"schema_{next(COUNTER)}"
    server.create(name, template=schema)
    before = held(server, name)
    assert differing(before, held(server, schema)) == []
    with server.connect(name) as connection:
        connection.execute(change.encode())
    found = [str(difference) for difference in differing(before, held(server, name))]
    assert CASES[change] in found
    assert len(found) == 1 or "CASCADE" in change
    server.drop(name)
    if "ROLE" in change:
        with server.connect("postgres") as connection:
            connection.execute("DROP ROLE newcomer")
