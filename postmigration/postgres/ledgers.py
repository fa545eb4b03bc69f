"""The ledgers of the tools that migrate a schema: tables in which each tool keeps what it has done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_D

# A `log` has one entry for each migration that was applied, a `head` names the last one alone, and what lies `aside`
# (a lock, the name of the environment) names none.
Holds = Literal["log", "head", "aside"]


@dataclass(frozen=True)
class Trouble:
    """A state of an entry in which the tool refuses to go on, or goes on from where the database is not.

    Args:
        where: when an entry is in it: a condition of SQL.
        words: what is wrong then.
        remedy: how it is set right.
    """

    where: str
    words: str
    remedy: str


@dataclass(frozen=True)
class Ledger:
    """How a tool keeps what it has done.

    Args:
        tool: the tool.
        table: what its table is called where nobody has named it otherwise.
        columns: the columns by which it is known, and of which the expressions speak.
        entry: what names a migration: an expression of SQL.
        order: which of its entries come later: an expression of SQL.
        holds: what its entries stand for.
        applied: which entries stand for a migration that has been applied: a condition of SQL.
        troubles: in which states an entry may be.
        source: a query that gives the entries of the table `{0}`.
        layout: all of its columns: a table of these and no others is one whatever it is called; empty where they are
            nothing special.
        schema: the schema in which alone it is one; empty for any.
        exactly: its name tells little: by that it is known only where it has `columns` and no others.
        also: what else it has in any version of the tool, in lower case.
        details: what else is known of an entry, for whoever holds it against the files: an expression of SQL.
    """

    tool: str
    table: str
    columns: tuple[str, ...]
    entry: str
    order: str
    holds: Holds = "log"
    applied: str = "true"
    troubles: tuple[Trouble, ...] = ()
    source: str = "SELECT * FROM {0}"
    layout: frozenset[str] = frozenset()
    schema: str = ""
    exactly: bool = False
    also: str = ""
    details: str = "NULL"

    def knows(self, columns: Collection[str]) -> bool:
        """Whether the tool has made all of some columns."""
        own = {*(name.lower() for name in (*self.columns, *self.layout)), *self.also.split()}
        return {name.lower() for name in columns} <= own

    def entries(self, schema: str, table: str) -> str:
        """A query for all entries of a table as one value, JSON: name, whether applied, which trouble, details."""
        cases = " ".join(f"WHEN {trouble.where} THEN {i}" for i, trouble in enumerate(self.troubles))
        trouble = f"CASE {cases} END" if cases else "NULL"
        source = self.source.format(f"{quoted(schema)}.{quoted(table)}")
        return f"""
            SELECT CAST(coalesce(json_agg(json_build_array(CAST({self.entry} AS text), {self.applied}, {trouble},
                                                           {self.details})
                                          ORDER BY {self.order}), '[]') AS text) AS entries
            FROM ({source}) r
        """


_RERUN = "set right what it left half done, then mark it as applied or delete its entry, and run the tool again"
_LOCKED = "make sure that the tool runs nowhere, and release the lock"

# The first that fits is the tool's. The layouts are those of the tools' own statements that create them.
LEDGERS = (
    Ledger("Alembic", "alembic_version", ("version_num",), "version_num", "version_num", "head",
           layout=frozenset({"version_num"})),
    Ledger("Django", "django_migrations", ("id", "app", "name"), "app || '.' || name", "id", also="applied"),
    Ledger("Flyway", "flyway_schema_history", ("installed_rank", "version", "script", "success"),
           "coalesce(version, script)", "installed_rank",
           applied="success AND type NOT LIKE 'UNDO%' AND type <> 'DELETE'",
           troubles=(Trouble("NOT success", "it failed",
                             "set right what it left half done, then flyway repair and flyway migrate"),),
           source="SELECT DISTINCT ON (coalesce(version, script)) * FROM {0} "
           "ORDER BY coalesce(version, script), installed_rank DESC",
           layout=frozenset({"installed_rank", "version", "description", "type", "script", "checksum", "installed_by",
                             "installed_on", "execution_time", "success"}),
           details="json_build_array(type, checksum)"),
    Ledger("Liquibase", "databasechangelog", ("id", "filename", "orderexecuted", "exectype"),
           "filename || '::' || id", "orderexecuted", applied="exectype NOT IN ('FAILED', 'SKIPPED')",
           also="author dateexecuted md5sum description comments tag liquibase contexts labels deployment_id",
           troubles=(Trouble("exectype = 'FAILED'", "it failed", "set right what it left, and liquibase update"),)),
    Ledger("Liquibase", "databasechangeloglock", ("id", "locked", "lockgranted"),
           "concat('locked since ', date_trunc('second', lockgranted))", "id", "aside", also="lockedby",
           troubles=(Trouble("locked", "whoever migrates next waits until it is released",
                             "make sure that no Liquibase runs, and liquibase release-locks"),)),
    Ledger("Prisma", "_prisma_migrations", ("migration_name", "started_at", "finished_at", "rolled_back_at"),
           "migration_name", "started_at", applied="finished_at IS NOT NULL AND rolled_back_at IS NULL",
           also="id checksum logs applied_steps_count", details="checksum",
           troubles=(Trouble("finished_at IS NULL AND rolled_back_at IS NULL", "it began and never finished",
                             "set right what it left half done, then prisma migrate resolve"),)),
    Ledger("golang-migrate", "schema_migrations", ("version", "dirty"), "version", "version", "head",
           troubles=(Trouble("dirty", "the version is dirty: its migration broke off half-way",
                             "set right what it left half done, then migrate force VERSION"),),
           layout=frozenset({"version", "dirty"})),
    Ledger("Supabase", "schema_migrations", ("version",), "version", "version", schema="supabase_migrations",
           also="statements name created_by idempotency_key rollback"),
    Ledger("Ecto", "schema_migrations", ("version", "inserted_at"), "version", "version"),
    Ledger("Rails or dbmate", "schema_migrations", ("version",), "version", "version"),
    Ledger("Rails", "ar_internal_metadata", ("key", "value"), "key", "key", "aside", also="created_at updated_at"),
    # An older goose adds an entry that takes back another one, where a newer one deletes it.
    Ledger("goose", "goose_db_version", ("id", "version_id", "is_applied"), "version_id", "version_id",
           applied="is_applied", source="SELECT DISTINCT ON (version_id) * FROM {0} ORDER BY version_id, id DESC",
           layout=frozenset({"id", "version_id", "is_applied", "tstamp"})),
    Ledger("Knex", "knex_migrations", ("id", "name", "batch"), "name", "id",
           layout=frozenset({"id", "name", "batch", "migration_time"})),
    Ledger("Knex", "knex_migrations_lock", ("index", "is_locked"), "'the lock'", "index", "aside",
           troubles=(Trouble("is_locked <> 0", "it is set: every further migration is refused",
                             "make sure that no Knex runs, and knex migrate:unlock"),)),
    Ledger("Drizzle", "__drizzle_migrations", ("id", "hash", "created_at"),
           "coalesce(CAST(created_at AS text), hash)", "id", also="name applied_at"),
    Ledger("Sqitch", "changes", ("change_id", "change", "project", "planned_at", "committed_at"),
           "project || ':' || change", "committed_at",
           also="note committer_name committer_email planner_name planner_email script_hash"),
    # Of each project what was tried last.
    Ledger("Sqitch", "events", ("event", "change_id", "change", "project", "committed_at"),
           "project || ':' || change", "committed_at", "aside",
           also="note requires conflicts tags committer_name committer_email planned_at planner_name planner_email",
           troubles=(Trouble("event = 'fail'", "its deployment failed, and nothing was deployed since",
                             "set right what it left half done, and sqitch deploy"),),
           source="SELECT DISTINCT ON (project) * FROM {0} ORDER BY project, committed_at DESC"),
    Ledger("Atlas", "atlas_schema_revisions", ("version", "type", "applied", "total", "error"), "version", "version",
           applied="version NOT LIKE '.%' AND applied >= total",
           also="description executed_at execution_time error_stmt hash partial_hashes operator_version",
           # A revision that somebody has marked as resolved has the third bit of its type set.
           troubles=(Trouble("version NOT LIKE '.%' AND type & 4 = 0 AND coalesce(error, '') <> ''",
                             "it failed after some of its statements", _RERUN),
                     Trouble("version NOT LIKE '.%' AND type & 4 = 0 AND applied < total",
                             "it is half applied", _RERUN))),
    Ledger("sqlx", "_sqlx_migrations", ("version", "success", "installed_on"), "version", "version",
           applied="success", troubles=(Trouble("NOT success", "it is half applied", _RERUN),),
           also="description checksum execution_time"),
    Ledger("Kysely", "kysely_migration", ("name", "timestamp"), "name", "name"),
    Ledger("Kysely", "kysely_migration_lock", ("id", "is_locked"), "'the lock'", "id", "aside",
           troubles=(Trouble("is_locked <> 0", "it is set: every further migration is refused", _LOCKED),)),
    Ledger("Entity Framework", "__EFMigrationsHistory", ("MigrationId", "ProductVersion"), '"MigrationId"',
           '"MigrationId"'),
    Ledger("Laravel", "migrations", ("id", "migration", "batch"), "migration", "id", exactly=True,
           layout=frozenset({"id", "migration", "batch"})),
    Ledger("TypeORM", "migrations", ("id", "timestamp", "name"), "name", "id", exactly=True),
    Ledger("Sequelize", "SequelizeMeta", ("name",), "name", "name", also="createdat updatedat"),
    Ledger("Doctrine", "doctrine_migration_versions", ("version", "executed_at", "execution_time"), "version",
           "version"),
    Ledger("Diesel", "__diesel_schema_migrations", ("version", "run_on"), "version", "version"),
    Ledger("node-pg-migrate", "pgmigrations", ("id", "name", "run_on"), "name", "id"),
)  # fmt: skip


def find_ledger(schema: str, table: str, columns: Collection[str]) -> Ledger | None:
    """Tells of which tool a table is the ledger; None of those that are none.

    Args:
        columns: the names of its columns.
    """
    names = frozenset(columns)
    for ledger in LEDGERS:
        named = table.lower() == ledger.table.lower() and ledger.schema in ("", schema)
        fits = names == set(ledger.columns) if ledger.exactly else names >= set(ledger.columns)
        if (named and fits) or (ledger.layout and names == ledger.layout):
            return ledger
    return None


def holds_ledger_alone(schema: str, table: str, columns: Collection[str]) -> bool:
    """Whether a table is a ledger, and has no column of anybody else: then its rows are the tool's."""
    ledger = find_ledger(schema, table, columns)
    return ledger is not None and ledger.knows(columns)


def find_ledgers(snapshot: Snapshot) -> dict[tuple[str, str], Ledger]:
    """Finds the ledgers of a database, by schema and table."""
    rows = snapshot.rows(
        f"""
        SELECT n.nspname::text AS schema, c.relname::text AS name,
               CAST(array_agg(a.attname::text) AS text[]) AS columns
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND {MEMBER_D})
        GROUP BY 1, 2 ORDER BY 1, 2
        """
    )
    found = {(row.schema, row.name): find_ledger(row.schema, row.name, row.columns) for row in rows}
    return {name: ledger for name, ledger in found.items() if ledger is not None}
