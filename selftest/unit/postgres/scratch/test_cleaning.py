"""What is ours on somebody else's server is dropped, and nothing else."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from postmigration.postgres.scratch.cleaning import DONE, clean, clean_forgotten, main, prefix
from selftest.servers import Servers


@pytest.fixture
def connection(servers: Servers) -> Iterator[psycopg.Connection[Any]]:
    with servers[18].connect("postgres") as opened:
        yield opened


class Left:
    """A database and a role of a token, as a process leaves them."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.token = secrets.token_hex(6)
        self.mark = prefix(self.token)
        connection.execute(f"CREATE DATABASE {self.mark}copy".encode())
        connection.execute(f"CREATE ROLE {self.mark}owner; COMMENT ON ROLE {self.mark}owner IS '{self.mark}'".encode())
        connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {self.mark}owner".encode())

    def there(self) -> int:
        """How much of it there is."""
        asked = """
            SELECT (SELECT count(*) FROM pg_database WHERE starts_with(datname::text, %(mark)s))
                 + (SELECT count(*) FROM pg_roles WHERE starts_with(rolname::text, %(mark)s))
        """
        row = self._connection.execute(asked, {"mark": self.mark}).fetchone()
        return int(row[0]) if row else -1


@pytest.fixture
def left(connection: psycopg.Connection[Any]) -> Iterator[Left]:
    made = Left(connection)
    yield made
    clean(connection, made.token)


def test_the_databases_and_roles_of_a_token_are_dropped(connection: psycopg.Connection[Any], left: Left) -> None:
    clean(connection, "0" * 12)
    assert left.there() == 2
    clean(connection, left.token)
    assert left.there() == 0


def test_what_the_dead_have_left_is_dropped(connection: psycopg.Connection[Any], left: Left) -> None:
    clean_forgotten(connection)
    assert left.there() == 0


def test_what_somebody_works_with_stays(connection: psycopg.Connection[Any], left: Left, servers: Servers) -> None:
    # Somebody is there whose name says so.
    with servers[18].connect("postgres") as other:
        other.execute(f"SET application_name = '{left.mark}'".encode())
        clean_forgotten(connection)
        assert left.there() == 2
    with servers[18].connect(f"{left.mark}copy"):
        clean_forgotten(connection)
        assert left.there() == 2


@pytest.mark.parametrize(("words", "there"), [(f"{DONE}\n", 2), ("", 0)], ids=["that has", "that has not"])
def test_who_waits_cleans_up_after_the_end_of_one(
    left: Left, servers: Servers, monkeypatch: pytest.MonkeyPatch, words: str, there: int
) -> None:
    told = json.dumps([servers[18].conninfo("postgres"), left.token])
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{told}\n{words}"))
    main()
    assert left.there() == there
