"""The buckets of a table are read packed, and what several connections read of one is added."""

import pytest

from postmigration.diff.scan import bucket_sums
from postmigration.diff.scan.bucket_sums import find_newest, low_bits, read_buckets
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

MOST = (1 << 64) - 1


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot()


@pytest.mark.parametrize(("total", "bits"), [(None, 0), (5, 5), (-1, MOST), (MOST + 3, 2), (1 << 63, 1 << 63)])
def test_the_last_bits_of_a_sum_are_kept(total: int | None, bits: int) -> None:
    assert low_bits(total) == bits


def test_each_bucket_has_its_rows_and_both_sums(snapshot: Snapshot) -> None:
    rows = "SELECT * FROM (VALUES (2, 5, -1, NULL), (1, 7, 36893488147419103235, 4)) AS v(bucket, rows, first, second)"

    def ask(sql: str) -> str:
        return f"SELECT bucket::int8, rows::int8, first, second, '2026-11-01'::date AS newest FROM ({sql}) q"

    buckets, newest = read_buckets(snapshot, None, rows, ask, {}, {})
    assert buckets == {1: (7, 3, 4), 2: (5, MOST, 0)}
    assert list(buckets) == [1, 2]
    assert newest == {"2026-11-01"}


@pytest.mark.parametrize(
    "total", [0, 1, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 5 * 2**90 + 3, -(2**90) + 1]
)
def test_the_server_keeps_the_same_bits_as_the_client(snapshot: Snapshot, total: int) -> None:
    found = snapshot.scalar(f"SELECT {bucket_sums._bits(str(total))}")
    assert low_bits(found) == low_bits(total)
    assert -(2**63) <= found < 2**63


@pytest.mark.parametrize(
    ("type_", "times", "newest"),
    [
        ("date", {"2025-01-01", "infinity", "9999-01-01"}, "infinity"),
        ("date", {"5000000-01-01", "0001-01-01 BC"}, "5000000-01-01"),
        ("timestamp", {"2025-01-01 00:00:09.5", "2025-01-01 00:00:10"}, "2025-01-01 00:00:10"),
        ("timestamptz", {"10000-01-01 00:00:00+00", "2025-01-01 00:00:00+00"}, "10000-01-01 00:00:00+00"),
        ("date", {"2025-01-01"}, "2025-01-01"),
        ("date", set(), "infinity"),
    ],
)
def test_the_latest_of_some_times_is_found_by_their_type(
    snapshot: Snapshot, type_: str, times: set[str], newest: str
) -> None:
    assert find_newest(snapshot, times, f"SELECT now()::{type_} AS at", "max(at)", {}) == newest
