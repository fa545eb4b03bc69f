"""The coverage ledger: everything in a schema that could hold rows, and whether its rows are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postmigration.diff.expected_rows import Expectation
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D


@dataclass(frozen=True)
class Relation:
    """Something that rows can be selected from.

    Args:
        name: what it is called in its schema.
        size: pages on disk, as an estimate of the work (pg_relation_size() would wait for whoever locks the table).
        excluded: why its rows are not compared; empty where they are.
    """

    name: str
    size: int
    excluded: str


def relations(snapshot: Snapshot) -> dict[str, Relation]:
    """Everything in the snapshot's schema that rows can be selected from, by name."""
    rows = snapshot.rows(
        f"""
        SELECT c.relname::text AS name,
               (SELECT coalesce(sum(greatest(part.relpages, pg_stat_get_live_tuples(part.oid) / 100)), 0)
                FROM pg_class part WHERE part.oid = c.oid
                   OR part.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = c.oid)) AS size,
               CASE WHEN c.relkind = 'v' THEN 'a view: it holds no rows of its own'
                    WHEN c.relkind = 'm' THEN 'a materialized view: what it holds is made anew from tables'
                    WHEN c.relkind = 'f' THEN 'a foreign table: its rows stand in another database'
                    WHEN whole.oid IS NOT NULL THEN format('a partition: compared as part of %s', whole.relname)
                    WHEN NOT EXISTS (SELECT FROM pg_attribute a
                                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
                        THEN 'it has no columns'
                    WHEN e.extname IS NOT NULL THEN format('it belongs to the extension %s', e.extname)
                    ELSE '' END AS excluded
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        -- One whose parent stands in another schema is compared by itself.
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition
        LEFT JOIN pg_class whole ON whole.oid = i.inhparent AND whole.relnamespace = n.oid
        LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D}
        LEFT JOIN pg_extension e ON e.oid = d.refobjid
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ORDER BY c.relname COLLATE "C"
        """,
        schema=snapshot.database.schema,
    )
    return {row.name: Relation(row.name, int(row.size), row.excluded) for row in rows}


def ledger(found: Mapping[str, Relation], expected: Mapping[str, Expectation]) -> list[tuple[str, str, str]]:
    """Each relation: its name, whether its rows are compared, and how, or why not.

    Args:
        found: the relations of the state before.
        expected: what its tables must hold.
    """
    lines = []
    for name, relation in found.items():
        if relation.excluded or name not in expected:
            lines.append((name, "not compared", relation.excluded or "it could not be read"))
            continue
        of = expected[name]
        how = f"by {', '.join(of.columns[: of.key])} in {len(of.columns)} columns"
        if of.altered:
            how += f", where intended changed: {', '.join(of.altered)}"
        if of.free:
            how += f", free to change: {', '.join(of.free)}"
        lines.append((name, "all rows", how))
    return lines
