"""Check constraints that were never validated: enforced for every change, and perhaps violated by what is there."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.model.sqltext import quoted
from postmigration.postgres.catalog import table
from postmigration.postgres.connection import Snapshot


@dataclass(frozen=True)
class Unvalidated:
    """A check constraint, or NOT NULL, that existing rows may violate.

    Args:
        table, name: where it stands, and what it is called.
        rule: what it enforces, without its name.
        key: the columns of `violations`.
        violations: a query for the rows that violate it.
        examined: a query that counts the rows it holds for.
    """

    table: str
    name: str
    rule: str
    key: tuple[str, ...]
    violations: str
    examined: str


def unvalidated(snapshot: Snapshot) -> list[Unvalidated]:
    """The check constraints of the snapshot's schema, and since PostgreSQL 18 its NOT NULLs, that are not validated."""
    rows = snapshot.rows(
        """
        SELECT c.relname::text AS of, k.conname::text AS name, pg_get_constraintdef(k.oid) AS rule,
               CASE k.contype WHEN 'c' THEN format('(%s) IS FALSE', pg_get_expr(k.conbin, k.conrelid))
                              ELSE format('%I IS NULL', a.attname) END AS violated
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND k.contype IN ('c', 'n') AND NOT k.convalidated
          -- One that is NOT ENFORCED, of PostgreSQL 18, keeps nothing out.
          AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
        ORDER BY 1, 2
        """,
        # Then the server writes every name but its own with the schema.
        {"search_path": "pg_catalog"},
        schema=snapshot.database.schema,
    )
    found = []
    for row in rows:
        key = table(snapshot, row.of).key or tuple(table(snapshot, row.of).columns)
        source = quoted(row.of)
        found.append(
            Unvalidated(
                table=row.of,
                name=row.name,
                rule=f"{row.of}: {row.rule}",
                key=key,
                violations=f"SELECT {', '.join(map(quoted, key))} FROM {source} WHERE {row.violated}",
                examined=f"SELECT count(*) FROM {source}",
            )
        )
    return found
