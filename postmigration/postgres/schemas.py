"""The schemas that hold what an application brought, and whether there is anything in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from postmigration.model.platform import Inhabitants, Platform, detect_platform
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D

# A statement over more tables would take more locks than a server may have.
_TABLES_AT_ONCE = 200


def find_schemas(snapshot: Snapshot, without: Collection[str] = ()) -> list[str]:
    """Lists the schemas that are neither the server's nor an extension's.

    Args:
        without: further schemas that are left out, such as a platform's.
    """
    rows = snapshot.rows(
        f"""
        SELECT n.nspname::text AS name FROM pg_namespace n
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT n.nspname = ANY (:without)
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND {MEMBER_D})
        ORDER BY n.nspname COLLATE "C"
        """,
        without=list(without),
    )
    return [row.name for row in rows]


def find_platform(*sides: Snapshot) -> Platform:
    """Tells the platform on which any of some databases lives, and which of its schemas are the platform's."""
    return detect_platform(*map(read_inhabitants, sides))


def read_inhabitants(side: Snapshot) -> Inhabitants:
    """Reads whose the schemas of a database are, and its tables but those of extensions."""
    owners = side.rows("SELECT nspname::text AS name, pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace")
    tables = side.rows(
        f"""
        SELECT n.nspname::text AS schema, c.relname::text AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D})
        """
    )
    return Inhabitants({row.name: row.owner for row in owners}, {(row.schema, row.name) for row in tables})


def find_tables(snapshot: Snapshot, schemas: Sequence[str]) -> list[str]:
    """Lists the tables of some schemas, qualified and quoted; partitions stand for themselves."""
    rows = snapshot.rows(
        f"""
        SELECT format('%I.%I', n.nspname, c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY (:schemas) AND c.relkind IN ('r', 'p') AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D})
        ORDER BY 1
        """,
        schemas=list(schemas),
    )
    return [row.name for row in rows]


def has_rows(snapshot: Snapshot, tables: Sequence[str]) -> bool:
    """Whether any of some tables that this role may read holds a row.

    Args:
        tables: as `find_tables` gives them.
    """
    allowed = snapshot.rows(
        "SELECT name FROM unnest(CAST(:tables AS text[])) AS u(name) WHERE has_table_privilege(name, 'SELECT')",
        tables=list(tables),
    )
    names = [row.name for row in allowed]
    for first in range(0, len(names), _TABLES_AT_ONCE):
        some = names[first : first + _TABLES_AT_ONCE]
        if snapshot.rows("SELECT FROM (" + " UNION ALL ".join(f"SELECT FROM {name}" for name in some) + ") q LIMIT 1"):
            return True
    return False
