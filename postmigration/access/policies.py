"""The policies of tables, so that two states can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from postmigration.postgres.connection import Snapshot

_POLICIES = """
    SELECT c.relname AS of, c.relrowsecurity::text AS name, '' AS facts
    FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relname = ANY(:tables)
    UNION ALL
    SELECT c.relname, p.polname, concat_ws(' ', p.polpermissive, p.polcmd, ARRAY(
               SELECT CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END FROM unnest(p.polroles) AS u (role)
               ORDER BY 1), pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relname = ANY(:tables)
"""


def read_policies(snapshot: Snapshot, tables: Collection[str]) -> dict[str, set[tuple[str, str]]]:
    """Reads the policies of tables, and whether they count, by the table."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in snapshot.rows(_POLICIES, schema=snapshot.database.schema, tables=list(tables)):
        found[row.of].add((row.name, row.facts))
    return found
