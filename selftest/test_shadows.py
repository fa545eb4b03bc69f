"""An object that PostgreSQL would take for one of its own ends the run before anything is asked of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from postmigration.gate.commands.cli import main
from postmigration.postgres import embedded
from selftest.conftest import Copy, Judge, Scratch
from selftest.tiers import few

# Three customers are renamed, and one is filed under another: plan checks 5 and 6 fail.
DAMAGE = """
    SET session_replication_role = replica;
    UPDATE organizations SET name = 'nobody ' || id WHERE id IN (
        SELECT id FROM organizations WHERE description = 'Customer Organization' ORDER BY id LIMIT 3);
    SET session_replication_role = origin;
"""

# What the owner of the schema makes, without any right of a superuser, and what the message must name.
HOSTILE = {
    "an operator on a type that has none of its own": (
        """
        CREATE FUNCTION public.same(varchar, varchar) RETURNS bool LANGUAGE plpgsql
            AS $$BEGIN {code} RETURN true; END$$;
        CREATE OPERATOR public.= (leftarg = varchar, rightarg = varchar, function = public.same);
        """,
        "operator public.=(character varying, character varying)",
    ),
    "an operator on an enumeration of the application": (
        """
        CREATE FUNCTION public.same(contact_type, contact_type) RETURNS bool LANGUAGE plpgsql
            AS $$BEGIN {code} RETURN false; END$$;
        CREATE OPERATOR public.= (leftarg = contact_type, rightarg = contact_type, function = public.same);
        """,
        "operator public.=(public.contact_type, public.contact_type)",
    ),
    "an operator on a domain": (
        """
        CREATE DOMAIN company AS varchar(255);
        CREATE FUNCTION public.same(company, company) RETURNS bool LANGUAGE plpgsql
            AS $$BEGIN {code} RETURN true; END$$;
        CREATE OPERATOR public.= (leftarg = company, rightarg = company, function = public.same);
        """,
        "operator public.=(public.company, public.company)",
    ),
    "a function with the types of its arguments": (
        """
        CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql
            AS $$BEGIN {code} RETURN 'x'; END$$;
        """,
        "function public.format(text, text[])",
    ),
    "a function of an enumeration": (
        "CREATE FUNCTION public.count(contact_type) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN {code} RETURN 0; END$$",
        "function public.count(public.contact_type)",
    ),
    "a cast of an enumeration": (
        """
        CREATE FUNCTION public.words(contact_type) RETURNS text LANGUAGE plpgsql AS $$BEGIN {code} RETURN 'x'; END$$;
        CREATE CAST (contact_type AS text) WITH FUNCTION public.words(contact_type);
        """,
        "cast (public.contact_type AS text)",
    ),
}

# Has a file written where the server's program may do that: a read-only transaction does not forbid it.
CODE = "COPY (SELECT 1) TO PROGRAM ''touch {file}'';"

INNOCENT = {
    "a namesake of something that is not used": """
        CREATE FUNCTION public.round(double precision, integer) RETURNS numeric LANGUAGE sql IMMUTABLE
            AS $$SELECT pg_catalog.round($1::numeric, $2)$$;
        CREATE FUNCTION public.log(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
    """,
    "the same arguments as PostgreSQL's own, which goes first": """
        CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '1999-01-01'::timestamptz$$;
        CREATE FUNCTION public.never(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false';
        CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = public.never);
    """,
    "types named like built-in ones": "CREATE TYPE public.text AS (a int); CREATE TYPE public.uuid AS ENUM ('a');",
    "an arithmetic of its own": """
        CREATE TYPE amount AS (value numeric, currency varchar);
        CREATE FUNCTION public.plus(amount, amount) RETURNS amount LANGUAGE sql AS 'SELECT $1';
        CREATE OPERATOR public.+ (leftarg = amount, rightarg = amount, function = public.plus);
    """,
    "casts without a function": "CREATE CAST (varchar AS contact_type) WITH INOUT AS IMPLICIT;",
}


def hostile(server: embedded.Server, name: str, sql: str, file: Path) -> None:
    with server.connect(name) as connection:
        connection.execute(sql.replace("{code}", f"EXECUTE '{CODE}';".format(file=file)).encode())
        connection.execute(DAMAGE)


@pytest.mark.parametrize("kind", few(HOSTILE, 0, 3, 5))
def test_what_would_be_taken_for_postgresqls_own_is_refused_and_not_run(
    kind: str, server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    sql, object_ = HOSTILE[kind]
    name = copy("migrated")
    hostile(server, name, sql, tmp_path / "it ran".replace(" ", "_"))
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert judged.status == 4, judged.output
    (line,) = (line for line in judged.output.splitlines() if line.startswith("ERROR: "))
    assert f"ERROR: {object_}, owned by postgres, would be taken for PostgreSQL's own" in line
    assert judged.last_line == line
    assert not (tmp_path / "it_ran").exists()


def test_it_is_refused_on_the_baseline_too(server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path) -> None:
    name = copy("legacy")
    with server.connect(name) as connection:
        sql = HOSTILE["an operator on a type that has none of its own"][0]
        connection.execute(sql.replace("{code}", f"EXECUTE '{CODE}';".format(file=tmp_path / "it_ran")).encode())
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--baseline={server.conninfo(name)}")
    assert judged.status == 4, judged.output
    assert "ERROR: operator public.=(character varying, character varying)" in judged.last_line
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.full
@pytest.mark.parametrize("baseline", few([False, True], 1, full=()), ids=["alone", "against_baseline"])
@pytest.mark.parametrize("kind", few(INNOCENT, 1, full=(2,)))
def test_what_cannot_be_taken_for_it_is_no_fault(
    kind: str, baseline: bool, server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(INNOCENT[kind].encode())
    before = [f"--baseline={server.conninfo('legacy')}"] if baseline else []
    judged = judge(f"--db-url={server.conninfo(name)}", *before)
    assert judged.red() == set(), judged.output
    assert judged.status == 0


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_waiver_accepts_one_and_is_told_when_there_is_none(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute(
            "CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql STABLE "
            "AS 'SELECT pg_catalog.format($1, VARIADIC $2)'"
        )
    waivers = tmp_path / "waivers.toml"
    signed = 'reason = "older than us"\nowner = "dba@example.com"\nexpires = 2999-12-31\n'
    waivers.write_text(f"[[waiver]]\nobject = 'function public.format(text, text[])'\n{signed}")
    judged = judge(f"--db-url={server.conninfo(name)}", f"--waivers={waivers}")
    assert judged.status == 0, judged.output
    judged = judge(f"--db-url={server.conninfo('migrated')}", f"--waivers={waivers}")
    assert judged.status == 1
    assert "1 check beyond the plan failed: accepted differences" in judged.last_line


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_a_worker_that_meets_one_ends_the_run(
    server: embedded.Server, copy: Copy, command: Callable[..., object], judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    hostile(server, name, HOSTILE["an operator on a type that has none of its own"][0], tmp_path / "it_ran")
    judged = judge(f"--db-url={server.conninfo(name)}", "-n", "2")
    assert judged.status == 4, judged.output
    assert "would be taken for PostgreSQL's own" in judged.last_line
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.full
@pytest.mark.parametrize("scope", few(["DATABASE", "ROLE"]))
def test_a_search_path_that_was_set_for_us_is_not_followed(
    scope: str, server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path
) -> None:
    name = copy("migrated")
    code = f"EXECUTE '{CODE}';".format(file=tmp_path / "it_ran")
    subject = f'DATABASE "{name}"' if scope == "DATABASE" else "ROLE postgres"
    with server.connect(name) as connection:
        connection.execute("CREATE SCHEMA evil")
        for function, type_ in (("current_schema", "name"), ("version", "text"), ("now", "timestamptz")):
            connection.execute(
                f"CREATE FUNCTION evil.{function}() RETURNS {type_} LANGUAGE plpgsql AS "
                f"$$BEGIN {code} RETURN pg_catalog.{function}(); END$$".encode()
            )
        connection.execute(f"ALTER {subject} SET search_path = evil, pg_catalog, public".encode())
    try:
        judged = judge(f"--db-url={server.conninfo(name)}")
        assert not (tmp_path / "it_ran").exists()
        assert judged.status in (0, 1), judged.output
    finally:
        with server.connect(name) as connection:
            connection.execute(f"ALTER {subject} RESET search_path".encode())


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
@pytest.mark.parametrize("command", ["compare", "fingerprint"])
def test_the_commands_refuse_what_every_statement_finds(
    command: str, server: embedded.Server, copy: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("CREATE FUNCTION pg_catalog.count(uuid) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'")
    with_what = {
        "compare": [f"--baseline={server.conninfo('migrated')}"],
        "fingerprint": [f"--output={tmp_path / 'f'}"],
    }
    assert main([command, f"--db-url={server.conninfo(name)}", *with_what[command]]) == 4
    assert "function pg_catalog.count(uuid), owned by postgres, would be taken" in capsys.readouterr().err


@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_one_that_is_made_while_the_database_is_judged_is_seen_at_the_end(
    server: embedded.Server, copy: Copy, scratch: Scratch
) -> None:
    name = copy("migrated")
    judged = scratch.judge(
        f"""
@plan
def test_x(target):
    with psycopg.connect({server.conninfo(name)!r}, autocommit=True) as other:
        other.execute("CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT $1'")
    target.expect_none("SELECT FROM users WHERE false", statement="x", examined="SELECT count(*) FROM users")
""",
        f"--db-url={server.conninfo(name)}",
    )
    assert judged.status == 4, judged.output
    assert judged.last_line.startswith(
        "ERROR: made while the database was judged: function public.format(text, text[])"
    )


@pytest.mark.full
def test_an_index_that_lacks_rows_hides_none(server: embedded.Server, copy: Copy, judge: Judge) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("""
            SET session_replication_role = replica;
            UPDATE organizations SET is_active = false WHERE id IN (
                SELECT id FROM organizations WHERE description = 'Customer Organization' ORDER BY id LIMIT 3);
            ALTER TABLE organizations SET (fillfactor = 10);
            CREATE FUNCTION gone(x bool, d text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';
            CREATE INDEX lying ON organizations (id) WHERE gone(is_active, description);
        """)
        connection.execute("VACUUM FULL organizations")
        connection.execute("""
            CREATE OR REPLACE FUNCTION gone(x bool, d text) RETURNS bool IMMUTABLE LANGUAGE sql
            AS 'SELECT x IS NOT TRUE'
        """)
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert "5" in judged.red(), judged.output


@pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"])
def test_what_somebody_has_added_to_an_extension_is_no_extensions_own(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        connection.execute("""
            DROP ROLE IF EXISTS somebody;
            CREATE ROLE somebody;
            CREATE EXTENSION IF NOT EXISTS hstore;
            CREATE FUNCTION public.same(varchar, varchar) RETURNS bool LANGUAGE sql AS 'SELECT true';
            CREATE OPERATOR public.= (leftarg = varchar, rightarg = varchar, function = public.same);
            ALTER OPERATOR public.= (varchar, varchar) OWNER TO somebody;
            ALTER EXTENSION hstore ADD OPERATOR public.= (varchar, varchar);
        """)
    judged = judge(f"--db-url={server.conninfo(name)}")
    assert judged.status == 4, judged.output
    assert "operator public.=(character varying, character varying), owned by somebody" in judged.last_line
