"""A rollback after the migrated application was used: what must be gone, what must be whole, what would be lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack

from postmigration.diff.database_diff import Source
from postmigration.diff.expected_rows import describe_growth
from postmigration.diff.hashing import as_text
from postmigration.diff.row_sets import Difference, DifferenceKind, Row
from postmigration.diff.table_diff import TableComparison, diff_table
from postmigration.model.evidence import show_value
from postmigration.model.migration import Migration
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.rehearsal.steps import Check

# Of each table this many rows that were written since are followed.
_FOLLOWED = 1_000
# Keys that are told of each kind of fault.
_SHOWN = 3

_WORDS: dict[DifferenceKind, str] = {
    "missing": "lost",
    "changed": "not as before",
    "extra": "of the migration left",
}


def checks(
    migration: Migration, schema: str, before: Source, migrated: Source, used: Source, back: Source
) -> list[Check]:
    """Judges a rollback of rows.

    Args:
        before: the state before the migration.
        migrated: the state after it.
        used: that, and what people have written since.
        back: that, after the rollback.
    """
    with ExitStack() as cleanup:
        was, then, since, now = (side.snapshot(cleanup, schema) for side in (before, migrated, used, back))
        written = {name: _count_written(then, since, name) for name in catalog.tables(since)}
        survivors = {name: _there(now, result) for name, result in written.items()}
        return [
            _whole(was, now, survivors),
            _check_gone(was, now),
            _find_lost(since, migration, migration.legacy_tables or catalog.tables(was), written, survivors),
        ]


def _compare(one: Snapshot, other: Snapshot, name: str, keep: int) -> TableComparison:
    return diff_table(one, other, catalog.table(one, name), catalog.table(other, name), keep=keep)


def _count_written(then: Snapshot, since: Snapshot, name: str) -> TableComparison:
    """What was written to a table since the migration."""
    return _compare(then, since, name, _FOLLOWED)


def _there(now: Snapshot, written: TableComparison) -> list[Difference]:
    """The rows that were written since and are still there."""
    rows = _extra(written)
    if not set(written.key) <= set(catalog.table(now, written.table).columns):
        return []
    held = _find_held(now, written, rows)
    return [row for row in rows if row.key in held]


def _find_held(
    snapshot: Snapshot, result: TableComparison, rows: Sequence[Difference], which: str = "true"
) -> set[Row]:
    """The keys of those of some rows that a table holds, found in one scan.

    Args:
        which: condition on a row `t` of the table.
    """
    if not rows:
        return set()
    names = ", ".join(f"key_{i}" for i in range(len(result.key)))
    arrays = ", ".join(f"CAST(:key_{i} AS text[])" for i in range(len(result.key)))
    found = snapshot.rows(
        f"""
        SELECT k.place FROM unnest({arrays}) WITH ORDINALITY AS k ({names}, place)
        WHERE CAST(ROW({names}) AS text) IN (
            SELECT CAST(ROW({", ".join(map(as_text, result.key))}) AS text)
            FROM (SELECT t.* FROM {quoted(result.table)} t WHERE {which}) q)
        """,
        snapshot.application,
        **{f"key_{i}": [row.key[i] for row in rows] for i in range(len(result.key))},
    )
    return {rows[row.place - 1].key for row in found}


def _extra(result: TableComparison) -> list[Difference]:
    return [] if result.rows is None else [row for row in result.rows.differences if row.kind == "extra"]


def _whole(was: Snapshot, now: Snapshot, survivors: dict[str, list[Difference]]) -> Check:
    """Whether every row of before is there, as it was, and nothing that the migration has made."""
    details, rows = [], 0
    for name in catalog.tables(was):
        written = {row.key for row in survivors.get(name, ())}
        result = _compare(was, now, name, _SHOWN + len(written))
        if result.reason or result.rows is None:
            return Check(f"{name} could not be compared: {result.reason}", "not judged")
        rows += result.rows.want_rows
        plain = set(result.key) <= result.plain
        for kind, words in _WORDS.items():
            number = result.rows.counts[kind] - (len(written) if kind == "extra" else 0)
            keys = [row.key for row in result.rows.differences if row.kind == kind and row.key not in written]
            some = ", ".join(show_value(value, plain=plain) for key in keys[:_SHOWN] for value in key)
            if number:
                details.append(f"{name}: {number:,} {words}{f': {some}' if some else ''}")
        details += [f"{name}: {problem}" for problem in result.lost]
    if details:
        return Check("the former model is not whole", "failed", tuple(details))
    return Check(f"the former model is whole: {rows:,} rows are as they were", "passed")


def _check_gone(was: Snapshot, now: Snapshot) -> Check:
    """Whether nothing of the new model's data is left."""
    details = []
    for name, table in catalog.tables(now).items():
        former = catalog.table(was, name)
        if not former.exists:
            if rows := now.count(f"SELECT count(*) FROM {quoted(name)}", now.application):
                details.append(f"{name}: {rows:,} rows left")
            continue
        for column in table.columns.values():
            if column.name in former.columns:
                continue
            without = "IS NOT NULL" if column.default is None else f"IS DISTINCT FROM ({column.default})"
            condition = f"{quoted(column.name)} {without}"
            rows = now.count(f"SELECT count(*) FROM {quoted(name)} WHERE {condition}", now.application)
            if rows:
                details.append(f"{name}.{column.name}: {rows:,} values left")
    if details:
        return Check("data of the new model is left", "failed", tuple(details))
    return Check("no data of the new model is left", "passed")


def _find_lost(
    since: Snapshot,
    migration: Migration,
    former: Collection[str],
    written: dict[str, TableComparison],
    survivors: dict[str, list[Difference]],
) -> Check:
    """What was written since and is lost: what the former model has no place for may be, and is told.

    Args:
        former: the tables of the former model.
    """
    told: list[str] = []
    wrong: list[str] = []
    total = lost = 0
    for name, result in written.items():
        rows = _extra(result)
        total += len(rows)
        kept = {row.key for row in survivors[name]}
        gone = [row for row in rows if row.key not in kept]
        lost += len(gone)
        if not gone:
            continue
        plain = set(result.key) <= result.plain
        keys = ", ".join(show_value(value, plain=plain) for row in gone[:5] for value in row.key)
        words = f"{name}: {len(gone):,} of {len(rows):,} rows: {keys}"
        allowed = name not in former or _of_the_new_model(since, migration, result, gone)
        (told if allowed else wrong).append(words)
    if wrong:
        return Check("rows that were written since are lost", "failed", (*wrong, *told), rows_lost=lost)
    if not total:
        return Check("nothing was written since, so nothing is known of what would be lost", "warned")
    return Check(
        f"of {total:,} rows that were written since, what the former model has no place for would be lost"
        if told
        else f"all {total:,} rows that were written since are kept",
        "passed",
        tuple(told),
        rows_lost=lost,
    )


def _of_the_new_model(
    since: Snapshot, migration: Migration, result: TableComparison, gone: Sequence[Difference]
) -> bool:
    """Whether rows of a former table are such as only the migration adds."""
    grown = _find_held(since, result, gone, describe_growth(migration, result.table))
    return all(row.key in grown for row in gone)
