"""Sessions that wait for a lock, and who holds it."""

from postmigration.watch.families.family import Family

# Others come and go within a second on any busy server.
_WAITING = """
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.datname = current_database()
    WHERE NOT l.granted AND l.waitstart < clock_timestamp() - interval '1 second'
"""

LOCKS = Family(
    "locks",
    {
        15: f"""
        SELECT count(*) AS waiting,
               coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0) AS longest_seconds {_WAITING}
        """
    },
    gauges={
        "waiting": "sessions that have waited for a lock for more than a second",
        "longest_seconds": "the longest time that a session has waited for a lock",
    },
    words=f"""
        SELECT format('session %s has waited %s s for %s%s: blocked by %s', w.pid,
                      round(extract(epoch FROM clock_timestamp() - w.waitstart)), w.mode,
                      coalesce(' on ' || CAST(CAST(w.relation AS regclass) AS text), ''),
                      (SELECT string_agg(DISTINCT CASE b.pid WHEN 0 THEN 'a prepared transaction' ELSE
                           format('session %s (%s, %s for %s s)', b.pid, coalesce(a.usename::text, 'no role'),
                                  coalesce(a.state, 'in a state that this role cannot see'),
                                  coalesce(round(extract(epoch FROM clock_timestamp() - a.state_change)), 0)) END, ', ')
                       FROM unnest(pg_blocking_pids(w.pid)) AS b(pid)
                       LEFT JOIN pg_stat_activity a ON a.pid = b.pid))
        FROM (SELECT l.pid, l.waitstart, l.mode, l.relation {_WAITING} ORDER BY l.waitstart LIMIT 5) w
        ORDER BY w.waitstart
    """,
    asked="waiting",
)
