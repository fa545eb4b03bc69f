"""Chooses the three numbered checks that a new project starts from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.checks.contents.tables import Name, Relation
from postmigration.diff.value_texts import family
from postmigration.model.changes import MovedRows, NewTable, RepointedReference
from postmigration.model.sqltext import quoted
from postmigration.trace.findings import Trace
from postmigration.trace.reading import Side


@dataclass(frozen=True)
class PlanCheck:
    """A check that is written for a person to go on from.

    Args:
        function: its name.
        sql: the query for wrong rows, or the one on the state before where `have` is not empty.
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


def choose_checks(after: Side, trace: Trace | None) -> list[PlanCheck]:
    """The three checks, of tables that the migration changed where there are some."""
    tables = sorted(after.tables.values(), key=lambda table: _prefer(table, after, trace))
    # Amounts are compared with the state before.
    last = _check_unique(tables) if trace is None else _check_counts(trace, tables)
    return [_check_references(after, trace, tables), _check_filled(after, tables), last]


def _prefer(table: Relation, after: Side, trace: Trace | None) -> tuple[bool, int]:
    changes = [] if trace is None else trace.changes
    moved = any(isinstance(change, MovedRows) and change.to == table.name for change in changes)
    return not moved, -after.count(table)


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
    moves: dict[Name, list[MovedRows]] = {}
    grown = set()
    for change in [] if trace is None else trace.changes:
        if isinstance(change, MovedRows):
            moves.setdefault((change.to_schema or change.schema, change.to), []).append(change)
        if isinstance(change, NewTable):
            grown.add((change.schema, change.table))
    table = next((table for table in tables if _counts(moves.get(table.key, ())) and table.key in grown), None)
    if table is None:
        was = {} if trace is None else trace.renamed
        table = next(
            (table for table in tables if table.key not in {*grown, *moves} and table.key not in was), tables[0]
        )
        want = f"SELECT '{_slug(table)}' AS what, count(*) AS rows FROM {_sql(table)}"
        sentence = f"{table.title} has as many rows as it had before."
    else:
        parts = [
            f"(SELECT count(*) FROM {_name((m.schema, m.table))} r{f' WHERE {m.where}' * (m.where != 'true')})"
            for m in moves[table.key]
        ]
        want = f"SELECT '{_slug(table)}' AS what, {' + '.join(parts)} AS rows"
        sources = dict.fromkeys(move.table for move in moves[table.key])
        sentence = f"{table.title} has as many rows as {' and '.join(sources)} gave it."
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


def _counts(moves: Sequence[MovedRows]) -> bool:
    return bool(moves) and not any(move.merged for move in moves)


def _sql(table: Relation) -> str:
    return _name(table.key)


def _name(name: Name) -> str:
    return quoted(name[1]) if name[0] == "public" else f"{quoted(name[0])}.{quoted(name[1])}"


def _slug(table: Relation) -> str:
    return _slug_text(table.name)


def _slug_text(text: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "row"
