"""What somebody learns of rows beside the tables that hold them: through views, functions and other tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from postmigration.access.principals import Actor
from postmigration.access.rls_bypass import SCHEMAS, locate, name_sql
from postmigration.access.row_visibility import explain
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# How many rows of one view or function are looked at.
_ROWS = 1_000
# How many tables are asked in one statement.
_AT_ONCE = 100
# A function that cannot change anything is asked without arguments, or for each of some ids.
_SOURCES = f"""
    SELECT format('%s %s', CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
                  {name_sql("c.relnamespace", "c.relname")}) AS name, NULL AS label,
           format('SELECT to_jsonb(q) FROM %I.%I AS q LIMIT {_ROWS}', n.nspname, c.relname) AS query,
           CASE WHEN c.relkind IN ('r', 'p') THEN c.oid END AS table_oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.oid IN ({SCHEMAS}) AND (n.nspname <> :schema OR NOT c.relname = ANY(:but)) AND NOT c.relispartition
      AND (c.relkind IN ('r', 'p', 'v', 'f') OR c.relkind = 'm' AND c.relispopulated)
      AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND {MEMBER_E})
    UNION ALL
    SELECT format('function %s(%s)', {name_sql("p.pronamespace", "p.proname")}, oidvectortypes(p.proargtypes)),
           format('function %s(%s)', {name_sql("p.pronamespace", "p.proname")},
                  pg_get_function_identity_arguments(p.oid)),
           CASE p.pronargs
               WHEN 0 THEN format('SELECT to_jsonb(f) FROM %I.%I() AS f LIMIT {_ROWS}', n.nspname, p.proname)
               ELSE format('SELECT to_jsonb(f) FROM unnest(CAST(:ids AS uuid[])) AS i(id), LATERAL %I.%I(i.id) AS f '
                           'LIMIT {_ROWS}', n.nspname, p.proname) END,
           NULL
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.oid IN ({SCHEMAS}) AND (n.nspname <> :schema OR NOT p.proname = ANY(:but))
      AND p.prokind = 'f' AND p.provolatile IN ('s', 'i')
      AND (p.pronargs = 0 OR p.pronargs = 1 AND p.proargtypes[0] = 'uuid'::regtype)
      AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype)
      AND NOT EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND {MEMBER_E})
    ORDER BY 1
"""


@dataclass(frozen=True)
class Guarded:
    """A table whose rows not everybody may know of.

    Args:
        may: condition on a row `t`: that somebody may know of it (see `row_visibility.compare_with_rules`).
        texts: columns of which strangers may know no value.
    """

    may: str
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Disclosure:
    """One fact about what is told of a table: two are the same whatever their numbers and names are.

    Args:
        source: the view, function or table that tells.
        role: the role of the database whom it tells.
        kind: whether that is staff or a stranger.
        table: of whose rows it tells.
        label: what the source is called in words.
        rows: of how many at the least.
        who: who learns of them first.
    """

    source: str
    role: str
    kind: str
    table: str
    label: str = field(compare=False)
    rows: int = field(compare=False)
    who: str = field(compare=False)

    def locate(self, schema: str) -> Subject:
        """The source, where the tables stand in a schema."""
        kind, _, name = self.source.partition(" ")
        return locate(kind, name, schema)


def find_disclosures(
    everything: Snapshot,
    reach: Callable[[Actor], Snapshot],
    actors: Sequence[Actor],
    guarded: Mapping[str, Guarded],
    *,
    but: Collection[str],
) -> list[Disclosure]:
    """What people learn that is not theirs to know.

    Args:
        everything: a snapshot that bypasses row-level security.
        reach: gives a snapshot in which somebody exists.
        guarded: the tables, by name; their key is `id`.
        but: tables, views and functions that are judged elsewhere.

    Returns:
        Of each source, role, kind of people and table one.

    Raises:
        NotJudged: asking took too long, or waited for a lock.
    """
    sources = everything.rows(_SOURCES, schema=everything.database.schema, but=list(but))
    samples = {
        table: [
            row.id
            for row in everything.rows(f"SELECT id FROM {quoted(table)} ORDER BY id LIMIT 5", everything.application)
        ]
        for table in guarded
    }
    found: dict[Disclosure, None] = {}
    for actor in actors:
        people = reach(actor)
        learned = _read_tables(people, actor, [source for source in sources if source.table_oid is not None])
        learned |= {s: _read_texts(people, actor, s.query, samples) for s in sources if s not in learned}
        for table, guard in guarded.items():
            secrets = _secrets(everything, actor, table, guard, set().union(*learned.values()))
            for source, values in learned.items():
                if count := max(len(values & secret) for secret in secrets):
                    label = source.label or source.name
                    found.setdefault(
                        Disclosure(source.name, actor.database_role, actor.kind, table, label, count, actor.name)
                    )
    return list(found)


def describe_disclosures(disclosures: Collection[Disclosure]) -> list[tuple[str, int]]:
    """Says in words what is told: of each source whom it tells first of each role, and of what."""
    first: dict[str, dict[tuple[str, str], Disclosure]] = {}
    for told in disclosures:
        first.setdefault(told.source, {}).setdefault((told.role, told.table), told)
    return [(_describe_source(list(of_source.values())), 1) for of_source in first.values()]


def _describe_source(disclosures: Sequence[Disclosure]) -> str:
    learned: dict[str, list[str]] = {}
    for told in disclosures:
        learned.setdefault(told.who, []).append(f"{told.rows:,} {told.table}")
    (who, rows), *others = ((who, " and ".join(rows)) for who, rows in learned.items())
    words = f"{disclosures[0].label} tells {who} of {rows} that are not theirs"
    return "; ".join((words, *(f"{other} of {theirs}" for other, theirs in others)))


def _read_tables(people: Snapshot, actor: Actor, tables: Sequence[sa.Row[Any]]) -> dict[sa.Row[Any], set[str]]:
    """Every text that tables show somebody, many of them asked in one statement.

    Those that only fail are left out, and so are all that stood in a statement that failed: each is asked by itself.
    """
    readable = {
        row.oid
        for row in people.rows(
            """
            SELECT o.oid FROM unnest(CAST(:oids AS oid[])) AS o(oid)
            WHERE has_table_privilege(o.oid, 'SELECT') OR has_any_column_privilege(o.oid, 'SELECT')
            """,
            actor.settings,
            oids=[table.table_oid for table in tables],
        )
    }
    found: dict[sa.Row[Any], set[str]] = {table: set() for table in tables if table.table_oid not in readable}
    left = [table for table in tables if table not in found]
    for start in range(0, len(left), _AT_ONCE):
        asked = left[start : start + _AT_ONCE]
        whole = " UNION ALL ".join(
            f"SELECT {i} AS source, q AS shown FROM ({table.query}) AS t(q)" for i, table in enumerate(asked)
        )
        try:
            rows = people.rows(whole, {**people.application, **actor.settings})
        except sa.exc.DBAPIError:
            continue
        found |= {table: set() for table in asked}
        for row in rows:
            found[asked[row.source]].update(_texts(row.shown))
    return found


def _read_texts(people: Snapshot, actor: Actor, query: str, samples: Mapping[str, Sequence[object]]) -> set[str]:
    """Every text that a view or function shows somebody; one that fails shows nothing."""
    texts: set[str] = set()
    # Ids of one table at a time: what refuses those of another may still answer for these.
    for ids in samples.values() if ":ids" in query else [[]]:
        try:
            settings = {**people.application, **actor.settings}
            rows = people.rows(query, settings, **({"ids": ids} if ":ids" in query else {}))
        except sa.exc.DBAPIError as error:
            explain(error, actor)
            continue
        texts.update(text for row in rows for text in _texts(row[0]))
    return texts


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


def _secrets(everything: Snapshot, actor: Actor, table: str, guard: Guarded, texts: set[str]) -> list[set[str]]:
    """Those of some texts that belong to rows of a table of which somebody may not know, for each of its columns."""
    tenant = actor.tenant and str(actor.tenant)
    # Staff and guests know people from elsewhere too; to a stranger each of these is news.
    columns = ["id", *(guard.texts if tenant is None else ())]
    secrets = []
    for column in columns:
        rows = everything.rows(
            f"""
            SELECT t.{quoted(column)}::text FROM {quoted(table)} t
            WHERE t.{quoted(column)} = ANY(CAST(:texts AS {"uuid" if column == "id" else "text"}[]))
            GROUP BY 1 HAVING NOT bool_or(({guard.may}) IS TRUE)
            """,
            everything.application,
            texts=sorted(text for text in texts if column != "id" or _UUID.fullmatch(text)),
            tenant=tenant,
            internal=actor.kind == "internal",
        )
        secrets.append({str(row[0]) for row in rows})
    return secrets
