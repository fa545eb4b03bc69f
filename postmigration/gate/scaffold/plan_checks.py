"""Chooses the three numbered checks that a new project starts from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.checks.contents.tables import Name, Relation
from postmigration.diff.value_texts import family
from postmigration.model.changes import (
    Change,
    DerivedValue,
    Grows,
    MovedRows,
    NewColumn,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)
from postmigration.model.sqltext import find_row_column, quoted
from postmigration.trace.findings import Trace
from postmigration.trace.reading import Side

# What people know a row by, as a word in the name of a column.
_KNOWN_BY = re.compile(r"(^|_)(e?mail|login|slug|code|number|no|sku|isbn|iban|phone|username|name|title|token)(_|$)")
_MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class PlanCheck:
    """A check that is written for a person to go on from.

    Args:
        function: its name.
        sql: the query for wrong rows, or the one on the state before where `have` is not empty.
        columns: what both queries give, the first `key` of them to tell rows apart.
        examined: what counts the rows that were looked at.
        have: the query on the database.
    """

    group: str
    title: str
    function: str
    sentence: str
    impact: str
    causes: str
    fix: str
    statement: str
    sql: str
    examined: str = ""
    have: str = ""
    columns: tuple[str, ...] = ("what", "rows")
    key: int = 1


def choose_checks(after: Side, trace: Trace | None) -> list[PlanCheck]:
    """The three checks, of tables that the migration changed where there are some."""
    tables = sorted(after.tables.values(), key=lambda table: _prefer(table, after, trace))
    told = _find_told_apart(after, tables)
    # What a foreign key or a unique index keeps, no check need say: that is the last resort.
    first = _check_shown(after, trace) or _check_references(after, trace, tables)
    # Amounts are compared with the state before.
    last = (told or _check_unique(tables)) if trace is None else _check_counts(trace, tables)
    return [first, _check_filled(after, tables), last]


def _prefer(table: Relation, after: Side, trace: Trace | None) -> tuple[bool, int]:
    changes = [] if trace is None else trace.changes
    moved = any(isinstance(change, MovedRows) and change.to == table.name for change in changes)
    return not moved, -after.count(table)


def _check_shown(after: Side, trace: Trace | None) -> PlanCheck | None:
    """Whether what is shown beside a row whose reference leads elsewhere now is what was shown there before."""
    changes = [] if trace is None else trace.changes
    called = {
        (change.schema, change.table): (change.to_schema or change.schema, change.to)
        for change in changes
        if isinstance(change, RenamedTable)
    }
    for change in changes:
        if not isinstance(change, RepointedReference):
            continue
        if any(_fills_the_same(change, other) for other in changes):
            continue
        old = (change.schema, change.table)
        child = after.tables.get(called.get(old, old))
        parent = change.parent_schema or change.schema, change.parent
        moves = [
            move
            for move in changes
            if isinstance(move, MovedRows)
            and (move.schema, move.table, move.to) == (*parent, change.through)
            and not move.merged
        ]
        if child is None or len(moves) != 1 or not child.keys:
            continue
        move = moves[0]
        target = after.tables.get((move.to_schema or move.schema, move.to))
        others = {
            c.to if isinstance(c, RenamedColumn) else c.column
            for c in changes
            if isinstance(c, RenamedColumn | NewColumn | Retyped | DerivedValue)
            and (c.schema, c.table) in (old, child.key)
        }
        plain = [(name, column) for name, sql in move.columns.items() if (column := find_row_column(sql))]
        told = [pair for pair in plain if target and family(target.columns[pair[0]].root) == "text"]
        referred = change.through_column or (next(iter(move.key)) if len(move.key) == 1 else "")
        others |= {change.column, change.to or change.column}
        # Rows are known by what neither side writes otherwise.
        if target is None or not told or not referred or others & {*child.keys[0]}:
            continue
        name, source = told[0]
        key = [f"c.{quoted(column)}" for column in child.keys[0]]
        shown = ", ".join(key)
        return PlanCheck(
            "References",
            f"Every {child.title} shows the {name} that it showed",
            f"every_{_slug(child)}_shows_the_{_slug_text(name)}_that_it_showed",
            f"Beside each row of {child.title} stands the {name} of {target.title} that stood there before.",
            "People see a row beside something that it does not belong to.",
            "References were set by position, or by something that several rows share.",
            "Set the references that are named anew from the state before.",
            f"rows of {child.title} beside another {name}",
            f"SELECT {shown}, r.{quoted(source)} AS {quoted(name)} FROM {_name(old)} c "
            f"JOIN {_name(parent)} r ON r.{quoted(change.parent_column)} = c.{quoted(change.column)}"
            f"{f' WHERE {move.where}' * (move.where != 'true')}",
            "",
            f"SELECT {shown}, p.{quoted(name)} FROM {_sql(child)} c "
            f"JOIN {_sql(target)} p ON p.{quoted(referred)} = c.{quoted(change.to or change.column)}",
            (*child.keys[0], name),
            len(key),
        )
    return None


def _fills_the_same(change: RepointedReference, other: Change) -> bool:
    """Whether another reference leads to what its parent became in the same column: each says some of its rows."""
    if not isinstance(other, RepointedReference) or other == change:
        return False
    mine, theirs = ((c.schema, c.table, c.to or c.column) for c in (change, other))
    return mine == theirs


def _find_told_apart(after: Side, tables: Sequence[Relation]) -> PlanCheck | None:
    """A text by which people know rows, of which no two are alike though no index keeps that."""
    for table in tables:
        if not 1 < after.count(table) <= _MOST_ROWS:
            continue
        kept = {name for key in table.keys for name in key}
        for column in table.columns.values():
            if column.name in kept or family(column.root) != "text" or not _KNOWN_BY.search(_slug_text(column.name)):
                continue
            held = quoted(column.name)
            sql = f"SELECT count({held}) > 1 AND count({held}) = count(DISTINCT {held}) FROM {table.sql}"
            if after.snapshot.scalar(sql):
                return PlanCheck(
                    "Keys",
                    f"No two {table.title} have the same {column.name}",
                    f"no_two_{_slug(table)}_have_the_same_{_slug_text(column.name)}",
                    f"People tell the rows of {table.title} apart by {column.name}, which no index keeps.",
                    "One of them is shown, and the other one changed.",
                    "Rows were copied twice, or two systems were merged.",
                    "Ask whose rows they are, merge them, and add the unique index.",
                    f"{column.name} of {table.title} that several rows have",
                    f"SELECT {held} FROM {_sql(table)} WHERE {held} IS NOT NULL GROUP BY {held} HAVING count(*) > 1",
                    f"SELECT count({held}) FROM {_sql(table)}",
                )
    return None


def _check_references(after: Side, trace: Trace | None, tables: Sequence[Relation]) -> PlanCheck:
    repointed = {
        (change.schema, change.table)
        for change in ([] if trace is None else trace.changes)
        if isinstance(change, RepointedReference)
    }
    links = [link for links in after.links.values() for link in links if link.parent in after.tables]
    links = [link for link in links if link.child in after.tables]
    links.sort(key=lambda link: (link.child not in repointed, -after.count(after.tables[link.child])))
    if not links:
        return _check_unique(tables[1:] or tables)
    link = links[0]
    child, parent = after.tables[link.child], after.tables[link.parent]
    key = ", ".join(f"c.{quoted(name)}" for name in (child.keys[0] if child.keys else (link.column,)))
    held = f"c.{quoted(link.column)}"
    return PlanCheck(
        "References",
        f"Every {child.title} leads to its {parent.title}",
        f"every_{_slug(child)}_leads_to_its_{_slug(parent)}",
        f"Each row of {child.title} names a row of {parent.title} that exists.",
        "Pages that show both fail, or leave something out.",
        "Rows were dropped, or keys written in another way, while constraints were switched off.",
        "Restore the rows that are named, or set the reference anew from the state before.",
        f"rows of {child.title} that lead nowhere",
        f"SELECT {key} FROM {_sql(child)} c WHERE {held} IS NOT NULL AND NOT EXISTS "
        f"(SELECT FROM {_sql(parent)} p WHERE p.{quoted(link.parent_column)} = {held})",
        f"SELECT count(*) FROM {_sql(child)} c WHERE {held} IS NOT NULL",
    )


def _check_unique(tables: Sequence[Relation]) -> PlanCheck:
    table = next((table for table in tables if table.keys), tables[0])
    columns = ", ".join(map(quoted, table.keys[0] if table.keys else table.columns))
    return PlanCheck(
        "Keys",
        f"No {table.title} is there twice",
        f"no_{_slug(table)}_is_there_twice",
        f"No two rows of {table.title} have the same key.",
        "One of them is shown, and the other one changed.",
        "Rows were copied twice.",
        "Delete the copies.",
        f"keys of {table.title} that are there twice",
        f"SELECT {columns} FROM {_sql(table)} GROUP BY {columns} HAVING count(*) > 1",
        f"SELECT count(*) FROM {_sql(table)}",
    )


def _check_filled(after: Side, tables: Sequence[Relation]) -> PlanCheck:
    table, column = _find_filled(after, tables)
    key = ", ".join(map(quoted, table.keys[0] if table.keys else (column,)))
    held = quoted(column)
    empty = f"btrim({held}::text) = ''" if family(table.columns[column].root) == "text" else f"{held} IS NULL"
    if not table.columns[column].filled and "btrim" in empty:
        empty = f"{held} IS NULL OR {empty}"
    return PlanCheck(
        "Values",
        f"Every {table.title} has its {column}",
        f"every_{_slug(table)}_has_its_{_slug_text(column)}",
        f"{column} of {table.title} holds something in each row.",
        "A blank stands where people expect it.",
        "The migration wrote a default, or did not find the value of before.",
        "Take the values from the state before.",
        f"rows of {table.title} without {column}",
        f"SELECT {key} FROM {_sql(table)} WHERE {empty}",
        f"SELECT count(*) FROM {_sql(table)}",
    )


def _find_filled(after: Side, tables: Sequence[Relation]) -> tuple[Relation, str]:
    """A text that stands in all rows, beside the key and what refers."""
    for table in tables:
        refers = {link.column for link in after.links.get(table.key, ())}
        keyed = {name for key in table.keys[:1] for name in key}
        for column in table.columns.values():
            if family(column.root) == "text" and column.name not in (*refers, *keyed) and after.count(table):
                name = f"r.{quoted(column.name)}"
                if not after.count(table, f"({name} IS NULL OR btrim(concat({name})) = '')"):
                    return table, column.name
    return tables[0], next(iter(tables[0].columns))


def _check_counts(trace: Trace | None, tables: Sequence[Relation]) -> PlanCheck:
    changes = [] if trace is None else trace.changes
    called = {(c.to_schema or c.schema, c.to): (c.schema, c.table) for c in changes if isinstance(c, RenamedTable)}
    added = {(c.schema, c.table) for c in changes if isinstance(c, NewTable)}
    uncounted = {(c.schema, c.table) for c in changes if isinstance(c, Grows | Shrinks)}
    uncounted |= set() if trace is None else trace.invented
    moves: dict[Name, list[MovedRows]] = {}
    for change in changes:
        if isinstance(change, MovedRows):
            moves.setdefault((change.to_schema or change.schema, change.to), []).append(change)
            uncounted |= {(change.to_schema or change.schema, change.to)} if change.merged or change.divides else set()
    chosen = [table for table in tables if not {table.key, called.get(table.key)} & uncounted]
    # One of which some rows come from nowhere that was found would be said to have too many.
    table = next((table for table in chosen if table.key in moves), None)
    stayed = (table for those in (chosen, tables) for table in those if table.key not in {*added, *called})
    table = table or next(stayed, tables[0])
    parts = [(_name((m.schema, m.table)), m.where) for m in moves.get(table.key, ())]
    if table.key not in added or not parts:
        parts.insert(0, (_name(called.get(table.key, table.key)), "true"))
    counts = [f"(SELECT count(*) FROM {name} r{f' WHERE {where}' * (where != 'true')})" for name, where in parts]
    want = f"SELECT '{_slug(table)}' AS what, {' + '.join(counts)} AS rows"
    sources = [table.title] * (table.key not in added) + [move.table for move in moves.get(table.key, ())]
    sentence = f"{table.title} has as many rows as {' and '.join(dict.fromkeys(sources))} gave it."
    if table.key not in moves:
        sentence = f"{table.title} has as many rows as it had before."
    return PlanCheck(
        "Amounts",
        f"No row of {table.title} is lost or invented",
        f"no_row_of_{_slug(table)}_is_lost_or_invented",
        sentence,
        "Something that people made is not there, or is there twice.",
        "A script was interrupted or run twice, or rows were added while it ran.",
        "Run the script again from the state before.",
        f"numbers of {table.title} that differ",
        want,
        "",
        f"SELECT '{_slug(table)}' AS what, count(*) AS rows FROM {_sql(table)}",
    )


def _sql(table: Relation) -> str:
    return _name(table.key)


def _name(name: Name) -> str:
    return quoted(name[1]) if name[0] == "public" else f"{quoted(name[0])}.{quoted(name[1])}"


def _slug(table: Relation) -> str:
    return _slug_text(table.name)


def _slug_text(text: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "row"
