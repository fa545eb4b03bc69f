"""The login of the API itself, through which people are judged where it is named."""

from __future__ import annotations

from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.identity import Server, server

_ROLES = ("authenticated", "anon")


def open_login(database: Database, target: Snapshot, identified: Server) -> Snapshot:
    """Opens a snapshot through a login, of the same instant as that of the target.

    Args:
        database: the same database as the target's, as the login reaches it.
        target: the snapshot to join.
        identified: which database that is of.

    Raises:
        CannotJudge: it cannot be reached, is another database, or the login may not act as the roles of the API.
    """
    first = Snapshot(database)
    try:
        own = server(first)
        (system, *running), (system_of_target, *running_of_target) = own.identity, identified.identity
        # Only roles that may know of it tell which system it is.
        if running != running_of_target or (system and system_of_target and system != system_of_target):
            raise CannotJudge(
                f"{database.option} names another running database than --db-url, {own.label} and not "
                f"{identified.label}: name the same one with the login of the API"
            )
        for role in _ROLES:
            if not first.scalar("SELECT count(*) FROM pg_roles WHERE rolname = :role", role=role):
                raise CannotJudge(f"{database.option}: the server has no role {role} as whom the API runs statements")
            if not first.scalar("SELECT pg_has_role(session_user, :role, 'MEMBER')", role=role):
                raise CannotJudge(f"the login of {database.option} may not act as {role}: GRANT {role} TO {own.role}")
    finally:
        first.close()
    return Snapshot(database, target.export())
