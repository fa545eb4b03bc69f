"""Rows are compared as hashes: against a plain model of what a difference is, and by the queries that make them."""

import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postmigration.diff.hashing import hashing
from postmigration.diff.row_sets import (
    Bucket,
    Difference,
    Pack,
    RowSet,
    buckets_sql,
    columns_sql,
    hash_differences,
    hashes_sql,
    in_order,
    power_of_two,
    row_differences,
    rows_sql,
)
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

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


TYPES = {"id": "integer", "note": "text"}
VALUES = RowSet(
    "SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) v(id, note)",
    ("id", "note"),
    1,
    {"low": "q.id < 2"},
    "q.id > 2",
)
NATIVE = hashing(TYPES, TYPES, "native", 7)


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot()


def test_a_side_is_boiled_down_to_buckets(snapshot: Snapshot) -> None:
    (whole,) = snapshot.rows(buckets_sql(VALUES, NATIVE, 1))
    assert (whole.bucket, whole.rows, whole.new) == (0, 3, 1)
    parts = snapshot.rows(buckets_sql(VALUES, NATIVE, 64))
    assert sum(part.total for part in parts) == whole.total
    assert sum(part.rows for part in parts) == 3


def test_a_bucket_is_looked_into_by_the_hashes_of_its_rows(snapshot: Snapshot) -> None:
    (found,) = snapshot.rows(hashes_sql(VALUES, NATIVE, 1, 1, texts=True), postmigration_chosen=[0])
    pack = Pack(found.rows, found.repeated, found.texts, found[4:])
    texts = pack.text_by_key()
    assert sorted(map(str, texts.values())) == ["1", "2", "3"]
    assert {texts[key] for key in pack.keys(0)} == {"1"}
    assert snapshot.rows(hashes_sql(VALUES, NATIVE, 1, 1), postmigration_chosen=[]) == []
    whole = snapshot.rows(rows_sql(VALUES, NATIVE), postmigration_hashes=list(texts))
    assert sorted(tuple(row)[1:] for row in whole) == [(1, "1", "a"), (1, "2", None), (1, "3", "c")]
    values = snapshot.rows(columns_sql(VALUES, NATIVE), postmigration_hashes=list(texts))
    assert sorted(row.nulls for row in values) == [[False], [False], [True]]
    assert len({row.hashes[0] for row in values}) == 3


def test_null_is_sorted_before_an_empty_text() -> None:
    assert sorted([("b",), ("",), (None,)], key=in_order) == [(None,), ("",), ("b",)]


@pytest.mark.parametrize(("least", "power"), [(0, 1), (1, 1), (3, 4), (4, 4), (4.5, 4), (1_000, 64)])
def test_a_power_of_two_is_chosen_up_to_a_limit(least: float, power: int) -> None:
    assert power_of_two(least, most=64) == power
