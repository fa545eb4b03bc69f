"""Compares tables range by range, each in snapshots of its own, and notes in a file what is done.

No snapshot is held for longer than a range takes, and a run that was broken off goes on with what is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from postmigration.diff.live.recheck import MOST, compare_live
from postmigration.diff.resuming.bound import Side, describe_side, tell_sides_apart
from postmigration.diff.resuming.checkpoint import MOST_KEYS, Checkpoint, Range, describe_moments, sum_up
from postmigration.diff.resuming.key_ranges import KeyRange, read_shapes
from postmigration.diff.resuming.table_progress import Table, find_tables
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import Difference
from postmigration.diff.scope import Relation
from postmigration.diff.side_by_side import end_pool, start_pool
from postmigration.diff.table_diff import TableComparison, conclude, diff_table, make_row_sets
from postmigration.model.comparison import Recheck
from postmigration.model.errors import CannotJudge, Hindrance, NotJudged
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.refusals import LOST, describe_refusal

# Keys of each range that are kept, however few are shown.
_KEPT = 5
_ANEW = (
    "read again from its beginning: since the comparison was broken off it or a partition of it was emptied or written "
    "anew, a partition came or went, it lost its index, or nothing logs what it holds"
)
_MANY = "in one snapshot more than {:,}: none of those was read again (--recheck)"


@dataclass(frozen=True)
class _Read:
    """What was found in a range, and how far the databases were."""

    done: Range
    sides: tuple[Side, Side]
    differences: Sequence[Difference]
    plain: frozenset[str]


class _Run:
    """Reads ranges of tables on two databases."""

    def __init__(
        self,
        sides: tuple[Database, Database],
        checkpoint: Checkpoint,
        recheck: Recheck,
        keep: int,
        announce: Callable[[str, int, int], object],
    ) -> None:
        self._sides = sides
        self.checkpoint = checkpoint
        self._recheck = recheck
        self.keep = keep
        self.announce = announce
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: list[Snapshot] = []

    def cancel(self) -> None:
        """Ends what the snapshots that are open now are asked."""
        with self._lock:
            for snapshot in self._open:
                snapshot.cancel()

    @contextmanager
    def snapshots(self) -> Iterator[tuple[tuple[Snapshot, Snapshot], tuple[Side, Side]]]:
        """New snapshots of both sides, the state before first, which are those of the databases that were named."""
        with ExitStack() as cleanup:
            opened, found = [], []
            for side, was in zip(self._sides, (self.checkpoint.bound.before, self.checkpoint.bound.after), strict=True):
                if self.stopped.is_set():
                    raise NotJudged("the run was stopped")
                snapshot = Snapshot(side)
                cleanup.callback(self._close, snapshot)
                with self._lock:
                    self._open.append(snapshot)
                found.append(describe_side(snapshot))
                if words := tell_sides_apart(was, found[-1]):
                    raise CannotJudge(f"the database of {side.option} {words}")
                opened.append(snapshot)
            yield (opened[0], opened[1]), (found[0], found[1])

    def _close(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._open = [each for each in self._open if each is not snapshot]
        snapshot.close()

    def read_next(self, table: Table) -> _Read | None:
        """Compares the next range of a table; None where another thread has taken the last one.

        Raises:
            CannotJudge: a database cannot be reached, or is another one now.
            NotJudged: the range could not be compared.
            sa.exc.DBAPIError: a server refused.
        """
        with self.snapshots() as (pair, sides):
            with table.lock:
                if not table.gaps:
                    return None
                range_ = gap = table.gaps.pop(0)
                if table.column is not None:
                    range_ = table.column.cut(pair[0], table.name, gap)
                    if range_ != gap:
                        table.gaps.insert(0, KeyRange(range_.end, gap.end))
            for snapshot, was in zip(pair, table.shapes, strict=True):
                is_ = read_shapes(snapshot, [table.name])[table.name]
                if (is_.definition, is_.file) != (was.definition, was.file):
                    raise NotJudged(
                        "it or a partition of it was defined, emptied or written anew, came or went, while it was "
                        "compared"
                    )
            found, plain = self._compare(table, range_, pair)
        if found.unread and found.wrong <= MOST:
            raise NotJudged(LOST, Hindrance.CONNECTION)
        keys = [difference.key for difference in found.differences] if table.key_types else []
        return _Read(
            Range(
                first=range_.first,
                end=range_.end,
                rows=(found.want_rows, found.have_rows),
                counts=dict(found.counts),
                in_flight=found.in_flight,
                many=bool(found.unread),
                since=min(snapshot.taken_at for snapshot in pair),
                until=max(snapshot.taken_at for snapshot in pair),
                keys=tuple(tuple(map(str, key)) for key in keys if None not in key)[:MOST_KEYS],
            ),
            sides,
            found.differences,
            plain,
        )

    def _compare(
        self, table: Table, range_: KeyRange, pair: tuple[Snapshot, Snapshot]
    ) -> tuple[Comparison, frozenset[str]]:
        if not (table.was.exists and table.now.exists):
            counted = diff_table(*pair, table.was, table.now, keep=0)
            if counted.rows is None:
                raise NotJudged(counted.reason)
            return counted.rows, frozenset()
        where, bounds = ("", {}) if table.column is None else table.column.limit(range_)
        parameters: dict[str, Any] = {**bounds}
        rows = make_row_sets(*pair, table.was, table.now, where, whole=not table.together)
        sides = Sides(*pair, *rows, **parameters)
        found = compare_live(sides, self._recheck, keep=max(self.keep, _KEPT), stopped=self.stopped)
        return found, frozenset(sides.impersonal)

    def conclude(self, table: Table) -> TableComparison:
        """What a table differs in, of which all ranges were compared."""
        total = sum_up(self.checkpoint.tables[table.name].ranges)
        notes = [describe_moments([total]), *([_ANEW] if table.anew else [])]
        if table.found_before:
            notes.append(self._read_again(table))
        found = Comparison(
            *total.rows,
            counts=total.counts,
            grown=0,
            marked={},
            differences=tuple(table.differences[: self.keep]),
            in_flight=total.in_flight,
            unread=_MANY.format(MOST) if total.many else "",
        )
        result = conclude(table.was, table.now, found, table.plain)
        return replace(result, notes=(*result.notes, *notes))

    def _read_again(self, table: Table) -> str:
        """Reads some rows again that differed before the run was broken off, and says what the reader sees of them."""
        told = f"{table.found_before:,} {'row' if table.found_before == 1 else 'rows'} of those that differ"
        told += f" {'was' if table.found_before == 1 else 'were'} found before the comparison was broken off"
        wanted = table.inherited[: max(0, self.keep - len(table.differences))]
        if not wanted:
            return told if table.inherited else f"{told}; of its key nothing is kept: --table={table.name} shows them"
        columns = [f"CAST(:postmigration_key_{i} AS {type_}[])" for i, type_ in enumerate(table.key_types)]
        key = ", ".join(f"t.{quoted(column)}" for column in table.was.key)
        where = f"({key}) IN (SELECT * FROM unnest({', '.join(columns)}))"
        values = zip(*wanted, strict=True)
        parameters: dict[str, Any] = {f"postmigration_key_{i}": list(each) for i, each in enumerate(values)}
        try:
            with self.snapshots() as (pair, _):
                sides = Sides(*pair, *make_row_sets(*pair, table.was, table.now, where), **parameters)
                found = sides.compare(keep=len(wanted))
        except (NotJudged, CannotJudge) as error:
            return f"{told}, and cannot be shown: {error}"
        except sa.exc.DBAPIError as error:
            return f"{told}, and cannot be shown: {describe_refusal(error)}"
        table.differences += found.differences
        table.plain = frozenset(sides.impersonal)
        same = len(wanted) - found.wrong
        are = f", and {same:,} of them {'is' if same == 1 else 'are'} the same now" if same > 0 else ""
        return f"{told}: what is shown of them is as it is now{are}"


def diff_resumably(
    before: Snapshot,
    after: Snapshot,
    names: Sequence[Relation],
    *,
    keep: int,
    recheck: Recheck,
    checkpoint: Checkpoint,
    announce: Callable[[str, int, int], object],
) -> Generator[TableComparison]:
    """Compares tables range by range; the results come as they are ready, those that the file has first.

    Args:
        before, after: snapshots that say what there is; they are closed, and each range has some of its own.
        names: what to compare.
        keep: how many differences of each table to give in full.
        recheck: how rows that differ are read again.
        checkpoint: what is done.
        announce: is told with each range: the table, how many rows of the state before are read, of about how many.

    Raises:
        CannotJudge: a database cannot be reached any more, or is another one now; or the file cannot be used.
    """
    tables = find_tables(before, after, sorted(names, key=lambda relation: -relation.size), checkpoint)
    run = _Run((before.database, after.database), checkpoint, recheck, keep, announce)
    jobs = before.database.limits.jobs
    for snapshot in (before, after):
        snapshot.close()
    checkpoint.save()
    try:
        for table in [table for table in tables if not table.gaps]:
            yield run.conclude(table)
        for table in [table for table in tables if table.gaps and table.together]:
            yield from _read_all(run, [table], 1)
        yield from _read_all(run, [table for table in tables if table.gaps], jobs)
    except CannotJudge as error:
        raise CannotJudge(f"{error}; {checkpoint.path} holds what was compared: the same command goes on") from None
    finally:
        checkpoint.close()


def _read_all(run: _Run, tables: Sequence[Table], jobs: int) -> Generator[TableComparison]:
    """Reads what is left of some tables, so many ranges at a time."""
    left = list(tables)
    with start_pool(jobs) as pool:
        try:
            waiting: dict[Future[_Read | None], Table] = {}
            while True:
                while len(waiting) < jobs and (table := next((each for each in left if each.gaps), None)) is not None:
                    waiting[pool.submit(run.read_next, table)] = table
                    table.running += 1
                    if table.column is None:
                        # Nothing is left of it to begin, whenever its thread takes it.
                        left.remove(table)
                if not waiting:
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    table = waiting.pop(future)
                    table.running -= 1
                    _take(run, table, future)
                    if not table.gaps and not table.running:
                        left = [each for each in left if each is not table]
                        yield _give_up(run, table) if table.reason else run.conclude(table)
        except BaseException:
            run.stopped.set()
            end_pool(pool, [run])
            raise


def _take(run: _Run, table: Table, future: Future[_Read | None]) -> None:
    try:
        read = future.result()
    except NotJudged as error:
        table.reason = table.reason or str(error)
    except sa.exc.DBAPIError as error:
        table.reason = table.reason or describe_refusal(error)
    else:
        if read is not None:
            run.checkpoint.add(table.name, read.done, *read.sides)
            table.differences = [*table.differences, *read.differences][: max(run.keep, MOST_KEYS)]
            table.plain |= read.plain
            rows = sum_up(run.checkpoint.tables[table.name].ranges).rows[0]
            run.announce(table.name, rows, table.shapes[0].rows)
        return
    with table.lock:
        table.gaps.clear()


def _give_up(run: _Run, table: Table) -> TableComparison:
    """Says why a table could not be compared to its end, and what was found until then."""
    wrong = sum(sum(each.counts.values()) for each in run.checkpoint.tables[table.name].ranges)
    found = (
        f"; until then {wrong:,} {'row that differs was' if wrong == 1 else 'rows that differ were'} found"
        if wrong
        else ""
    )
    return TableComparison(table.name, reason=f"{table.reason}{found}")
