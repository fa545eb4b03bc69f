"""What a dump expects and does not bring along is created when it is missed, and told."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from postmigration.backups import install_extensions
from postmigration.backups.standins import Standins
from postmigration.model.errors import CannotJudge
from selftest.servers import Servers
from selftest.unit.backups.conftest import fail


@pytest.fixture
def standins(connection: psycopg.Connection[Any]) -> Standins:
    return Standins(connection, connection)


def ask(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


def provide(connection: psycopg.Connection[Any], standins: Standins, statement: str) -> bool:
    """Whether what a statement that failed has missed was provided."""
    return standins.provide(fail(connection, statement), statement.encode())


def test_a_function_that_a_statement_calls_is_provided(connection: psycopg.Connection[Any], standins: Standins) -> None:
    statement = "CREATE TABLE public.t (id uuid DEFAULT extensions.uuid_generate_v4())"
    assert provide(connection, standins, statement)
    connection.execute(statement.encode())
    assert standins.facts() == ["functions that the backup does not define are stand-ins: extensions.uuid_generate_v4"]
    assert standins.list_replaced() == {"function": ("extensions.uuid_generate_v4",)}


def test_what_nothing_stands_in_for_is_not_provided(connection: psycopg.Connection[Any], standins: Standins) -> None:
    assert not provide(connection, standins, "SELECT public.gone()")
    assert not provide(connection, standins, "SELECT 1 / 0")


def test_a_publication_is_provided_once(connection: psycopg.Connection[Any], standins: Standins) -> None:
    assert provide(connection, standins, "ALTER PUBLICATION news ADD TABLES IN SCHEMA public")
    assert ask(connection, "SELECT count(*) FROM pg_publication WHERE pubname = 'news'") == 1
    assert standins.list_replaced() == {"publication": ("news",)}


def test_identities_are_those_that_foreign_keys_refer_to(
    connection: psycopg.Connection[Any], standins: Standins
) -> None:
    connection.execute("CREATE TABLE public.t AS SELECT gen_random_uuid() AS who FROM generate_series(1, 3)")
    key = "ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (who) REFERENCES auth.users(id)"
    assert provide(connection, standins, key)
    standins.identify(key.encode())
    connection.execute(key.encode())
    assert ask(connection, "SELECT count(*) FROM auth.users") == 3
    assert standins.list_replaced() == {"table": ("auth.users",)}
    assert standins.facts() == [
        "auth.users is not in the backup: a stand-in holds the 3 ids that public.t.who refer to, so whether they "
        "existed is not known"
    ]


def test_functions_that_were_only_mentioned_are_completed_with_their_extension(
    connection: psycopg.Connection[Any], standins: Standins
) -> None:
    standins.note(b"CREATE FUNCTION f() LANGUAGE plpgsql AS 'BEGIN PERFORM auth.uid(), extensions.digest(a, b)'")
    standins.complete()
    assert ask(connection, "SELECT auth.uid()") is None
    # Where one function of an extension was, all were.
    assert ask(connection, "SELECT length(extensions.gen_random_bytes(3))") == 3
    assert ask(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'pgcrypto'") == 1
    assert standins.list_replaced() == {"function": ("auth.uid", "extensions.digest")}


def test_an_extension_is_known_by_its_stand_ins(connection: psycopg.Connection[Any], standins: Standins) -> None:
    assert not standins.extension("postgis", "public")
    assert standins.extension("uuid-ossp", "public")
    assert ask(connection, "SELECT public.uuid_nil()::text LIKE '0000%'")
    assert standins.facts()[0].startswith("the functions of uuid-ossp in the schema public are stand-ins")
    standins.register("uuid-ossp", "public")
    standins.register("uuid-ossp", "public")
    assert ask(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'uuid-ossp'") == 1
    assert not standins.install("hstore", b"CREATE EXTENSION hstore")


def test_an_extension_that_can_do_no_harm_is_installed(
    connection: psycopg.Connection[Any], standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("DROP EXTENSION plpgsql")
    monkeypatch.setattr(install_extensions, "_HARMLESS", {"plpgsql"})
    assert standins.install("plpgsql", b"CREATE EXTENSION plpgsql")
    assert ask(connection, "SELECT count(*) FROM pg_extension WHERE extname = 'plpgsql'") == 1


def test_rows_of_an_extension_may_be_loaded_by_the_owner(connection: psycopg.Connection[Any], servers: Servers) -> None:
    connection.execute("CREATE ROLE unit_loader LOGIN; CREATE TABLE public.rules ()")
    try:
        connection.execute(
            "UPDATE pg_extension SET extconfig = ARRAY['public.rules'::regclass::oid] WHERE extname = 'plpgsql'"
        )
        with servers[18].connect(connection.info.dbname, "unit_loader") as owner:
            Standins(owner, connection).open_rows_of("plpgsql")
            assert ask(owner, "SELECT has_table_privilege('public.rules'::regclass, 'INSERT')")
    finally:
        connection.execute("DROP OWNED BY unit_loader; DROP ROLE unit_loader")


def test_a_role_is_made_without_login_and_marked(connection: psycopg.Connection[Any]) -> None:
    standins = Standins(connection, connection, mark="made by a selftest")
    try:
        assert standins.role("unit_standin", "BYPASSRLS")
        assert not standins.role("unit_standin")
        asked = (
            "SELECT (rolcanlogin, rolbypassrls, shobj_description(oid, 'pg_authid'))::text FROM pg_roles "
            "WHERE rolname = 'unit_standin'"
        )
        assert ask(connection, asked) == '(f,t,"made by a selftest")'
        assert standins.facts()[0].endswith("only where the backup says so: unit_standin")
        # Who was there before is somebody else's.
        with pytest.raises(
            CannotJudge, match="the backup needs the role pg_monitor, and the server of --scratch has one"
        ):
            standins.role("pg_monitor")
        with pytest.raises(CannotJudge, match="the backup needs the role pg_monitor"):
            standins.refuse_foreign(b"ALTER TABLE public.t OWNER TO pg_monitor;")
        standins.refuse_foreign(b"ALTER TABLE public.t OWNER TO unit_standin;")
    finally:
        connection.execute("DROP ROLE IF EXISTS unit_standin")
