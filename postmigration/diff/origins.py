"""Which table's rows the rows of a query are, and which other rows they name, as the server and its catalogs tell."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from postmigration.model.evidence import UNKNOWN, Reference, Subject
from postmigration.postgres.connection import Snapshot

# Of each column: whether it alone is a key of its table, and the column that it must refer to, alone.
_COLUMNS = """
    SELECT a.attrelid::bigint AS oid, a.attnum::int AS number, n.nspname::text AS schema, c.relname::text AS table,
           a.attname::text AS column,
           EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL
                   AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_key,
           f.schema AS parent_schema, f.parent, f.theirs
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT pn.nspname::text AS schema, p.relname::text AS parent, pa.attname::text AS theirs
        FROM pg_constraint k JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
        JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.confkey[1]
        WHERE k.contype = 'f' AND k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] ORDER BY k.conname LIMIT 1
    ) f ON true
    WHERE a.attrelid = ANY(CAST(:oids AS oid[])) AND a.attnum > 0
"""


def find_subject(side: Snapshot, sql: str, **parameters: Any) -> Subject:
    """Finds whose rows a query gives: its first column is a key of theirs, or names a row of another table by its key.

    Args:
        sql: a query that the server has answered; nothing is known of one whose first column is computed.
    """
    try:
        origins = side.origins(sql, side.application, **parameters)
        oids = sorted({oid for _, oid, _ in origins if oid})
        known = {(row.oid, row.number): row for row in side.rows(_COLUMNS, oids=oids)} if oids else {}
    except sa.exc.DBAPIError:
        return UNKNOWN
    columns = [(name, known[oid, number]) for name, oid, number in origins if (oid, number) in known]
    refers = {
        name: Reference((name,), row.parent_schema, row.parent, (row.theirs,)) for name, row in columns if row.parent
    }
    if not columns or columns[0][0] != origins[0][0]:
        return UNKNOWN
    name, row = columns[0]
    rows = Reference((name,), row.schema, row.table, (row.column,)) if row.is_key else refers.pop(name, None)
    return Subject.of_table(row.schema, row.table, rows=rows, refers=tuple(refers.values()))
