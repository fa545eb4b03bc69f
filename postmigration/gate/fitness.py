"""Whether databases are fit to be judged: the application's, readable, and not empty."""

from __future__ import annotations

from collections.abc import Sequence

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schemas import find_platform, find_schemas, find_tables, has_rows


def choose_schemas(named: Sequence[str], target: Snapshot, baseline: Snapshot | None) -> tuple[list[str], list[str]]:
    """Chooses the schemas that are compared: those that were named, or all of both sides but the platform's.

    Returns:
        These, and the others that are there.

    Raises:
        CannotJudge: neither side has one that was named.
    """
    sides = [side for side in (baseline, target) if side is not None]
    there = {name for side in sides for name in find_schemas(side)}
    if absent := [name for name in named if name not in there]:
        raise CannotJudge(
            f"--schema={absent[0]}: there is no such schema (there are {', '.join(sorted(there)) or 'none'})"
        )
    chosen = list(named) or sorted(there - find_platform(*sides).schemas)
    return chosen, sorted(there.difference(chosen))


def refuse_empty(schemas: Sequence[str], target: Snapshot, baseline: Snapshot | None) -> None:
    """Makes sure that there is something to judge.

    Tables that only the target has lost are no reason to refuse it: that is what a check finds.

    Raises:
        CannotJudge: there is no table, or no row, where something must be.
    """
    side = target if baseline is None else baseline
    where = side.database.option
    hint = "--allow-empty judges the objects alone"
    tables = find_tables(side, schemas)
    if not tables:
        raise CannotJudge(f"nothing to judge: the database of {where} has no table in {_list(schemas)} ({hint})")
    if not has_rows(side, tables):
        raise CannotJudge(f"nothing to judge: no table of the database of {where} has a row that can be read ({hint})")


def _list(schemas: Sequence[str]) -> str:
    return f"schema {', '.join(schemas)}" if schemas else "any schema of its own"


def _date_rows(target: Snapshot, migration: Migration) -> None:
    """Makes sure that a cut-over means something: some table says when its rows were made or changed."""
    tables = catalog.tables(target, expressions=False).values()
    if not any(table.created(migration.conventions) or table.updated(migration.conventions) for table in tables):
        raise CannotJudge(
            "--cutover: no table has a column that says when a row was made or changed (like created_at, updatedAt): "
            "declare their names, Migration(conventions=Conventions(created=…, updated=…))"
        )


def refuse_unfit(snapshot: Snapshot, migration: Migration, options: Options) -> None:
    """Makes sure that the database is the application's and that this role can read all of it.

    Raises:
        CannotJudge: it is not, or cannot.
    """
    database = snapshot.database
    known = {"schema": database.schema}
    if not snapshot.scalar("SELECT count(*) FROM pg_namespace WHERE nspname = :schema", **known):
        raise CannotJudge(f"the database of {database.option} has no schema {database.schema}: name it with --schema")
    absent = catalog.absent(snapshot, migration.legacy_tables)
    if 2 * len(absent) > len(migration.legacy_tables):
        raise CannotJudge(
            f"the database of {database.option} does not look like the application's: no table {absent[0]} in schema "
            f"{database.schema}, nor {len(absent) - 1} others of the {len(migration.legacy_tables)} that the migration "
            "declares; any two databases are compared by postmigration compare BEFORE AFTER"
        )
    for row in snapshot.rows(
        """
        SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(current_user) AS role,
               has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
               c.relrowsecurity AND NOT (r.rolsuper OR r.rolbypassrls)
                   AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) AS filtered,
               quote_ident(n.nspname) AS schema
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_roles r ON r.rolname = current_user
        WHERE n.nspname = :schema AND c.relname = ANY(:tables) AND c.relkind IN ('r', 'p') ORDER BY 1
        """,
        tables=list(migration.tables),
        **known,
    ):
        if not row.readable:
            raise CannotJudge(
                f"role {row.role} may not read {row.name} in the database of {database.option}: "
                f"GRANT USAGE ON SCHEMA {row.schema} TO {row.role}; GRANT SELECT ON {row.name} TO {row.role}"
            )
        if row.filtered:
            raise CannotJudge(
                f"row-level security filters what role {row.role} sees of {row.name} in the database of "
                f"{database.option}, so nothing can be judged through it: "
                f"ALTER ROLE {row.role} BYPASSRLS, or connect as a role that has it"
            )
    if options.cutover != "infinity" and database.option == "--db-url":
        _date_rows(snapshot, migration)
        later = snapshot.scalar("SELECT CAST(:cutover AS timestamptz) > now()", cutover=options.cutover)
        if later:
            raise CannotJudge(f"--cutover={options.cutover} is in the future: give the time at which it happened")
