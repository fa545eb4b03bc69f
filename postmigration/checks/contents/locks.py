"""Tables that another session keeps everybody out of: whoever asks for them would wait, and so would the catalogs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from postmigration.checks.contents.tables import LOCKED, title
from postmigration.postgres.connection import Snapshot

REASON = "another session holds a lock; try again, or raise --lock-timeout"
_TABLES = f"""
    SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid IN ({LOCKED}) AND c.relkind IN ('r', 'p', 'm') AND n.nspname = ANY(CAST(:schemas AS text[]))
    ORDER BY 2, 3
"""


def read_catalog(snapshot: Snapshot, sql: str, schemas: Sequence[str], unjudged: list[str]) -> Sequence[sa.Row[Any]]:
    """Rows of the catalogs, without the tables that are locked.

    Args:
        sql: a query of `:schemas` that leaves out the tables of `:locked`.
        unjudged: gets those.
    """
    locked = snapshot.rows(_TABLES, schemas=list(schemas))
    for row in locked:
        words = f"{title((row.schema, row.name))}: {REASON}"
        if words not in unjudged:
            unjudged.append(words)
    return snapshot.rows(sql, schemas=list(schemas), locked=[row.oid for row in locked] or [0])
