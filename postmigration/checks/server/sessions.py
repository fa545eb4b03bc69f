"""Transactions that somebody has left open: prepared and never ended, or idle."""

from __future__ import annotations

from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.checks.server.reading import read_rows
from postmigration.model.evidence import Subject, show_value
from postmigration.postgres.connection import Snapshot

# For how many seconds a transaction may be prepared, and idle: an application ends both at once.
PREPARED, IDLE = 60, 300

_PREPARED = """
    SELECT gid, quote_literal(gid) AS literal, owner::text AS owner,
           CAST(extract(epoch FROM clock_timestamp() - prepared) AS bigint) AS seconds
    FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared
"""
# Sessions of others are seen by those alone who may read all statistics.
_SESSIONS = """
    SELECT usename::text AS role, application_name AS application, pid, backend_type IS NULL AS hidden,
           CAST(extract(epoch FROM clock_timestamp() - state_change) AS bigint) AS seconds
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
      AND (backend_type IS NULL OR (backend_type = 'client backend' AND state LIKE 'idle in transaction%'
                                    AND application_name NOT LIKE 'postmigration%'))
    ORDER BY state_change
"""


def examine(after: Snapshot, before: Snapshot | None) -> Examination:
    """Finds the transactions that are left open in a database.

    Args:
        before: the state before on its own server; None where there is none.
    """
    found = Examination(facts=1)
    _judge_prepared(after, before, found)
    _judge_idle(after, before, found)
    return found


def _judge_prepared(after: Snapshot, before: Snapshot | None, found: Examination) -> None:
    known = {row.gid for row in read_rows(before, _PREPARED, "prepared transactions", found)} if before else set()
    for row in read_rows(after, _PREPARED, "prepared transactions", found):
        found.facts += 1
        name, time = show_value(row.gid, plain=True), _how_long(row.seconds)
        words = f"transaction {name} of role {row.owner} has been prepared for {time}"
        if row.seconds < PREPARED:
            found.notes.append(words)
            continue
        inherited = row.gid in known
        words += ": it keeps its locks, over every restart, and VACUUM from its work"
        found.add(
            words + ("; it was so before" if inherited else ""),
            blocker=not inherited,
            repair=f"ROLLBACK PREPARED {row.literal}; -- or COMMIT PREPARED, as whoever coordinates it says",
            code="transaction_prepared",
            subject=Subject("prepared transaction", name=name),
        )


def _judge_idle(after: Snapshot, before: Snapshot | None, found: Examination) -> None:
    rows = read_rows(before, _SESSIONS, "sessions", found) if before else ()
    known = {(row.role, row.application) for row in rows if not row.hidden and row.seconds >= IDLE}
    hidden = 0
    for row in read_rows(after, _SESSIONS, "sessions", found):
        if row.hidden:
            hidden += 1
            continue
        found.facts += 1
        if row.seconds < IDLE:
            continue
        name = f" ({show_value(row.application, plain=True)})" if row.application else ""
        words = (
            f"session {row.pid} of role {row.role}{name} has been idle in a transaction for {_how_long(row.seconds)}"
        )
        if (row.role, row.application) in known:
            found.notes.append(f"{words}; it was so before")
        else:
            repair = f"SELECT pg_terminate_backend({row.pid});"
            words = f"{words}: it keeps its locks, and VACUUM from its work"
            subject = Subject("session", name=str(row.pid))
            found.add(words, blocker=False, repair=repair, code="session_idle", subject=subject)
    if hidden:
        found.unjudged.append(
            f"{count(hidden, 'session')} of {agree(hidden, 'another role', 'other roles')}: GRANT pg_read_all_stats"
        )


def _how_long(seconds: int) -> str:
    """A time in the unit that says most."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return count(seconds // size, unit)
    return count(seconds, "second")
