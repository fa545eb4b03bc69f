"""The tables that a project declares are tables, whatever they were before."""

from collections.abc import Sequence

from postmigration import Target
from postmigration.model.evidence import Problem
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.catalog import Table
from postmigration.postgres.connection import Snapshot


def test_tables_are_tables(target: Target) -> None:
    """Every table of the model is a table that survives a crash and holds its rows itself.

    Impact: All rows of a table are gone after the next crash of the server, or no key and no reference holds for them
    any more.

    Likely causes: A table was made UNLOGGED for the bulk change and stayed so, replaced by a view of another one, or
    its rows were moved to a table that inherits from it.

    Fix: ALTER TABLE … SET LOGGED; put the table in its place again; move the rows back and drop the table that
    inherits.
    """
    inherited = set() if target.baseline is None else set(_problems(target.baseline, target.migration.tables))
    problems = _problems(target.snapshot, target.migration.tables)
    for problem in problems:
        if problem in inherited:
            target.note(f"so before the migration too: {problem}")
    target.expect_no_problems([p for p in problems if p not in inherited], facts=len(target.migration.tables))


def _problems(snapshot: Snapshot, tables: Sequence[str]) -> list[str]:
    rows = snapshot.rows(
        """
        SELECT c.relname::text AS name, c.relkind::text AS kind, c.relpersistence = 'u' AS unlogged,
               ARRAY(SELECT i.inhrelid::regclass::text FROM pg_inherits i
                     WHERE i.inhparent = c.oid AND c.relkind = 'r' ORDER BY 1) AS children
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname = ANY(CAST(:tables AS text[])) ORDER BY 1
        """,
        schema=snapshot.database.schema,
        tables=list(tables),
    )
    kinds = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}
    problems = []
    for row in rows:
        table = f"{quoted(snapshot.database.schema)}.{quoted(row.name)}"
        if row.kind not in ("r", "p"):
            problems.append(f"{row.name} is {kinds.get(row.kind, 'another relation')}, want a table")
        if row.unlogged:
            logged = f"-- the DBA: the table is locked and written anew\nALTER TABLE {table} SET LOGGED;"
            problems.append(Problem(f"table {row.name} is UNLOGGED: a crash of the server empties it", logged))
        if row.children:
            elsewhere = snapshot.count(
                f"SELECT count(*) FROM {table} t WHERE t.tableoid <> CAST(:table AS regclass)", table=table
            )
            if elsewhere:
                where = ", ".join(row.children)
                words = (
                    f"{elsewhere:,} rows of {row.name} stand in tables that inherit from it ({where}), where none of "
                    "its keys and references holds"
                )
                problems.append(
                    Problem(
                        words, _bring_home(catalog.table(snapshot, row.name, expressions=False), table, row.children)
                    )
                )
    return problems


def _bring_home(of: Table, table: str, children: Sequence[str]) -> str:
    """Brings rows back into their table that it lacks by their key, and lets nothing inherit from it."""
    if not of.key:
        return ""
    columns = ", ".join(map(quoted, of.columns))
    same = " AND ".join(f"t.{quoted(name)} = c.{quoted(name)}" for name in of.key)
    lines = [
        "-- the DBA, as a superuser: rows that the table lacks come back; what inherits from it stands alone then, and",
        "-- somebody decides what becomes of it. No trigger fires meanwhile: judge again",
        "BEGIN;",
        "SET LOCAL session_replication_role = replica;",
    ]
    for child in children:
        lines += [
            f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {child} c",
            f"  WHERE NOT EXISTS (SELECT FROM ONLY {table} t WHERE {same});",
            f"ALTER TABLE {child} NO INHERIT {table};",
        ]
    return "\n".join([*lines, "COMMIT;"])


def test_no_table_is_empty(target: Target) -> None:
    """Every table of the model holds rows.

    Impact: A restore that brought the schema and no data looks healthy to every check that finds nothing wrong.

    Likely causes: A backup without rows was restored, the data script did not run, or this is not the database that you
    mean.

    Fix: Look whether the row counts of the state before are there; restore or migrate again. If an empty table is
    right, say --allow-empty.
    """
    empty = [
        name
        for name in target.migration.tables
        if not target.value(f"SELECT count(*) FROM (SELECT FROM {quoted(name)} LIMIT 1) first")
    ]
    if not target.options.allow_empty:
        target.expect_no_problems(
            [f"table {name} holds no row (if that is right, say --allow-empty)" for name in empty],
            facts=len(target.migration.tables),
        )
    else:
        target.note(f"empty tables, which --allow-empty permits: {', '.join(empty) or 'none'}")
