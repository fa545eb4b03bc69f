"""The rows of a backup: each arrives or is set aside, or the restoration ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from postmigration.backups.restore_log import RestoreLog
from postmigration.backups.restore_rows import Loading
from postmigration.backups.script import Copy
from postmigration.model.errors import CannotJudge, Incomplete
from selftest.unit.backups.conftest import DEFINED

COPIED = b"COPY public.item (id, name) FROM stdin;"


@pytest.fixture
def log() -> RestoreLog:
    return RestoreLog(tables=1)


@pytest.fixture
def loading(connection: psycopg.Connection[Any], log: RestoreLog) -> Loading:
    connection.execute(DEFINED)
    return Loading(connection, "before.sql", log)


def count(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM public.item").fetchone()
    return int(row[0]) if row else -1


def test_rows_of_a_copy_and_of_inserts_arrive_and_are_counted(
    connection: psycopg.Connection[Any], loading: Loading, log: RestoreLog
) -> None:
    loading.copy(Copy(COPIED, iter([b"1\tone\n2\ttwo\n", b"3\tthree\n"])), "public.item")
    loading.insert(b"INSERT INTO public.item VALUES (4, 'a (b)'), (5, NULL);", "public.item")
    loading.insert(b"INSERT INTO public.item VALUES (6, 'six');", "public.item")
    # They are sent together.
    assert count(connection) == 3
    loading.flush()
    assert count(connection) == 6
    (loaded,) = log.loaded.values()
    assert (loaded.schema, loaded.rows) == ("public", 6)


def test_rows_of_a_table_of_the_platform_that_is_not_there_are_set_aside(loading: Loading, log: RestoreLog) -> None:
    loading.copy(Copy(b"COPY auth.users FROM stdin;", iter([b"1\n2\n"])), "auth.users")
    loading.insert(b"INSERT INTO auth.users VALUES (3);", "auth.users")
    loading.flush()
    assert log.loaded == {}
    assert log.list_notes() == ("3 rows of auth.users, a table that the backup does not define",)


def test_a_row_that_is_refused_is_told_by_its_place_and_without_its_values(loading: Loading) -> None:
    words = r"before.sql: the rows of public.item did not all arrive: .* \(row 2, column id\); name a server"
    with pytest.raises(CannotJudge, match=words) as caught:
        loading.copy(Copy(COPIED, iter([b"1\tone\nsecret\ttwo\n"])), "public.item")
    assert "secret" not in str(caught.value)


def test_rows_that_do_not_arrive_are_missed(connection: psycopg.Connection[Any], loading: Loading) -> None:
    connection.execute("CREATE RULE skip AS ON INSERT TO public.item WHERE new.id = 2 DO INSTEAD NOTHING")
    loading.insert(b"INSERT INTO public.item VALUES (1, ''), (2, '');", "public.item")
    with pytest.raises(CannotJudge, match="did not all arrive: 2 are in the file, 1 arrived"):
        loading.flush()


def test_rows_of_an_unknown_table_make_the_backup_incomplete(loading: Loading, log: RestoreLog) -> None:
    with pytest.raises(
        Incomplete, match=r"before.sql has rows of public.gone, a table that the backup does not define"
    ):
        loading.copy(Copy(b"COPY public.gone FROM stdin;", iter([b"1\n"])), "public.gone")
    log.tables = 0
    with pytest.raises(Incomplete, match=r"before.sql holds data only, without a schema"):
        loading.copy(Copy(b"COPY public.gone FROM stdin;", iter([b"1\n"])), "public.gone")


def test_what_a_file_says_while_it_is_read_is_told_as_it_is(loading: Loading) -> None:
    def broken() -> Iterator[bytes]:
        yield b"1\tone\n"
        raise CannotJudge("before.sql is truncated")

    with pytest.raises(CannotJudge, match=r"^before.sql is truncated$"):
        loading.copy(Copy(COPIED, broken()), "public.item")
