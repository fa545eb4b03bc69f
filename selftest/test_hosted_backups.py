"""Backups of a hosted database: what the platform has is provided, set aside or left out, and the rows arrive."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures import MIGRATION
from postmigration.gate.commands import cli
from postmigration.gate.session import demonstration_world
from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, throwaway
from postmigration.postgres.embedded import run_script
from selftest.conftest import ROOT
from selftest.dumps import Restorer, Rows, dump, rows
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.test_real_rows import load
from selftest.tiers import few

pytestmark = pytest.mark.xdist_group("hosted backups")

ROWS = os.environ.get("POSTMIGRATION_REAL_ROWS", "")
UNRESTORED = {
    "function public.folded",
    "view public.slow_queries",
    "index projects_title_search on public.projects",
    "policy projects_similar on public.projects",
}
# As the platform's own dump has them; no other server can create them.
PG_NET = b"""
CREATE EXTENSION IF NOT EXISTS pg_net WITH SCHEMA extensions;
COMMENT ON EXTENSION pg_net IS 'Async HTTP';
SET some_setting_of_tomorrow = 'on';
"""


@pytest.fixture(scope="module")
def hosted() -> Iterator[SystemServer]:
    """A server with contrib and the database `hosted`, like those of a platform."""
    if not SYSTEM_BINARIES.exists():
        pytest.skip(reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
    server = SystemServer()
    demonstration_world(server, MIGRATION, seed=1, size=60)
    server.create("hosted", template="legacy")
    with server.connect("hosted") as connection:
        run_script(connection, ROOT / "selftest" / "hosted.sql")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def source(hosted: SystemServer) -> Rows:
    return rows(hosted, "hosted")


@pytest.fixture(scope="module")
def restorer() -> Iterator[Restorer]:
    server = embedded.Server()
    yield Restorer(server)
    server.stop()


@pytest.fixture
def elsewhere() -> Iterator[Restorer]:
    """Roles belong to the whole server: this one has none."""
    server = embedded.Server()
    yield Restorer(server)
    server.stop()


def application(held: Rows) -> Rows:
    return {name: row for name, row in held.items() if not re.match("auth|storage", name)}


@pytest.mark.parametrize("options", few([["-Fc"], []]), ids=["archive", "plain"])
def test_a_whole_dump_is_restored(
    options: tuple[str, ...], hosted: SystemServer, source: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    backup = dump(hosted, "hosted", tmp_path / "before", *options)
    if not options:
        backup.write_bytes(backup.read_bytes().replace(b"CREATE SCHEMA auth;", b"CREATE SCHEMA auth;" + PG_NET))
    restored = restorer(backup)
    assert restorer.rows() == source
    assert set(map(str, restored.unrestored)) == UNRESTORED
    assert any('operator class "extensions.gin_trgm_ops" does not exist' in note for note in restored.notes)
    (left_out,) = restored.set_aside
    assert "event trigger issue_pg_net_access" in left_out
    assert ("extensions citext, pg_net, pg_stat_statements, pg_trgm" in left_out) == (not options)
    assert ("setting some_setting_of_tomorrow" in left_out) == (not options)
    assert restorer.query("SELECT defaclrole::regrole::text FROM pg_default_acl ORDER BY 1") == [
        ("postgres",),
        ("supabase_admin",),
    ]
    said = " ".join(restored.facts)
    assert "the functions of pgcrypto in the schema extensions are stand-ins" in said
    assert "index projects_title_search on public.projects could not be restored: operator class" in said
    assert restorer.query("SELECT pubname, tablename FROM pg_publication_tables") == [("supabase_realtime", "projects")]
    assert restorer.query("SELECT relowner::regrole::text FROM pg_class WHERE oid = 'auth.users'::regclass") == [
        ("supabase_auth_admin",)
    ]


@pytest.mark.full
def test_triggers_are_set_as_they_were_and_have_not_fired(
    hosted: SystemServer, restorer: Restorer, tmp_path: Path
) -> None:
    restorer(dump(hosted, "hosted", tmp_path / "before", "--rows-per-insert=10"))
    triggers = "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"
    with hosted.connect("hosted") as connection:
        assert restorer.query(triggers) == connection.execute(triggers.encode()).fetchall()


@pytest.mark.parametrize("options", few([["-Fc"], []]), ids=["archive", "plain"])
def test_a_dump_of_the_applications_schema_gets_what_it_refers_to(
    options: tuple[str, ...], hosted: SystemServer, source: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    restored = restorer(dump(hosted, "hosted", tmp_path / "before", "--schema=public", *options))
    assert application(restorer.rows()) == application(source)
    assert set(map(str, restored.unrestored)) == UNRESTORED
    said = " ".join(restored.facts)
    assert "stand-ins: auth.uid, extensions.digest, extensions.hmac, extensions.uuid_generate_v4" in said
    assert "auth.users is not in the backup: a stand-in holds the 21 ids that public.users.id refer to" in said
    assert restorer.query("SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'f'") == [(True,)]
    seen = []
    for server, database in ((hosted, "hosted"), (restorer.server, restorer.database)):
        with server.connect(database) as connection:
            user = connection.execute("SELECT id FROM users WHERE role = 'sales' ORDER BY id LIMIT 1").fetchone()
            assert user is not None
            connection.execute("SELECT set_config('request.jwt.claims', %s, false)", [f'{{"sub": "{user[0]}"}}'])
            connection.execute("SET ROLE authenticated")
            seen.append(connection.execute("SELECT count(*), min(id::text) FROM projects").fetchone())
    assert seen[0] == seen[1]
    assert seen[0] is not None
    assert seen[0][0]


@pytest.mark.full
def test_the_files_of_the_platforms_own_tool_are_restored(
    hosted: SystemServer, source: Rows, elsewhere: Restorer, tmp_path: Path
) -> None:
    roles = dump(hosted, "hosted", tmp_path / "roles.sql", "--globals-only", program="pg_dumpall")
    quoting = ("--quote-all-identifiers",)
    schema = dump(hosted, "hosted", tmp_path / "schema.sql", "--schema-only", "--schema=public", *quoting)
    # Its tool deletes comments and what begins like one, and closes with a statement of its own.
    kept = re.sub(rb"(?m)^(--.*|\\(?:un)?restrict.*|CREATE PUBLICATION.*)\n", b"", schema.read_bytes())
    schema.write_bytes(kept + b"ALTER PUBLICATION supabase_realtime ADD TABLE ONLY public.projects;\nRESET ALL;\n")
    data = dump(hosted, "hosted", tmp_path / "data.sql", "--data-only", "--rows-per-insert=100000", *quoting)
    data.write_bytes(b"SET session_replication_role = replica;\n\n" + data.read_bytes() + b"RESET ALL;\n")
    restored = elsewhere(roles, schema, data)
    assert application(elsewhere.rows()) == application(source)
    assert [line for line in restored.set_aside if line.startswith(("7", "2", "3"))] == [
        "7 rows of auth.audit_log_entries, a table that the backup does not define",
        "21 rows of auth.users, a table that the backup does not define",
        "2 rows of storage.buckets, a table that the backup does not define",
        "3 rows of storage.objects, a table that the backup does not define",
    ]
    assert "2 role settings" in restored.set_aside[-1]
    assert "publications were created without tables: supabase_realtime" in restored.facts
    held = elsewhere.query("SELECT rolname, rolbypassrls, rolcanlogin, rolsuper FROM pg_roles WHERE rolname !~ '^pg_'")
    can = {str(row[0]): list(row[1:]) for row in held}
    assert can.pop("postgres") == [True, True, True]
    assert can.pop("service_role") == [True, False, False]
    # As whom it is restored, and what it runs.
    assert can.pop(throwaway.OWNER) == [True, True, False]
    assert {"anon", "authenticated", "authenticator", "supabase_admin"} <= can.keys()
    assert not any(any(attributes) for attributes in can.values())
    assert elsewhere.query("SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL") == []
    content = schema.read_bytes()
    schema.write_bytes(content[: content.rindex(b"RESET ALL")])
    with pytest.raises(CannotJudge, match=r"^schema\.sql is truncated"):
        elsewhere(roles, schema, data)


def test_files_that_do_not_make_a_backup_are_refused(hosted: SystemServer, restorer: Restorer, tmp_path: Path) -> None:
    roles = dump(hosted, "hosted", tmp_path / "roles.sql", "--globals-only", program="pg_dumpall")
    with pytest.raises(CannotJudge, match=r"^roles\.sql defines no table: name the file with the application's tables"):
        restorer(roles)
    rows_of_auth = dump(hosted, "hosted", tmp_path / "auth.dump", "-Fc", "--schema=auth")
    with pytest.raises(CannotJudge, match=r"^auth\.dump holds a schema and no rows"):
        restorer(rows_of_auth)


def test_a_reference_to_missing_rows_is_restored_as_not_valid(
    hosted: SystemServer, source: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    restored = restorer(dump(hosted, "hosted", tmp_path / "before", "-Fc", "--exclude-table-data=public.contacts"))
    said = " ".join(restored.facts)
    assert "foreign key projects_customer_id_fkey on public.projects refers to rows that are not in the backup" in said
    assert restorer.rows()["public.projects"] == source["public.projects"]
    not_valid = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"
    assert restorer.query(not_valid) == [("projects_customer_id_fkey",)]


def test_rows_of_an_extensions_tables_are_set_aside(
    hosted: SystemServer, source: Rows, restorer: Restorer, tmp_path: Path
) -> None:
    backup = dump(hosted, "hosted", tmp_path / "before")
    job = b"COPY cron.job (jobid, command) FROM stdin;\n1\tSELECT 1\n2\t\\\\! touch x\n\\.\n\n"
    content = backup.read_bytes()
    first = content.index(b"COPY auth.")
    backup.write_bytes(content[:first] + job + content[first:])
    restored = restorer(backup)
    assert restored.set_aside[0] == "2 rows of cron.job, a table that the backup does not define"
    assert restorer.rows() == source


@pytest.mark.full
def test_the_stand_ins_compute_what_the_extensions_do(hosted: SystemServer, restorer: Restorer, tmp_path: Path) -> None:
    restorer(dump(hosted, "hosted", tmp_path / "before", "-Fc"))
    for call in (
        "digest('a', 'md5')",
        "digest('a', 'sha512')",
        "digest('a'::bytea, 'sha224')",
        "hmac('text', 'key', 'sha256')",
        f"hmac('text', '{'long key ' * 20}', 'sha384')",
        "length(gen_random_bytes(100))",
        "uuid_generate_v3(uuid_ns_url(), 'http://example.org')",
        "uuid_ns_dns()",
        "substr(uuid_generate_v4()::text, 15, 1)",
        "substr(uuid_generate_v1()::text, 10, 9)",
        "(get_byte(decode(substr(uuid_generate_v1mc()::text, 25), 'hex'), 0) & 1)",
    ):
        query = f"SET search_path = extensions; SELECT {call}"
        answers = []
        for server, database in ((hosted, "hosted"), (restorer.server, restorer.database)):
            with server.connect(database) as connection:
                cursor = connection.execute(query.encode())
                assert cursor.nextset()
                answers.append(cursor.fetchall())
        assert answers[0] == answers[1], call
    with pytest.raises(
        psycopg.errors.RaiseException, match="crypt needs the extension pgcrypto, which this server has not"
    ):
        restorer.query("SELECT extensions.crypt('a', 'b')")


def verify(server: SystemServer, database: str, capsys: pytest.CaptureFixture[str], file: Path) -> tuple[int, str]:
    """What `verify-backup` says of a file beside a database: its exit status, and what it prints, in one line."""
    capsys.readouterr()
    status = cli.main(["verify-backup", str(file), f"--against={server.conninfo(database)}"])
    return status, " ".join(capsys.readouterr().out.split())


@pytest.mark.full
def test_a_dump_of_the_applications_schema_is_proven_for_that(
    hosted: SystemServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = dump(hosted, "hosted", tmp_path / "before", "--schema=public", "-Fc")
    status, said = verify(hosted, "hosted", capsys, file)
    assert status == 0, said
    assert (
        " not in it: roles, their passwords and memberships (pg_dumpall --globals-only writes them)"
        " not in it: functions auth.uid, extensions.digest, extensions.hmac, extensions.uuid_generate_v4; "
        "table auth.users, in whose places stand-ins were put, so not proven"
        " not in it: left out: 3 grants"
        " not in it: the schema auth (2 tables), so not proven"
        " not in it: the schema storage (2 tables), so not proven"
        " PostgreSQL 18, into which it was restored, writes definitions otherwise"
    ) in said
    assert said.count("auth.uid") == said.count("auth.users") == 1
    assert " PROVEN for schema public: before is equal, row for row, to what --against names: 8 tables, " in said
    assert said.endswith(" rows; 4 objects could not be restored here, so not proven")


@pytest.mark.full
def test_a_dump_of_all_schemas_is_proven_for_them(
    hosted: SystemServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, said = verify(hosted, "hosted", capsys, dump(hosted, "hosted", tmp_path / "before"))
    assert status == 0, said
    assert " PROVEN for schemas auth, extensions, public, storage: before is equal, row for row, to " in said


# What became of the database before it was dumped, and what is said of the dump beside the one that it claims to be.
LACKING = {
    "DROP MATERIALIZED VIEW public.counted": "materialized view public.counted is not in it",
    "DROP FUNCTION app.counting()": "function app.counting() is not in it",
    "DROP RULE nothing ON public.reviews": "rule nothing on public.reviews is not in it",
    "ALTER TABLE public.projects DROP COLUMN notes": "column public.projects.notes is not in it",
    "DROP POLICY contacts_own_organization ON public.contacts":
        "policy contacts_own_organization on public.contacts is not in it",
    "DROP TABLE public.documents": "table public.documents is not in it",
    "CREATE SCHEMA another CREATE TABLE t (a int); INSERT INTO another.t VALUES (1)":
        "another.t: the table is extra, 1 row extra",
}  # fmt: skip


@pytest.mark.full
def test_a_dump_that_lacks_something_of_its_schemas_is_not_proven(
    hosted: SystemServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hosted.create("whole", template="hosted")
    with hosted.connect("whole") as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW public.counted AS SELECT 1 AS a; CREATE SCHEMA app;"
            "CREATE FUNCTION app.counting() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
    hosted.create("lacking", template="whole")
    with hosted.connect("lacking") as connection:
        # Of the platform's schemas it claims nothing.
        connection.execute("DROP TRIGGER on_auth_user_created ON auth.users; DROP FUNCTION auth.role() CASCADE")
        schemas = [f"--schema={name}" for name in ("public", "app", "anoth*")]
        file = dump(hosted, "lacking", tmp_path / "whole", "-Fc", *schemas)
        assert verify(hosted, "whole", capsys, file)[0] == 0
        for change in LACKING:
            connection.execute(change.encode())
    file = dump(hosted, "lacking", tmp_path / "before", "-Fc", *schemas)
    status, said = verify(hosted, "whole", capsys, file)
    hosted.drop("lacking")
    hosted.drop("whole")
    assert status == 1
    assert not [words for words in LACKING.values() if words not in said]
    assert "auth.role" not in said


@pytest.mark.full
@pytest.mark.skipif(not ROWS, reason="POSTMIGRATION_REAL_ROWS names no directory with the rows")
def test_the_applications_own_rows_are_restored(hosted: SystemServer, restorer: Restorer, tmp_path: Path) -> None:
    hosted.create("real")
    with hosted.connect("real") as connection:
        load(connection)
    for form in ("-Fc", "-Ft", "--inserts", "--schema=public"):
        restored = restorer(dump(hosted, "real", tmp_path / f"real{form}", form))
        assert application(restorer.rows()) == application(rows(hosted, "real"))
        assert not restored.unrestored
