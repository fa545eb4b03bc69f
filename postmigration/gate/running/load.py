"""How busy a server is with what others do, as it tells itself."""

from __future__ import annotations

from dataclasses import dataclass

from postmigration.postgres.connection import Snapshot

# What a snapshot has seen of the activity of a server it would see again.
_FORGET = "SELECT pg_stat_clear_snapshot()"
# A standby that has replayed all is not behind, however long ago the last transaction was.
_LOAD = """
    SELECT (SELECT count(*) FROM pg_stat_activity
            WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
              AND application_name NOT LIKE 'postmigration%') AS sessions,
           coalesce(CASE WHEN NOT pg_is_in_recovery() THEN
                        (SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication)
                    WHEN pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() THEN
                        extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END, 0)::float8 AS lag
"""


@dataclass(frozen=True)
class Load:
    """How busy a server is.

    Args:
        sessions: how many sessions of others run a statement, in all its databases.
        lag: the seconds by which the slowest of its standbys and subscribers is behind, or a standby itself.
    """

    sessions: int
    lag: float


def read_load(snapshot: Snapshot) -> Load:
    """Reads how busy the server of a snapshot is now.

    Raises:
        sa.exc.DBAPIError: the server refused.
        NotJudged: the connection was lost, or the time of the run is over.
    """
    snapshot.rows(_FORGET)
    (row,) = snapshot.rows(_LOAD)
    return Load(row.sessions, row.lag)


def sees_load(snapshot: Snapshot) -> bool:
    """Tells whether a role sees what others do; to another one all of them seem to be idle."""
    return bool(snapshot.scalar("SELECT pg_has_role('pg_read_all_stats', 'USAGE')"))
