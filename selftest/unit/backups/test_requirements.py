"""What a backup needs of a server, read before its rows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from postmigration.backups.requirements import find_needs, find_source
from postmigration.backups.script import Script
from postmigration.postgres.scratch.choice import Needs
from selftest.unit.backups.conftest import DEFINED, DUMP, ROWS, dump_of


def needs(tmp_path: Path, *statements: bytes) -> Needs:
    file = tmp_path / "before.sql"
    file.write_bytes(dump_of(*statements))
    return find_needs([file])


def test_a_plain_dump_needs_its_version_and_nothing_else(dumped: Path) -> None:
    assert find_needs([dumped]) == Needs(16, frozenset(), icu=False, name="before.sql")


def test_extensions_of_which_columns_are_made_are_needed(tmp_path: Path) -> None:
    found = needs(
        tmp_path,
        b'CREATE EXTENSION IF NOT EXISTS "hstore" WITH SCHEMA public;',
        b"CREATE EXTENSION postgis;",
        # There is a stand-in for one of these, and of the other no column is made.
        b'CREATE EXTENSION "uuid-ossp";',
        b"CREATE EXTENSION pg_stat_statements;",
    )
    assert found.extensions == {"hstore", "postgis"}


@pytest.mark.parametrize(
    "statement",
    [
        b"CREATE COLLATION public.german (provider = icu, locale = 'de');",
        b'CREATE TABLE public.t (name text COLLATE pg_catalog."de-x-icu");',
    ],
)
def test_collations_of_icu_are_needed(tmp_path: Path, statement: bytes) -> None:
    assert needs(tmp_path, statement).icu
    assert not needs(tmp_path, statement.replace(b"icu", b"libc")).icu


def test_nothing_is_looked_for_behind_the_first_rows(tmp_path: Path) -> None:
    assert needs(tmp_path, DEFINED, ROWS, b"CREATE EXTENSION hstore;").extensions == frozenset()


def test_what_cannot_be_read_needs_nothing_that_is_known(tmp_path: Path) -> None:
    file = tmp_path / "letter"
    file.write_bytes(b"Dear all,\n")
    assert find_needs([file]) == Needs(name="letter")


def test_the_source_is_the_server_of_the_header() -> None:
    script = Script(io.BytesIO(DUMP), "before.sql")
    assert find_source(script) == 0
    next(script.items())
    assert find_source(script) == 16
