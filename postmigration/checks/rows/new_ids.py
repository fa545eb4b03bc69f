"""Reads what refers to rows under new ids as the columns by which these rows are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from postmigration.checks.contents.tables import Column, Name, Relation
from postmigration.checks.rows.retyped import write_plain
from postmigration.model.changes import Change, MovedRows, NewIds
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

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


def read_links(snapshot: Snapshot, schemas: Sequence[str]) -> list[Link]:
    """The foreign keys of one column of the tables of some schemas."""
    return [
        Link((row.schema, row.name), row.column, (row.parent_schema, row.parent), row.parent_column)
        for row in snapshot.rows(_REFERENCES, schemas=list(schemas))
    ]


def find_references_to_new_ids(snapshot: Snapshot, changes: Sequence[Change]) -> set[tuple[str, str, str]]:
    """The columns, by schema and table, whose values are those that rows under new ids are known by."""
    ids = {((c.schema, c.table), c.column) for c in changes if isinstance(c, NewIds)}
    schemas = sorted({schema for c in changes for schema in (c.schema, getattr(c, "to_schema", "")) if schema})
    links = read_links(snapshot, schemas) if ids else []
    return {(*link.child, link.column) for link in links if (link.parent, link.parent_column) in ids}


def write_identity(values: Sequence[str], roots: Sequence[str] = ()) -> str:
    """SQL for what a row is known by: a value, or several as one text.

    Args:
        roots: their types, where they are known.
    """
    if len(values) == 1:
        return values[0]
    texts = ", ".join(
        f"{value}::text" if root not in ("", "numeric") else write_plain(value, f"CAST(({value}) AS text)")
        for value, root in zip_longest(values, roots, fillvalue="")
    )
    return f"jsonb_build_array({texts})::text"


def list_renewed(changes: Sequence[Change]) -> list[NewIds]:
    """The ids that are new in tables to which no rows moved: they were there before."""
    moved = {(c.to_schema or c.schema, c.to) for c in changes if isinstance(c, MovedRows)}
    return [c for c in changes if isinstance(c, NewIds) and (c.schema, c.table) not in moved]


def read_by_identity(
    relations: Mapping[Name, Relation],
    links: Sequence[Link],
    changes: Sequence[NewIds],
    renewed: Collection[NewIds] = (),
) -> dict[Name, Relation]:
    """Tables of which each column that refers to new ids is read as what the row that it leads to is known by.

    Args:
        relations: the tables of one database; `links`: its foreign keys.
        changes: the ids that are new.
        renewed: those of them that are read so themselves, since their tables were there before.
    """
    reader = _Reader(relations, links, {((c.schema, c.table), c.column): c for c in changes})
    reader.renewed = {((c.schema, c.table), c.column) for c in renewed}
    return {name: reader.replace_columns(relation) for name, relation in relations.items()}


class _Reader:
    def __init__(
        self, relations: Mapping[Name, Relation], links: Sequence[Link], changes: Mapping[tuple[Name, str], NewIds]
    ) -> None:
        self.relations, self.changes = relations, changes
        self.renewed: set[tuple[Name, str]] = set()
        self.links = {(link.child, link.column): link for link in links if (link.parent, link.parent_column) in changes}

    def replace_columns(self, relation: Relation) -> Relation:
        """A table with such columns read otherwise."""
        found = dict(self._read(relation))
        return replace(relation, columns={**relation.columns, **found}) if found else relation

    def _read(self, relation: Relation) -> Iterator[tuple[str, Column]]:
        for name, column in relation.columns.items():
            read = self._follow(relation.key, name, "{row}", ())
            if (relation.key, name) in self.renewed:
                read = self._identify(relation, self.changes[relation.key, name].by, "{row}", (relation.key,))
            if read is not None:
                sql, root, root_type = read
                yield name, replace(column, read=sql, root=root, root_type=root_type)

    def _follow(self, table: Name, column: str, row: str, seen: tuple[Name, ...]) -> tuple[str, str, str] | None:
        """How a column is read, and as what type; None where it refers to no new ids, or in a circle."""
        link = self.links.get((table, column))
        parent = self.relations.get(link.parent) if link is not None else None
        if link is None or parent is None or parent.key in seen:
            return None
        by = self.changes[link.parent, link.parent_column].by
        alias = f"postmigration_k{len(seen)}"
        identity = self._identify(parent, by, alias, (*seen, parent.key))
        if identity is None:
            return None
        known = f"{alias}.{quoted(link.parent_column)} = {row}.{quoted(column)}"
        return f"(SELECT {identity[0]} FROM {parent.sql} {alias} WHERE {known})", *identity[1:]

    def _identify(
        self, table: Relation, by: Sequence[str], row: str, seen: tuple[Name, ...]
    ) -> tuple[str, str, str] | None:
        """What a row of a table is known by, and as what type; None where it has no such columns."""
        if any(name not in table.columns for name in by):
            return None
        values, kinds = [], []
        for name in by:
            far = self._follow(table.key, name, row, seen)
            own = table.columns[name]
            values.append(f"{row}.{quoted(name)}" if far is None else far[0])
            kinds.append((own.root, own.root_type) if far is None else far[1:])
        root, root_type = kinds[0] if len(by) == 1 else ("text", "text")
        return write_identity(values, [kind for kind, _ in kinds]), root, root_type


def find_alike(snapshot: Snapshot, relation: Relation, columns: Sequence[str], where: str = "true") -> int:
    """How many rows of a table are known by the same as another one, or lack a part of it.

    Args:
        columns: SQL over a row `r`.
        where: which rows, likewise.
    """
    key = f"({', '.join(columns)})"
    lacking = " OR ".join(f"({column}) IS NULL" for column in columns)
    sql = f"""
        SELECT coalesce(sum(n) FILTER (WHERE n > 1 OR lacking), 0) FROM (
            SELECT count(*) AS n, bool_or({lacking}) AS lacking FROM {relation.sql} r WHERE ({where}) GROUP BY {key}) q
    """
    return int(snapshot.scalar(sql))
