"""Collations whose library is another one now than when they were used to build indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.checks.contents.examination import Examination, count, list_names
from postmigration.postgres.connection import Snapshot

# The collation of the database knows its version since PostgreSQL 15.
_OF_THE_DATABASE = """
    UNION ALL
    SELECT CAST(100 AS oid), quote_ident(d.datname), true, d.datcollversion, pg_database_collation_actual_version(d.oid)
    FROM pg_database d WHERE d.datname = current_database()
"""

# Version 13 is the first that knows one of the C library.
_COLLATIONS = """
    WITH used AS (
        SELECT u.used AS collation_, i.indexrelid AS index_, i.indrelid AS table_
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indcollation) AS u(used)
        UNION
        SELECT d.refobjid, CASE x.relkind WHEN 'i' THEN x.oid END, coalesce(i.indrelid, x.oid) FROM pg_depend d
        JOIN pg_class x ON d.classid = 'pg_class'::regclass AND x.oid = d.objid
        LEFT JOIN pg_index i ON i.indexrelid = x.oid WHERE d.refclassid = 'pg_collation'::regclass
        UNION
        SELECT CAST(100 AS oid), NULL, a.attrelid FROM pg_attribute a WHERE a.attcollation = 100 AND a.attnum > 0
    ), versions AS (
        SELECT c.oid, format('%I.%I', n.nspname, c.collname) AS name, false AS database, c.collversion AS recorded,
               pg_collation_actual_version(c.oid) AS actual
        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE c.collversion IS NOT NULL AND c.oid IN (SELECT collation_ FROM used)
        {database}
    )
    SELECT v.name, v.database, v.recorded, v.actual,
           array_agg(DISTINCT format('%I.%I', xn.nspname, x.relname)) FILTER (WHERE x.relkind = 'i') AS indexes,
           count(DISTINCT c.oid) AS tables
    FROM versions v JOIN used u ON u.collation_ = v.oid
    JOIN pg_class c ON c.oid = u.table_ JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class x ON x.oid = u.index_ LEFT JOIN pg_namespace xn ON xn.oid = x.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'p', 'm')
    GROUP BY v.oid, v.name, v.database, v.recorded, v.actual ORDER BY v.database DESC, v.name
"""


@dataclass(frozen=True)
class Collation:
    """A collation that tables of the application use, and that knows its version.

    Args:
        title: what it is called, for people.
        refresh: the statement that takes the version of the library for its own.
        recorded: its version when it was made, or when that was last done; `actual`: the library's.
        indexes: those that it orders; `tables`: how many use it.
    """

    title: str
    refresh: str
    recorded: str | None
    actual: str | None
    indexes: tuple[str, ...]
    tables: int

    @property
    def is_stale(self) -> bool:
        """Whether its library is another one now."""
        return self.recorded is not None and self.recorded != self.actual


def read_collations(snapshot: Snapshot, schemas: Sequence[str]) -> list[Collation]:
    """The collations that tables of some schemas use, and that know their version."""
    database = _OF_THE_DATABASE if snapshot.info.server_version >= 150_000 else ""
    found = []
    for row in snapshot.rows(_COLLATIONS.replace("{database}", database), schemas=list(schemas)):
        kind = "DATABASE" if row.database else "COLLATION"
        found.append(
            Collation(
                "the collation of the database" if row.database else f"collation {row.name.removeprefix('public.')}",
                f"ALTER {kind} {row.name} REFRESH {'COLLATION ' if row.database else ''}VERSION;",
                row.recorded,
                row.actual,
                tuple(row.indexes or ()),
                row.tables,
            )
        )
    return found


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str]) -> Examination:
    """Holds the versions of collations against those of their libraries.

    Args:
        before: the state before; None where there is none with a library of its own.
    """
    found = Examination()
    collations = read_collations(after, schemas)
    known = [collation for collation in collations if collation.recorded is not None]
    if not known:
        found.inapplicable = "no table uses a collation whose version is known"
        return found
    found.facts = len(known)
    older = set()
    if before is not None:
        older = {collation.title for collation in read_collations(before, schemas) if collation.is_stale}
    for collation in known:
        if not collation.is_stale:
            continue
        used = f"{count(collation.tables, 'table')} use{'s' * (collation.tables == 1)} it, and no index"
        if collation.indexes:
            names = [name.removeprefix("public.") for name in collation.indexes]
            used = f"{list_names(names)} may be in another order than searches expect"
        words = f"{collation.title} was made with version {collation.recorded} of its library, which is "
        words += f"{collation.actual or 'of no known version'} now: {used}"
        if collation.title in older:
            found.notes.append(f"{words}; it was so before")
        else:
            found.add(words, blocker=False, repair=_repair(collation))
    return found


def _repair(collation: Collation) -> str:
    return "\n".join([*(f"REINDEX INDEX CONCURRENTLY {name};" for name in collation.indexes), collation.refresh])
