"""A backup put to the proof: read whole, restored, and compared with what it claims to be a copy of."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from postmigration.backups.object_differences import diff_objects, write_alike
from postmigration.backups.restore import Restored, restore
from postmigration.backups.standins import SAID
from postmigration.diff.database_diff import Source, diff_schemas, schemas
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_fit import unfit
from postmigration.diff.scope import Relation, relations
from postmigration.diff.table_diff import TableComparison, diff_with_fingerprint
from postmigration.model.errors import CannotJudge, Incomplete
from postmigration.model.migration import Migration
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server
from postmigration.postgres.references import references
from postmigration.postgres.schemas import find_platform
from postmigration.postgres.scratch.base_backup import BaseBackup
from postmigration.postgres.throwaway import Server

_DATABASE = "backup"


@dataclass(frozen=True)
class Held:
    """A table of the backup: its rows, and the bytes that it takes with its indexes when it is restored."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True)
class Verification:
    """What was found of a backup.

    Args:
        restored: what became of it.
        version: the major version of the PostgreSQL into which it was restored.
        seconds: how long that took.
        tables: what it holds.
        lacking: what is not in it, in sentences.
        schemas: the schemas that were compared with what it claims to be; none where nothing was named.
        comparisons: their tables, compared.
        problems: what proves that it is not what it claims to be, in words.
        notes: what the reader should know and is no problem.
        uncompared: the application's schemas that hold tables and were compared with nothing.
    """

    restored: Restored
    version: int
    seconds: float
    tables: tuple[Held, ...]
    lacking: tuple[str, ...]
    schemas: tuple[str, ...]
    comparisons: tuple[TableComparison, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    uncompared: tuple[str, ...] = ()

    @property
    def unjudged(self) -> list[TableComparison]:
        """The tables that could not be compared."""
        return [result for result in self.comparisons if result.reason]

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(table.rows for table in self.tables)

    @property
    def compared_rows(self) -> int:
        """How many of them were compared."""
        return sum(result.rows.have_rows for result in self.comparisons if result.rows is not None)


def verify(
    files: Sequence[Path],
    throwaway: Server,
    against: Source | Fingerprint | None,
    *,
    schema: str = "public",
    migration: Migration | None = None,
    keep: int = 5,
    lacking: str = "",
) -> Verification:
    """Restores a backup and tells whether it is what it claims to be.

    Args:
        files: the files of one backup, in the order in which they are to be restored.
        throwaway: where to restore it; the database stays until the server is stopped.
        against: what it claims to be a copy of: a database, or a fingerprint of it.
        schema: the schema of the application's tables.
        migration: the migration before which it was taken, whose tables and references it must hold.
        keep: how many differences of each table to give in full.
        lacking: what the server is known to lack, and what to do, in words.

    Raises:
        CannotJudge: it cannot be read to its end, or not restored here.
    """
    started = time.monotonic()
    try:
        restored = restore(files, throwaway, _DATABASE, lacking=lacking)
    except Incomplete as error:
        return Verification(
            Restored((), (), (), (), ()),
            throwaway.version,
            time.monotonic() - started,
            (),
            (),
            (),
            (),
            (str(error),),
            (),
        )
    return examine(
        Source(throwaway.conninfo(_DATABASE, throwaway.owner), "the backup"),
        restored,
        against,
        version=throwaway.version,
        seconds=time.monotonic() - started,
        schema=schema,
        migration=migration,
        keep=keep,
    )


def examine_base_backup(
    server: BaseBackup,
    database: str,
    against: Source | Fingerprint | None,
    *,
    seconds: float,
    schema: str = "public",
    migration: Migration | None = None,
    keep: int = 5,
) -> Verification:
    """Reads all rows of a base backup and tells whether it is what it claims to be.

    Args:
        server: a running copy of it.
        database: the database in it.
        seconds: how long it took to start.
    """
    copy = Source(server.conninfo(database), "the backup")
    with ExitStack() as cleanup:
        snapshot = copy.snapshot(cleanup, schema)
        rows = {name: snapshot.count(f"SELECT count(*) FROM ONLY {name}") for name in _tables(snapshot, "p")}
        unlogged = _tables(snapshot, "u")
        held = frozenset(schemas(snapshot))
    aside = (f"rows of {', '.join(unlogged)}: what is not logged is in no base backup",) if unlogged else ()
    facts = (server.describe(database),)
    restored = Restored(facts, (), (), aside, (), rows=rows, roles=True, schemas=held, rowless=tuple(unlogged))
    return examine(
        copy,
        restored,
        against,
        version=server.version,
        seconds=seconds,
        schema=schema,
        migration=migration,
        keep=keep,
    )


def examine(
    copy: Source,
    restored: Restored,
    against: Source | Fingerprint | None,
    *,
    version: int,
    seconds: float,
    schema: str,
    migration: Migration | None,
    keep: int,
) -> Verification:
    """Compares a backup that is restored with what it claims to be.

    Args:
        copy: the restored database.
        restored: what became of the backup.
        version: the major version of its server.
        seconds: how long it took to restore it.
    """
    with ExitStack() as cleanup:
        snapshot = copy.snapshot(cleanup, schema)
        tables, standins = _list_held(snapshot, restored), _standins(snapshot)
        held = {table.name for table in tables}
        notes, absent, comparisons, lost = [], _not_in_it(restored), [], []
        named: list[str] = []
        uncompared: list[str] = []
        if isinstance(against, Fingerprint):
            if found := unfit(against, snapshot, None):
                if not found.table:
                    raise CannotJudge(f"the fingerprint of --against does not fit: {found}")
                words = found.describe("the backup", "the fingerprint")
                return Verification(restored, version, seconds, tables, tuple(absent), (schema,), (), (words,), ())
            named = [schema]
            platform = find_platform(snapshot).schemas
            uncompared = [name for name in schemas(snapshot) if name != schema and name not in platform]
            names = {name: Relation(name, 0, "") for name in against.tables} | {
                name: relation for name, relation in relations(snapshot).items() if not relation.excluded
            }
            comparisons = list(diff_with_fingerprint(snapshot, against, list(names.values()), keep=keep))
            notes.append("a fingerprint knows no policy, function, trigger or index: those were compared with nothing")
        elif against is not None:
            original = against.snapshot(cleanup, schema)
            server(original)
            named = sorted({schema, *restored.schemas})
            lacked = [name for name in schemas(original) if name not in named]
            absent += [f"the schema {name} ({_size(original, name)}), so not proven" for name in lacked]
            uncompared = [name for name in lacked if name not in find_platform(original).schemas]
            without = [f"{its}.{name}" for kind, its, name in standins if kind == "table"] + [*restored.rowless]
            comparisons = diff_schemas(against, copy, named, main=schema, keep=keep, without=without)
            lost = diff_objects(original, snapshot, named, restored, standins)
            if not write_alike(original, snapshot):
                notes.append(
                    f"PostgreSQL {version}, into which it was restored, writes definitions otherwise: of "
                    "views, indexes, constraints and triggers it was compared only that they are there"
                )
        problems = [f"{key} refers to rows that are not in the backup" for key in restored.orphaned]
        equal = bool(comparisons) and all(result.equal for result in comparisons)
        problems += [*_of_the_comparison(comparisons), *lost]
        if migration is not None:
            wrong, known = _of_the_migration(snapshot, schema, migration, held, compared=equal)
            problems += wrong
            notes += known
    return Verification(
        restored,
        version,
        seconds,
        tables,
        tuple(absent),
        tuple(named),
        tuple(comparisons),
        tuple(problems),
        tuple(notes),
        tuple(uncompared),
    )


def _tables(snapshot: Snapshot, persistence: str) -> list[str]:
    """The tables that hold rows themselves, permanent or unlogged ones."""
    rows = snapshot.rows(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' "
        "AND n.nspname <> 'information_schema' AND c.relpersistence = :persistence ORDER BY 1",
        persistence=persistence,
    )
    return [str(row.name) for row in rows]


def _list_held(snapshot: Snapshot, restored: Restored) -> tuple[Held, ...]:
    rows = snapshot.rows(
        """
        SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_total_relation_size(c.oid) AS size
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND obj_description(c.oid, 'pg_class') IS DISTINCT FROM :provided
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                          AND d.deptype = 'e')
        ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
        """,
        provided=SAID,
    )
    return tuple(Held(row.name, restored.rows.get(row.name, 0), int(row.size)) for row in rows)


def _standins(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    """What stands in for something that the backup expects and has not: what it is, its schema and its name."""
    rows = snapshot.rows(
        """
        SELECT 'table' AS kind, n.nspname::text AS schema, c.relname::text AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND obj_description(c.oid, 'pg_class') = :said
        UNION ALL
        SELECT 'function', n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE obj_description(p.oid, 'pg_proc') = :said
        """,
        said=SAID,
    )
    return {(row.kind, row.schema, row.name) for row in rows}


def _not_in_it(restored: Restored) -> list[str]:
    words = []
    if not restored.roles:
        words.append("roles, their passwords and memberships (pg_dumpall --globals-only writes them)")
    if restored.standins:
        replaced = [
            f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}" for kind, names in restored.standins.items()
        ]
        words.append(f"{'; '.join(replaced)}, in whose places stand-ins were put, so not proven")
    return [*words, *restored.set_aside]


def _size(snapshot: Snapshot, schema: str) -> str:
    tables = snapshot.scalar(
        "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :schema) "
        "AND relkind IN ('r', 'p')",
        schema=schema,
    )
    return f"{tables:,} table{'' if tables == 1 else 's'}"


def _of_the_comparison(comparisons: Sequence[TableComparison]) -> list[str]:
    problems = []
    judged = [result for result in comparisons if result.rows is not None]
    filled = [r for r in judged if r.rows is not None and r.rows.want_rows]
    if filled and all(r.rows is not None and r.rows.counts["missing"] >= r.rows.want_rows for r in filled):
        problems.append("it has no row in common with what it is compared with: it is of another database")
    for result in judged:
        if result.equal or result.rows is None:
            continue
        counts = [
            f"{number:,} row{'' if number == 1 else 's'} {kind}"
            for kind, number in result.rows.counts.items()
            if number
        ]
        if result.rows.want_rows and not result.rows.have_rows and not result.problems:
            counts = [f"it holds none of {result.rows.want_rows:,} rows"]
        problems.append(f"{result.table}: {', '.join([*result.problems, *counts])}")
    return problems


def _of_the_migration(
    snapshot: Snapshot, schema: str, migration: Migration, held: set[str], *, compared: bool
) -> tuple[list[str], list[str]]:
    """What is wrong with it as the state before a migration, and what is worth knowing.

    Args:
        compared: it was found equal to what it claims to be, so that what it lacks is lacking there too.
    """
    later = [name for name in migration.tables if name not in migration.legacy_tables and f"{schema}.{name}" in held]
    wrong = [f"it was taken after the migration: it holds the table {', '.join(later)}"] if later else []
    wrong += [f"{name} is not in it" for name in migration.legacy_tables if f"{schema}.{name}" not in held]
    there = [name for name in migration.legacy_tables if f"{schema}.{name}" in held]
    empty = [
        name for name in there if not snapshot.scalar(f"SELECT EXISTS (SELECT FROM {quoted(schema)}.{quoted(name)})")
    ]
    wrong += [f"{name} holds no row" for name in empty]
    known: list[str] = []
    if not later and len(there) == len(migration.legacy_tables):
        declared = [reference for reference in migration.references if not reference.added]
        for place in references(snapshot, declared):
            number = snapshot.count(f"SELECT count(*) FROM ({place.orphans}) o", snapshot.application)
            words = f"{number:,} rows of {place.name} lead to no row of {place.parent}"
            array = any((r.table, (r.column,)) == (place.table, place.columns) and r.array for r in declared)
            if number:
                (known if array else wrong).append(words)
    return ([], [*known, *wrong]) if compared else (wrong, known)
