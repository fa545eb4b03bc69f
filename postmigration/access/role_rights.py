"""What the role of a connection could do beyond the database: code of the database that runs in its session can too."""

from __future__ import annotations

from postmigration.postgres.connection import Snapshot

# Whoever logged in counts: code that runs under SET ROLE can go back to it. A superuser's code could have become
# somebody else by SET SESSION AUTHORIZATION before anything was asked, and a pooler logs in as whom it is told to.
_POWERS = """
    SELECT quote_ident(us.rolname) AS role, quote_ident(r.rolname) AS power, r.rolsuper AS superuser,
           r.oid = us.oid AS itself
    FROM pg_roles us JOIN pg_roles r ON pg_has_role(us.oid, r.oid, 'MEMBER')
    WHERE us.rolname IN (session_user, :connected)
      AND (r.rolsuper OR r.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))
    ORDER BY us.rolname <> :connected, r.oid <> us.oid, NOT r.rolsuper, r.rolname
    LIMIT 1
"""


def describe_powers(snapshot: Snapshot) -> str:
    """Describes the role of a connection when it is a superuser, may become one, or reaches the server's files.

    Returns:
        Who that is, as in "the superuser postgres"; the empty text for any other role.
    """
    for row in snapshot.rows(_POWERS, connected=snapshot.info.user):
        if row.itself:
            return f"the superuser {row.role}"
        return f"{row.role}, which may become {'the superuser ' * row.superuser}{row.power}"
    return ""
