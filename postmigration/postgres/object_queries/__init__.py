"""What is asked of the catalogs for every object of a database, one statement per kind, by the server's version."""

from __future__ import annotations

from collections.abc import Iterator

from postmigration.postgres.object_queries.members import MEMBER_D
from postmigration.postgres.object_queries.privileges import GRANTS, PRIVILEGES
from postmigration.postgres.object_queries.routines import ROUTINES
from postmigration.postgres.object_queries.server import SERVER
from postmigration.postgres.object_queries.tables import TABLES

# Objects of the server itself have smaller oids; 16384 is PostgreSQL's FirstNormalObjectId.
_COMMON = f"""
    member AS (
        SELECT d.classid, d.objid FROM pg_depend d WHERE {MEMBER_D}
    ), namespace AS (
        SELECT * FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
          AND (CAST('pg_namespace' AS regclass), oid) NOT IN (
              SELECT classid, objid FROM member WHERE classid = CAST('pg_namespace' AS regclass)
          )
    ), relation AS (
        SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS named,
               CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                              WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'table' END AS kind
        FROM pg_class c JOIN namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
          AND (CAST('pg_class' AS regclass), c.oid) NOT IN (SELECT classid, objid FROM member)
    )
"""


def object_queries(version: int) -> Iterator[str]:
    """The statements for a server: each gives the name, its parts and the facts of the objects of one kind.

    Args:
        version: the number of the server's major version.
    """
    for query in (*TABLES, *ROUTINES, *SERVER, *PRIVILEGES, *GRANTS):
        if version >= query.since:
            yield f"WITH {_COMMON} {query.for_version(version)}"
