import pytest

from postmigration.diff.origins import find_subject
from postmigration.model.evidence import UNKNOWN, Reference
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("""
        CREATE TABLE room (number int PRIMARY KEY);
        CREATE TABLE stay (id int PRIMARY KEY, room int REFERENCES room, note text);
    """)


def test_rows_are_known_by_the_key_that_a_query_gives_first(snapshot: Snapshot) -> None:
    subject = find_subject(snapshot, "SELECT s.id AS stay, s.room FROM stay s WHERE s.id > :least", least=3)
    assert (subject.kind, subject.schema, subject.table) == ("table", "public", "stay")
    assert subject.rows == Reference(("stay",), "public", "stay", ("id",))
    assert subject.refers == (Reference(("room",), "public", "room", ("number",)),)


def test_a_first_column_that_refers_names_the_rows_of_another_table(snapshot: Snapshot) -> None:
    subject = find_subject(snapshot, "SELECT room, note FROM stay")
    assert subject.table == "stay"
    assert subject.rows == Reference(("room",), "public", "room", ("number",))
    plain = find_subject(snapshot, "SELECT note FROM stay")
    assert (plain.table, plain.rows) == ("stay", None)


@pytest.mark.parametrize("sql", ["SELECT id + 1, room FROM stay", "SELECT 1", "SELECT lost FROM stay"])
def test_of_a_computed_column_nothing_is_known(snapshot: Snapshot, sql: str) -> None:
    assert find_subject(snapshot, sql) == UNKNOWN
