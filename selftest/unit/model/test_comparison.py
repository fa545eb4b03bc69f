"""What is compared may be asked for the rows on some pages of a table."""

import pytest

from postmigration.model.comparison import within
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 1000)")


def test_a_range_of_pages_holds_its_first_page_and_not_its_end(snapshot: Snapshot) -> None:
    page = "(r.ctid::text::point)[0]"
    sql = f"SELECT count(*), min({page}), max({page}) FROM orders r WHERE {within('r')}"

    def count(first: int, end: int) -> tuple[int, float | None, float | None]:
        pages = {"postmigration_first": f"({first},0)", "postmigration_end": f"({end},0)"}
        (found,) = snapshot.rows(sql, snapshot.application, **pages)
        return tuple(found)

    (rows, first, last), (others, next_, _) = count(0, 2), count(2, 2**32 - 1)
    assert rows + others == 1_000
    assert (first, last, next_) == (0, 1, 2)
    assert count(0, 0) == (0, None, None)
