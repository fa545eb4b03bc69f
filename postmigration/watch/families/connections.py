"""Connections by their state, against the limits of the server and of the database."""

from postmigration.watch.families.family import Family

CONNECTIONS = Family(
    "connections",
    {
        15: """
        WITH sessions AS (
            SELECT count(*) AS clients, count(*) FILTER (WHERE datname = current_database()) AS here,
                   count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE state = 'idle') AS idle,
                   count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS in_transaction
            FROM pg_stat_activity WHERE backend_type = 'client backend'
        )
        SELECT clients, active, idle, in_transaction,
               greatest(clients / nullif(current_setting('max_connections')::float8
                                         - current_setting('superuser_reserved_connections')::float8
                                         - coalesce(current_setting('reserved_connections', true), '0')::float8, 0),
                        here / CASE WHEN datconnlimit > 0 THEN datconnlimit::float8 END) AS share
        FROM sessions, pg_database WHERE datname = current_database()
        """
    },
    gauges={
        "clients": "connections of clients to the server",
        "active": "connections that run a statement",
        "idle": "connections that wait for a statement",
        "in_transaction": "connections that wait for a statement within a transaction",
        "share": "connections as a share of what the server, or the database, admits",
    },
    words="""
        SELECT format('%s: %s connections, %s of them idle', coalesce(usename::text, 'no role'), count(*),
                      count(*) FILTER (WHERE state LIKE 'idle%'))
        FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY usename ORDER BY count(*) DESC LIMIT 3
    """,
    asked="share",
    above=0.5,
    all_sessions=True,
)
