"""Compares whole databases: every table, without any migration in mind."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

import sqlalchemy as sa

from postmigration.diff.expected_rows import expectation
from postmigration.diff.fingerprint import WERE, Fingerprint, diff_fingerprint
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import NO_DIFFERENCE, DifferenceKind, RowSet
from postmigration.diff.scope import Relation
from postmigration.diff.side_by_side import end_pool, start_pool
from postmigration.model.errors import NotJudged
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal


@dataclass(frozen=True)
class TableComparison:
    """What one table differs in.

    Args:
        columns: the columns that both sides have, the key's first; the values of a difference are in this order.
        key: the names of those that identify a row.
        plain: those whose values say nothing of a person.
        rows: what its rows differ in; None where that could not be found out.
        candidates: keys of rows among which those that differ are, where it is not known which of them.
        lost: tables and columns that only the state before has, in words.
        added: those that only the state after has.
        notes: what the reader should know and is no difference.
        reason: why it could not be compared.
    """

    table: str
    columns: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    plain: frozenset[str] = frozenset()
    rows: Comparison | None = None
    candidates: tuple[Sequence[str | None], ...] = ()
    lost: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What else differs than rows, in words."""
        return (*self.lost, *self.added)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.reason and not self.problems and self.rows is not None and not self.rows.wrong


def diff_tables(
    before: Snapshot, after: Snapshot, names: Sequence[Relation], *, jobs: int, keep: int
) -> Generator[TableComparison]:
    """Compares tables, the largest first; the results come as they are ready.

    Args:
        names: what to compare; a table that only one side has differs.
        jobs: how many tables at the same time, each with a connection to both sides.
        keep: how many differences of each table to give in full.
    """
    with ExitStack() as cleanup:
        free: SimpleQueue[tuple[Snapshot, Snapshot]] = SimpleQueue()
        free.put((before, after))
        snapshots = [before, after]
        for _ in range(min(jobs, len(names)) - 1):
            pair = (before.join(), after.join())
            snapshots += pair
            for snapshot in pair:
                cleanup.callback(snapshot.close)
            free.put(pair)
        facts = {r.name: [catalog.table(side, r.name, expressions=False) for side in (before, after)] for r in names}
        stopped = threading.Event()

        def one(relation: Relation) -> TableComparison:
            pair = free.get()
            try:
                if stopped.is_set():
                    return TableComparison(relation.name, reason="the run was stopped")
                return diff_table(*pair, *facts[relation.name], keep=keep)
            finally:
                free.put(pair)

        pool = cleanup.enter_context(start_pool(max(1, jobs)))
        try:
            waiting = [pool.submit(one, r) for r in sorted(names, key=lambda relation: -relation.size)]
            for future in waiting:
                yield future.result()
        except BaseException:
            stopped.set()
            end_pool(pool, snapshots)
            raise


def diff_table(
    before: Snapshot, after: Snapshot, was: catalog.Table, now: catalog.Table, *, keep: int
) -> TableComparison:
    """Compares one table in all columns that both sides have.

    Args:
        was, now: what the catalogs of each side say of it.
        keep: how many differences to give in full.
    """
    name = was.name
    try:
        if not (was.exists and now.exists):
            return _one_sided(name, before if was.exists else after, missing=was.exists)
        key = was.key if set(was.key) <= set(now.columns) else ()
        columns = (*key, *(column for column in was.columns if column in now.columns and column not in key))
        values = ", ".join(map(quoted, columns))
        want, have = (
            RowSet(f"SELECT {values} FROM {_qualify(name, side)}", columns, len(key) or len(columns))
            for side in (before, after)
        )
        sides = Sides(before, after, want, have)
        found = sides.compare(keep=keep)
    except sa.exc.DBAPIError as error:
        return TableComparison(name, reason=describe_refusal(error))
    except NotJudged as error:
        return TableComparison(name, reason=str(error))
    return TableComparison(
        name,
        columns=columns,
        key=key or columns,
        plain=frozenset(sides.impersonal),
        rows=found,
        lost=tuple(f"column {column} is missing" for column in was.columns if column not in now.columns),
        added=tuple(f"column {column} is extra" for column in now.columns if column not in was.columns),
        notes=tuple(
            f"column {c} was {was.columns[c].type} and is {now.columns[c].type}: compared as text"
            for c in columns
            if was.columns[c].type != now.columns[c].type
        ),
    )


def _qualify(name: str, side: Snapshot) -> str:
    """The table with its schema: by its name alone, one that is called like a catalog would be taken for that."""
    return f"{quoted(side.database.schema)}.{quoted(name)}"


def _one_sided(name: str, side: Snapshot, *, missing: bool) -> TableComparison:
    rows = side.count(f"SELECT count(*) FROM {_qualify(name, side)}")
    counts: dict[DifferenceKind, int] = {**NO_DIFFERENCE, "missing" if missing else "extra": rows}
    return TableComparison(
        name,
        rows=Comparison(rows if missing else 0, 0 if missing else rows, counts, 0, {}, ()),
        lost=("the table is missing",) if missing else (),
        added=() if missing else ("the table is extra",),
    )


def diff_with_fingerprint(
    after: Snapshot, before: Fingerprint, names: Sequence[Relation], *, keep: int
) -> Generator[TableComparison]:
    """Compares tables with a fingerprint, which knows no rows: differences are told by their number only.

    Args:
        names: what to compare.
        keep: of how many buckets that differ to tell the keys.
    """
    for name in (relation.name for relation in names):
        table, now = before.tables.get(name), catalog.table(after, name, expressions=False)
        try:
            if table is None:
                yield _one_sided(name, after, missing=False)
                continue
            expected = expectation(None, table.facts(), after.database.schema)
            found = diff_fingerprint(after, before, table, WERE, expected, "infinity", keep=keep)
        except sa.exc.DBAPIError as error:
            yield TableComparison(name, reason=describe_refusal(error))
        except NotJudged as error:
            yield TableComparison(name, reason=str(error))
        else:
            counts: dict[DifferenceKind, int] = {
                "missing": found.missing,
                "extra": found.extra,
                "changed": found.changed,
            }
            yield TableComparison(
                name,
                columns=expected.columns,
                key=table.key,
                plain=found.plain,
                rows=Comparison(found.want_rows, found.have_rows, counts, 0, {}, ()),
                candidates=tuple(key for _, *key in found.candidates),
                added=tuple(f"column {column} is extra" for column in now.columns if column not in table.columns),
                notes=("a fingerprint tells how many rows differ at the least",) if found.different else (),
            )
