"""What fails only when it is used: views and functions that name what is no longer there."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from postmigration.database import Snapshot, refusal
from postmigration.errors import NotJudged

# Something that is named does not exist, or is no longer the only one of its name.
_LEFT_OVER = ("42P01", "42703", "42883", "42704", "42702", "42725", "42P02", "3F000")

# A value of each common type, for functions that are not even run when they get NULL; the others get NULL.
_SAMPLES = """
    CASE WHEN t.typtype = 'e' THEN (SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid
                                    ORDER BY enumsortorder LIMIT 1)
         WHEN t.typcategory = 'N' THEN '1' WHEN t.typcategory = 'B' THEN 'true' WHEN t.typcategory = 'A' THEN '''{}'''
         WHEN t.typcategory = 'S' THEN '''x''' WHEN t.typcategory = 'D' THEN '''2025-01-01'''
         WHEN t.typname IN ('json', 'jsonb') THEN '''{}'''
         WHEN t.typname = 'uuid' THEN '''00000000-0000-4000-8000-000000000000''' ELSE 'NULL' END
"""

# Each view, and each function that cannot change anything, called with samples and with NULLs.
_CALLS = f"""
    SELECT format('view %s', c.relname) AS object, format('SELECT * FROM %I.%I LIMIT 1', n.nspname, c.relname) AS call
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND (c.relkind = 'v' OR c.relkind = 'm' AND c.relispopulated)
    UNION ALL
    SELECT format('function %s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
           format('SELECT * FROM %I.%I(%s) AS f LIMIT 1', n.nspname, p.proname, (
               SELECT string_agg(format('CAST(%s AS %s)', CASE WHEN filled THEN {_SAMPLES} ELSE 'NULL' END,
                                        format_type(t.oid, NULL)), ', ' ORDER BY a.position)
               FROM unnest(p.proargtypes) WITH ORDINALITY AS a(type, position) JOIN pg_type t ON t.oid = a.type))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN (VALUES (true), (false)) AS v(filled)
    WHERE n.nspname = :schema AND p.prokind = 'f' AND p.provolatile IN ('s', 'i')
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
      AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS u(type) JOIN pg_type t ON t.oid = u.type
                      WHERE t.typtype = 'p')
      AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
    ORDER BY 1, 2
"""


def leftovers(snapshot: Snapshot, *, milliseconds: int) -> tuple[int, Mapping[tuple[str, str], str]]:
    """Uses every view, and every function that cannot change anything.

    Args:
        milliseconds: how long one of them may take; what takes longer names nothing that is gone.

    Returns:
        How many were used; and for those that name something that is not there the SQLSTATE and what the server says.
    """
    calls = snapshot.rows(_CALLS, schema=snapshot.database.schema)
    broken: dict[tuple[str, str], str] = {}
    for call in calls:
        try:
            snapshot.rows(call.call, {**snapshot.application, "statement_timeout": str(milliseconds)})
        except sa.exc.DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state in _LEFT_OVER:
                broken.setdefault((call.object, state), refusal(error))
            elif state is None:
                raise NotJudged(f"the connection was lost while {call.object} was used") from None
    return len({call.object for call in calls}), broken
