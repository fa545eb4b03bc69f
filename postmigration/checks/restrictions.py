"""What keeps a whole database, or the roles of its API, from working: settings, privileges and limits of connections.

Whoever judges pins settings of their own and connects as a role of their own, and would see nothing of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postmigration.model.evidence import Severity
from postmigration.postgres.connection import Snapshot

API_ROLES = ("anon", "authenticated", "service_role")

# So few connections serve nobody: one is used up by whoever looks why.
_TOO_FEW = 3

# The names of a search_path: quoted, or bare.
_NAMES = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')

# Values that some setting has where the application can work.
_USUAL = {
    "default_transaction_read_only": ("off", "false", "no", "0"),
    "session_replication_role": ("origin", "local"),
    "row_security": ("on", "true", "yes", "1"),
}


@dataclass(frozen=True)
class Restriction:
    """Something that keeps the database, or one of its roles, from working.

    Args:
        subject: what is restricted: `the server`, `the database`, or a role.
        what: the setting, or the kind of limit.
        value: what it is.
        statement: the same for people, with the remedy.
        severity: a `blocker` where the application stands still; a `warning` where that is not sure.
    """

    subject: str
    what: str
    value: str
    statement: str = field(compare=False)
    severity: Severity = field(default="blocker", compare=False)


# The API signs in as a role that row-level security filters; others that may act as its roles are people who look on.
_LOGINS = """
    SELECT r.oid, r.rolname, r.rolcanlogin, r.rolconnlimit, r.rolvaliduntil FROM pg_catalog.pg_roles r
    WHERE NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND EXISTS (
        SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles api ON api.oid = m.roleid
        WHERE m.member = r.oid AND api.rolname = ANY (CAST(:roles AS text[])))
"""


def restrictions(snapshot: Snapshot) -> tuple[list[Restriction], list[str]]:
    """What keeps the database from working.

    Returns:
        What restricts it as a whole or the roles of its API, and in words what restricts other roles.
    """
    found, others = _settings(snapshot)
    return [*found, *_server(snapshot), *_connections(snapshot)], others


def _settings(snapshot: Snapshot) -> tuple[list[Restriction], list[str]]:
    rows = snapshot.rows(
        f"""
        SELECT r.rolname::text AS role, split_part(u.setting, '=', 1) AS name,
               substr(u.setting, strpos(u.setting, '=') + 1) AS value,
               s.setrole = 0 OR r.rolname = ANY (CAST(:roles AS text[])) OR r.oid IN (SELECT oid FROM ({_LOGINS}) l)
                   AS shared
        FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
        CROSS JOIN LATERAL unnest(s.setconfig) AS u(setting)
        WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
        ORDER BY 1 NULLS FIRST, 2
        """,
        roles=list(API_ROLES),
    )
    found, others = [], []
    for row in rows:
        if _is_usual(snapshot, row.name, row.value):
            continue
        subject = "the database" if row.role is None else f"role {row.role}"
        changed = "ALTER DATABASE" if row.role is None else "ALTER ROLE"
        statement = f"{subject} has {row.name} = {row.value}: {changed} … RESET {row.name}"
        if row.shared:
            found.append(Restriction(subject, row.name, row.value, statement))
        else:
            others.append(f"{subject}, which is none of the API's, has {row.name} = {row.value}")
    return found, others


def _is_usual(snapshot: Snapshot, name: str, value: str) -> bool:
    """Whether the application can work with a setting as it is."""
    if name != "search_path":
        return name not in _USUAL or value.lower() in _USUAL[name]
    # Never set it to see what comes of it: whoever owns the database wrote it.
    return snapshot.database.schema in split_path(value)


def split_path(value: str) -> list[str]:
    """The names of a search_path."""
    return [text.replace('""', '"') or bare.lower() for text, bare in _NAMES.findall(value)]


def _server(snapshot: Snapshot) -> list[Restriction]:
    """What the server's own configuration restricts."""
    rows = snapshot.rows(
        """
        SELECT name, reset_val AS value FROM pg_catalog.pg_settings
        WHERE name = ANY (CAST(:names AS text[])) AND source IN ('configuration file', 'command line')
        """,
        names=list(_USUAL),
    )
    return [
        Restriction(
            "the server", row.name, row.value, f"the server has {row.name} = {row.value}: ALTER SYSTEM RESET {row.name}"
        )
        for row in rows
        if row.value not in _USUAL[row.name]
    ]


def _connections(snapshot: Snapshot) -> list[Restriction]:
    """What keeps the API from connecting."""
    limit = snapshot.scalar("SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()")
    found = []
    if 0 <= limit < _TOO_FEW:
        statement = f"the database lets in {limit} connections at a time: ALTER DATABASE … CONNECTION LIMIT -1"
        found.append(Restriction("the database", "connection limit", str(limit), statement))
    logins = snapshot.rows(
        f"""
        SELECT l.rolname::text AS name, l.rolcanlogin AS enters, l.rolconnlimit AS most,
               coalesce(l.rolvaliduntil <= now(), false) AS expired,
               has_database_privilege(l.oid, current_database(), 'CONNECT') AS connects
        FROM ({_LOGINS}) l ORDER BY 1
        """,
        roles=list(API_ROLES),
    )
    able = [login for login in logins if login.enters]
    if not logins:
        # Nobody tells as whom the API signs in; it may be as a role that everything is granted to through PUBLIC.
        able = snapshot.rows(
            """
            SELECT 'PUBLIC' AS name, false AS expired, -1 AS most,
                   bool_or(has_database_privilege(r.oid, current_database(), 'CONNECT')) AS connects
            FROM pg_catalog.pg_roles r WHERE r.rolname = ANY (CAST(:roles AS text[])) HAVING count(*) > 0
            """,
            roles=list(API_ROLES),
        )  # type: ignore[assignment]
    elif not able:
        names = ", ".join(login.name for login in logins)
        statement = f"no role of the API can log in ({names}): ALTER ROLE … LOGIN"
        found.append(Restriction("the API", "login", names, statement, "warning"))
    if able and not any(login.connects for login in able):
        names = ", ".join(login.name for login in able)
        statement = f"no role of the API may connect to the database: GRANT CONNECT ON DATABASE … TO {names}"
        found.append(Restriction("the API", "CONNECT", "revoked", statement))
    for login in able:
        subject = f"role {login.name}"
        if 0 <= login.most < _TOO_FEW:
            statement = f"{subject} may have {login.most} connections at a time: ALTER ROLE … CONNECTION LIMIT -1"
            found.append(Restriction(subject, "connection limit", str(login.most), statement))
        if login.expired:
            statement = f"the password of {subject} is no longer valid: ALTER ROLE … VALID UNTIL 'infinity'"
            found.append(Restriction(subject, "valid until", "expired", statement))
    return found


def find_lowered_limit(before: Snapshot, after: Snapshot) -> Restriction | None:
    """The limit of connections, where it is lower than one that was set before."""
    sql = "SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database()"
    was, now = before.scalar(sql), after.scalar(sql)
    if was < 0 or not 0 <= now < was:
        return None
    statement = f"the database lets in {now} connections at a time, and let in {was} before"
    return Restriction("the database", "connection limit", str(now), f"{statement}: ALTER DATABASE … CONNECTION LIMIT")
