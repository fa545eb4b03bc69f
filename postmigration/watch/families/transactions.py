"""Transactions that take long, do nothing, or wait for a second phase."""

from postmigration.watch.families.family import Family

_OTHERS = """
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

TRANSACTIONS = Family(
    "transactions",
    {
        15: f"""
        SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) AS longest_seconds,
               coalesce(max(extract(epoch FROM clock_timestamp() - state_change))
                        FILTER (WHERE state LIKE 'idle in transaction%'), 0) AS idle_seconds,
               (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - prepared)), 0)
                FROM pg_prepared_xacts WHERE database = current_database()) AS prepared_seconds {_OTHERS}
        """
    },
    gauges={
        "longest_seconds": "the age of the oldest transaction",
        "idle_seconds": "the longest time that a session has done nothing within a transaction",
        "prepared_seconds": "the age of the oldest transaction that was prepared and not committed",
    },
    words=f"""
        SELECT format('session %s (%s): %s for %s s, its transaction is %s s old', pid,
                      coalesce(usename::text, 'no role'), state,
                      round(extract(epoch FROM clock_timestamp() - state_change)),
                      round(extract(epoch FROM clock_timestamp() - xact_start)))
        {_OTHERS} AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 3
    """,
    asked="longest_seconds",
    above=5,
    all_sessions=True,
)
