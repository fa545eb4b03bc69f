"""What the catalogs say of every table of some schemas, in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D

Name = tuple[str, str]
# What it costs to open and lock one more table, in pages.
_OPENING = 100

# The tables that another session keeps everybody out of. Autovacuum gives way as soon as somebody waits for it.
LOCKED = """
    SELECT l.relation FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid AND a.backend_type = 'autovacuum worker')
"""

_TABLES = f"""
    WITH RECURSIVE domains(oid, root, modifier) AS (
        SELECT oid, typbasetype, typtypmod FROM pg_type WHERE typtype = 'd'
        UNION ALL
        SELECT d.oid, t.typbasetype, CASE WHEN d.modifier >= 0 THEN d.modifier ELSE t.typtypmod END
        FROM domains d JOIN pg_type t ON t.oid = d.root AND t.typtype = 'd'
    ), roots AS (
        SELECT d.oid, d.root, d.modifier FROM domains d JOIN pg_type t ON t.oid = d.root WHERE t.typtype <> 'd'
    ), pages AS (
        SELECT c.oid, greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::bigint AS pages FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'm')
    )
    SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, c.oid::bigint AS oid,
           c.relispartition AS partition, c.relrowsecurity AS secured, c.relpersistence::text AS persistence,
           has_schema_privilege(n.oid, 'USAGE')
               AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')) AS readable,
           c.relrowsecurity AND NOT (us.rolsuper OR us.rolbypassrls)
               AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) AS filtered,
           c.oid IN ({LOCKED}) AS locked,
           coalesce(p.pages, 0) AS pages,
           coalesce((SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D}
                       AND d.refclassid = 'pg_extension'::regclass LIMIT 1), '') AS extension,
           (SELECT json_agg(json_build_array(pn.nspname, pc.relname) ORDER BY i.inhseqno)
            FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = pc.relnamespace
            WHERE i.inhrelid = c.oid)::text AS parents,
           (SELECT json_agg(json_build_array(
                       a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
                       CASE r.typtype WHEN 'e' THEN 'enum' ELSE format_type(r.oid, NULL) END,
                       format_type(r.oid, coalesce(root.modifier, a.atttypmod)), a.attnum) ORDER BY a.attnum)
            FROM pg_attribute a LEFT JOIN roots root ON root.oid = a.atttypid
            JOIN pg_type r ON r.oid = coalesce(root.root, a.atttypid)
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text AS columns,
           (SELECT json_agg(k.names ORDER BY k.first DESC, k.names::text) FROM (
                SELECT i.indisprimary AS first, json_agg(a.attname ORDER BY u.position) AS names
                FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS u(number, position)
                JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number
                WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                  AND i.indexprs IS NULL AND u.position <= i.indnkeyatts
                GROUP BY i.indexrelid, i.indisprimary HAVING bool_and(a.attnotnull)) k)::text AS keys
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles us ON us.rolname = current_user
    LEFT JOIN pages p ON p.oid = c.oid
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        type: as PostgreSQL writes it.
        filled: it is declared NOT NULL.
        generated: `s` stored, `v` virtual, or nothing.
        root: its type without length; of a domain the type beneath, `enum` for any enumeration.
        root_type: the same with its length.
        number: its place in the catalogs.
        read: how its value is read instead, SQL over a row `{row}`; empty where it is the value itself.
    """

    name: str
    type: str
    filled: bool
    generated: str
    root: str
    root_type: str
    number: int
    read: str = ""

    def over(self, row: str) -> str:
        """Its value, over a row of some name."""
        return self.read.replace("{row}", row) if self.read else f"{row}.{quoted(self.name)}"


@dataclass(frozen=True)
class Relation:
    """Something that rows can be selected from.

    Args:
        kind: as in pg_class: r, p, v, m or f.
        partition: it is one of another table.
        secured: row-level security is on.
        readable: we may read it; `filtered`: row-level security keeps rows from us; `locked`: another session does.
        pages: about its size, of a partitioned table that of its partitions.
        extension: to which extension it belongs, or nothing.
        parents: what it inherits from, or is a partition of.
        keys: columns that identify a row, the primary key's first.
    """

    schema: str
    name: str
    kind: str
    oid: int
    partition: bool
    secured: bool
    persistence: str
    readable: bool
    filtered: bool
    locked: bool
    pages: int
    extension: str
    parents: tuple[Name, ...]
    columns: Mapping[str, Column]
    keys: tuple[tuple[str, ...], ...]

    @property
    def key(self) -> Name:
        """What it is found by."""
        return self.schema, self.name

    @property
    def is_table(self) -> bool:
        """Whether it holds rows of its own, or has partitions that do."""
        return self.kind in ("r", "p")

    @property
    def title(self) -> str:
        """Its name for people: without the schema where that is `public`."""
        return title(self.key)

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def hindrance(self) -> str:
        """Why its rows cannot be read, as far as the catalogs tell; empty where they can."""
        if not self.readable:
            return f"GRANT SELECT ON {self.sql} to the role that judges"
        if self.filtered:
            return "row-level security filters the role that judges: give it BYPASSRLS"
        if self.locked:
            return "another session holds a lock; try again, or raise --lock-timeout"
        return ""


@dataclass(frozen=True)
class Use:
    """A column that gets its values of a sequence.

    Args:
        type: its type, of a domain that beneath.
    """

    schema: str
    table: str
    column: str
    type: str

    @property
    def sql(self) -> str:
        """The table in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def title(self) -> str:
        """The column for people."""
        return f"{title((self.schema, self.table))}.{self.column}"


def title(name: Name) -> str:
    """The name of a relation for people: without the schema where that is `public`."""
    return name[1] if name[0] == "public" else f"{name[0]}.{name[1]}"


def read_tables(snapshot: Snapshot, schemas: Sequence[str]) -> dict[Name, Relation]:
    """Every table, view and materialized view of some schemas, by schema and name."""
    found: dict[Name, Relation] = {}
    for row in snapshot.rows(_TABLES, schemas=list(schemas)):
        found[row.schema, row.name] = Relation(
            row.schema,
            row.name,
            row.kind,
            row.oid,
            row.partition,
            row.secured,
            row.persistence,
            row.readable,
            row.filtered,
            row.locked,
            int(row.pages),
            row.extension,
            tuple((schema, name) for schema, name in _list(row.parents)),
            {column[0]: Column(*column) for column in _list(row.columns)},
            tuple(tuple(names) for names in _list(row.keys)),
        )
    return found


def _list(text: str | None) -> list[Any]:
    # As text, since a driver takes JSON for UTF-8 also where the database has another encoding.
    return list(json.loads(text)) if text else []


def children_of(relations: Mapping[Name, Relation]) -> dict[Name, list[Name]]:
    """Which tables inherit from each, directly."""
    found: dict[Name, list[Name]] = {}
    for relation in relations.values():
        for parent in relation.parents:
            found.setdefault(parent, []).append(relation.key)
    return found


def pages_of(relations: Mapping[Name, Relation]) -> dict[Name, int]:
    """About how large each table is, with all that inherits from it."""
    children = children_of(relations)

    def add(name: Name) -> int:
        own = relations[name].pages if name in relations else 0
        return own + sum(_OPENING + add(child) for child in children.get(name, ()))

    return {name: add(name) for name in relations}


def explain_few(rows: int, *sides: Relation) -> list[str]:
    """What is known of a table that may explain why it has fewer rows than it had.

    Args:
        rows: how many it has.
        sides: what the catalogs say of it, on one side or on both.
    """
    words = []
    if not rows and sides[-1].persistence == "u":
        words.append("it is unlogged: a crash or a promotion empties such a table, and would not after SET LOGGED")
    if any(side.secured for side in sides):
        words.append("row-level security is on: whoever copied it was perhaps shown some of its rows only")
    return words
