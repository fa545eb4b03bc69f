"""Which running database a snapshot is of, as the server itself says."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Snapshot

# Of a database that is judged; most of those that were before an upgrade are older.
MINIMUM_VERSION, MINIMUM_OF_BASELINES = 15, 12


@dataclass(frozen=True)
class Server:
    """Which running database this is, as it says itself."""

    version: str
    version_number: int
    in_recovery: bool
    role: str
    database: str
    label: str
    identity: tuple[str | None, str, str] = field(repr=False)


def server(connection: Snapshot, *, baseline: bool = False) -> Server:
    """Which running database the snapshot is of.

    Args:
        baseline: it is the state before.

    Raises:
        CannotJudge: the server is older than the oldest that this suite is tested on.
    """
    row = connection.rows(
        """
        SELECT current_setting('server_version') AS version,
               current_setting('server_version_num')::int / 10000 AS version_number,
               pg_is_in_recovery() AS in_recovery, current_user::text AS role, d.datname::text AS database,
               d.oid::text AS oid, pg_postmaster_start_time()::text AS started
        FROM pg_database d WHERE d.datname = current_database()
        """
    )[0]
    least = MINIMUM_OF_BASELINES if baseline else MINIMUM_VERSION
    if row.version_number < least:
        raise CannotJudge(
            f"the server of {connection.database.option} is PostgreSQL {row.version}: "
            f"too old, {least} or newer is needed"
        )
    try:
        system: str | None = str(connection.scalar("SELECT system_identifier FROM pg_control_system()"))
    except sa.exc.DBAPIError:
        system = None
    info = connection.info
    host = f"[{info.host}]" if info.host.startswith("/") else info.host
    return Server(
        version=row.version.split(" ")[0],
        version_number=row.version_number,
        in_recovery=row.in_recovery,
        role=row.role,
        database=row.database,
        label=f"{info.user}@{host}:{info.port}/{row.database}",
        identity=(system, row.oid, row.started),
    )
