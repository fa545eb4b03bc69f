"""The stand-ins for functions of extensions: they give what the extensions give, or say that they cannot."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from postmigration.backups.contrib import AUTH, EXTENSIONS
from selftest.servers import Servers

NAME, KEY = "naïve.example", "k" * 200


@pytest.fixture(scope="module")
def standins(servers: Servers) -> Iterator[psycopg.Connection[Any]]:
    """A database with all stand-ins, each set of them in a schema of its own."""
    server = servers[18]
    server.create("unit_contrib")
    with server.connect("unit_contrib") as connection:
        for schema, functions in {**EXTENSIONS, "auth": AUTH}.items():
            connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
            for definitions in functions.values():
                for definition in definitions:
                    connection.execute(definition.replace("{schema}", f'"{schema}"').encode())
        yield connection
    server.drop("unit_contrib")


def ask(connection: psycopg.Connection[Any], call: str, *values: object) -> object:
    row = connection.execute(f"SELECT {call}".encode(), values).fetchone()
    return row and row[0]


@pytest.mark.parametrize(
    ("call", "values", "answer"),
    [
        ("uuid_generate_v3(uuid_ns_dns(), %s)", (NAME,), uuid.uuid3(uuid.NAMESPACE_DNS, NAME)),
        ("uuid_ns_url()", (), uuid.NAMESPACE_URL),
        ("uuid_ns_oid()", (), uuid.NAMESPACE_OID),
        ("uuid_ns_x500()", (), uuid.NAMESPACE_X500),
        ("uuid_nil()", (), uuid.UUID(int=0)),
        *(
            (f"digest(%s::text, '{method}')", (NAME,), hashlib.new(method, NAME.encode()).digest())
            for method in ("md5", "sha224", "sha256", "sha384", "sha512")
        ),
        *(
            (f"hmac(%s::text, %s, '{method}')", (NAME, key), hmac.digest(key.encode(), NAME.encode(), method))
            for method in ("md5", "sha256", "sha512")
            for key in ("short", KEY)
        ),
    ],
)
def test_what_can_be_computed_is_what_the_extension_gives(
    standins: psycopg.Connection[Any], call: str, values: tuple[object, ...], answer: object
) -> None:
    standins.execute('SET search_path = "uuid-ossp", pgcrypto')
    assert ask(standins, call, *values) == answer


@pytest.mark.parametrize(("function", "version"), [("v1", 1), ("v1mc", 1), ("v4", 4)])
def test_new_ids_are_of_their_version_and_never_the_same(
    standins: psycopg.Connection[Any], function: str, version: int
) -> None:
    made = [ask(standins, f'"uuid-ossp".uuid_generate_{function}()') for _ in range(2)]
    assert all(isinstance(one, uuid.UUID) and one.version == version for one in made)
    assert made[0] != made[1]


def test_random_bytes_are_as_many_as_were_asked_for(standins: psycopg.Connection[Any]) -> None:
    for wanted in (1, 32, 100):
        assert ask(standins, "length(pgcrypto.gen_random_bytes(%s))", wanted) == wanted


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("pgcrypto.crypt('a', 'b')", "crypt needs the extension pgcrypto, which this server has not"),
        ("pgcrypto.digest('a', 'whirlpool')", "digest with whirlpool needs the extension pgcrypto"),
        ("\"uuid-ossp\".uuid_generate_v5(gen_random_uuid(), 'a')", "uuid_generate_v5 needs the extension uuid-ossp"),
    ],
)
def test_what_needs_the_extension_says_so(standins: psycopg.Connection[Any], call: str, words: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match=words):
        ask(standins, call)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("request.jwt.claim.role", "editor"), ("request.jwt.claims", '{"role": "editor"}')],
    ids=["each claim by itself", "all claims together"],
)
def test_claims_are_read_in_both_styles(standins: psycopg.Connection[Any], setting: str, value: str) -> None:
    with standins.transaction():
        assert ask(standins, "auth.role()") is None
        ask(standins, "set_config(%s, %s, true)", setting, value)
        assert ask(standins, "auth.role()") == "editor"
        assert ask(standins, "auth.uid()") is None
