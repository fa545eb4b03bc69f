"""Checkpoints: those that came when they were due, and those that writing forced."""

from postmigration.watch.families.family import Family

CHECKPOINTS = Family(
    "checkpoints",
    {
        15: """
        SELECT checkpoints_timed AS timed, checkpoints_req AS requested, checkpoint_write_time AS write_ms,
               checkpoint_sync_time AS sync_ms
        FROM pg_stat_bgwriter
        """,
        17: """
        SELECT num_timed AS timed, num_requested AS requested, write_time AS write_ms, sync_time AS sync_ms
        FROM pg_stat_checkpointer
        """,
    },
    counters={
        "timed": "checkpoints that were due",
        "requested": "checkpoints that were forced, mostly because much was written",
        "write_ms": "milliseconds that checkpoints wrote",
        "sync_ms": "milliseconds that checkpoints waited for the disk",
    },
)
