"""What several connections read of each bucket is put together, in the order of buckets, side by side."""

from collections import namedtuple
from collections.abc import Iterator

from postmigration.diff.row_sets import Pack
from postmigration.diff.scan.packs import merge_packs, pair_packs

Row = namedtuple("Row", "bucket rows repeated texts marked")


def _packs(**buckets: bytes) -> Iterator[tuple[int, Pack]]:
    return iter([(int(name[1:]), Pack(rows)) for name, rows in buckets.items()])


def test_a_bucket_is_put_together_of_what_each_range_has_of_it() -> None:
    first = [Row(1, b"a", None, ["k"], b"m"), Row(3, b"c", None, None, None)]
    second = [Row(1, b"b", b"r", None, None), Row(2, b"x", None, None, b"n")]
    merged = dict(merge_packs([iter(first), iter(second)]))  # type: ignore[arg-type]
    assert list(merged) == [1, 2, 3]
    assert merged[1] == Pack(b"ab", b"r", ["k"], [b"m"])
    assert (merged[2].rows, merged[3].rows) == (b"x", b"c")


def test_a_side_that_has_no_row_in_a_bucket_has_an_empty_pack() -> None:
    pairs = list(pair_packs(_packs(b1=b"a", b2=b"b"), _packs(b2=b"c", b5=b"d")))
    assert pairs == [(Pack(b"a"), Pack()), (Pack(b"b"), Pack(b"c")), (Pack(), Pack(b"d"))]
    assert list(pair_packs(iter([]), iter([]))) == []
