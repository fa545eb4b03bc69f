"""How long the server takes for a query, and whether it reads more than it has to."""

from collections.abc import Sequence

import pytest

from postmigration.postgres import latency
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.latency import LARGE_TABLE, judge, measure, needless_scans, read_whole, regression
from selftest.unit.conftest import OpenSnapshot

SCRIPT = f"""
    CREATE TABLE large (id int PRIMARY KEY, n int);
    INSERT INTO large SELECT n, n % 1000 FROM generate_series(1, {LARGE_TABLE}) n;
    CREATE TABLE small AS SELECT * FROM large LIMIT 100;
    ANALYZE;
"""


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("SELECT FROM large WHERE n = 5", ["large"]),
        ("SELECT FROM large WHERE id = 5", []),
        ("SELECT FROM small WHERE n = 5", []),
        # Who wants them all has to read them all, but an index would do.
        ("SELECT count(*) FROM large", []),
        ("SELECT sum(n) FROM large", ["large"]),
    ],
)
def test_large_tables_that_are_read_whole_are_named(snapshot: Snapshot, query: str, read: list[str]) -> None:
    assert needless_scans(snapshot, query, {}) == read


def test_a_query_is_judged_by_its_budget_and_by_what_it_reads(snapshot: Snapshot) -> None:
    query = "SELECT FROM large WHERE n = 5"
    taken, findings = judge(snapshot, query, budget=60_000, index_only=True, settings={})
    assert 0 < taken.milliseconds < 60_000
    assert [finding.statement for finding in findings] == [read_whole("large", query).statement]
    taken, findings = judge(snapshot, query, budget=0, index_only=False, settings={})
    assert [finding.statement for finding in findings] == [
        f"the query takes more than its 0 ms: the quickest of 15 warm runs is {taken.milliseconds:.1f} ms"
    ]
    assert findings[0].query == query


def test_a_query_is_timed_by_the_server(snapshot: Snapshot) -> None:
    assert measure(snapshot, "SELECT FROM small", {}, 60_000).milliseconds > 0


BUSY = [9.0, 40.0, 50.0, 60.0, 45.0]


@pytest.mark.parametrize(
    ("runs", "before", "milliseconds", "how", "found"),
    [
        ([9.0, 8.0, 50.0, 7.0, 60.0], 0.0, 9.0, "median of 5 warm runs", 0),
        # What else the server does is no finding of the query.
        ([*BUSY, *[70.0] * 10], 0.0, 9.0, "quickest of 15 warm runs", 0),
        ([*[40.0] * 5, 39.0, *[41.0] * 9], 0.0, 39.0, "quickest of 15 warm runs", 1),
        ([25.0] * 5, 1.0, 25.0, "quickest of 15 warm runs", 1),
        ([25.0] * 5, 9.0, 25.0, "median of 5 warm runs", 0),
        ([*[25.0] * 14, 15.0], 1.0, 15.0, "quickest of 15 warm runs", 0),
    ],
)
def test_more_runs_decide_where_the_median_is_too_much(
    monkeypatch: pytest.MonkeyPatch,
    snapshot: Snapshot,
    runs: Sequence[float],
    before: float,
    milliseconds: float,
    how: str,
    found: int,
) -> None:
    left = iter([*runs, *[runs[-1]] * 10])
    monkeypatch.setattr(latency, "_time", lambda *_: next(left))
    taken, findings = judge(snapshot, "SELECT 1", budget=30, index_only=False, settings={}, before=before)
    assert (taken.milliseconds, taken.how, len(findings)) == (milliseconds, how, found)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (1, 20, ""),
        (10, 30, ""),
        (10, 40, "it takes 4.0 times as long as before the migration (40.0 ms, 10.0 ms before)"),
    ],
)
def test_a_regression_is_several_times_as_long_and_noticed(before: float, now: float, words: str) -> None:
    assert regression(before, now) == words


def test_what_is_read_whole_is_told() -> None:
    finding = read_whole("large", "SELECT 1")
    assert finding.statement.startswith("the query reads the whole of large, which has 10,000 rows or more")
    assert (finding.wrong, finding.query) == (1, "SELECT 1")
