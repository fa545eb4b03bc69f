"""The statements that take most of the server's time, where pg_stat_statements counts them."""

from postmigration.watch.families.family import Family

STATEMENTS = Family(
    "statements",
    {
        # The text ends where something could stand that somebody typed: a literal, a comment. Those that end with the
        # comment which makes a statement a single one are the engine's own.
        15: r"""
        SELECT concat(queryid, ' ', left(regexp_replace(regexp_replace(min(query), '(''|--|/\*|\$[^0-9]).*$', '…'),
                                                        '\s+', ' ', 'g'), 90)) AS subject,
               sum(calls) AS calls, sum(total_exec_time) AS ms, sum(rows) AS rows
        FROM {schema}.pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel
          AND query ~* '^\s*(select|insert|update|delete|merge|with)\M'
          AND query !~ '-- \$\d+\S*\s*$'
        GROUP BY queryid ORDER BY sum(total_exec_time) DESC LIMIT 50
        """
    },
    counters={
        "calls": "calls of a statement",
        "ms": "milliseconds that they took",
        "rows": "rows that they returned or changed",
    },
    every=60,
    all_sessions=True,
    extension="pg_stat_statements",
)
