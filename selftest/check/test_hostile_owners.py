"""Whoever owns a database cannot have what is theirs taken for an extension's or a platform's, and left out by that."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from selftest.check.judging import Verdict, judge
from selftest.servers import VERSIONS, Servers
from selftest.tiers import few

COUNTER = itertools.count()
OWNER = "hostile_owner"
WORLD = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN CREATE ROLE {OWNER}; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN CREATE ROLE anon; END IF;
END $$;
GRANT CREATE ON SCHEMA public TO {OWNER};
CREATE SCHEMA app AUTHORIZATION {OWNER};
GRANT USAGE ON SCHEMA app TO anon;
SET ROLE {OWNER};
CREATE TABLE app.orders (id integer PRIMARY KEY, total numeric);
INSERT INTO app.orders SELECT i, i FROM generate_series(1, 100) i;
CREATE TABLE public.client (id integer PRIMARY KEY, name text);
INSERT INTO public.client SELECT i, 'n' FROM generate_series(1, 20) i;
RESET ROLE;
"""
EXTENSION = "CREATE EXTENSION citext SCHEMA public"

Changed = Callable[..., Verdict]


@pytest.fixture
def changed(servers: Servers, request: pytest.FixtureRequest) -> Iterator[Changed]:
    """Judges a copy in which the owner ran statements; `both` ran on the side before, too."""
    server: embedded.Server = servers[getattr(request, "param", VERSIONS[0])]
    before = f"hostile_check_{next(COUNTER)}"
    after = f"{before}_after"

    def run(database: str, statements: str, role: str) -> None:
        with server.connect(database) as connection:
            connection.execute(f"SET ROLE {role}; {statements}".encode())

    def change(statements: str, *, both: str = "", superuser: str = "", alone: bool = False) -> Verdict:
        server.create(before)
        run(before, f"{WORLD}; GRANT CREATE ON DATABASE {before} TO {OWNER}; {superuser}", "postgres")
        run(before, both, OWNER)
        server.create(after, template=before)
        run(after, f"GRANT CREATE ON DATABASE {after} TO {OWNER}", "postgres")
        run(after, statements, OWNER)
        return judge("" if alone else server.conninfo(before), server.conninfo(after))

    yield change
    for database in (before, after):
        server.drop(database)


# What the owner does to both sides and to one, and what is said of it. Only Debian's server has extensions that an
# owner may create.
ADDED = {
    "a table": (f"{EXTENSION}; ALTER EXTENSION citext ADD TABLE app.orders", "DELETE FROM app.orders WHERE id > 50",
                "app.orders: 50 rows of 100 are missing"),
    "a schema": (f"{EXTENSION}; ALTER EXTENSION citext ADD SCHEMA app", "DELETE FROM app.orders WHERE id > 50",
                 "app.orders: 50 rows of 100 are missing"),
    "a function": (EXTENSION, """
        CREATE FUNCTION app.run(x text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE x; END';
        ALTER EXTENSION citext ADD FUNCTION app.run(text)""", "app.run(text) is new, runs a text that it is given"),
    "a view": (EXTENSION, """
        CREATE VIEW app.leak AS SELECT * FROM public.client; GRANT SELECT ON app.leak TO anon;
        ALTER EXTENSION citext ADD VIEW app.leak""", "anon now has SELECT on view app.leak"),
    "a table of later": (EXTENSION, """
        CREATE TABLE app.leak AS TABLE public.client; GRANT SELECT ON app.leak TO anon;
        ALTER EXTENSION citext ADD TABLE app.leak""", "anon now has SELECT on table app.leak"),
}  # fmt: skip


@pytest.mark.full
@pytest.mark.skipif(15 not in VERSIONS, reason="PostgreSQL 15 of Debian is not installed")
@pytest.mark.parametrize("changed", [15], indirect=True, ids=["pg15"])
@pytest.mark.parametrize("what", few(ADDED))
def test_what_an_owner_adds_to_an_extension_is_the_owners(changed: Changed, what: str) -> None:
    both, statements, words = ADDED[what]
    verdict = changed(statements, both=both)
    assert any(words in said for said in verdict.words("blocker")), verdict.words("blocker")


@pytest.mark.full
@pytest.mark.skipif(15 not in VERSIONS, reason="PostgreSQL 15 of Debian is not installed")
@pytest.mark.parametrize("changed", [15], indirect=True, ids=["pg15"])
def test_what_an_extension_made_stays_its_own(changed: Changed) -> None:
    # Tables of settings were handed over to somebody, and the other side has the extension from somebody else.
    verdict = changed("", both="CREATE EXTENSION pg_trgm; CREATE EXTENSION citext; CREATE EXTENSION hstore")
    assert not verdict.red() | verdict.yellow(), verdict.words("blocker") + verdict.words("warning")


HOSTED = """
    CREATE SCHEMA auth; CREATE TABLE auth.users (id int PRIMARY KEY); CREATE TABLE auth.identities (id int PRIMARY KEY);
    CREATE SCHEMA storage; CREATE TABLE storage.buckets (id int PRIMARY KEY);
    CREATE TABLE storage.objects (id int PRIMARY KEY);
"""
GOLD = "CREATE SCHEMA {0}; CREATE TABLE {0}.gold (id int PRIMARY KEY); INSERT INTO {0}.gold VALUES (1), (2), (3)"
# The schema in which the application keeps something, what is lost of it, and what is said of that.
DISGUISED = {
    "rows": ("vault", "DELETE FROM vault.gold WHERE id > 1", "blocker", "vault.gold: 2 rows of 3 are missing"),
    "a table": ("net", "DROP TABLE net.gold", "blocker", "net.gold: the table is lost, with 3 rows"),
    "a schema": ("cron", "DROP SCHEMA cron CASCADE", "blocker", "schema cron is gone"),
    "rows beside those of a service": ("realtime", "DELETE FROM realtime.gold", "warning", "realtime.gold has 0 rows"),
}


@pytest.mark.parametrize("what", few(DISGUISED))
@pytest.mark.parametrize("later", few([False, True]), ids=["from the start", "disguised later"])
def test_what_is_called_like_a_platforms_is_not_left_out(changed: Changed, what: str, later: bool) -> None:
    schema, statements, severity, words = DISGUISED[what]
    both, then = (
        (GOLD.format(schema), f"{HOSTED}; {statements}") if later else (f"{HOSTED}; {GOLD.format(schema)}", statements)
    )
    verdict = changed(then, both=both)
    assert any(words in said for said in verdict.words(severity)), verdict.words("blocker") + verdict.words("warning")


# What a superuser has made, and what is said of it; nothing where it shows nobody more than they may read.
DEFINERS = {
    "rows": ("SETOF app.orders LANGUAGE sql", "SELECT * FROM app.orders", "shows anon what is in table app.orders"),
    "a number": (
        "numeric LANGUAGE sql SET search_path = app", "SELECT sum(total) FROM orders", "is in table app.orders"
    ),
    "a body of plpgsql": (
        "text LANGUAGE plpgsql", "BEGIN RETURN (SELECT min(total) FROM \"app\".orders); END", "is in table app.orders"
    ),
    "what may be read": ("bigint LANGUAGE sql", "SELECT count(*) FROM app.open", ""),
    "whether there is a row": ("boolean LANGUAGE sql", "SELECT EXISTS (SELECT FROM app.secured)", ""),
    "rows that policies hide": ("json LANGUAGE sql", "SELECT to_json(s) FROM app.secured s", "is in table app.secured"),
    "another schema": ("bigint LANGUAGE sql SET search_path = public", "SELECT count(*) FROM orders", ""),
}  # fmt: skip
READABLE = """
    CREATE TABLE app.open (id int); CREATE TABLE app.secured (id int);
    ALTER TABLE app.secured ENABLE ROW LEVEL SECURITY;
    GRANT SELECT ON app.open, app.secured TO anon; SET check_function_bodies = off;
"""


@pytest.mark.parametrize("what", few(DEFINERS))
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "inherited"])
def test_what_a_superusers_function_shows_is_told(changed: Changed, what: str, alone: bool) -> None:
    returns, body, words = DEFINERS[what]
    # PUBLIC may call it, since nobody has taken that back.
    made = f"{READABLE} CREATE FUNCTION app.f() RETURNS {returns} SECURITY DEFINER AS $f$ {body} $f$"
    verdict = changed("", superuser=made, alone=alone)
    said = [s for s in verdict.words("warning") + verdict.words("told") if "app.f() runs as a superuser" in s]
    assert not verdict.words("blocker")
    assert len(said) == bool(words), said
    assert not words or (words in said[0] if alone else said[0].endswith("it was so before"))
    assert alone or not [s for s in verdict.words("warning") if "as a superuser" in s]


@pytest.mark.full
def test_what_belongs_to_nobody_special_is_not_told(changed: Changed) -> None:
    made = "CREATE FUNCTION app.f() RETURNS bigint SECURITY DEFINER LANGUAGE sql AS 'SELECT count(*) FROM app.orders'"
    assert not [s for s in changed("", both=made, alone=True).words("warning") if "runs as a superuser" in s]


@pytest.mark.full
def test_a_table_that_is_called_like_a_tools_and_holds_more_is_compared(changed: Changed) -> None:
    both = """
        CREATE TABLE app.alembic_version (version_num text PRIMARY KEY, iban text);
        INSERT INTO app.alembic_version SELECT i, 'DE' || i FROM generate_series(1, 9) i;
        CREATE TABLE app.flyway_schema_history (
            installed_rank int PRIMARY KEY, version text, script text, success boolean, type text, extra text);
        INSERT INTO app.flyway_schema_history VALUES (1, '1', 'a', true, 'SQL', 'x')
    """
    damaged = "UPDATE app.alembic_version SET iban = 'x'; UPDATE app.flyway_schema_history SET extra = NULL"
    said = changed(damaged, both=both).words("blocker")
    assert [words.split(":")[0] for words in said] == ["app.alembic_version", "app.flyway_schema_history"]


CONDITIONS = ("query_to_xml('SELECT app.strike()', true, true, '') IS NOT NULL", "app.strike()")
STRIKE = """
    CREATE FUNCTION app.strike() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('is_superuser') = 'on' THEN COPY (SELECT 1) TO PROGRAM 'touch {file}'; END IF;
        RETURN true;
    END
    $$;
    CREATE TABLE app.checked (id integer CONSTRAINT strikes CHECK ({condition}));
    INSERT INTO app.checked VALUES (1);
"""


@pytest.mark.full
@pytest.mark.skipif(15 not in VERSIONS, reason="PostgreSQL 15 of Debian is not installed")
@pytest.mark.parametrize("changed", [15], indirect=True, ids=["pg15"])
@pytest.mark.parametrize(
    "condition", few(["query_to_xml('SELECT app.strike()', true, true, '') IS NOT NULL", "app.strike()"])
)
def test_a_constraint_runs_nothing_as_the_superuser_who_judges(changed: Changed, condition: str) -> None:
    directory = Path(tempfile.mkdtemp(prefix="postmigration-booty-"))
    directory.chmod(0o777)
    try:
        verdict = changed("", both=STRIKE.replace("{file}", str(directory / "x")).replace("{condition}", condition))
        assert not verdict.red(), verdict.words("blocker")
        assert "test_constraints_hold_for_every_row" not in verdict.unjudged
        assert not [*directory.iterdir()]
    finally:
        shutil.rmtree(directory)


@pytest.mark.full
def test_rows_that_moved_to_a_table_that_inherits_are_missed(changed: Changed) -> None:
    verdict = changed("""
        CREATE TABLE app.more () INHERITS (app.orders);
        WITH moved AS (DELETE FROM ONLY app.orders WHERE id > 40 RETURNING *) INSERT INTO app.more SELECT * FROM moved
    """)
    (said,) = verdict.words("blocker")
    assert said.startswith(
        "app.orders: it holds 40 rows itself, and held 100: others lie in tables that inherit from it"
    )
