"""The two databases as a trace reads them: tables, references, and samples of rows as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.tables import Column, Name, Relation, read_tables
from postmigration.checks.rows.new_ids import Link, read_by_identity, read_links
from postmigration.checks.rows.retyped import write_plain
from postmigration.model.changes import NewIds
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.ledgers import holds_ledger_alone

Row = Mapping[str, str | None]

# So many rows of a table are looked at; what they suggest is verified over all rows.
SAMPLE = 2_000

# Between the columns of a key, where they are one text.
_BETWEEN = "\x1f"
# The labels of the type of a column, and the CHECKs of it alone.
_CODES = """
    SELECT e.enumlabel::text AS label, NULL AS "check"
    FROM pg_attribute a JOIN pg_enum e ON e.enumtypid = a.atttypid
    WHERE a.attrelid = CAST(:table AS oid) AND a.attname = :column
    UNION ALL
    SELECT NULL, pg_get_constraintdef(k.oid)
    FROM pg_attribute a JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.conkey = ARRAY[a.attnum]
    WHERE k.contype = 'c' AND a.attrelid = CAST(:table AS oid) AND a.attname = :column
"""
_LITERALS = re.compile(r"'((?:[^']|'')*)'").findall
# What functions of texts take without a cast.
_TEXTS = ("text", "character varying", "character", "name", "citext")


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

    @property
    def text(self) -> str:
        """Its value as a text, as functions of texts take it."""
        return self.sql if self.root in _TEXTS else f"{self.sql}::text"


class Side:
    """One of the two databases.

    Args:
        snapshot: how it is read.
        schemas: whose tables are traced.
    """

    def __init__(self, snapshot: Snapshot, schemas: Sequence[str]) -> None:
        self.snapshot = snapshot
        self.relations = read_tables(snapshot, schemas)
        # For each table whose rows are known by several columns, SQL for that over one of its rows, by its name.
        self.identities: dict[Name, list[Callable[[str], str]]] = {}
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
        for link in read_links(snapshot, schemas):
            self.links.setdefault(link.child, []).append(link)
        self._counts: dict[tuple[str, str], int] = {}

    def take_partitions(self, other: Side) -> None:
        """Reads the partitions as tables that stand alone on the other side, as they are compared."""
        alone = other.tables.keys() & self.relations.keys() - self.tables.keys()
        self.tables |= {
            name: relation
            for name, relation in self.relations.items()
            if name in alone and relation.partition and not relation.hindrance
        }

    def take_new_ids(self, changes: Sequence[NewIds], renewed: Sequence[NewIds] = ()) -> None:
        """Reads what refers to new ids as what the rows are known by that it leads to; `renewed` are read so, too."""
        links = [link for those in self.links.values() for link in those]
        self.relations = read_by_identity(self.relations, links, changes, renewed)
        self.tables = {name: self.relations[name] for name in self.tables}

    def count(self, table: Relation, where: str = "true") -> int:
        """How many rows of a table a condition on `r` holds for."""
        if (table.sql, where) not in self._counts:
            sql = f"SELECT count(*) FROM {table.sql} r WHERE ({where})"
            self._counts[table.sql, where] = int(self.snapshot.scalar(sql))
        return self._counts[table.sql, where]

    def fields(self, table: Relation) -> list[Field]:
        """The columns of a table, those of the rows that it refers to, and those of the one row that refers to it."""
        found = [own_field(column) for column in table.columns.values()]
        for k, write in enumerate(self.identities.get(table.key, ())):
            identity = write("r")
            found.append(Field(name_identity(table, k), identity, identity, "", "text", own=False))
        for n, link in enumerate(self.links.get(table.key, ())):
            parent = self.tables.get(link.parent)
            if parent is not None and parent.key != table.key:
                alias = f"postmigration_p{n}"
                found += _far_fields(parent, alias, link.parent_column, link.column)
                found += [
                    _far_field(parent, alias, link.parent_column, link.column, name_identity(parent, k), write, "text")
                    for k, write in enumerate(self.identities.get(parent.key, ()))
                ]
        near = [link for links in self.links.values() for link in links if link.parent == table.key]
        for n, link in enumerate(near):
            child = self.tables.get(link.child)
            if child is not None and child.key != table.key and (link.column,) in child.keys:
                found += _far_fields(child, f"postmigration_c{n}", link.column, link.parent_column)
        return found

    def list_codes(self, table: Relation, column: str) -> set[str]:
        """The values that an enumerated type or a CHECK lists for a column."""
        rows = self.snapshot.rows(_CODES, table=table.oid, column=column)
        return {
            text.replace("''", "'") for row in rows for text in ([row.label] if row.label else _LITERALS(row.check))
        }

    def sample(self, table: Relation, fields: Sequence[Field], where: str = "true", limit: int = SAMPLE) -> list[Row]:
        """Some rows of a table, always the same ones."""
        key = table.keys[0] if table.keys else tuple(table.columns)
        texts = f" || '{_BETWEEN}' || ".join(f"({as_text(f'r.{quoted(name)}')})" for name in key)
        order = f"hashtextextended({texts}, 0)"
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
    value = column.over("r")
    return Field(column.name, value, value, "", column.root)


def as_text(sql: str) -> str:
    """SQL for a value as the output function of its type writes it."""
    return f"CASE WHEN {sql} IS DISTINCT FROM NULL THEN concat({sql}) END"


def as_key(parts: Sequence[str]) -> str:
    """SQL for a key as one text, its numbers without the zeros that their scale adds; NULL where a part is NULL."""
    return f" || '{_BETWEEN}' || ".join(f"({write_plain(part, as_text(part))})" for part in parts)


def _far_fields(table: Relation, alias: str, key: str, column: str) -> list[Field]:
    """The columns of another row, of which there is at most one."""
    return [
        _far_field(table, alias, key, column, f"{table.title}.{far.name}", far.over, far.root)
        for far in table.columns.values()
        if far.name != key
    ]


def _far_field(
    table: Relation, alias: str, key: str, column: str, name: str, write: Callable[[str], str], root: str
) -> Field:
    known = f"{quoted(key)} = r.{quoted(column)}"
    sql = f"(SELECT {write('p')} FROM {table.sql} p WHERE p.{known})"
    join = f"LEFT JOIN {table.sql} {alias} ON {alias}.{known}"
    return Field(name_far(name, column), sql, write(alias), join, root, own=False)


def name_far(name: str, column: str) -> str:
    """What something of the row is called that a column refers to."""
    return f"{name} by {column}"


def name_identity(table: Relation, number: int) -> str:
    """What that is called by which a row is known, where it is several columns."""
    return f"what {table.title} is known by" + (f" ({number + 1})" if number else "")


def _joins(fields: Sequence[Field]) -> str:
    return " ".join(dict.fromkeys(field.join for field in fields if field.join))
