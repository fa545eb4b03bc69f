"""The statements of a backup: what runs at once, what waits for the rows, and what an error means."""

from __future__ import annotations

import io
from typing import Any

import psycopg
import pytest

from postmigration.backups.restore_log import RestoreLog
from postmigration.backups.restore_statements import Restoring
from postmigration.backups.script import Script
from postmigration.backups.standins import Standins
from postmigration.model.errors import CannotJudge, Unrestorable
from selftest.servers import Servers
from selftest.unit.backups.conftest import DEFINED, KEY, ROWS, dump_of


@pytest.fixture
def log() -> RestoreLog:
    return RestoreLog()


class Restorer:
    """Restores statements in a session, as one file."""

    def __init__(self, connection: psycopg.Connection[Any], log: RestoreLog, servers: Servers) -> None:
        self.connection, self.server = connection, servers[18]
        self.restoring = Restoring(connection, "before.sql", log, Standins(connection, connection))

    def __call__(self, *statements: bytes) -> None:
        script = Script(io.BytesIO(dump_of(*statements)), "before.sql")
        self.restoring.run(self.restoring.read(script, self.server))

    def ask(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        return row and row[0]


@pytest.fixture
def restore(connection: psycopg.Connection[Any], log: RestoreLog, servers: Servers) -> Restorer:
    return Restorer(connection, log, servers)


def test_constraints_and_triggers_wait_for_the_rows(restore: Restorer, log: RestoreLog) -> None:
    script = Script(io.BytesIO(dump_of(DEFINED, KEY, ROWS)), "before.sql")
    later = restore.restoring.read(script, restore.server)
    assert [str(statement.what) for statement in later] == ["constraint item_pkey on public.item"]
    assert restore.ask("SELECT count(*) FROM public.item") == 2
    assert restore.ask("SELECT count(*) FROM pg_constraint WHERE conname = 'item_pkey'") == 0
    restore.restoring.run(later)
    assert restore.ask("SELECT count(*) FROM pg_constraint WHERE conname = 'item_pkey'") == 1
    assert (log.tables, log.schemas, log.unrestored) == (1, {"public"}, {})


def test_an_object_of_the_application_that_fails_is_unrestored(restore: Restorer, log: RestoreLog) -> None:
    restore(DEFINED, ROWS, b"CREATE VIEW public.v AS SELECT gone FROM public.item;")
    assert {str(what): words for what, words in log.unrestored.items()} == {
        "view public.v": 'column "gone" does not exist (SQLSTATE 42703)'
    }


def test_what_rows_need_and_fails_ends_the_restoration(restore: Restorer) -> None:
    with pytest.raises(
        Unrestorable, match=r'before.sql: table public.t cannot be restored: type "public.gone" does not'
    ):
        restore(b"CREATE TABLE public.t (m public.gone);")


def test_a_foreign_key_without_its_rows_is_restored_as_not_valid(restore: Restorer, log: RestoreLog) -> None:
    child = b"CREATE TABLE public.child (item integer);\nCOPY public.child (item) FROM stdin;\n9\n\\.\n"
    restore(
        DEFINED, child, KEY, b"ALTER TABLE public.child ADD CONSTRAINT f FOREIGN KEY (item) REFERENCES public.item;"
    )
    assert log.orphaned == ["foreign key f on public.child"]
    assert restore.ask("SELECT convalidated FROM pg_constraint WHERE conname = 'f'") is False


def test_a_server_that_cannot_go_on_is_no_fault_of_the_backup(restore: Restorer, log: RestoreLog) -> None:
    full = b"CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE USING ERRCODE = '53100'; END $$;"
    with pytest.raises(CannotJudge, match=r"before.sql: the embedded PostgreSQL cannot work in .*: 53100"):
        restore(full, b"CREATE MATERIALIZED VIEW public.v AS SELECT public.f();")
    assert log.unrestored == {}


def test_what_belongs_to_the_platform_is_left_out(restore: Restorer, log: RestoreLog) -> None:
    restore(
        b"CREATE VIEW auth.v AS SELECT gone FROM nowhere;",
        b"CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f();",
        b"COMMENT ON TABLE public.gone IS 'x';",
        b"CREATE EXTENSION pg_cron;",
    )
    assert log.list_notes() == ("left out: 1 comment; event trigger e; extension pg_cron; view of the platform auth.v",)


def test_an_extension_that_is_not_there_is_replaced_by_stand_ins(restore: Restorer) -> None:
    restore(b'CREATE EXTENSION "uuid-ossp" WITH SCHEMA public;', DEFINED)
    assert restore.ask("SELECT public.uuid_nil()::text") == "00000000-0000-0000-0000-000000000000"
    assert restore.ask("SELECT count(*) FROM pg_extension WHERE extname = 'uuid-ossp'") == 1


def test_a_role_is_created_without_login(restore: Restorer, log: RestoreLog) -> None:
    try:
        restore(b"CREATE ROLE unit_account; ALTER ROLE unit_account WITH SUPERUSER LOGIN PASSWORD 'x';", DEFINED)
        assert log.roles
        rights = "SELECT (rolsuper, rolcanlogin, rolbypassrls)::text FROM pg_roles WHERE rolname = 'unit_account'"
        assert restore.ask(rights) == "(f,f,t)"
    finally:
        restore.connection.execute("DROP ROLE IF EXISTS unit_account")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (b"VACUUM;", "before.sql has a statement that no pg_dump writes, VACUUM"),
        (b"\\! rm x", r"before.sql has the psql command \\!, which no pg_dump writes"),
        (b"SET client_encoding = 'SJIS';", "before.sql cannot be read, SET client_encoding = 'SJIS'"),
        (b"\\connect a\nCREATE TABLE public.a ();\n\\connect b\nCREATE TABLE public.b ();",
         r"before.sql holds several databases \(a, b, …\)"),
    ],
)  # fmt: skip
def test_what_pg_dump_does_not_write_is_refused(restore: Restorer, statement: bytes, words: str) -> None:
    with pytest.raises(CannotJudge, match=words):
        restore(statement)
