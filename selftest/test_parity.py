"""The comparison finds every difference and no other, against a plain model of what a difference is."""

import struct
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import MIGRATION
from postmigration.diff.expected_rows import expectation
from postmigration.diff.hashing import hashing
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import (
    Bucket,
    Difference,
    Pack,
    RowSet,
    hash_differences,
    hashes_sql,
    row_differences,
    rows_sql,
)
from postmigration.postgres import embedded
from postmigration.postgres.catalog import table
from postmigration.postgres.connection import Database, Snapshot
from selftest.conftest import Copy, Judge

HASHES = st.integers(-(2**63), 2**63 - 1)
PAIRS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), max_size=8)
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", None, "x", "x "])), max_size=8)


def packed(rows: list[tuple[int, int]]) -> Pack:
    counted = Counter(rows)
    return Pack(
        b"".join(struct.pack(">qq", *row) for row in counted),
        b"".join(struct.pack(">qqq", *row, times) for row, times in counted.items() if times > 1),
    )


def by_key(rows: Counter[tuple[int, int]]) -> Counter[int]:
    return Counter(key for key, _ in rows.elements())


@given(PAIRS, PAIRS)
def test_packed_rows_differ_as_multisets_do(want: list[tuple[int, int]], have: list[tuple[int, int]]) -> None:
    found = {kind: Counter(keys) for kind, keys in hash_differences(packed(want), packed(have)).items()}
    gone, come = by_key(Counter(want) - Counter(have)), by_key(Counter(have) - Counter(want))
    assert found["changed"] == gone & come
    assert found["missing"] == gone - come
    assert found["extra"] == come - gone


@given(st.dictionaries(HASHES, HASHES, max_size=5), st.dictionaries(HASHES, HASHES, max_size=5))
def test_packed_rows_with_a_key_each_differ_as_dictionaries_do(want: dict[int, int], have: dict[int, int]) -> None:
    found = hash_differences(packed(list(want.items())), packed(list(have.items())))
    assert found["missing"].keys() == want.keys() - have.keys()
    assert found["extra"].keys() == have.keys() - want.keys()
    assert found["changed"].keys() == {key for key in want.keys() & have.keys() if want[key] != have[key]}
    assert {times for keys in found.values() for times in keys.values()} <= {1}


def test_only_rows_that_share_a_key_need_be_counted() -> None:
    assert Pack().by_key() == {}
    assert packed([(1, 7), (-2, 8)]).by_key() == {1: 7, -2: 8}
    assert packed([(1, 7), (1, 8)]).by_key() is None
    assert packed([(1, 7), (1, 7)]).by_key() is None
    assert packed([*((key, 7) for key in range(20)), (3, 8)]).by_key() is None


def test_repeated_rows_are_counted_whatever_their_sign() -> None:
    assert Pack().count_pairs() == {}
    assert packed([(-1, -7)] * 3 + [(2, 8)]).count_pairs() == {(-1, -7): 3, (2, 8): 1}


def test_keys_are_marked_on_the_side_that_has_the_mark() -> None:
    pack = Pack(marked=[struct.pack(">qq", 5, -6), None])
    assert [pack.keys(mark) for mark in range(3)] == [{5, -6}, set(), set()]


@pytest.mark.parametrize(
    ("have", "agrees"),
    [
        (Bucket(5, 0, 9), True), (Bucket(7, 2, 9), True), (Bucket(5, 1, 9), False), (Bucket(6, 0, 9), False),
        (Bucket(5, 0, 8), False), (Bucket(3, -2, 9), True),
    ],
)  # fmt: skip
def test_buckets_agree_that_hold_the_same_rows_new_ones_aside(have: Bucket, agrees: bool) -> None:
    assert Bucket(5, 0, 9).agrees(have) is agrees
    assert have.agrees(Bucket(5, 0, 9)) is agrees


def as_fetched(rows: list[tuple[str, str | None]]) -> list[tuple[object, ...]]:
    return [(ord(row[0]), times, *row) for row, times in Counter(rows).items()]


@given(ROWS, ROWS)
def test_rows_of_one_key_are_paired_as_far_as_they_go(
    want: list[tuple[str, str | None]], have: list[tuple[str, str | None]]
) -> None:
    found = row_differences(as_fetched(want), as_fetched(have), key=1, most=100)
    gone, come = Counter(want) - Counter(have), Counter(have) - Counter(want)
    assert Counter(d.want for d in found if d.want is not None) == gone
    assert Counter(d.have for d in found if d.have is not None) == come
    assert all((d.kind == "missing") == (d.have is None) for d in found)
    assert all((d.kind == "extra") == (d.want is None) for d in found)
    assert {d.kind for d in found} <= {"missing", "extra", "changed"}
    assert all(d.columns() == [1] for d in found if d.kind == "changed")
    lonely = [Counter(d.key for d in found if d.kind == kind) for kind in ("missing", "extra")]
    assert not lonely[0] & lonely[1]


def test_the_same_row_met_again_counts_again() -> None:
    (found,) = row_differences([(1, 1, "a"), (1, 1, "a")], [(1, 1, "a")], key=1, most=9)
    assert found == Difference("missing", ("a",), ("a",), None)
    assert found.columns() == []


def test_rows_come_in_the_order_of_their_keys_null_first() -> None:
    found = row_differences([(n, 1, key) for n, key in enumerate(("b", "", None, "B"))], [], key=1, most=9)
    assert [d.key for d in found] == [(None,), ("",), ("B",), ("b",)]


def test_rows_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Difference("changed", ("a",), ("a", "x"), ("a",)).columns()


def test_only_so_many_rows_of_one_key_are_given() -> None:
    found = row_differences([], [(1, 10**9, "a", "x")], key=1, most=3)
    assert found == [Difference("extra", ("a",), None, ("a", "x"))] * 3


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
