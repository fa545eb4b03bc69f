"""What clients make the disks do."""

from postmigration.watch.families.family import Family

IO = Family(
    "io",
    {
        16: """
        SELECT coalesce(sum(reads), 0) AS reads, coalesce(sum(writes), 0) AS writes,
               coalesce(sum(extends), 0) AS extends, coalesce(sum(fsyncs), 0) AS fsyncs
        FROM pg_stat_io WHERE backend_type = 'client backend'
        """
    },
    counters={
        "reads": "reads by clients",
        "writes": "writes by clients, who should leave them to the background",
        "extends": "extensions of files by clients",
        "fsyncs": "times that clients had to wait for the disk themselves",
    },
)
