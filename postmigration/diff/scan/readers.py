"""Several connections that see the same instant, and read a large table together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import sqlalchemy as sa

from postmigration.diff.row_sets import RowSet
from postmigration.diff.scan.pages import Pages, count_pages, divide
from postmigration.diff.side_by_side import end_pool, start_pool
from postmigration.model.comparison import Part
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server
from postmigration.postgres.refusals import describe_refusal

_T = TypeVar("_T")

# The seconds for which a pooler may have none left for one of ours: the application waits meanwhile, too.
LONGEST_WAIT = 5.0


def readers(snapshot: Snapshot) -> list[Snapshot]:
    """The snapshot, and as many other connections that see the same as the user allows it beside; they close with it.

    Where there are fewer than that, `Snapshot.alone` says why.
    """
    if snapshot.companions is None and snapshot.database.limits.jobs > 1:
        snapshot.companions = []
        _open_companions(snapshot, snapshot.companions)
    return [snapshot, *(snapshot.companions or ())]


def _open_companions(snapshot: Snapshot, companions: list[Snapshot]) -> None:
    wanted, option = snapshot.database.limits.jobs, snapshot.database.option
    exported, this = snapshot.export(), server(snapshot, baseline=True).identity
    snapshot.database.longest_wait = LONGEST_WAIT
    try:
        while len(companions) + 1 < wanted:
            companion = Snapshot(snapshot.database, exported)
            companion.companions = []
            companions.append(companion)
            if server(companion, baseline=True).identity != this:
                # Another server may have a snapshot of this name, of another instant.
                raise CannotJudge("another connection reaches another server")
    except (CannotJudge, NotJudged) as error:
        reason = str(error)
    except sa.exc.DBAPIError as error:
        reason = describe_refusal(error)
    else:
        return
    finally:
        snapshot.database.longest_wait = math.inf
    while companions:
        companions.pop().close()
    snapshot.alone = (
        f"--jobs={wanted}: the snapshot of {option} cannot be shared with other connections ({reason}; a pooler may "
        "be why: name the server itself): every table of it is read by one connection"
    )


def is_large(snapshot: Snapshot, part: Part | None) -> bool:
    """Tells whether several connections read a table together."""
    return bool(_divide(snapshot, part)[1])


def _divide(snapshot: Snapshot, part: Part | None, *, once: bool = False) -> tuple[list[Snapshot], list[Pages]]:
    """Who reads a large table together, and its ranges; nobody another one.

    Args:
        once: each connection reads one range and no more.
    """
    if part is not None and snapshot.database.limits.jobs > 1 and snapshot.companions != []:
        pages = count_pages(snapshot, part)
        if pages and len(connections := readers(snapshot)) > 1:
            return connections, divide(pages, len(connections), once=once)
    return [], []


@dataclass(frozen=True)
class Reading:
    """What one connection reads: a row set, and the parameters of its query."""

    snapshot: Snapshot
    rows: RowSet
    parameters: Mapping[str, str]


def read_at_once(snapshot: Snapshot, rows: RowSet) -> list[Reading]:
    """What each connection reads of a large table, one range of pages; the whole of another one."""
    part, (connections, ranges) = rows.part, _divide(snapshot, rows.part, once=True)
    if part is None or not ranges:
        return [Reading(snapshot, rows, {})]
    of_range = replace(rows, sql=part.sql)
    pairs = zip(connections, ranges, strict=False)
    return [Reading(reader, of_range, pages.parameters) for reader, pages in pairs]


def read_in_parts(
    snapshot: Snapshot,
    part: Part | None,
    whole: str,
    read: Callable[[Snapshot, str, Mapping[str, Any]], _T],
) -> Iterator[_T]:
    """What is read of each range of pages of a large table, as it comes; of another one, what is read of the whole.

    Args:
        part: the query for a range; None where there is none.
        whole: the query for all.
        read: asks a snapshot a query with parameters.
    """
    connections, ranges = _divide(snapshot, part)
    if part is None or not ranges:
        yield read(snapshot, whole, {})
        return
    sql, left = part.sql, iter(ranges)
    pool = start_pool(len(connections))
    try:
        waiting = {
            pool.submit(read, reader, sql, pages.parameters): reader
            for reader, pages in zip(connections, left, strict=False)
        }
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                reader, result = waiting.pop(future), future.result()
                if (pages := next(left, None)) is not None:
                    waiting[pool.submit(read, reader, sql, pages.parameters)] = reader
                yield result
    except BaseException:
        end_pool(pool, connections)
        raise
    pool.shutdown()
