"""What the role of a connection could do beyond the database: code of the database that runs in its session can too."""

from __future__ import annotations

from postmigration.database import Snapshot

# Whoever logged in counts: code that runs under SET ROLE can go back to it.
_POWERS = """
    SELECT quote_ident(session_user) AS role, quote_ident(r.rolname) AS power, r.rolsuper AS superuser,
           r.rolname = session_user AS itself
    FROM pg_roles r
    WHERE pg_has_role(session_user, r.oid, 'MEMBER')
      AND (r.rolsuper OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
    ORDER BY NOT r.rolname = session_user, NOT r.rolsuper, r.rolname
    LIMIT 1
"""


def describe_powers(snapshot: Snapshot) -> str:
    """Describes the role of a connection when it is a superuser, may become one, or reaches the server's files.

    Returns:
        Who that is, as in "the superuser postgres"; the empty text for any other role.
    """
    for row in snapshot.rows(_POWERS):
        if row.itself:
            return f"the superuser {row.role}"
        return f"{row.role}, which may become {'the superuser ' * row.superuser}{row.power}"
    return ""
