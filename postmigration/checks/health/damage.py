"""Damaged indexes and tables: by amcheck where it may be used, else by the order of what an index holds."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.checks.health.amcheck import Amcheck, check_indexes, check_tables, find_amcheck, read_tables
from postmigration.checks.health.indexes import Index, Key, read_indexes
from postmigration.checks.health.order_test import Order, check_order
from postmigration.model.evidence import Subject
from postmigration.postgres.connection import Snapshot

# What is larger than one gigabyte is read only when that is wanted.
_DEEP_PAGES = 1 << 17
# An index of any kind is tested where that takes no time.
_SMALL_PAGES = 1_000
_NOT_WELL_FORMED = "amcheck finds it damaged: "


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str], *, deep: bool = False) -> Examination:
    """Examines the B-tree indexes and, with amcheck, the tables.

    Args:
        before: the state before; None where there is none that could be damaged.
        deep: what is larger than 1 GB is read, too.
    """
    found = Examination()
    amcheck = find_amcheck(after)
    indexes = read_indexes(after, schemas, found.unjudged)
    small = {name: i for name, i in indexes.items() if deep or max(i.pages, i.table_pages) <= _DEEP_PAGES}
    large = [index.title.removeprefix("index ") for name, index in indexes.items() if name not in small]
    found.tell("indexes above 1 GB, or of tables above it, which are read with --deep only", large)
    damaged = _find_damaged(after, amcheck, [*small.values()], found, deep=deep)
    older = _find_older(before, damaged, schemas)
    for index, words in damaged.items():
        inherited = index.key in older
        words = f"{index.title}: {words}" + ("; it was so before" if inherited else "")
        subject = Subject("index", *index.key)
        repair = f"REINDEX INDEX CONCURRENTLY {index.sql};"
        found.add(words, blocker=not inherited, repair=repair, code="damaged_index", subject=subject)
    if amcheck.tables:
        _examine_tables(after, before, amcheck, schemas, found, deep=deep)
    if not indexes and not found.facts and not found.unjudged:
        found.inapplicable = "there is no index on either side"
    return found


def _find_damaged(
    snapshot: Snapshot, amcheck: Amcheck, indexes: Sequence[Index], found: Examination, *, deep: bool
) -> dict[Index, str]:
    """What is damaged in indexes, in words."""
    damaged = {}
    if amcheck.indexes:
        found.facts += len(indexes)
        for index, words, refusal in check_indexes(snapshot, amcheck, indexes):
            if words:
                damaged[index] = f"{_NOT_WELL_FORMED}{words}"
            elif refusal is not None:
                found.unjudged.append(f"{index.title}: {refusal.reason}")
        return damaged
    others = []
    tested = []
    for index in indexes:
        if not (deep or index.fickle or index.table_pages <= _SMALL_PAGES):
            others.append(f"{index.title.removeprefix('index ')} (not of text: with --deep)")
        elif index.hindrance:
            found.unjudged.append(f"{index.title}: {index.hindrance}")
        else:
            tested.append(index)
    facts = found.facts
    for index, order in check_order(snapshot, tested):
        if order.shadowed:
            others.append(f"{index.title.removeprefix('index ')} ({order.unread})")
        elif order.unread:
            found.unjudged.append(f"{index.title}: {order.unread}")
        else:
            found.facts += 1
            found.rows += order.entries
            if order.broken:
                damaged[index] = _describe(index, order)
    _tell_of_amcheck(amcheck, len(indexes), found.facts - facts, found)
    found.tell("indexes whose order was not tested", others)
    return damaged


def _describe(index: Index, order: Order) -> str:
    """What is wrong with the order of an index, in words."""
    if order.unreadable:
        return f"it, or its table, cannot be read: {order.unreadable}"
    if not order.misplaced:
        lacking = order.rows - order.entries
        if lacking > 0:
            return f"{count(lacking, 'row')} of {order.rows:,} {agree(lacking, 'is', 'are')} not in it"
        return f"it has {count(-lacking, 'entry', 'entries')} more than its table has rows"
    by = ", ".join(dict.fromkeys(key.opclass + _collate(key) for key in index.keys))
    misplaced = f"{count(order.misplaced, 'entry', 'entries')} of {order.entries:,}"
    verb = agree(order.misplaced, "stands", "stand")
    return f"{misplaced} {verb} in another order than {by} demands: searches miss rows"


def _collate(key: Key) -> str:
    name = key.collation.removeprefix("pg_catalog.")
    return f" with the collation {name}" if name not in ("", '"default"') else ""


def _tell_of_amcheck(amcheck: Amcheck, indexes: int, tested: int, found: Examination) -> None:
    if not indexes:
        return
    words = "amcheck is not installed (CREATE EXTENSION amcheck)"
    if amcheck.state == "closed":
        words = "amcheck may not be executed (GRANT EXECUTE ON FUNCTION … of its schema)"
    examined = f"the order of {tested:,} of {count(indexes, 'index', 'indexes')} was tested, and no table"
    (found.notes if tested else found.unjudged).append(f"{words}: {examined}")


def _find_older(before: Snapshot | None, damaged: dict[Index, str], schemas: Sequence[str]) -> set[tuple[str, str]]:
    """Which of some damaged indexes were damaged before."""
    if before is None or not damaged:
        return set()
    names = {index.key for index in damaged}
    those = [index for name, index in read_indexes(before, schemas, []).items() if name in names]
    return {index.key for index in _find_damaged(before, find_amcheck(before), those, Examination(), deep=True)}


def _examine_tables(
    after: Snapshot,
    before: Snapshot | None,
    amcheck: Amcheck,
    schemas: Sequence[str],
    found: Examination,
    *,
    deep: bool,
) -> None:
    tables = read_tables(after, schemas, found.unjudged)
    large = {table.title for table in tables if table.pages > _DEEP_PAGES and not deep}
    small = [table for table in tables if table.title not in large]
    found.tell("tables above 1 GB, which are read with --deep only", sorted(large))
    found.facts += len(small)
    damaged = {}
    for table, words, refusal in check_tables(after, amcheck, small):
        if words:
            damaged[table] = words
        elif refusal is not None:
            found.unjudged.append(f"{table.title}: {refusal.reason}")
    older = set()
    if before is not None and damaged and (theirs := find_amcheck(before)).tables:
        titles = {table.title for table in damaged}
        those = [table for table in read_tables(before, schemas, []) if table.title in titles]
        older = {table.title for table, words, _ in check_tables(before, theirs, those) if words}
    for table, words in damaged.items():
        inherited = table.title in older
        words = f"{table.title}: {_NOT_WELL_FORMED}{words}" + ("; it was so before" if inherited else "")
        repair = "-- restore it from a copy that is sound; REINDEX does not repair a table"
        found.add(words, blocker=not inherited, repair=repair)
