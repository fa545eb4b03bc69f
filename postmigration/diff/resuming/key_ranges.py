"""Ranges of a table's key, of which each is compared in snapshots of its own.

Ranges of pages would not do: a row that is written moves to another page, and between two snapshots one that nobody
reads any more, or reads twice. A row keeps its key, which both sides order alike where it is a number or a uuid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postmigration.diff.resuming.checkpoint import Range
from postmigration.diff.scan.pages import count_pages
from postmigration.diff.table_diff import list_pages, qualify
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot

# Rows of a range of the state before: it takes seconds, and so many are lost by a crash.
ROWS = 1_000_000
# Where rows do not lie in the order of the key, each range is read from all over the table.
MOST_SCATTERED = 8
_IN_ORDER = 0.5
_NUMBERS = ("smallint", "integer", "bigint")
# An index in the order of the key, as far as it is wanted, and no sort of all rows.
_BY_INDEX = {"jit": "off", "enable_sort": "off", "enable_seqscan": "off"}

_SHAPES = """
    WITH RECURSIVE tree(root, oid) AS (
        SELECT c.oid, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname = ANY(CAST(:names AS text[])) AND c.relkind IN ('r', 'p')
        -- Of a partition that is being detached no new snapshot shows the rows (PostgreSQL 14 and later).
        UNION SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
        WHERE to_jsonb(i) ->> 'inhdetachpending' IS DISTINCT FROM 'true'
    )
    SELECT r.relname::text AS name,
           string_agg(concat_ws(' ', c.oid, c.relfilenode), ', ' ORDER BY c.oid) AS file,
           bool_or(c.relpersistence <> 'p') AS unlogged, r.relkind = 'r' AND count(*) > 1 AS inherits,
           CAST(sum(CASE c.relkind WHEN 'p' THEN 0 ELSE greatest(c.reltuples, 0) END) AS bigint) AS rows,
           (SELECT concat_ws(' ', r.oid, string_agg(format('%I %s %s', a.attname,
                       format_type(a.atttypid, a.atttypmod), a.attnotnull), ', ' ORDER BY a.attname COLLATE "C"))
            FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped) AS definition
    FROM tree JOIN pg_class r ON r.oid = tree.root JOIN pg_class c ON c.oid = tree.oid GROUP BY r.oid
"""
_CORRELATION = """
    SELECT min(abs(correlation)) FROM pg_stats
    WHERE schemaname = :schema AND tablename = :table AND attname = :column
"""


@dataclass(frozen=True)
class Shape:
    """What a table of one side is like.

    Args:
        definition: itself, its columns and their types.
        file: where its rows are and those of its partitions and children, as text; another one once some of them were
            emptied or written anew, or it has others.
        unlogged: a crash of the server empties it.
        inherits: tables inherit from it, with indexes of their own or none.
        rows: about how many it has.
    """

    definition: str = ""
    file: str = ""
    unlogged: bool = False
    inherits: bool = False
    rows: int = 0


def read_shapes(snapshot: Snapshot, names: Sequence[str]) -> dict[str, Shape]:
    """What tables of a snapshot's schema are like, by name; one that does not exist is like nothing."""
    found = snapshot.rows(_SHAPES, schema=snapshot.database.schema, names=list(names))
    shapes = {row.name: Shape(row.definition, row.file, row.unlogged, row.inherits, row.rows) for row in found}
    return {name: shapes.get(name, Shape()) for name in names}


@dataclass(frozen=True)
class KeyRange:
    """Half-open; None where nothing comes before or after it."""

    first: str | None = None
    end: str | None = None


ALL = KeyRange()


@dataclass(frozen=True)
class KeyColumn:
    """The column by which a table is divided, the first one of its key.

    Args:
        name: the column.
        type: as which both sides take its values: `bigint` or `uuid`.
        rows: how many rows a range has.
    """

    name: str
    type: str
    rows: int = field(compare=False)

    def limit(self, range_: KeyRange) -> tuple[str, dict[str, str]]:
        """The condition on a row `t` to be in a range, and its parameters; nothing for all rows."""
        column, conditions, parameters = f"t.{quoted(self.name)}", [], {}
        if range_.first is not None:
            conditions.append(f"{column} >= CAST(:postmigration_from AS {self.type})")
            parameters["postmigration_from"] = range_.first
        if range_.end is not None:
            # The target may hold NULLs in what is no longer its key: they belong to the first range.
            also = f" OR {column} IS NULL" if range_.first is None else ""
            conditions.append(f"({column} < CAST(:postmigration_to AS {self.type}){also})")
            parameters["postmigration_to"] = range_.end
        return " AND ".join(conditions), parameters

    def cut(self, before: Snapshot, table: str, range_: KeyRange) -> KeyRange:
        """The part at the beginning of a range that is compared at once; all of it where it has no more rows."""
        where, parameters = self.limit(range_)
        keys = f"SELECT t.{quoted(self.name)} AS k FROM {qualify(table, before)} t WHERE {where or 'true'}"
        at = f"SELECT CAST(k AS text) FROM ({keys} ORDER BY 1 OFFSET {self.rows} LIMIT 1) q"
        end = before.scalar(at, _BY_INDEX, **parameters)
        if end is not None and end == range_.first:
            # All of these rows have one value: it is not divided.
            above = f"{keys} AND t.{quoted(self.name)} > CAST(:postmigration_from AS {self.type}) ORDER BY 1 LIMIT 1"
            end = before.scalar(f"SELECT CAST(k AS text) FROM ({above}) q", _BY_INDEX, **parameters)
        return range_ if end is None else KeyRange(range_.first, end)

    def find_gaps(self, done: Sequence[Range]) -> list[KeyRange]:
        """What is left of a table of which some ranges were compared, in the order of the key."""
        gaps: list[KeyRange] = []
        at: str | None = None
        for each in sorted(done, key=lambda each: (each.first is not None, self._order(each.first or ""))):
            if each.first != at:
                gaps.append(KeyRange(at, each.first))
            if each.end is None:
                return gaps
            at = each.end
        return [*gaps, KeyRange(at)]

    def _order(self, bound: str) -> int | str:
        return bound if self.type == "uuid" else int(bound or 0)


def find_key_column(
    sides: Sequence[Snapshot], tables: Sequence[catalog.Table], shapes: Sequence[Shape]
) -> KeyColumn | None:
    """The column by which a table is divided; None where its ranges would not be read by an index on both sides.

    Args:
        sides, tables, shapes: the state before and the database.
    """
    was, now = tables
    key = was.key if was.exists and set(was.key) <= set(now.columns) else ()
    if not key or any(shape.inherits or shape.unlogged for shape in shapes):
        return None
    type_ = find_common_type(key[0], was, now)
    if not type_ or not all(_has_index(table, key[0]) for table in tables):
        return None
    correlations = [
        side.scalar(_CORRELATION, schema=side.database.schema, table=was.name, column=key[0]) for side in sides
    ]
    guess = 0.0 if type_ == "uuid" else 1.0
    scattered = min(guess if found is None else float(found) for found in correlations) < _IN_ORDER
    return KeyColumn(key[0], type_, max(ROWS, -(-shapes[0].rows // MOST_SCATTERED)) if scattered else ROWS)


def find_common_type(column: str, *tables: catalog.Table) -> str:
    """As which tables take the values of a column alike, `bigint` or `uuid`, or nothing."""
    types = {table.columns[column].type for table in tables}
    return "bigint" if types <= set(_NUMBERS) else "uuid" if types == {"uuid"} else ""


def _has_index(table: catalog.Table, column: str) -> bool:
    return any(
        index.usable and index.method == "btree" and index.predicate is None and index.columns[:1] == (column,)
        for index in table.indexes
    )


def is_large(name: str, sides: Sequence[Snapshot]) -> bool:
    """Tells whether a table is worth dividing: it has many pages on one of the sides."""
    return any(count_pages(side, list_pages(name, side)) for side in sides)
