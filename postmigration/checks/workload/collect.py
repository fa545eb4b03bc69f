"""Reads what an application has sent to a database, where the extension pg_stat_statements has kept it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from postmigration.checks.workload import texts
from postmigration.checks.workload.attempts import try_statements
from postmigration.checks.workload.statements import Statement, Workload
from postmigration.model.errors import NotApplicable, NotJudged
from postmigration.model.platform import SUPABASE
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server
from postmigration.postgres.refusals import describe_refusal
from postmigration.postgres.schemas import find_platform, find_schemas

_EXTENSION = """
    SELECT n.nspname::text AS schema, array_agg(a.attname::text) AS columns
    FROM pg_extension e
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
        AND d.classid = 'pg_class'::regclass
    JOIN pg_class c ON c.oid = d.objid AND c.relname = 'pg_stat_statements' AND c.relkind = 'v'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE e.extname = 'pg_stat_statements' GROUP BY n.nspname
"""
# What a function of the application has sent is the function's.
_SENT = """
    SELECT s.query AS text, r.rolname::text AS role, s.queryid IS NULL AS hidden,
           sum(s.calls)::bigint AS calls, sum(s.{time})::float8 AS milliseconds, sum(s.rows)::bigint AS rows
    FROM {schema}.pg_stat_statements s LEFT JOIN pg_roles r ON r.oid = s.userid
    WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND {toplevel}
    GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1, 2
"""
_PLATFORM_ROLES = (*SUPABASE.owners, "authenticator", "pgbouncer", "rdsadmin", "cloudsqladmin")
_ABSENT = "pg_stat_statements is not installed in it: CREATE EXTENSION pg_stat_statements, some days before a migration"

UTILITY, CONSTANTS, OURS = "utility statements, which may hold constants", "with constants", "of postmigration"
CATALOGS, PLATFORM, GONE = "about the server alone", "of the platform", "of roles that are gone"


def collect(snapshot: Snapshot, schemas: Sequence[str] | None = None) -> Workload:
    """Reads the statements of a database, and tries each there.

    Args:
        schemas: those of the application; all that are where None.

    Raises:
        NotApplicable: the extension is not installed.
        NotJudged: it may not be read, or keeps nothing.
    """
    left_out: Counter[str] = Counter()
    statements: dict[tuple[str, str], Statement] = {}
    for row in _read(snapshot):
        text = texts.clean(row.text)
        if why := _leave_out(row, text):
            left_out[why] += 1
            continue
        assert text is not None
        # Those that differ in a comment are one.
        known = statements.get((text, row.role), Statement(text, row.role, 0))
        calls, milliseconds = known.calls + row.calls, known.milliseconds + row.milliseconds
        statements[text, row.role] = replace(
            known,
            calls=calls,
            milliseconds=round(milliseconds, 3),
            mean=round(milliseconds / max(calls, 1), 3),
            rows=known.rows + row.rows,
        )
    if schemas is None:
        schemas = find_schemas(snapshot, find_platform(snapshot).schemas)
    ordered = sorted(statements.values(), key=lambda one: (-one.milliseconds, one.text, one.role))
    tried = [replace(one, before=attempt) for one, _, attempt in try_statements(snapshot, ordered, schemas)]
    return Workload(server(snapshot, baseline=True).label, snapshot.taken_at, tried, dict(left_out))


def _leave_out(row: sa.Row[Any], text: str | None) -> str:
    """Why a statement is left out; empty where it is not."""
    if row.role is None:
        return GONE
    if row.role in _PLATFORM_ROLES:
        return PLATFORM
    if texts.is_ours(row.text):
        return OURS
    if texts.is_utility(text if text is not None else row.text):
        return UTILITY
    if text is None:
        return CONSTANTS
    return CATALOGS if texts.asks_the_server_alone(text) else ""


def _read(snapshot: Snapshot) -> Sequence[sa.Row[Any]]:
    found = snapshot.rows(_EXTENSION)
    if not found:
        raise NotApplicable(_ABSENT)
    columns = found[0].columns
    sql = _SENT.replace("{schema}", quoted(found[0].schema))
    sql = sql.replace("{time}", "total_exec_time" if "total_exec_time" in columns else "total_time")
    sql = sql.replace("{toplevel}", "s.toplevel" if "toplevel" in columns else "true")
    try:
        rows = snapshot.rows(sql)
    except sa.exc.DBAPIError as error:
        raise NotJudged(f"pg_stat_statements cannot be read: {describe_refusal(error)}") from None
    if any(row.hidden for row in rows):
        raise NotJudged(
            "pg_stat_statements hides the statements of other roles from the role that judges: GRANT pg_read_all_stats"
        )
    return rows


def try_again(snapshot: Snapshot, workload: Workload, schemas: Sequence[str]) -> Workload:
    """The same statements, with how each fares in a database as it is now."""
    unknown = [replace(statement, before=None) for statement in workload.statements]
    tried = try_statements(snapshot, unknown, schemas)
    return replace(workload, statements=[replace(statement, before=attempt) for statement, _, attempt in tried])
