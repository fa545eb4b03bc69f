"""What roles are granted on tables and their columns, so that two states can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from postmigration.postgres.connection import Snapshot

# What a role has, by the role, the table and the privilege: on which columns, or {""} for the table as a whole.
Granted = Mapping[tuple[str, str, str], frozenset[str]]

# PostgreSQL 17 has invented MAINTAIN; a state of an older server cannot have it.
_QUERY = """
    SELECT r.rolname AS role, c.relname AS of, p.privilege, '' AS of_column
    FROM pg_class c CROSS JOIN pg_roles r CROSS JOIN unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) AS p (privilege)
    WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relname = ANY(:tables)
      AND r.rolname = ANY(:roles) AND has_table_privilege(r.oid, c.oid, p.privilege)
      AND has_schema_privilege(r.oid, c.relnamespace, 'USAGE')
    UNION ALL
    SELECT r.rolname, c.relname, p.privilege, a.attname
    FROM pg_class c CROSS JOIN pg_roles r
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p (privilege)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = to_regnamespace(quote_ident(:schema)) AND c.relname = ANY(:tables)
      AND r.rolname = ANY(:roles) AND has_column_privilege(r.oid, c.oid, a.attnum, p.privilege)
      AND has_schema_privilege(r.oid, c.relnamespace, 'USAGE')
"""


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


@dataclass(frozen=True)
class Regrant:
    """A privilege that a role has on other columns than before.

    Args:
        role, table, privilege: which.
        columns: the columns that it lost or got, in order; none where it is about the whole table.
        lost: whether it lost them.
    """

    role: str
    table: str
    privilege: str
    columns: Sequence[str]
    lost: bool

    def __str__(self) -> str:
        what = f"columns {', '.join(self.columns)} of {self.table}" if self.columns else self.table
        changed = "could before and cannot now" if self.lost else "can now and could not before"
        return f"{self.role} {changed} {self.privilege} {what}"


def read_privileges(snapshot: Snapshot, tables: Collection[str], roles: Collection[str]) -> Granted:
    """Reads what roles have on tables, by whatever grant.

    Args:
        tables: names of tables in the schema of the snapshot's database.
        roles: names of roles; those that are not there have nothing.
    """
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in snapshot.rows(
        _QUERY,
        schema=snapshot.database.schema,
        tables=list(tables),
        roles=list(roles),
    ):
        found[row.role, row.of, row.privilege].add(row.of_column)
    return {what: frozenset(columns) for what, columns in found.items()}


def read_policies(snapshot: Snapshot, tables: Collection[str]) -> dict[str, set[tuple[str, str]]]:
    """Reads the policies of tables, and whether they count, by the table."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in snapshot.rows(_POLICIES, schema=snapshot.database.schema, tables=list(tables)):
        found[row.of].add((row.name, row.facts))
    return found


def diff_privileges(
    before: Granted,
    after: Granted,
    columns_before: Mapping[str, Collection[str]],
    columns: Mapping[str, Collection[str]],
) -> list[Regrant]:
    """Compares what roles have, on the columns that were there before and are still.

    Who could read all columns must also be able to read those that were added: `SELECT *` fails otherwise.

    Args:
        columns_before, columns: all columns of each table, before and after.
    """
    found = []
    for what in sorted(before.keys() | after.keys()):
        role, table, privilege = what
        was, now = before.get(what, frozenset()), after.get(what, frozenset())
        shared = {"", *(set(columns_before[table]) & set(columns[table]))}
        lost = (was - now) & shared
        if privilege == "SELECT" and was >= set(columns_before[table]):
            lost |= set(columns[table]) - now
        for changed, full in ((lost, was), ((now - was) & shared, now)):
            if changed:
                whole = changed == {""} or (len(changed) > 1 and changed >= full & shared)
                found.append(Regrant(role, table, privilege, [] if whole else sorted(changed), changed is lost))
    return found
