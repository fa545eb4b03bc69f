"""What can go wrong with the ledgers of migration tools, and what they do when all is well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A change of a ledger.

    Args:
        sql: what changes in a copy of `ledgers.sql`.
        words: what is said of it.
        level: how grave it is.
        check: the check that says so.
    """

    sql: str
    words: str
    level: str = "blocker"
    check: str = "ledgers_of_migration_tools_are_in_order"


FAULTS = (
    Fault(
        "UPDATE go.schema_migrations SET version = 8, dirty = true",
        "go.schema_migrations (golang-migrate), 8: the version is dirty",
    ),
    Fault(
        "INSERT INTO flyway_schema_history VALUES (4, '3', 'x', 'SQL', 'V3__x.sql', 1, 'app', now(), 1, false)",
        "flyway_schema_history (Flyway), 3: it failed",
    ),
    Fault(
        "INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype) "
        "VALUES ('4', 'ann', 'db.xml', now(), 4, 'FAILED')",
        "databasechangelog (Liquibase), db.xml::4: it failed",
    ),
    Fault(
        "UPDATE databasechangeloglock SET locked = true, lockgranted = '2024-05-01 10:00', lockedby = 'ci (10.0.0.7)'",
        "databasechangeloglock (Liquibase), locked since 2024-05-01 10:00:00: whoever migrates next waits",
    ),
    Fault(
        "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('d', 'x', '20240301_more')",
        "_prisma_migrations (Prisma), 20240301_more: it began and never finished",
    ),
    Fault("UPDATE knex_migrations_lock SET is_locked = 1", "knex_migrations_lock (Knex), the lock: it is set"),
    Fault(
        "INSERT INTO sqitch.events SELECT 'fail', 'c', 'more', project, note, requires, conflicts, tags, now(), "
        "committer_name, committer_email, planned_at, planner_name, planner_email FROM sqitch.events LIMIT 1",
        "sqitch.events (Sqitch), shop:more: its deployment failed",
    ),
    Fault(
        "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES "
        "('3', 'x', 2, 1, 3, now(), 1, 'relation \"a\" already exists', 'CREATE TABLE a', '', NULL, 'v')",
        "atlas_schema_revisions.atlas_schema_revisions (Atlas), 3: it failed after some of its statements",
    ),
    Fault(
        "INSERT INTO atlas_schema_revisions.atlas_schema_revisions VALUES "
        "('3', 'x', 2, 1, 3, now(), 1, NULL, NULL, '', NULL, 'v')",
        "(Atlas), 3: it is half applied",
    ),
    # Behind what they were
    Fault("DELETE FROM alembic_version", "alembic_version (Alembic): it is empty, and its head was ae1027a6acf"),
    Fault(
        "DELETE FROM django_migrations WHERE app = 'auth'",
        "it is behind the state before: auth.0001_initial is not in it",
    ),
    Fault(
        "TRUNCATE django_migrations",
        "django_migrations (Django): it is empty, and it held 3 migrations up to auth.0001_initial",
    ),
    Fault("UPDATE go.schema_migrations SET version = 6", "its version was 7, is 6"),
    Fault(
        "DELETE FROM rails.schema_migrations WHERE version > '202402'",
        "(Rails or dbmate): it is behind the state before: 20240201000000, 20240301000000 are not in it",
    ),
    Fault(
        "DELETE FROM ecto.schema_migrations WHERE version > 20240101000000",
        "ecto.schema_migrations (Ecto): it is behind",
    ),
    Fault(
        "DELETE FROM supabase_migrations.schema_migrations WHERE name = 'total'",
        "supabase_migrations.schema_migrations (Supabase): it is behind",
    ),
    Fault(
        "INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, false)",
        "goose_db_version (goose): it is behind the state before: 2 is not in it",
    ),
    Fault("DELETE FROM knex_migrations WHERE batch = 2", "knex_migrations (Knex): it is behind"),
    Fault("DELETE FROM drizzle.__drizzle_migrations", "drizzle.__drizzle_migrations (Drizzle): it is empty"),
    Fault(
        "DELETE FROM sqitch.changes WHERE change = 'total'",
        "sqitch.changes (Sqitch): it is behind the state before: shop:total",
    ),
    Fault(
        "INSERT INTO flyway_schema_history VALUES (4, '2', 'x', 'UNDO_SQL', 'U2__x.sql', 1, 'app', now(), 1, true)",
        "flyway_schema_history (Flyway): it is behind the state before: 2 is not in it",
    ),
    Fault(
        "ALTER TABLE alembic_version DROP CONSTRAINT alembic_version_pkc; "
        "INSERT INTO alembic_version TABLE alembic_version",
        "alembic_version (Alembic): it has ae1027a6acf more than once",
    ),
    # What may be meant
    Fault("INSERT INTO alembic_version VALUES ('b')", "it has 2 heads, and had 1: ae1027a6acf, b", "warning"),
    Fault(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0001_initial', now())",
        "django_migrations (Django): it has shop.0001_initial more than once",
        "warning",
    ),
    Fault(
        "UPDATE django_migrations SET name = '0001_squashed' WHERE app = 'shop' AND name = '0001_initial'",
        "it has been written anew: shop.0001_initial is not in it, and shop.0001_squashed is new",
        "warning",
    ),
    # Moved on
    Fault("UPDATE alembic_version SET version_num = 'bf2138b7bd0'", "its head was ae1027a6acf, is bf2138b7bd0", "told"),
    Fault("UPDATE go.schema_migrations SET version = 12", "its head was 7, is 12", "told"),
    Fault(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0003_more', now())",
        "it moved on by 1 migration from auth.0001_initial to shop.0003_more",
        "told",
    ),
    Fault("ALTER TABLE knex_migrations SET SCHEMA go", "knex_migrations_lock", "told"),
    Fault("UPDATE rails.ar_internal_metadata SET value = 'staging'", "rails.ar_internal_metadata", "told"),
)
