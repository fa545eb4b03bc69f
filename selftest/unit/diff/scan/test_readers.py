"""Several connections that see the same instant read a large table together; a small one is read whole."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from postmigration.diff.row_sets import RowSet
from postmigration.diff.scan import pages
from postmigration.diff.scan.readers import is_large, read_at_once, read_in_parts, readers
from postmigration.model.comparison import Part, within
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.unit.conftest import NewDatabase

SCRIPT = "CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 2000)"
WHOLE = "SELECT id FROM public.orders r"
PART = Part(("public.orders",), f"{WHOLE} WHERE {within('r')}")
ROWS = RowSet(WHOLE, ("id",), 1, part=PART)


@pytest.fixture
def snapshot(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Snapshot]:
    """A snapshot beside which another connection may read."""
    monkeypatch.setattr(pages, "LEAST_PAGES", 2)
    opened = Snapshot(new_database(SCRIPT, limits=Limits(jobs=2)))
    yield opened
    opened.close()


def _count(reader: Snapshot, sql: str, parameters: Mapping[str, Any]) -> int:
    return int(reader.scalar(f"SELECT count(*) FROM ({sql}) q", **parameters))


def test_a_large_table_is_read_in_ranges_that_hold_each_row_once(snapshot: Snapshot) -> None:
    assert is_large(snapshot, PART)
    assert len(readers(snapshot)) == 2
    assert not snapshot.alone
    counts = list(read_in_parts(snapshot, PART, WHOLE, _count))
    assert len(counts) > 1
    assert sum(counts) == 2_000
    readings = read_at_once(snapshot, ROWS)
    assert [one.snapshot for one in readings] == readers(snapshot)
    assert sum(_count(one.snapshot, one.rows.sql, one.parameters) for one in readings) == 2_000


def test_another_table_is_read_whole(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_large(snapshot, None)
    assert list(read_in_parts(snapshot, None, WHOLE, _count)) == [2_000]
    monkeypatch.setattr(pages, "LEAST_PAGES", 9_999)
    assert not is_large(snapshot, PART)
    (reading,) = read_at_once(snapshot, ROWS)
    assert (reading.snapshot, reading.rows, reading.parameters) == (snapshot, ROWS, {})


def test_what_ends_the_work_of_one_connection_ends_that_of_the_others(snapshot: Snapshot) -> None:
    _, other = readers(snapshot)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(other.scalar, "SELECT pg_sleep(20)")
        while not asked.done():
            snapshot.cancel()
            time.sleep(0.05)
    assert "due to user request" in str(asked.exception())
