"""Small dumps as text, and databases into which they are restored."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postmigration.postgres import embedded
from selftest.servers import Servers

COUNTER = itertools.count()
DEFINED = b"CREATE TABLE public.item (id integer NOT NULL, name text);\n"
ROWS = b"COPY public.item (id, name) FROM stdin;\n1\tone\n2\ttwo\n\\.\n"
KEY = b"ALTER TABLE ONLY public.item ADD CONSTRAINT item_pkey PRIMARY KEY (id);\n"
NewName = Callable[[], str]


def dump_of(*statements: bytes) -> bytes:
    """What pg_dump writes of some statements."""
    head = b"-- PostgreSQL database dump\n-- Dumped from database version 16.4\n-- Dumped by pg_dump version 16.4\n\n"
    return head + b"\n".join(statements) + b"\n-- PostgreSQL database dump complete\n"


DUMP = dump_of(DEFINED, ROWS, KEY)


@pytest.fixture
def dumped(tmp_path: Path) -> Path:
    """A file with a whole dump."""
    file = tmp_path / "before.sql"
    file.write_bytes(DUMP)
    return file


def fail(connection: psycopg.Connection[Any], statement: str) -> psycopg.Error:
    """The error with which a statement fails, whatever it is."""
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        return error
    pytest.fail(f"it did not fail: {statement}")


@pytest.fixture(scope="module", autouse=True)
def clean(without_owner: None) -> None:
    """Leaves no owner of copies on the server."""


@pytest.fixture
def new_name(servers: Servers) -> Iterator[NewName]:
    """Gives names of databases that are to be made, and drops those that were."""
    given: list[str] = []

    def name() -> str:
        given.append(f"unit_restored_{next(COUNTER)}")
        return given[-1]

    yield name
    with servers[18].connect("postgres") as connection:
        for each in given:
            connection.execute(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)".encode())


@pytest.fixture
def connection(servers: Servers, new_name: NewName) -> Iterator[psycopg.Connection[Any]]:
    """A session in an empty database, in which each name has its schema, as while a backup is restored."""
    server: embedded.Server = servers[18]
    name = new_name()
    server.create(name)
    with server.connect(name) as opened:
        opened.execute("SET search_path = pg_catalog")
        yield opened
