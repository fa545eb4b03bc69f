"""A large table is divided into ranges of pages that leave none out and read none twice."""

from itertools import pairwise

import pytest

from postmigration.diff.scan import pages
from postmigration.diff.scan.pages import Pages, count_pages, divide, find_bounds
from postmigration.model.comparison import Part
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE orders (id int, note text);
    INSERT INTO orders SELECT n, repeat('x', 1000) FROM generate_series(1, 40) n;
    CREATE TABLE more () INHERITS (orders);
    INSERT INTO more SELECT n, repeat('x', 1000) FROM generate_series(1, 8) n
"""


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


@pytest.mark.parametrize(
    ("sizes", "ranges", "bounds"),
    [
        ([100], 2, [50]),
        ([100], 4, [25, 50, 75]),
        ([100, 10], 2, [45]),
        ([100, 100], 2, [50]),
        ([7], 3, [3, 5]),
        ([1], 2, [1]),
        ([0, 0], 2, [0]),
        ([], 2, [0]),
    ],
)
def test_ranges_hold_about_as_many_pages(sizes: list[int], ranges: int, bounds: list[int]) -> None:
    assert find_bounds(sizes, ranges) == bounds


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("connections", [2, 3, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 50, 10_000, 10_000_000])
def test_each_page_is_read_once(size: int, connections: int, once: bool) -> None:
    ranges = divide([size, 3], connections, once=once)
    assert (ranges[0].first, ranges[-1].end) == (0, 2**32 - 1)
    assert all(one.end == other.first for one, other in pairwise(ranges))
    assert len(ranges) <= connections * (1 if once else 64)


def test_very_large_tables_have_more_ranges_than_connections() -> None:
    assert [len(divide([1_000_000, 3], 2, once=once)) for once in (True, False)] == [2, 8]


def test_a_range_is_half_open_from_its_first_page() -> None:
    assert Pages(3, 9).parameters == {"postmigration_first": "(3,0)", "postmigration_end": "(9,0)"}


def test_pages_of_small_tables_are_not_divided(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part(("public.orders",), "SELECT 1")
    assert count_pages(snapshot, part) == []
    monkeypatch.setattr(pages, "LEAST_PAGES", 2)
    first, second = sorted(count_pages(snapshot, part))
    assert 0 < first < second
    assert count_pages(snapshot, Part(("public.orders",), "SELECT 1", only=True)) == [second]
    assert count_pages(snapshot, Part(("public.none",), "SELECT 1")) == []
