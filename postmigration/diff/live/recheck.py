"""Rows that differ because they were in flight: they are read again on both sides, until they are the same."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

import sqlalchemy as sa

from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import DifferenceKind, narrow_sql
from postmigration.model.comparison import Recheck
from postmigration.model.errors import CannotJudge, Hindrance, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal, hindrance

# Of more rows it is not believed that they are in flight; their keys would have to be kept and looked up.
MOST = 10_000


def compare_live(
    sides: Sides,
    recheck: Recheck | None,
    *,
    keep: int,
    ignore: Collection[DifferenceKind] = (),
    stopped: threading.Event | None = None,
) -> Comparison:
    """What distinguishes two row sets of databases that live.

    What differs is read again in new snapshots, the side before first, and only what differs each time is a fault.
    Where a connection is lost meanwhile, new ones are opened the next time; after the last, what differed is at fault.

    Args:
        recheck: how often to read again; None for not at all.
        keep: how many differences to give in full.
        ignore: kinds of difference that are no fault.
        stopped: is set by whoever ends the run from another thread.

    Raises:
        sa.exc.DBAPIError: a server refused.
        NotJudged: the run was stopped, or a connection was lost before the first comparison had ended.
    """
    if recheck is None:
        return sides.compare(keep=keep, ignore=ignore)
    found = sides.compare(keep=keep, ignore=ignore, again=MOST + 1)
    if len(found.again) > MOST:
        return replace(found, again={}, unread=f"more than {MOST:,}: none was read again (--recheck)")
    left, lost, deadline = found, "", sides.snapshots[1].database.limits.deadline
    by_index = _find_by_index(sides, found, ignore)
    for _ in range(recheck.times):
        if not left.wrong:
            break
        seconds = recheck.pause if deadline is None else min(recheck.pause, deadline.left)
        pause(seconds, stopped or threading.Event())
        try:
            left, lost = _read_again(sides, left, keep, ignore, by_index=by_index), ""
        except NotJudged as error:
            if error.by is not Hindrance.CONNECTION:
                raise
            lost = f"not read again (--recheck), and perhaps in flight: {error}"
    return replace(
        found,
        counts=left.counts,
        differences=left.differences,
        columns=left.columns,
        counted=left.counted,
        again={},
        in_flight=max(0, found.wrong - left.wrong),
        unread=lost,
    )


def describe_flight(found: Comparison) -> str:
    """What became of rows that were read again, in words; empty where none was."""
    words = []
    if found.in_flight:
        were = "row was" if found.in_flight == 1 else "rows were"
        words.append(f"{found.in_flight:,} {were} in flight: the same on both sides when read again")
    if found.unread:
        differ = "row differs" if found.wrong == 1 else "rows differ"
        words.append(f"{found.wrong:,} {differ}, {found.unread}")
    return "; ".join(words)


def pause(seconds: float, stopped: threading.Event) -> None:
    """Waits for what is on its way.

    Raises:
        NotJudged: the run was stopped meanwhile.
    """
    if stopped.wait(seconds):
        raise NotJudged("the run was stopped")


def _find_by_index(sides: Sides, found: Comparison, ignore: Collection[DifferenceKind]) -> bool:
    """Tells whether the rows at fault are found by their keys themselves: in the same snapshots they differ alike.

    A damaged index leaves out rows that a scan has found: they would be taken for rows that are gone meanwhile.
    """
    if not found.again or None in found.again.values():
        return False
    try:
        by_key = _narrow(sides, sides.snapshots, found.again, texts=True).compare(keep=0, ignore=ignore)
    except NotJudged as error:
        if error.by is not Hindrance.CONNECTION:
            raise
        # They are read again through other connections, and a scan needs no index.
        return False
    return by_key.counts == found.counts


def _read_again(
    sides: Sides, left: Comparison, keep: int, ignore: Collection[DifferenceKind], *, by_index: bool
) -> Comparison:
    with ExitStack() as cleanup:
        snapshots = []
        for side in sides.snapshots:
            try:
                snapshots.append(Snapshot(side.database))
            except CannotJudge as error:
                # This table only: what the run has open goes on.
                raise NotJudged(str(error), Hindrance.CONNECTION) from None
            except sa.exc.DBAPIError as error:
                raise NotJudged(describe_refusal(error), hindrance(error)) from None
            cleanup.callback(snapshots[-1].close)
        want, have = sides.row_sets
        if not want.keyed:
            # Without a key a row that is written is another one: only all rows tell whether one is lacking.
            whole = Sides(snapshots[0], snapshots[1], want, have, **sides.parameters)
            return whole.compare(keep=keep, ignore=ignore, again=MOST)
        texts = by_index and None not in left.again.values()
        return _narrow(sides, snapshots, left.again, texts=texts).compare(keep=keep, ignore=ignore, again=MOST)


def _narrow(sides: Sides, snapshots: Sequence[Snapshot], keys: Mapping[int, str | None], *, texts: bool) -> Sides:
    """The same of other snapshots, and of the rows of some keys only (see `Comparison.again`).

    Args:
        texts: the rows are found by the keys themselves.
    """
    named = {"postmigration_again_texts": list(keys.values())} if texts else {}
    want, have = (replace(rows, sql=narrow_sql(rows, sides.hashing, texts=texts), part=None) for rows in sides.row_sets)
    return Sides(snapshots[0], snapshots[1], want, have, postmigration_again=list(keys), **named, **sides.parameters)
