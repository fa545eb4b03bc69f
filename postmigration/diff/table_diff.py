"""Compares whole databases: every table, without any migration in mind."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

import sqlalchemy as sa

from postmigration.diff.expected_rows import expectation
from postmigration.diff.fingerprint import WERE, Fingerprint, diff_fingerprint
from postmigration.diff.live.recheck import compare_live, describe_flight
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.row_sets import NO_DIFFERENCE, DifferenceKind, RowSet
from postmigration.diff.scan.readers import is_large, readers
from postmigration.diff.scope import Relation
from postmigration.diff.side_by_side import end_pool, start_pool
from postmigration.model.comparison import Part, Recheck, within
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
    before: Snapshot, after: Snapshot, names: Sequence[Relation], *, keep: int, recheck: Recheck | None = None
) -> Generator[TableComparison]:
    """Compares tables; the results come as they are ready.

    The large ones come first, and all connections that the user allows read each of them together; then each pair of
    connections reads other tables.

    Args:
        names: what to compare; a table that only one side has differs.
        keep: how many differences of each table to give in full.
        recheck: how rows that differ are read again; None for not at all.
    """
    pairs = list(zip(readers(before), readers(after), strict=False))
    snapshots = [snapshot for pair in pairs for snapshot in pair]
    facts = {r.name: [catalog.table(side, r.name, expressions=False) for side in (before, after)] for r in names}
    ordered = sorted(names, key=lambda relation: -relation.size)
    large = []
    if len(pairs) > 1:
        large = [r for r in ordered if any(is_large(side, list_pages(r.name, side)) for side in (before, after))]
    for relation in large:
        yield diff_table(before, after, *facts[relation.name], keep=keep, recheck=recheck)
    free: SimpleQueue[tuple[Snapshot, Snapshot]] = SimpleQueue()
    for pair in pairs:
        free.put(pair)
    stopped = threading.Event()

    def one(relation: Relation) -> TableComparison:
        pair = free.get()
        try:
            if stopped.is_set():
                return TableComparison(relation.name, reason="the run was stopped")
            of = facts[relation.name]
            return diff_table(*pair, *of, keep=keep, recheck=recheck, whole=len(pairs) > 1, stopped=stopped)
        finally:
            free.put(pair)

    with start_pool(len(pairs)) as pool:
        try:
            waiting = [pool.submit(one, relation) for relation in ordered if relation not in large]
            for future in waiting:
                yield future.result()
        except BaseException:
            stopped.set()
            end_pool(pool, snapshots)
            raise


def list_pages(name: str, side: Snapshot, values: str = "*") -> Part:
    """The query for some pages of a table."""
    table = qualify(name, side)
    return Part((table,), f"SELECT {values} FROM {table} t WHERE {within('t')}")


def diff_table(
    before: Snapshot,
    after: Snapshot,
    was: catalog.Table,
    now: catalog.Table,
    *,
    keep: int,
    recheck: Recheck | None = None,
    whole: bool = False,
    stopped: threading.Event | None = None,
) -> TableComparison:
    """Compares one table in all columns that both sides have.

    Args:
        was, now: what the catalogs of each side say of it.
        keep: how many differences to give in full.
        recheck: how rows that differ are read again; None for not at all.
        whole: one connection reads all of it, since others are busy.
        stopped: is set by whoever ends the run from another thread.
    """
    name = was.name
    try:
        if not (was.exists and now.exists):
            return _one_sided(name, _count(name, before if was.exists else after), missing=was.exists)
        sides = Sides(before, after, *make_row_sets(before, after, was, now, whole=whole))
        found = compare_live(sides, recheck, keep=keep, stopped=stopped)
    except sa.exc.DBAPIError as error:
        return TableComparison(name, reason=describe_refusal(error))
    except NotJudged as error:
        return TableComparison(name, reason=str(error))
    return conclude(was, now, found, frozenset(sides.impersonal))


def make_row_sets(
    before: Snapshot, after: Snapshot, was: catalog.Table, now: catalog.Table, where: str = "", *, whole: bool = False
) -> tuple[RowSet, RowSet]:
    """The rows of a table on both sides, in all columns that both have.

    Args:
        was, now: what the catalogs of each side say of it.
        where: a condition on a row `t` of it; all rows where it is empty.
        whole: one connection reads all of it.
    """
    columns, key = _list_columns(was, now)
    values = ", ".join(map(quoted, columns))

    def of(side: Snapshot) -> RowSet:
        return RowSet(
            f"SELECT {values} FROM {qualify(was.name, side)} t{f' WHERE {where}' * bool(where)}",
            columns,
            len(key) or len(columns),
            part=None if whole or where else list_pages(was.name, side, values),
            keyed=bool(key),
        )

    return of(before), of(after)


def _list_columns(was: catalog.Table, now: catalog.Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that both sides have, the key's first, and those of the key."""
    key = was.key if set(was.key) <= set(now.columns) else ()
    return (*key, *(column for column in was.columns if column in now.columns and column not in key)), key


def conclude(was: catalog.Table, now: catalog.Table, found: Comparison, plain: frozenset[str]) -> TableComparison:
    """What a table differs in, of which the rows were compared.

    Args:
        was, now: what the catalogs of each side say of it.
        found: what its rows differ in.
        plain: the columns whose values say nothing of a person.
    """
    if not (was.exists and now.exists):
        return _one_sided(was.name, found.wrong, missing=was.exists)
    columns, key = _list_columns(was, now)
    return TableComparison(
        was.name,
        columns=columns,
        key=key or columns,
        plain=plain,
        rows=found,
        lost=tuple(f"column {column} is missing" for column in was.columns if column not in now.columns),
        added=tuple(f"column {column} is extra" for column in now.columns if column not in was.columns),
        notes=(
            *(
                f"column {c} was {was.columns[c].type} and is {now.columns[c].type}: compared as text"
                for c in columns
                if was.columns[c].type != now.columns[c].type
            ),
            *([words] if (words := describe_flight(found)) else []),
        ),
    )


def qualify(name: str, side: Snapshot) -> str:
    """The table with its schema: by its name alone, one that is called like a catalog would be taken for that."""
    return f"{quoted(side.database.schema)}.{quoted(name)}"


def _count(name: str, side: Snapshot) -> int:
    return side.count(f"SELECT count(*) FROM {qualify(name, side)}")


def _one_sided(name: str, rows: int, *, missing: bool) -> TableComparison:
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
                yield _one_sided(name, _count(name, after), missing=False)
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
