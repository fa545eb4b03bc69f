"""The comparison finds every difference and no other: what its queries give of tables on a server."""

from collections.abc import Iterator

import pytest

from fixtures import MIGRATION
from postmigration.diff.expected_rows import expectation
from postmigration.diff.hashing import hashing
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import Difference, Pack, RowSet, hashes_sql, rows_sql
from postmigration.postgres import embedded
from postmigration.postgres.catalog import table
from postmigration.postgres.connection import Database, Snapshot
from selftest.conftest import Copy, Judge


@pytest.fixture
def snapshot(server: embedded.Server) -> Iterator[Snapshot]:
    snapshot = Snapshot(Database(server.conninfo("legacy"), option="--db-url"))
    yield snapshot
    snapshot.close()
    snapshot.database.close()


def test_each_mark_holds_the_keys_that_it_is_for(snapshot: Snapshot) -> None:
    types = snapshot.types("SELECT id, name FROM public.organizations")
    alike = hashing(types, types, "native")
    marks = {"all": "true", "none": "q.id IS NULL", "one": "q.slug = 'customer'"}
    rows = RowSet("SELECT * FROM public.organizations", ("id", "name"), 1, marks)
    found = snapshot.rows(hashes_sql(rows, alike, 1, 4), postmigration_chosen=[0])
    packs = {row.bucket: Pack(row.rows, row.repeated, row.texts, row[4:]) for row in found}
    keys = {key: bucket for bucket, pack in packs.items() for key in pack.by_key() or {}}
    assert len(keys) == snapshot.scalar("SELECT count(*) FROM public.organizations") > 4
    assert all(bucket == key & 3 for key, bucket in keys.items())
    assert set().union(*(pack.keys(0) for pack in packs.values())) == keys.keys()
    assert [sum(len(pack.keys(mark)) for pack in packs.values()) for mark in (1, 2)] == [0, 1]


def test_the_hash_of_the_key_has_a_name_that_no_column_has(snapshot: Snapshot) -> None:
    sql = "SELECT id AS postmigration_key, id AS postmigration_key_, id AS none, name FROM public.organizations"
    types = snapshot.types(sql)
    rows = RowSet(sql, tuple(types), 1)
    alike = hashing(types, types, "native")
    (found,) = snapshot.rows(hashes_sql(rows, alike, 1, 1), postmigration_chosen=[0])
    keys = Pack(found.rows, found.repeated).by_key()
    assert keys is not None
    assert len(keys) == snapshot.scalar("SELECT count(*) FROM public.organizations")
    assert {row[0] for row in snapshot.rows(rows_sql(rows, alike), postmigration_hashes=list(keys))} == keys.keys()


def test_a_row_that_its_key_finds_again_is_the_one_that_its_hash_finds(snapshot: Snapshot) -> None:
    types = snapshot.types("SELECT id, name FROM public.organizations")
    rows = RowSet("SELECT * FROM public.organizations", ("id", "name"), 1)
    alike = hashing(types, types, "native")
    (found,) = snapshot.rows(hashes_sql(rows, alike, 1, 1, texts=True), postmigration_chosen=[0])
    texts = Pack(found.rows, found.repeated, found.texts).text_by_key()
    assert set(texts.values()) == {str(row.id) for row in snapshot.rows("SELECT id FROM public.organizations")}
    some = dict(list(texts.items())[:3])
    chosen = {"postmigration_hashes": list(some), "postmigration_texts": list(some.values())}
    by_text = snapshot.rows(rows_sql(rows, alike, texts=True), **chosen)
    assert sorted(by_text) == sorted(snapshot.rows(rows_sql(rows, alike), postmigration_hashes=list(some)))
    assert {row.postmigration_key: row.id for row in by_text} == some


@pytest.mark.parametrize(
    ("want", "have", "key"),
    [
        ("VALUES (1, 'a'), (NULL, 'b')", "VALUES (1, 'a'), (NULL, 'c')", None),
        ("VALUES (NULL::int, 'a'), (2, 'b')", "VALUES (NULL::int, 'a'), (2, 'c')", "2"),
        ("VALUES ('x', 'a'), ('y', 'b')", "VALUES ('x', 'a'), ('y', 'c')", "y"),
        ("VALUES (1.0, 'a'), (2.00, 'b')", "VALUES (1.0, 'a'), (2.00, 'c')", "2.00"),
    ],
)
def test_a_row_is_found_again_whatever_its_key(
    server: embedded.Server, snapshot: Snapshot, want: str, have: str, key: str | None
) -> None:
    other = Snapshot(Database(server.conninfo("migrated"), option="--db-url"))
    try:
        sides = (RowSet(sql, ("column1", "column2"), 1) for sql in (want, have))
        (found,) = Sides(snapshot, other, *sides).compare(keep=5).differences
        assert found == Difference("changed", (key,), (key, "b"), (key, "c"))
    finally:
        other.close()
        other.database.close()


@pytest.mark.full
def test_a_table_without_a_key_is_compared_by_all_its_columns(
    server: embedded.Server, copy: Copy, judge: Judge
) -> None:
    before, after = copy("legacy"), copy("migrated")
    for name, rows in ((before, "(1, 'a'), (1, 'a'), (2, NULL)"), (after, "(1, 'a'), (2, ''), (2, NULL)")):
        with server.connect(name) as connection:
            connection.execute(f"CREATE TABLE stock (n int, t text); INSERT INTO stock VALUES {rows}")
    judged = judge(f"--db-url={server.conninfo(after)}", f"--baseline={server.conninfo(before)}")
    assert judged.red() == {"rows_are_those_of_before"}
    evidence = judged.evidence("rows_are_those_of_before")
    assert "missing" in evidence
    assert "extra" in evidence


def test_values_that_two_rows_exchange_are_seen(server: embedded.Server, snapshot: Snapshot) -> None:
    # A sum of hashes that were only added up column by column would be the same.
    want = RowSet("VALUES (1, 'a', 10), (2, 'b', 20)", ("column1", "column2", "column3"), 1)
    have = RowSet("VALUES (1, 'b', 10), (2, 'a', 20)", want.columns, 1)
    other = Snapshot(Database(server.conninfo("migrated"), option="--db-url"))
    try:
        found = Sides(snapshot, other, want, have).compare(keep=5)
        assert found.counts == {"missing": 0, "extra": 0, "changed": 2}
    finally:
        other.close()
        other.database.close()


def test_intended_changes_are_the_only_ones_that_are_expected(snapshot: Snapshot) -> None:
    expected = expectation(MIGRATION, table(snapshot, "documents"), "public")
    assert expected.free == ("updated_at",)
    assert "updated_at" not in expected.columns
    assert expected.columns[0] == "id"
    assert expected.key == 1
    assert "CASE" not in expected.want
