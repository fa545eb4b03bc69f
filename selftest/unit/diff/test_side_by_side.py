import threading
from concurrent.futures import Future
from typing import Any

import pytest

from postmigration.diff.side_by_side import SideBySide, end_pool, start_pool
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot()


def test_two_sides_are_asked_at_the_same_time(snapshot: Snapshot) -> None:
    # Each waits for the other one: alone, neither would end.
    both = threading.Barrier(2)

    def meet(name: str) -> tuple[str, bool]:
        both.wait(60)
        return name, threading.current_thread() is threading.main_thread()

    with SideBySide(snapshot, snapshot) as threads:
        assert threads.each(meet, ("before", "after")) == [("before", False), ("after", False)]
        assert threads.submit(len, "four").result() == 4


def name_pool(threads: SideBySide) -> str:
    return threads.submit(lambda: threading.current_thread().name.rpartition("_")[0]).result()


def test_idle_threads_are_used_again(snapshot: Snapshot) -> None:
    with SideBySide(snapshot, snapshot) as threads:
        first = name_pool(threads)
    with SideBySide(snapshot, snapshot) as threads:
        assert name_pool(threads) == first


def test_rows_are_read_ahead_in_their_order(snapshot: Snapshot) -> None:
    with SideBySide(snapshot) as threads:
        rows = threads.ahead(snapshot.stream("SELECT i FROM generate_series(1, 5) AS g(i)"))
        assert [row.i for row in rows] == [1, 2, 3, 4, 5]
    assert snapshot.scalar("SELECT 1") == 1


def test_what_ends_the_work_ends_the_queries_of_both(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot(limits=Limits(statement_timeout=30_000))
    asked: list[Future[Any]] = []

    def work() -> None:
        with SideBySide(snapshot) as threads:
            asked.append(threads.submit(snapshot.scalar, "SELECT count(*) FROM generate_series(1, 1000000000000000)"))
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        work()
    # One that had not begun yet does not begin.
    assert asked[0].cancelled() or "due to user request" in str(asked[0].exception())
    assert snapshot.scalar("SELECT 1") == 1


def test_all_threads_of_a_pool_are_there_when_it_has_started(snapshot: Snapshot) -> None:
    pool = start_pool(3)
    both = threading.Barrier(3)
    waiting = [pool.submit(both.wait, 60) for _ in range(3)]
    assert sorted(future.result() for future in waiting) == [0, 1, 2]
    end_pool(pool, [snapshot])
    with pytest.raises(RuntimeError, match="cannot schedule new futures"):
        pool.submit(len, "")
