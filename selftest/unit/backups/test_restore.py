"""A database restored from files: every row is there, and what else became of the backup is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from postmigration.backups.restore import restore
from postmigration.model.errors import CannotJudge, Incomplete
from postmigration.postgres import embedded
from selftest.servers import Servers
from selftest.unit.backups.conftest import DEFINED, KEY, ROWS, NewName, dump_of


@pytest.fixture
def server(servers: Servers) -> embedded.Server:
    return servers[18]


def write(directory: Path, *statements: bytes) -> Path:
    file = directory / "other.sql"
    file.write_bytes(dump_of(*statements))
    return file


def test_a_dump_is_restored_and_described(server: embedded.Server, new_name: NewName, dumped: Path) -> None:
    name = new_name()
    restored = restore([dumped], server, name)
    assert dict(restored.rows) == {"public.item": 2}
    assert (restored.schemas, restored.roles, restored.unrestored) == (frozenset({"public"}), False, ())
    assert restored.files[0].startswith("before.sql: plain SQL,")
    assert restored.facts == restored.files
    with server.connect(name) as connection:
        assert connection.execute("SELECT id, name FROM item ORDER BY 1").fetchall() == [(1, "one"), (2, "two")]
        owner = "SELECT relowner::regrole::text FROM pg_class WHERE relname = 'item'"
        assert connection.execute(owner).fetchone() == (server.owner,)


def test_constraints_wait_for_the_rows_of_all_files(server: embedded.Server, new_name: NewName, tmp_path: Path) -> None:
    first, second = tmp_path / "schema.sql", tmp_path / "rows.sql"
    first.write_bytes(dump_of(DEFINED, KEY, b"CREATE VIEW public.v AS SELECT gone FROM public.item;"))
    second.write_bytes(dump_of(ROWS))
    restored = restore([first, second], server, new_name())
    assert dict(restored.rows) == {"public.item": 2}
    assert [str(what) for what in restored.unrestored] == ["view public.v"]
    assert restored.notes == ('view public.v could not be restored: column "gone" does not exist (SQLSTATE 42703)',)


def test_a_materialized_view_that_nothing_fills_is_refreshed(
    server: embedded.Server, new_name: NewName, tmp_path: Path
) -> None:
    view = b"CREATE MATERIALIZED VIEW public.m AS SELECT id FROM public.item WITH NO DATA;"
    restored = restore([write(tmp_path, DEFINED, ROWS, view)], server, new_name())
    assert restored.notes == ("materialized view public.m was refreshed: the backup does not fill it",)


def test_what_stands_in_for_something_is_told(server: embedded.Server, new_name: NewName, tmp_path: Path) -> None:
    function = b"CREATE FUNCTION public.f() RETURNS uuid LANGUAGE sql AS 'SELECT auth.uid()';"
    restored = restore([write(tmp_path, DEFINED, ROWS, function)], server, new_name())
    assert dict(restored.standins) == {"function": ("auth.uid",)}
    assert restored.provided == ("functions that the backup does not define are stand-ins: auth.uid",)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ([DEFINED], "other.sql holds a schema and no rows"),
        ([b"CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"], "other.sql defines no table"),
    ],
    ids=["no rows", "no table"],
)
def test_a_backup_without_tables_or_rows_is_incomplete(
    server: embedded.Server, new_name: NewName, tmp_path: Path, statements: list[bytes], words: str
) -> None:
    with pytest.raises(Incomplete, match=words):
        restore([write(tmp_path, *statements)], server, new_name())


def test_rows_that_are_gone_in_the_end_are_missed(server: embedded.Server, new_name: NewName, tmp_path: Path) -> None:
    # What fills a view runs with the rights of the owner, and deletes a row.
    deletes = (
        b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE plpgsql AS "
        b"$$ BEGIN DELETE FROM public.gone; RETURN 1; END $$;"
    )
    gone = b"CREATE TABLE public.gone (id integer);\nCOPY public.gone (id) FROM stdin;\n1\n\\.\n"
    view = b"CREATE MATERIALIZED VIEW public.m AS SELECT public.f();"
    with pytest.raises(CannotJudge, match=r"the rows of public.gone did not all arrive: 1 are in the backup, 0 in the"):
        restore([write(tmp_path, DEFINED, ROWS, gone, deletes, view)], server, new_name())


def test_a_dump_without_its_end_is_refused(server: embedded.Server, new_name: NewName, dumped: Path) -> None:
    dumped.write_bytes(dumped.read_bytes()[:-20])
    with pytest.raises(CannotJudge, match=r"before.sql is truncated"):
        restore([dumped], server, new_name())
