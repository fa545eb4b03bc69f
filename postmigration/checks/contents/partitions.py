"""Whether partitioned tables still show the rows that lie in their partitions, and keep them where they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from postmigration.checks.contents.batches import WITHOUT_INDEXES, Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import Name, Relation, read_tables, title
from postmigration.model.evidence import Finding, Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_PARTITIONS = """
    SELECT n.nspname::text AS schema, c.relname::text AS name, pn.nspname::text AS parent_schema,
           p.relname::text AS parent, pt.partstrat::text AS strategy, pt.partdefid = c.oid AS is_default,
           pg_get_expr(c.relpartbound, c.oid) AS bounds,
           CASE WHEN pt.partstrat <> 'h' THEN pg_get_partition_constraintdef(c.oid) END AS condition,
           coalesce((to_jsonb(i) ->> 'inhdetachpending')::boolean, false) AS pending
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace JOIN pg_partitioned_table pt ON pt.partrelid = p.oid
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'p')
      AND c.oid <> ALL(CAST(:locked AS oid[])) AND p.oid <> ALL(CAST(:locked AS oid[]))
    ORDER BY 1, 2
"""


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str]) -> Examination:
    """Judges all partitions.

    Args:
        before: the state before; None where there is none.
    """
    found = Examination()
    now = _read(after, schemas, found.unjudged)
    was = _read(before, schemas, []) if before is not None else {}
    if not (now or was or found.unjudged):
        found.inapplicable = "there is no partition on either side"
        return found
    found.facts = len(now)
    tables = read_tables(after, schemas)
    for name, row in now.items():
        if row.pending:
            inherited = name in was and was[name].pending
            words = (
                f"{title(name)}: a DETACH CONCURRENTLY of this partition of {row.parent} was not finished, and its rows"
            )
            words += " are not seen through it" + ("; it was so before" if inherited else "")
            whole = f"{quoted(row.parent_schema)}.{quoted(row.parent)}"
            repair = f"ALTER TABLE {whole} DETACH PARTITION {quoted(row.schema)}.{quoted(row.name)} FINALIZE;"
            found.add(words, blocker=not inherited, repair=repair)
    _find_detached(after, was, now, tables, found)
    _find_in_default(after, was, now, tables, found)
    return found


def _read(side: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[Name, sa.Row[Any]]:
    return {(row.schema, row.name): row for row in read_catalog(side, _PARTITIONS, schemas, unjudged)}


def _find_detached(
    after: Snapshot,
    was: Mapping[Name, sa.Row[Any]],
    now: Mapping[Name, sa.Row[Any]],
    tables: Mapping[Name, Relation],
    found: Examination,
) -> None:
    """Finds tables that were partitions, and whose rows are no longer seen through the table that they were part of."""
    questions = []
    for name, row in was.items():
        parent = (row.parent_schema, row.parent)
        alone = name in tables and name not in now and tables[name].is_table and not tables[name].parents
        if alone and parent in tables and not tables[name].hindrance:
            questions.append(Question(row, f"SELECT count(*) AS rows FROM {tables[name].sql}", tables[name].pages))
    for row, answer in ask(after, questions):
        name, whole = (row.schema, row.name), f"{quoted(row.parent_schema)}.{quoted(row.parent)}"
        if isinstance(answer, Refusal):
            found.unjudged.append(f"{title(name)}: {answer.reason}")
            continue
        of = title((row.parent_schema, row.parent))
        words = f"{title(name)}: it was a partition of {of} and is not attached"
        if answer.rows:
            words += f": its {count(answer.rows, 'row')} cannot be seen through {of}"
        table = f"{quoted(row.schema)}.{quoted(row.name)}"
        repair = f"ALTER TABLE {whole} ATTACH PARTITION {table} {row.bounds};"
        subject = Subject.of_table(*name)
        found.add(words, blocker=bool(answer.rows), repair=repair, code="partition_detached", subject=subject)


def _find_in_default(
    after: Snapshot,
    was: Mapping[Name, sa.Row[Any]],
    now: Mapping[Name, sa.Row[Any]],
    tables: Mapping[Name, Relation],
    found: Examination,
) -> None:
    """Finds rows in a default partition that another partition held before."""
    questions = []
    for name, row in now.items():
        if not row.is_default or name not in tables or tables[name].hindrance:
            continue
        parent = (row.parent_schema, row.parent)
        siblings = [
            old
            for old in was.values()
            if (old.parent_schema, old.parent) == parent and not old.is_default and old.condition
        ]
        if siblings:
            # One scan for all of them.
            counts = ", ".join(f"count(*) FILTER (WHERE {old.condition})" for old in siblings)
            sql = f"SELECT ARRAY[{counts}] AS held FROM {tables[name].sql}"
            questions.append(Question((name, siblings), sql, tables[name].pages))
    for (name, siblings), answer in ask(after, questions, WITHOUT_INDEXES):
        if isinstance(answer, Refusal):
            found.notes.append(f"{title(name)}: rows of other partitions were not looked for: {answer.reason}")
            continue
        for old, rows in zip(siblings, answer.held, strict=True):
            if rows:
                held = title((old.schema, old.name))
                words = f"{title(name)}: {count(rows, 'row')} of this default partition {agree(rows, 'is', 'are')} "
                words += f"within the bounds of {held}, which held such rows before"
                query = f"SELECT * FROM {tables[name].sql} WHERE {old.condition}"
                found.findings.append(Finding(words, rows, rows, query=query, severity="warning"))
