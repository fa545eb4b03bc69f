"""Whether what a migration declares can be meant: names and SQL that neither side knows are mistakes, not faults.

A target that was not migrated, or lost something, lacks names too: that is judged. So what only the target could have
is a mistake when a name is nearly that of something else, and the rest when the state before does not have it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from postmigration.checks.change_mistakes import find_mistakes
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import (
    Change,
    DerivedValue,
    Grows,
    HistoryTable,
    Ignored,
    MayChange,
    MovedRows,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Shrinks,
    describe_change,
)
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.model.nearest import name_nearest
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_error, is_raised

# How like a name that is there one has to be that is not, to be taken for a mistake.
_ALIKE = 0.8

Tables = Mapping[str, catalog.Table]


@dataclass(frozen=True)
class _Name:
    """A name that is declared: where, of which table, and whether it was there before the migration."""

    field: str
    table: str
    column: str | None
    before: bool


def refuse_mistakes(
    migration: Migration, target: Snapshot, baseline: Snapshot | None, fingerprint: Fingerprint | None
) -> None:
    """Makes sure that what is declared can be meant of these databases.

    Raises:
        CannotJudge: it cannot: one line that names the first mistake, and what may have been meant.
    """
    now = catalog.tables(target, expressions=False)
    before: Tables | None = None
    if fingerprint is not None:
        before = {name: table.facts() for name, table in fingerprint.tables.items()}
    elif baseline is not None:
        before = catalog.tables(baseline, expressions=False)
    mistakes = [*_names(migration, now, before), *_fragments(migration, target, baseline)]
    of_legacy = _list_of_legacy(migration)
    others = [change for change in migration.changes if change not in of_legacy]
    mistakes += _find_strangers(migration, others)
    mistakes += find_mistakes(others, target, baseline, fingerprint)
    if mistakes:
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        raise CannotJudge(f"the migration is declared wrong: {mistakes[0]}{more}")


def _list_declared(migration: Migration) -> Iterator[_Name]:
    for name in migration.tables:
        yield _Name("tables", name, None, name in migration.legacy_tables)
    for r in migration.references:
        yield _Name("references", r.table, r.column, not r.added)
        if not r.parent_schema:
            yield _Name("references", r.parent, r.parent_column, r.parent in migration.legacy_tables)
    for change in _list_of_legacy(migration):
        column = change.column if isinstance(change, DerivedValue | MayChange) else None
        yield _Name(describe_change(change), change.table, column, True)
    for name in migration.before:
        yield _Name("before", name, None, True)


def _find_strangers(migration: Migration, changes: Sequence[Change]) -> Iterator[str]:
    """Changes of rows that the legacy tables cannot have: they hold what they held, but for some values."""
    kinds = RenamedTable | RenamedColumn | MovedRows | RepointedReference | Shrinks | Ignored
    for change in changes:
        if isinstance(change, kinds) and change.table in migration.legacy_tables:
            words = f"legacy_tables keep their rows and columns: leave {change.table} out of them"
            yield f"{describe_change(change)}: {words}"


def _list_of_legacy(migration: Migration) -> list[DerivedValue | MayChange | Grows | HistoryTable]:
    """What is declared of the legacy tables."""
    kinds = DerivedValue | MayChange | Grows | HistoryTable
    return [change for change in migration.changes if isinstance(change, kinds)] if migration.legacy_tables else []


def _names(migration: Migration, now: Tables, before: Tables | None) -> Iterator[str]:
    sides = [now] if before is None else [before, now]
    declared = list(_list_declared(migration))
    known: set[str] = set().union(*sides)
    for name in declared:
        if name.table not in known:
            # A table of the model is looked at once; what is declared beside it may be meant as well.
            used = set(migration.tables) if name.table in migration.tables else set()
            certain = name.before and before is not None
            if (name.field == "tables" or not used) and (words := _mistaken(name.table, known, used, certain=certain)):
                yield f"{name.field}: there is no table {name.table}{words}"
        elif name.column is not None:
            columns: set[str] = set().union(*(side[name.table].columns for side in sides if name.table in side))
            used = {n.column or "" for n in declared if (n.field, n.table) == (name.field, name.table)}
            certain = name.before and before is not None
            if name.column not in columns and (words := _mistaken(name.column, columns, used, certain=certain)):
                yield f"{name.field}: there is no column {name.table}.{name.column}{words}"


def _mistaken(name: str, known: set[str], used: set[str], *, certain: bool) -> str | None:
    """What may have been meant by a name that is not there, in words; None where it may just be missing."""
    if certain:
        return name_nearest(name, known) or " in either database"
    near = difflib.get_close_matches(name, known - used, n=1, cutoff=_ALIKE)
    return f" (did you mean {near[0]}?)" if near else None


def _fragments(migration: Migration, target: Snapshot, baseline: Snapshot | None) -> Iterator[str]:
    """What is wrong with SQL that is declared, each on the side that it is about."""
    legacy, certain = (target, False) if baseline is None else (baseline, True)
    for table, sql in migration.before.items():
        if words := _find_refusal(legacy, sql, certain=certain):
            yield f"before of {table}: {words}"
    for change in _list_of_legacy(migration):
        source = migration.before.get(change.table, f"SELECT * FROM {quoted(change.table)}")
        for field in ("where", "value", "after"):
            sql = getattr(change, field, "")
            if field == "after" or isinstance(change, Grows):
                words = sql and _of_target(target, baseline, f"SELECT ({sql}) FROM {quoted(change.table)} t")
            else:
                words = sql and _find_refusal(legacy, f"SELECT ({sql}) FROM ({source}) r", certain=certain)
            if words:
                yield f"{field} of {describe_change(change)}: {words}"
    for field, sql in (("people", migration.people), ("everybody", migration.everybody)):
        if sql.strip() and (words := _of_target(target, baseline, sql)):
            yield f"{field}: {words}"


def _of_target(target: Snapshot, baseline: Snapshot | None, sql: str) -> str:
    """Why SQL about the target is wrong; empty where it works on either side, or where only the target is at fault."""
    words = _find_refusal(target, sql, certain=False)
    return "" if words and baseline is not None and not _find_refusal(baseline, sql, certain=True) else words


def _find_refusal(side: Snapshot, sql: str, *, certain: bool) -> str:
    """Why the server does not take SQL; empty where it does, or where that may be for what the side lacks.

    Args:
        certain: the side has all that the SQL needs.
    """
    try:
        side.rows(f"EXPLAIN {sql}", side.application, ids=[])
    except sa.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error) or is_raised(error.orig):
            return ""
        state = error.orig.sqlstate or ""
        hint = " ".join((error.orig.diag.message_hint or "").split())
        # PostgreSQL's hint at a column is of one that differs in three letters at the most.
        likely = state == "42601" or (state == "42703" and bool(hint))
        if (state.startswith("42") and state != "42501" and certain) or likely:
            words = describe_error(error.orig)
            return f"{words} ({hint.rstrip('.')})" if hint else words
    return ""
