"""How a server is operated: whether its archive is filled and its standbys follow, and under which settings it runs."""

from __future__ import annotations

from postmigration.checks.contents.examination import Examination, count
from postmigration.checks.server.reading import read_rows
from postmigration.model.evidence import Subject, show_value
from postmigration.postgres.connection import Snapshot

_ARCHIVER = """
    SELECT s.setting <> 'off' AS archives, a.failed_count AS failures, a.last_failed_wal AS wal,
           CAST(date_trunc('second', a.last_failed_time) AS text) AS at,
           coalesce(a.last_failed_time > a.last_archived_time, a.last_failed_time IS NOT NULL) AS failing
    FROM pg_stat_archiver a CROSS JOIN pg_settings s WHERE s.name = 'archive_mode'
"""
# A walsender of logical replication is connected to a database, one of a backup streams nothing.
_STANDBYS = """
    SELECT a.pid, coalesce(r.application_name, '') AS name, r.state IS NULL AS hidden,
           r.sync_state IN ('sync', 'quorum') AS synchronous,
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                           r.replay_lsn) AS behind,
           pg_size_pretty(pg_wal_lsn_diff(
               CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
               r.replay_lsn)) AS lag
    FROM pg_stat_replication r JOIN pg_stat_activity a ON a.pid = r.pid
    WHERE a.datname IS NULL AND (r.state IS NULL OR r.state IN ('streaming', 'catchup')) ORDER BY 2
"""
# So many bytes behind, a standby is not one that could take over.
_LAG = 1 << 30

# With another value of these the same statements do something else, or the same load goes otherwise.
SETTINGS = (
    *("TimeZone", "DateStyle", "IntervalStyle", "standard_conforming_strings", "bytea_output", "extra_float_digits"),
    *("default_transaction_isolation", "default_text_search_config", "default_toast_compression", "row_security"),
    *("lc_messages", "lc_monetary", "lc_numeric", "lc_time", "xmloption", "transform_null_equals", "array_nulls"),
    *("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout"),
    *("transaction_timeout", "deadlock_timeout", "max_connections", "superuser_reserved_connections"),
    *("max_prepared_transactions", "max_locks_per_transaction", "max_worker_processes", "max_parallel_workers"),
    *("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size", "random_page_cost", "jit"),
    *("default_statistics_target", "autovacuum", "autovacuum_freeze_max_age", "track_counts", "checkpoint_timeout"),
    *("max_wal_size", "wal_level", "fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names"),
    *("archive_mode", "password_encryption", "ssl", "shared_preload_libraries", "session_preload_libraries"),
    *("max_replication_slots", "max_wal_senders", "wal_keep_size", "max_slot_wal_keep_size", "track_commit_timestamp"),
)
# What is set for the database or a role is compared elsewhere.
_SETTINGS = """
    SELECT name, concat(reset_val, CASE WHEN reset_val ~ '^-?[0-9]+$' AND reset_val::numeric > 0 THEN unit END) AS value
    FROM pg_settings s WHERE name = ANY(CAST(:names AS text[])) AND NOT EXISTS (
        SELECT FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS u(setting)
        WHERE lower(split_part(u.setting, '=', 1)) = lower(s.name)
          AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
          AND d.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)))
"""


def examine_archiving(after: Snapshot, before: Snapshot | None) -> Examination:
    """Judges whether the server archives its WAL.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    rows = read_rows(after, _ARCHIVER, "the archiver", found)
    was = next(iter(read_rows(before, _ARCHIVER, "the archiver", found)), None) if before is not None else None
    now = next(iter(rows), None)
    if now is None or not now.archives:
        if was is not None and was.archives:
            found.notes.append("the server does not archive its WAL (archive_mode), and the one before did")
        elif not found.unjudged:
            found.inapplicable = "neither server archives its WAL"
        return found
    found.facts = 1
    if now.failing:
        words = f"archiving fails: {count(now.failures, 'failure')}, the last of {now.wal} at {now.at}"
        if was is not None and was.failing:
            found.notes.append(f"{words}; it was so before")
        else:
            words = f"{words}: WAL piles up, and no backup can be brought up to date with it"
            found.add(words, blocker=False, code="archiving_fails", subject=Subject("server", name="archiver"))
    return found


def examine_standbys(after: Snapshot, before: Snapshot | None) -> Examination:
    """Judges whether as many standbys follow the server as before.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination()
    now = read_rows(after, _STANDBYS, "standbys", found)
    was = read_rows(before, _STANDBYS, "standbys", found) if before is not None else ()
    if not (now or was or found.unjudged):
        found.inapplicable = "neither server has a standby"
        return found
    found.facts = len(now) + len(was)
    if len(now) < len(was):
        words = f"{count(len(now), 'standby', 'standbys')} {'follows' if len(now) == 1 else 'follow'} the server"
        words = f"{words if now else 'no standby follows the server'}, and {len(was):,} did before"
        found.add(words, blocker=False, code="standby_lost", subject=Subject("standby"))
    lagging = {row.name for row in was if row.behind is not None and row.behind > _LAG}
    for row in now:
        if row.behind is None or row.behind <= _LAG:
            continue
        words = f"standby {show_value(row.name, plain=True)} is {row.lag} behind"
        if row.name in lagging:
            found.notes.append(f"{words}; it was so before")
        else:
            subject = Subject("standby", name=show_value(row.name, plain=True))
            found.add(words, blocker=False, code="standby_behind", subject=subject)
    if hidden := sum(row.hidden for row in now):
        found.unjudged.append(f"the lag of {count(hidden, 'standby', 'standbys')}: GRANT pg_read_all_stats")
    return found


def compare_settings(after: Snapshot, before: Snapshot) -> Examination:
    """Tells the settings of the servers that differ and matter."""
    found = Examination()
    now, was = ({row.name: row.value for row in read_rows(side, _SETTINGS, "settings", found, names=list(SETTINGS))}
                for side in (after, before))  # fmt: skip
    for name in SETTINGS:
        if name in now and name in was:
            found.facts += 1
            if now[name] != was[name]:
                then, here = (show_value(side[name], plain=True) for side in (was, now))
                found.notes.append(f"{name} was {then}, is {here}")
    return found
