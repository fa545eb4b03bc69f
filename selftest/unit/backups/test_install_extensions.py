"""Extensions that a superuser creates for somebody who is none, as long as they can do no harm."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from postmigration.backups import install_extensions
from postmigration.backups.install_extensions import install, open_rows
from selftest.servers import Servers


def exists(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT FROM pg_extension WHERE extname = %s", [name]).rowcount == 1


@pytest.mark.full
def test_a_harmless_extension_is_created_and_any_other_is_not(servers: Servers) -> None:
    server = servers[15]
    server.create("unit_extensions")
    try:
        with server.connect("unit_extensions") as superuser:
            assert install(superuser, "intagg", b"CREATE EXTENSION intagg")
            assert exists(superuser, "intagg")
            assert not install(superuser, "file_fdw", b"CREATE EXTENSION file_fdw")
            assert not exists(superuser, "file_fdw")
            # Whoever has made something may have made what the script of an extension calls.
            superuser.execute("CREATE TABLE public.trap ()")
            assert not install(superuser, "bloom", b"CREATE EXTENSION bloom")
            assert not exists(superuser, "bloom")
    finally:
        server.drop("unit_extensions")


def test_one_that_is_known_to_be_harmless_is_created(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("DROP EXTENSION plpgsql")
    # The embedded server has no other extension.
    assert not install(connection, "plpgsql", b"CREATE EXTENSION plpgsql")
    monkeypatch.setattr(install_extensions, "_HARMLESS", {"plpgsql"})
    assert install(connection, "plpgsql", b"CREATE EXTENSION plpgsql")
    assert exists(connection, "plpgsql")


def test_one_that_the_server_has_not_is_not_created(connection: psycopg.Connection[Any]) -> None:
    assert not install(connection, "postgis", b"CREATE EXTENSION postgis")


def test_the_owner_may_load_the_rows_of_an_extension_s_own_tables(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE ROLE unit_owner; CREATE TABLE public.rules (); CREATE TABLE public.other ()")
    try:
        connection.execute(
            "UPDATE pg_extension SET extconfig = ARRAY['public.rules'::regclass::oid] WHERE extname = 'plpgsql'"
        )
        open_rows(connection, "plpgsql", "unit_owner")
        rights = "SELECT has_table_privilege('unit_owner', %s::regclass, 'INSERT')"
        assert connection.execute(rights, ["public.rules"]).fetchone() == (True,)
        assert connection.execute(rights, ["public.other"]).fetchone() == (False,)
    finally:
        connection.execute("DROP OWNED BY unit_owner; DROP ROLE unit_owner")
