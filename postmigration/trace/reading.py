"""The two databases as a trace reads them: tables, references, and samples of rows as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.tables import Column, Name, Relation, read_tables
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.ledgers import holds_ledger_alone

Row = Mapping[str, str | None]

# So many rows of a table are looked at; what they suggest is verified over all rows.
SAMPLE = 2_000

# Between the columns of a key, where they are one text.
_BETWEEN = "\x1f"

_REFERENCES = """
    SELECT n.nspname::text AS schema, c.relname::text AS name, far.nspname::text AS parent_schema,
           p.relname::text AS parent, a.attname::text AS "column", b.attname::text AS parent_column
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace far ON far.oid = p.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
    JOIN pg_attribute b ON b.attrelid = p.oid AND b.attnum = k.confkey[1]
    WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND n.nspname = ANY(CAST(:schemas AS text[]))
    ORDER BY 1, 2, 5, 3, 4
"""


@dataclass(frozen=True)
class Link:
    """A foreign key of one column.

    Args:
        column: the column of the child.
        parent: the table that it refers to; `parent_column`: the column of it.
    """

    child: Name
    column: str
    parent: Name
    parent_column: str


@dataclass(frozen=True)
class Field:
    """Something of a row of before from which a value of now may follow.

    Args:
        name: for people.
        sql: over a row `r` of before.
        read: the same where `join` is there.
        join: what must be joined to read it.
        root: its type.
        own: it is a column of the row itself.
    """

    name: str
    sql: str
    read: str
    join: str
    root: str
    own: bool = True


class Side:
    """One of the two databases.

    Args:
        snapshot: how it is read.
        schemas: whose tables are traced.
    """

    def __init__(self, snapshot: Snapshot, schemas: Sequence[str]) -> None:
        self.snapshot = snapshot
        self.relations = read_tables(snapshot, schemas)
        self.unread: list[str] = []
        self.tables: dict[Name, Relation] = {}
        for name, relation in self.relations.items():
            if not relation.is_table or relation.extension or (relation.partition and relation.parents):
                continue
            if holds_ledger_alone(relation.schema, relation.name, relation.columns):
                continue
            if relation.hindrance:
                self.unread.append(f"{relation.title}: {relation.hindrance}")
            else:
                self.tables[name] = relation
        self.links: dict[Name, list[Link]] = {}
        for row in snapshot.rows(_REFERENCES, schemas=list(schemas)):
            link = Link((row.schema, row.name), row.column, (row.parent_schema, row.parent), row.parent_column)
            self.links.setdefault(link.child, []).append(link)
        self._counts: dict[tuple[Name, str], int] = {}

    def count(self, table: Relation, where: str = "true") -> int:
        """How many rows of a table a condition on `r` holds for."""
        if (table.key, where) not in self._counts:
            sql = f"SELECT count(*) FROM {table.sql} r WHERE ({where})"
            self._counts[table.key, where] = int(self.snapshot.scalar(sql))
        return self._counts[table.key, where]

    def fields(self, table: Relation) -> list[Field]:
        """The columns of a table, those of the rows that it refers to, and those of the one row that refers to it."""
        found = [own_field(column) for column in table.columns.values()]
        for n, link in enumerate(self.links.get(table.key, ())):
            parent = self.tables.get(link.parent)
            if parent is not None and parent.key != table.key:
                found += _far_fields(parent, f"postmigration_p{n}", link.parent_column, link.column)
        near = [link for links in self.links.values() for link in links if link.parent == table.key]
        for n, link in enumerate(near):
            child = self.tables.get(link.child)
            if child is not None and child.key != table.key and (link.column,) in child.keys:
                found += _far_fields(child, f"postmigration_c{n}", link.column, link.parent_column)
        return found

    def sample(self, table: Relation, fields: Sequence[Field], where: str = "true", limit: int = SAMPLE) -> list[Row]:
        """Some rows of a table, always the same ones."""
        key = table.keys[0] if table.keys else tuple(table.columns)
        order = f"hashtextextended({as_key([f'r.{quoted(name)}' for name in key])}, 0)"
        source = f"(SELECT r.* FROM {table.sql} r WHERE ({where}) ORDER BY {order} LIMIT {limit})"
        return self._read(f"FROM {source} r {_joins(fields)}", fields)

    def find(
        self, table: Relation, fields: Sequence[Field], key: Sequence[str], texts: Iterable[Sequence[str]]
    ) -> list[Row]:
        """The rows of a table whose key, SQL over `r`, reads as one of some texts."""
        wanted = sorted({_BETWEEN.join(text) for text in texts})
        if not wanted:
            return []
        known = f'k.k COLLATE "C" = {as_key(key)} COLLATE "C"'
        source = (
            f"(SELECT r.* FROM {table.sql} r "
            f"JOIN unnest(CAST(:postmigration_wanted AS text[])) k(k) ON {known} LIMIT {3 * SAMPLE})"
        )
        return self._read(f"FROM {source} r {_joins(fields)}", fields, postmigration_wanted=wanted)

    def _read(self, source: str, fields: Sequence[Field], **parameters: object) -> list[Row]:
        if not fields:
            return []
        values = ", ".join(as_text(field.read) for field in fields)
        rows = self.snapshot.rows(f"SELECT CAST(ARRAY[{values}] AS text[]) AS texts {source}", **parameters)
        names = [field.name for field in fields]
        return [dict(zip(names, row.texts, strict=True)) for row in rows]


def own_field(column: Column) -> Field:
    """A column of a row as a field of it."""
    return Field(column.name, f"r.{quoted(column.name)}", f"r.{quoted(column.name)}", "", column.root)


def as_text(sql: str) -> str:
    """SQL for a value as the output function of its type writes it."""
    return f"CASE WHEN {sql} IS DISTINCT FROM NULL THEN concat({sql}) END"


def as_key(parts: Sequence[str]) -> str:
    """SQL for a key as one text; NULL where a part is NULL."""
    return f" || '{_BETWEEN}' || ".join(f"({as_text(part)})" for part in parts)


def _far_fields(table: Relation, alias: str, key: str, column: str) -> list[Field]:
    """The columns of another row, of which there is at most one."""
    join = f"LEFT JOIN {table.sql} {alias} ON {alias}.{quoted(key)} = r.{quoted(column)}"
    return [
        Field(
            f"{table.title}.{far.name} by {column}",
            f"(SELECT p.{quoted(far.name)} FROM {table.sql} p WHERE p.{quoted(key)} = r.{quoted(column)})",
            f"{alias}.{quoted(far.name)}",
            join,
            far.root,
            own=False,
        )
        for far in table.columns.values()
        if far.name != key
    ]


def _joins(fields: Sequence[Field]) -> str:
    return " ".join(dict.fromkeys(field.join for field in fields if field.join))
