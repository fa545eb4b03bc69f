"""The role that is printed can judge everything and nothing else: made with exactly the SQL that is printed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from postmigration.gate.commands import cli
from postmigration.gate.commands.role import render_drop, render_role
from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge
from selftest.dumps import dump
from selftest.servers import PASSWORD

NAMES = ("postmigration", "ÄÖ \"quoted' \\ :name $postmigration$ %s {x} -- ;")

# How a check of a sound database ends.
SOUND = ("passed", "not applicable")

MakeRole = Callable[..., str]


@pytest.fixture
def make_role(server: embedded.Server) -> Iterator[MakeRole]:
    """Makes the role in a database with the SQL that is printed, and returns the connection string as it."""
    made = []

    def make(database: str, name: str = "postmigration", *, writing: bool = True, everything: bool = True) -> str:
        with server.connect(database) as connection:
            connection.execute(render_role(name, writing=writing, everything=everything).encode())
            made.append((database, name))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), PASSWORD))
        return make_conninfo(server.conninfo(database), user=name)

    yield make
    for database, name in made:
        with server.connect(database) as connection:
            connection.execute(render_drop(name).encode())
            found = connection.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", [name])
            assert found.fetchall() == []


def as_role(url: str, database: str) -> str:
    return make_conninfo(url, dbname=database)


@pytest.mark.full
def test_the_role_judges_a_sound_database(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    url = make_role(copy("migrated"))
    judged = judge(f"--db-url={url}", f"--baseline={as_role(url, 'legacy')}")
    assert {result.check for result in judged.results if result.outcome not in SOUND} == set(), judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")
    assert judged.status == 0
    assert "as role postmigration" in judged.output
    assert "weakened by" not in judged.output


@pytest.mark.full
def test_the_role_judges_a_sound_database_alone(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    judged = judge(f"--db-url={make_role(copy('migrated'))}")
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed"), judged.output


FAULTS = ("5__renamed", "everything_still_runs__function", "staff_can_do_their_work__no_insert_policy")


@pytest.mark.full
def test_the_role_sees_the_damage_that_a_superuser_sees(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    name = copy("migrated")
    with server.connect(name) as connection:
        for fault in FAULTS:
            connection.execute((ROOT / "fixtures" / "faults" / f"{fault}.sql").read_bytes())
    url = make_role(name)
    found = [
        judge(f"--db-url={target}", f"--baseline={before}")
        for target, before in (
            (server.conninfo(name), server.conninfo("legacy")),
            (url, as_role(url, "legacy")),
        )
    ]
    assert found[0].red() == found[1].red() >= {"5", "everything_still_runs", "staff_can_do_their_work"}
    assert found[1].status == 1
    assert found[1].last_line.startswith("NO-GO")
    told = [{(r.nodeid, r.outcome) for r in judged.results} for judged in found]
    assert told[0] == told[1], [(r.nodeid, r.reason) for j in found for r in j.results if r.outcome == "not judged"]


@pytest.mark.full
def test_a_role_that_reads_schemas_judges_too_and_reads_no_password(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    hashes = "SELECT rolpassword FROM pg_authid LIMIT 1"
    before, after = copy("legacy"), copy("migrated")
    url = make_role(before)
    with psycopg.connect(url, autocommit=True) as connection:
        assert len(connection.execute(hashes).fetchall()) == 1
    # What it was granted more is taken back.
    with server.connect(before) as connection:
        connection.execute(render_role("postmigration", everything=False).encode())
    with server.connect(after) as connection:
        connection.execute(render_role("postmigration", everything=False).encode())
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="pg_authid")
    with psycopg.connect(url, autocommit=True) as connection, refused:
        connection.execute(hashes)
    judged = judge(f"--db-url={as_role(url, after)}", f"--baseline={url}")
    with server.connect(after) as connection:
        connection.execute("DROP OWNED BY postmigration")
    unjudged = {result.check for result in judged.results if result.outcome not in SOUND}
    assert unjudged == {"roles_keep_their_passwords"}, judged.output
    assert judged.status == 0


@pytest.mark.parametrize("writing", [True, False], ids=["write", "read"])
def test_the_role_may_read_everything_and_change_what_it_must(
    server: embedded.Server, copy: Copy, make_role: MakeRole, *, writing: bool
) -> None:
    name = copy("migrated")
    url = make_role(name, writing=writing)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT r.rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, "
            "has_table_privilege('public.contacts', 'SELECT'), has_table_privilege('auth.users', 'SELECT'), "
            "has_table_privilege('public.contacts', 'INSERT'), has_table_privilege('public.contacts', 'UPDATE'), "
            # What the roles of the API may, it may only as them.
            "has_table_privilege('public.contacts', 'TRUNCATE'), has_schema_privilege('public', 'CREATE'), "
            "has_table_privilege('auth.users', 'INSERT'), has_table_privilege('auth.users', 'UPDATE'), "
            "pg_has_role('authenticated', 'USAGE'), pg_has_role('authenticated', 'MEMBER'), "
            "pg_has_role('pg_read_server_files', 'MEMBER'), pg_has_role('service_role', 'MEMBER') "
            "FROM pg_roles r WHERE rolname = session_user"
        ).fetchone()
        attributes = (False, False, False, False, True)
        rights = (True, True, writing, writing, False, False, writing, False, False, True, False, False)
        assert row == (*attributes, *rights)
        for api in ("anon", "authenticated"):
            connection.execute(f"SET ROLE {api}")
            assert connection.execute("SELECT current_user").fetchone() == (api,)


@pytest.mark.parametrize("name", NAMES, ids=["plain", "odd"])
def test_the_sql_may_be_run_twice_and_taken_back(server: embedded.Server, copy: Copy, name: str) -> None:
    database = copy("migrated")
    with server.connect(database) as connection:
        state = "SELECT (SELECT array_agg(r::text ORDER BY oid) FROM pg_roles r), (SELECT count(*) FROM pg_shdepend)"
        before = connection.execute(state).fetchall()
        connection.execute(render_role(name).encode())
        once = connection.execute(state).fetchall()
        connection.execute(render_role(name).encode())
        assert connection.execute(state).fetchall() == once != before
        assert connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name]).fetchone() == (1,)
        connection.execute(render_drop(name).encode())
        assert connection.execute(state).fetchall() == before


def test_another_role_of_the_name_is_left_alone(server: embedded.Server, copy: Copy) -> None:
    database = copy("migrated")
    for text, words in ((render_role("service_role"), "choose another"), (render_drop("service_role"), "left alone")):
        with server.connect(database) as connection, pytest.raises(psycopg.errors.RaiseException, match=words):
            connection.execute(text.encode())
    with server.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'service_role'").fetchone() == (1,)


@pytest.mark.parametrize(
    "arguments", [[], ["--for=read"], ["--reads=schemas"], ["--drop"], ["--name=x y", "--schema=z"]], ids=str
)
def test_the_command_prints_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["role", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    odd = "--name=x y" in arguments
    made = render_role(
        "x y" if odd else "postmigration",
        schema="z" if odd else "public",
        writing="--for=read" not in arguments,
        everything="--reads=schemas" not in arguments,
    )
    assert printed.out == (render_drop("postmigration") if "--drop" in arguments else made)
    assert "PASSWORD" not in printed.out


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--name=", "--name is empty"),
        ("--name=a\nb", "without control characters"),
        ("--name=pg_reader", "PostgreSQL keeps this name for itself"),
        ("--name=public", "PostgreSQL keeps this name for itself"),
        ("--name=" + "ä" * 32, "at most 59 bytes"),
        ("--schema=", "--schema is empty"),
        ("--for=everything", "invalid choice"),
    ],
)
def test_a_name_that_no_role_can_have_is_refused(argument: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["role", argument]) == 4
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1


# Who hosts a database gives its owner no superuser, but from PostgreSQL 16 on a role that may hand on what it has.
ADMINISTRATOR = """
    CREATE ROLE {0} LOGIN CREATEROLE BYPASSRLS PASSWORD {1};
    GRANT pg_read_all_data, pg_monitor, anon, authenticated TO {0} WITH ADMIN OPTION;
    DO $$ DECLARE t text; BEGIN
        FOR t IN SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        LOOP EXECUTE format('ALTER TABLE %s OWNER TO %I', t, {2}); END LOOP;
    END $$
"""


@pytest.mark.parametrize("server", [18, 16], indirect=True, ids=["pg18", "pg16"])
def test_an_administrator_who_is_no_superuser_can_make_it_and_take_it_back(server: embedded.Server, copy: Copy) -> None:
    name = copy("migrated")
    administrator, warnings = sql.Identifier(f"admin_{name}"), list[str]()
    with server.connect(name) as connection:
        connection.execute(sql.SQL(ADMINISTRATOR).format(administrator, PASSWORD, f"admin_{name}"))
    with psycopg.connect(make_conninfo(server.conninfo(name), user=f"admin_{name}"), autocommit=True) as connection:
        connection.add_notice_handler(
            lambda told: warnings.append(str(told.message_primary)) if told.severity == "WARNING" else None
        )
        connection.execute(render_role("postmigration").encode())
        rights = "SELECT has_table_privilege('postmigration', %s, %s), rolbypassrls, rolsuper FROM pg_roles r"
        found = [
            connection.execute(f"{rights} WHERE rolname = 'postmigration'".encode(), asked).fetchone()
            for asked in (("public.contacts", "UPDATE"), ("auth.users", "SELECT"), ("auth.users", "INSERT"))
        ]
        assert found == [(True, True, False), (True, True, False), (False, True, False)]
        # What it may not hand on is named, and only its owner can.
        assert any("users" in warning for warning in warnings)
        connection.execute(render_drop("postmigration").encode())
    with server.connect(name) as connection:
        connection.execute(
            sql.SQL("REASSIGN OWNED BY {0} TO postgres; DROP OWNED BY {0}; DROP ROLE {0}").format(administrator)
        )
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'postmigration'").fetchall() == []


SUPERUSER = "judged as the superuser postgres: policies, triggers and views ran with its privileges"
REMEDY = "(`postmigration role` prints SQL for a role with fewer)"
# All that is read of these two is what the report says of a run.
FEW = ("--allow-partial", "-k", "company")


@pytest.mark.full
def test_judging_as_a_superuser_weakens_the_gate_and_changes_no_verdict(
    server: embedded.Server, judge: Judge, tmp_path: Path
) -> None:
    url = server.conninfo("migrated")
    judged = judge(
        f"--db-url={url}", f"--baseline={server.conninfo('legacy')}", "--allow-partial", "-k", "test_quality"
    )
    assert judged.status == 0
    (line,) = (line for line in judged.output.splitlines() if line.startswith("weakened by:"))
    assert f"{SUPERUSER} {REMEDY}" in line
    assert "the state before read as the superuser postgres: its code ran with these privileges" in line
    page = (tmp_path / "validation.html").read_text()
    assert f"something:</strong> --allow-partial; -k test_quality; {SUPERUSER}" in page
    record = json.loads((tmp_path / "validation.json").read_text())
    assert any(words.startswith(SUPERUSER) for words in record["weakened_by"])
    assert not any("superuser" in result.evidence.words for result in judged.results)


@pytest.mark.full
def test_who_may_become_a_superuser_weakens_the_gate_too(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole
) -> None:
    name = copy("migrated")
    url = make_role(name)
    for power, words in (("postgres", "the superuser postgres"), ("pg_execute_server_program",) * 2):
        with server.connect(name) as connection:
            connection.execute(f"GRANT {power} TO postmigration".encode())
            judged = judge(f"--db-url={url}", *FEW)
            connection.execute(f"REVOKE {power} FROM postmigration".encode())
        assert f"judged as postmigration, which may become {words}: policies, triggers and views" in judged.output
    assert "weakened by:   --allow-partial; -k company\n" in judge(f"--db-url={url}", *FEW).output


@pytest.mark.full
@pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])
def test_servers_of_our_own_weaken_nothing(
    server: embedded.Server, copy: Copy, judge: Judge, make_role: MakeRole, tmp_path: Path
) -> None:
    assert "superuser" not in judge(*FEW).output
    backup = dump(server, "legacy", tmp_path / "before.dump", "--format=custom")
    url = make_role(copy("migrated"))
    assert "superuser" not in judge(f"--db-url={url}", f"--baseline={backup}", *FEW).output
