"""Two snapshots or more asked at the same time, each by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from postmigration.postgres.connection import Snapshot

_T = TypeVar("_T")

# Threads that wait for the next two sides.
_IDLE: list[ThreadPoolExecutor] = []
_USUAL = 2


class Asking(Protocol):
    """Whatever asks a server something: one snapshot, or several."""

    def cancel(self) -> None:
        """Ends the statements that other threads are waiting for."""


class SideBySide:
    """A thread for each of some snapshots. Whatever ends its work early ends their queries too."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._snapshots = snapshots

    def __enter__(self) -> SideBySide:
        """Starts the threads, or takes those that have nothing to do: a run compares many small tables."""
        self._streams, self._streaming = ExitStack(), False
        try:
            self._pool = _IDLE.pop() if len(self._snapshots) == _USUAL else start_pool(len(self._snapshots))
        except IndexError:
            self._pool = start_pool(len(self._snapshots))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the threads, and then what they were reading; those that were asked for no stream are kept."""
        if kind is not None:
            end_pool(self._pool, self._snapshots)
        elif not self._streaming and len(self._snapshots) == _USUAL:
            _IDLE.append(self._pool)
            return
        self._pool.shutdown()
        self._streams.close()

    def submit(self, function: Callable[..., _T], *arguments: Any) -> Future[_T]:
        """Has a thread do something."""
        return self._pool.submit(function, *arguments)

    def each(self, function: Callable[..., _T], *arguments: Iterable[Any]) -> list[_T]:
        """What a function gives for the first of each argument, for the second of each, and so on, all at once."""
        waiting = [self.submit(function, *some) for some in zip(*arguments, strict=True)]
        return [future.result() for future in waiting]

    def ahead(self, rows: Generator[sa.Row[Any]]) -> Iterator[sa.Row[Any]]:
        """The same rows, of which the next one is always on its way."""
        self._streaming = True
        self._streams.callback(rows.close)
        first = self.submit(next, rows, None)

        def following(future: Future[sa.Row[Any] | None]) -> Iterator[sa.Row[Any]]:
            while (row := future.result()) is not None:
                future = self.submit(next, rows, None)
                yield row

        return following(first)


def start_pool(size: int) -> ThreadPoolExecutor:
    """Starts a pool with all its threads, before any of them asks something.

    A pool that is interrupted while it starts a thread does not know it, and would not wait for it.
    """
    pool = ThreadPoolExecutor(size)
    started = threading.Barrier(size)
    try:
        for future in [pool.submit(started.wait) for _ in range(size)]:
            future.result()
    except BaseException:
        started.abort()
        pool.shutdown()
        raise
    return pool


def end_pool(pool: ThreadPoolExecutor, snapshots: Collection[Asking]) -> None:
    """Ends what the threads of a pool are still asking of snapshots, and waits until they have noticed."""
    over = threading.Event()

    def cancel() -> None:
        # One that is between two statements begins the next one after the first request has gone by.
        while not over.wait(0.1):
            for snapshot in snapshots:
                snapshot.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        # Not by the futures that were kept: whatever ends the work may come before they are.
        pool.shutdown(cancel_futures=True)
    finally:
        over.set()
        canceller.join()
