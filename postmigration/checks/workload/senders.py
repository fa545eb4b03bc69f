"""As whom a statement was sent: where it looks up names, and whether it can be tried as the same role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postmigration.access.role_rights import describe_powers
from postmigration.checks.health.application_paths import path_of, quote_path, read_paths
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

# The settings of a role in this database go before its others, and those before the settings of the database.
_ROLES = """
    SELECT r.rolname::text AS role, r.rolsuper AS superuser,
           pg_has_role(current_user, r.oid, CASE WHEN current_setting('server_version_num')::int >= 160000
                                                 THEN 'SET' ELSE 'MEMBER' END) AS reachable,
           r.rolname = current_user AS ours,
           (SELECT substr(u.setting, 13) FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS u(setting)
            WHERE s.setrole IN (0, r.oid)
              AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
              AND u.setting LIKE 'search_path=%'
            ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1) AS path
    FROM pg_roles r WHERE r.rolname = ANY(CAST(:roles AS text[]))
"""

# What whoever has no search_path of their own has; unknown where ours is our own.
_USUAL = """
    SELECT reset_val AS path FROM pg_settings WHERE name = 'search_path' AND NOT EXISTS (
        SELECT FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS u(setting)
        JOIN pg_roles r ON r.oid = s.setrole AND r.rolname = session_user WHERE u.setting LIKE 'search_path=%')
"""

# The planner runs what is not volatile, and the operators of joins, over what it knows of the columns. By way of a
# stable function of the server's own it runs all else: table_to_xml reads a view, the input of a domain checks it.
_STRANGERS = """
    WITH strangers AS (SELECT oid FROM pg_roles WHERE NOT rolsuper)
    SELECT EXISTS (SELECT FROM pg_proc f JOIN strangers s ON s.oid = f.proowner
                   WHERE f.oid >= 16384 AND f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype))
        OR EXISTS (SELECT FROM pg_class c JOIN strangers s ON s.oid = c.relowner
                   WHERE c.oid >= 16384 AND (c.relkind = 'v' OR c.relrowsecurity))
        OR EXISTS (SELECT FROM pg_type t JOIN strangers s ON s.oid = t.typowner
                   JOIN pg_constraint k ON k.contypid = t.oid)
"""


@dataclass(frozen=True)
class Sender:
    """A role that has sent statements.

    Args:
        name: its name.
        known: the database has such a role.
        acting: the role that is set for it; None for ourselves.
        paths: where it may look up names: first what is set for it, then what is guessed.
        unplanned: why nothing is planned as it; empty where it is.
    """

    name: str
    known: bool
    acting: str | None
    paths: Sequence[str]
    unplanned: str


def read_senders(snapshot: Snapshot, names: Sequence[str], schemas: Sequence[str]) -> Mapping[str, Sender]:
    """Tells of some roles how their statements can be tried.

    Args:
        schemas: those of the application.
    """
    strangers = bool(snapshot.scalar(_STRANGERS))
    powers = describe_powers(snapshot)
    usual = quote_path(str(snapshot.scalar(_USUAL) or '"$user", public'))
    everywhere = [path for path in read_paths(snapshot) if path != "''"]
    guessed = [*everywhere, *(path_of(schema, "public") for schema in schemas)]
    found = {row.role: row for row in snapshot.rows(_ROLES, roles=list(names))}
    senders = {}
    for name in names:
        row = found.get(name)
        if row is None:
            paths = [_name_user(path, name) for path in guessed]
            words = f"there is no role {name}, and they were parsed as whoever judges"
            senders[name] = Sender(name, False, None, [*dict.fromkeys(paths)], words)
            continue
        own = quote_path(row.path) if row.path is not None else usual
        acting = name if row.reachable and not row.ours else None
        reachable = row.reachable or row.ours
        paths = [own, *guessed]
        if not reachable:
            paths = [_name_user(path, name) for path in paths]
        words = "" if reachable else f"GRANT {quoted(name)} TO the role that judges, and they are judged as {name}"
        if reachable and strangers and powers:
            words = f"planning may run code of others, who would have the rights of {powers}: judge as another role"
        senders[name] = Sender(name, True, acting, [*dict.fromkeys(paths)], words)
    return senders


def _name_user(path: str, name: str) -> str:
    """A search_path in which the schema of whoever asks is the one of another role."""
    return path.replace('"$user"', path_of(name))
