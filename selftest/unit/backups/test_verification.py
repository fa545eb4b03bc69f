"""A backup put to the proof: what it holds, what it lacks, and what proves that it is another one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from postmigration.backups.restore import Restored
from postmigration.backups.verification import Verification, examine, examine_base_backup, verify
from postmigration.diff.database_diff import Source
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.table_diff import TableComparison
from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from selftest.fingerprints import take_whole
from selftest.servers import Servers
from selftest.unit.backups.conftest import DEFINED, NewName, dump_of

SAME = (
    DEFINED
    + b"INSERT INTO public.item VALUES (1, 'one'), (2, 'two');"
    + b"ALTER TABLE public.item ADD PRIMARY KEY (id);"
)
OTHER = DEFINED + b"INSERT INTO public.item VALUES (2, 'two!'), (3, 'three'); CREATE TABLE public.more ();"


@pytest.fixture
def server(servers: Servers) -> embedded.Server:
    return servers[18]


@pytest.fixture
def make(server: embedded.Server, new_name: NewName) -> Make:
    return Make(server, new_name)


class Make:
    """Makes a database of some statements."""

    def __init__(self, server: embedded.Server, new_name: NewName) -> None:
        self._server, self._new_name = server, new_name

    def __call__(self, statements: bytes) -> Source:
        name = self._new_name()
        self._server.create(name)
        with self._server.connect(name) as connection:
            connection.execute(statements)
        return Source(self._server.conninfo(name), "--against")


def judge(copy: Source, against: Source | Fingerprint | None, migration: Migration | None = None) -> Verification:
    restored = Restored((), (), (), (), (), rows={"public.item": 2}, schemas=frozenset({"public"}))
    return examine(copy, restored, against, version=18, seconds=0, schema="public", migration=migration, keep=5)


@pytest.mark.full
def test_a_copy_of_the_same_rows_and_objects_has_no_problems(make: Make) -> None:
    found = judge(make(SAME), make(SAME))
    assert (found.problems, found.unjudged, found.schemas) == ((), [], ("public",))
    assert (found.rows, found.compared_rows, found.uncompared) == (2, 2, ())
    assert [(table.name, table.rows) for table in found.tables] == [("public.item", 2)]
    assert found.lacking == ("roles, their passwords and memberships (pg_dumpall --globals-only writes them)",)


def test_what_distinguishes_it_from_its_original_is_a_problem(make: Make) -> None:
    found = judge(
        make(SAME),
        make(OTHER + b"CREATE SCHEMA apart; CREATE TABLE apart.a (); ALTER TABLE public.item ADD PRIMARY KEY (id);"),
    )
    assert "item: 1 row missing, 1 row extra, 1 row changed" in found.problems
    assert any(words.startswith("table public.more is not in it") for words in found.problems)
    assert "the schema apart (1 table), so not proven" in found.lacking
    assert found.uncompared == ("apart",)


@pytest.mark.full
def test_a_fingerprint_tells_nothing_of_other_schemas(make: Make) -> None:
    source = make(SAME + b"CREATE SCHEMA apart; CREATE TABLE apart.a ();")
    with ExitStack() as cleanup:
        fingerprint = take_whole(source.snapshot(cleanup, "public"))
    assert judge(source, fingerprint).uncompared == ("apart",)
    assert judge(make(SAME), fingerprint).uncompared == ()


@pytest.mark.full
def test_a_backup_without_a_common_row_is_of_another_database(make: Make) -> None:
    found = judge(make(SAME), make(SAME.replace(b"(1, 'one'), (2, 'two')", b"(8, ''), (9, '')")))
    assert found.problems[0] == "it has no row in common with what it is compared with: it is of another database"


def test_it_must_be_of_before_the_migration(make: Make) -> None:
    migration = Migration("a", tables=("item", "more", "later"), legacy_tables=("item", "more", "gone"))
    found = judge(make(SAME + b"CREATE TABLE public.later (); CREATE TABLE public.more ();"), None, migration)
    assert found.problems == (
        "it was taken after the migration: it holds the table later",
        "gone is not in it",
        "more holds no row",
    )


def test_of_a_base_backup_all_rows_are_read_but_those_that_are_not_logged(
    server: embedded.Server, new_name: NewName
) -> None:
    name = new_name()
    server.create(name)
    with server.connect(name) as connection:
        connection.execute(SAME + b"CREATE UNLOGGED TABLE public.cache (id integer);")
    base: Any = SimpleNamespace(conninfo=server.conninfo, describe=lambda database: f"of {database}", version=18)
    found = examine_base_backup(base, name, None, seconds=1.5)
    assert {table.name: table.rows for table in found.tables} == {"public.cache": 0, "public.item": 2}
    assert found.restored.files == (f"of {name}",)
    assert found.lacking == ("rows of public.cache: what is not logged is in no base backup",)


def test_tables_that_could_not_be_compared_are_listed() -> None:
    locked = TableComparison("item", reason="it is locked")
    found = Verification(Restored((), (), (), (), ()), 18, 0, (), (), (), (locked,), (), ())
    assert (found.unjudged, found.compared_rows) == ([locked], 0)


def test_files_are_restored_and_proven(
    server: embedded.Server, dumped: Path, new_name: NewName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postmigration.backups.verification._DATABASE", new_name())
    found = verify([dumped], server, None)
    assert (found.version, found.rows, found.compared_rows, found.problems) == (18, 2, 0, ())


def test_an_incomplete_backup_is_a_problem_and_no_error(
    server: embedded.Server, tmp_path: Path, new_name: NewName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postmigration.backups.verification._DATABASE", new_name())
    file = tmp_path / "before.sql"
    file.write_bytes(dump_of(DEFINED))
    found = verify([file], server, None)
    assert found.problems[0].startswith("before.sql holds a schema and no rows")
    assert found.tables == ()
