"""The extension plpgsql_check, where somebody has installed it: what it says of functions in PL/pgSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_INSTALLED = """
    SELECT n.nspname::text AS schema, EXISTS (
               SELECT FROM pg_proc f JOIN pg_roles r ON r.oid = f.proowner
               WHERE f.provolatile <> 'v' AND f.oid >= 16384 AND NOT r.rolsuper) AS strangers
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
    WHERE e.extname = 'plpgsql_check' AND p.proname = 'plpgsql_check_function_tb'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
    LIMIT 1
"""
# A trigger's function is looked at with each table that it is a trigger of; one that is none's is not.
_CHECKS = """
    SELECT f.oid::pg_catalog.int8 AS oid, pg_catalog.min(c.message) AS message, p.prosrc AS body
    FROM pg_catalog.unnest(CAST(:oids AS pg_catalog.oid[])) AS f(oid) JOIN pg_catalog.pg_proc p
        ON p.oid OPERATOR(pg_catalog.=) f.oid
    CROSS JOIN LATERAL (
        SELECT 0::pg_catalog.oid AS of WHERE p.prorettype::pg_catalog.oid OPERATOR(pg_catalog.<>) 2279::pg_catalog.oid
        UNION
        SELECT t.tgrelid FROM pg_catalog.pg_trigger t WHERE t.tgfoid OPERATOR(pg_catalog.=) f.oid
    ) t
    CROSS JOIN LATERAL {schema}.plpgsql_check_function_tb(
        f.oid::pg_catalog.regprocedure, t.of::pg_catalog.regclass, other_warnings := false, extra_warnings := false) c
    WHERE c.level OPERATOR(pg_catalog.=) 'error' AND c.sqlstate OPERATOR(pg_catalog.<>) '42501'
    GROUP BY 1, 3
"""
# What a function makes for itself is not there while it is looked at.
_MAKES_TABLES = re.compile(r"\bcreate\s+(?:local\s+|global\s+)?temp", re.IGNORECASE)


@dataclass(frozen=True)
class Lint:
    """The extension, where it is.

    Args:
        schema: in which it is.
        strangers: there are functions of others than superusers that planning may run.
    """

    schema: str
    strangers: bool

    def ask(self, snapshot: Snapshot, oids: Sequence[int], settings: Mapping[str, str]) -> dict[int, str]:
        """What it complains of in functions, by their numbers."""
        rows = snapshot.rows(_CHECKS.replace("{schema}", quoted(self.schema)), settings, oids=list(oids))
        return {row.oid: row.message for row in rows if not _MAKES_TABLES.search(row.body)}


def find_linter(snapshot: Snapshot) -> Lint | None:
    """The extension, where it is installed and may be executed."""
    rows = snapshot.rows(_INSTALLED)
    return Lint(rows[0].schema, rows[0].strangers) if rows else None
