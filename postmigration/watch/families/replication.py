"""Standbys and other receivers that lag behind, and slots that keep WAL for somebody who does not fetch it."""

from postmigration.watch.families.family import Family

_NOW = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END"

REPLICATION = Family(
    "replication",
    {
        15: f"""
        SELECT concat_ws(' ', nullif(application_name, ''), host(client_addr)) AS subject,
               max(coalesce(extract(epoch FROM replay_lag), 0)) AS lag_seconds,
               max(coalesce(pg_wal_lsn_diff({_NOW}, replay_lsn), 0)) AS lag_bytes
        FROM pg_stat_replication WHERE state <> 'backup' GROUP BY 1
        """
    },
    gauges={
        "lag_seconds": "how long a receiver takes to apply what was committed",
        "lag_bytes": "bytes of WAL that a receiver has still to apply",
    },
    all_sessions=True,
)

SLOTS = Family(
    "slots",
    {
        15: f"""
        SELECT slot_name::text AS subject, coalesce(pg_wal_lsn_diff({_NOW}, restart_lsn), 0) AS kept_bytes,
               CAST(active AS int) AS active, CAST(wal_status IN ('unreserved', 'lost') AS int) AS lost
        FROM pg_replication_slots WHERE NOT temporary
        """
    },
    gauges={
        "kept_bytes": "bytes of WAL that a replication slot keeps",
        "active": "whether somebody receives from a replication slot",
        "lost": "whether a replication slot has lost WAL, or is about to",
    },
)
