"""What the server counts for the whole database."""

from postmigration.watch.families.family import Family

DATABASE = Family(
    "database",
    {
        15: """
        SELECT xact_commit AS commits, xact_rollback AS rollbacks, deadlocks, temp_files, temp_bytes,
               blks_hit AS blocks_hit, blks_read AS blocks_read, tup_inserted AS inserted, tup_updated AS updated,
               tup_deleted AS deleted, coalesce(checksum_failures, 0) AS checksum_failures,
               sessions_abandoned + sessions_fatal + sessions_killed AS sessions_lost,
               CAST(age(d.datfrozenxid) AS float8) / 2147483647 AS transaction_ids
        FROM pg_stat_database s JOIN pg_database d ON d.oid = s.datid WHERE s.datname = current_database()
        """
    },
    gauges={"transaction_ids": "transaction IDs used since the oldest frozen row, as a share of those there are"},
    counters={
        "commits": "transactions that were committed",
        "rollbacks": "transactions that were rolled back",
        "deadlocks": "deadlocks",
        "temp_files": "temporary files that queries wrote",
        "temp_bytes": "bytes that queries wrote into temporary files",
        "blocks_hit": "blocks that were in the cache",
        "blocks_read": "blocks that were not in the cache",
        "inserted": "rows that were inserted",
        "updated": "rows that were updated",
        "deleted": "rows that were deleted",
        "checksum_failures": "blocks whose checksum is wrong",
        "sessions_lost": "sessions that ended by an error, by their client's silence or by an administrator",
    },
)
