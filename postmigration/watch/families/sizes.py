"""How large the database and its largest tables are."""

from postmigration.watch.families.family import Family

SIZES = Family(
    "sizes",
    {
        # What asks for the size of a table waits for whoever holds it for himself alone: such tables are left out.
        15: """
        (SELECT '' AS subject, pg_database_size(current_database()) AS bytes)
        UNION ALL
        (SELECT format('%I.%I', n.nspname, c.relname), coalesce(pg_total_relation_size(c.oid), 0)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
           AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock')
         ORDER BY 2 DESC, 1 LIMIT 50)
        """
    },
    gauges={"bytes": "the size of the database, or of a table with its indexes"},
    every=300,
)
