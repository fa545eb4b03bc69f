"""Large tables: how they are read, and how well vacuum keeps up; and the indexes that are used."""

from postmigration.watch.families.family import Family

# Of so many tables, and so many indexes, a sample tells.
_MOST = 200
# Reading a smaller one whole is what the planner rightly does.
_LARGE = 10_000

TABLES = Family(
    "tables",
    {
        15: f"""
        SELECT format('%I.%I', s.schemaname, s.relname) AS subject, s.seq_scan AS whole_reads,
               s.seq_tup_read AS rows_read_whole, coalesce(s.idx_scan, 0) AS index_reads,
               greatest(c.reltuples, s.n_live_tup) AS rows,
               s.n_dead_tup / greatest(c.reltuples + s.n_dead_tup, s.n_live_tup + s.n_dead_tup, 1)::float8 AS dead_share
        FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
        WHERE greatest(c.reltuples, s.n_live_tup + s.n_dead_tup) >= {_LARGE}
        ORDER BY greatest(c.reltuples, s.n_live_tup) DESC, 1 LIMIT {_MOST}
        """
    },
    gauges={"rows": "rows of a large table, estimated", "dead_share": "dead rows as a share of all of a large table"},
    counters={
        "whole_reads": "times that a large table was read whole",
        "rows_read_whole": "rows that were read so",
        "index_reads": "times that an index of it was used",
    },
    every=60,
)

INDEXES = Family(
    "indexes",
    {
        15: f"""
        SELECT format('%I.%I', s.schemaname, s.indexrelname) AS subject, s.idx_scan AS uses
        FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_class t ON t.oid = s.relid
        WHERE greatest(t.reltuples, c.reltuples) >= {_LARGE} ORDER BY c.relpages DESC, 1 LIMIT {_MOST}
        """
    },
    counters={"uses": "times that an index of a large table was used"},
    every=60,
)
