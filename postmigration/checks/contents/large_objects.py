"""Whether the large objects are there, with the same bytes, and whether columns point at them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import title
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import RowSet
from postmigration.model.evidence import Finding
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot, describe_refusal
from postmigration.postgres.object_queries.members import MEMBER_E

_NUMBERS = RowSet("SELECT oid::bigint AS loid FROM pg_catalog.pg_largeobject_metadata", ("loid",), 1)
_BYTES = RowSet(
    "SELECT loid::bigint AS loid, pageno, data FROM pg_catalog.pg_largeobject", ("loid", "pageno", "data"), 2
)
# The same bytes under other numbers.
_CONTENTS = """
    SELECT count(*) AS objects, coalesce(sum(h), 0) AS total FROM (
        SELECT sum(('x' || substr(md5(pageno || ' ' || encode(data, 'hex')), 1, 15))::bit(60)::bigint) AS h
        FROM pg_catalog.pg_largeobject GROUP BY loid) o
"""
_COLUMNS = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS table, a.attname::text AS column,
           c.relpages::bigint AS pages, has_table_privilege(c.oid, 'SELECT') AS readable
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.oid <> ALL(CAST(:locked AS oid[]))
      AND a.attnum > 0 AND NOT a.attisdropped AND (t.oid = 'oid'::regtype OR t.typbasetype = 'oid'::regtype)
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 2, 3
"""


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str]) -> Examination:
    """Judges all large objects, and the columns that point at them.

    Args:
        before: the state before; None where there is none.
    """
    found = Examination()
    columns = _pointing(after, schemas, found.unjudged)
    columns_before = _pointing(before, schemas, []) if before is not None else {}
    now = after.count("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")
    was = before.count("SELECT count(*) FROM pg_catalog.pg_largeobject_metadata") if before is not None else 0
    found.facts = now + len(columns)
    if not (now or was) and not any(hits for hits, _ in (*columns.values(), *columns_before.values())):
        found.inapplicable = "there is no large object on either side"
        return found
    if before is not None and was + now:
        _compare(before, after, was, found)
    for name, (hits, dangling) in columns.items():
        hits_before, dangling_before = columns_before.get(name, (0, 0))
        # A number that never was one of a large object is something else.
        if not dangling or not (hits_before or hits > dangling):
            continue
        inherited = bool(dangling_before) and dangling_before >= dangling
        words = f"{name}: {count(dangling, 'value')} of {hits + dangling:,} {agree(dangling, 'points', 'point')} at"
        words += " no large object" + ("; it was so before" if inherited else "")
        found.find(words, wrong=dangling, examined=hits + dangling, severity="warning" if inherited else "blocker")
    return found


def _pointing(side: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[str, tuple[int, int]]:
    """For each column of numbers of objects how many of them are those of large objects, and how many are not."""
    questions = []
    for row in read_catalog(side, _COLUMNS, schemas, unjudged):
        name = f"{title((row.schema, row.table))}.{row.column}"
        if not row.readable:
            unjudged.append(f"{name}: GRANT SELECT ON its table to the role that judges")
            continue
        column = f"t.{quoted(row.column)}"
        sql = f"""
            SELECT count(*) FILTER (WHERE m.oid IS NOT NULL) AS hits, count(*) FILTER (WHERE m.oid IS NULL) AS dangling
            FROM {quoted(row.schema)}.{quoted(row.table)} t
            LEFT JOIN pg_catalog.pg_largeobject_metadata m ON m.oid = CAST({column} AS oid)
            WHERE {column} IS NOT NULL AND CAST({column} AS oid) <> 0
        """
        questions.append(Question(name, sql, int(row.pages)))
    found = {}
    for name, answer in ask(side, questions, {"enable_sort": "on"}):
        if isinstance(answer, Refusal):
            unjudged.append(f"{name}: {answer.reason}")
        else:
            found[name] = (int(answer.hits), int(answer.dangling))
    return found


def _compare(before: Snapshot, after: Snapshot, was: int, found: Examination) -> None:
    """Compares the large objects of both sides: first which there are, then their bytes."""
    readable = [
        bool(side.scalar("SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"))
        for side in (before, after)
    ]
    try:
        numbers = Sides(before, after, _NUMBERS, _NUMBERS).compare(keep=5)
        missing, extra = numbers.counts["missing"], numbers.counts["extra"]
        if missing and missing == extra and all(readable) and _contents(before) == _contents(after):
            found.add("large objects: the same bytes have other numbers than before", blocker=False)
            return
        query = "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid"
        if missing:
            words = f"large objects: {missing:,} of {was:,} {agree(missing, 'is', 'are')} missing"
            rows = tuple((str(d.key[0]),) for d in numbers.differences if d.kind == "missing")
            found.findings.append(Finding(words, missing, was, ("oid",), rows, query))
        if extra:
            words = f"large objects: {extra:,} {agree(extra, 'was', 'were')} not there before"
            found.findings.append(Finding(words, extra, max(was, extra), query=query, severity="warning"))
        if not all(readable):
            found.unjudged.append("the bytes of large objects: only a superuser may read them")
            return
        pages = Sides(before, after, _BYTES, _BYTES).compare(keep=1_000)
    except sa.exc.DBAPIError as error:
        found.unjudged.append(f"large objects: {describe_refusal(error)}")
        return
    # Of those that one side lacks enough was said.
    changed = {d.key[0] for d in pages.differences} - {d.key[0] for d in numbers.differences}
    alone = {d.key[0] for d in pages.differences if d.kind != "changed"}
    if pages.counts["changed"] or (not numbers.wrong and alone):
        names = sorted(str(key) for key in changed)
        verb = agree(len(names), "has", "have")
        words = f"large objects: {count(len(names), 'object')} {verb} other bytes than before"
        found.findings.append(Finding(words, max(1, len(names)), was, ("oid",), tuple((name,) for name in names[:5])))


def _contents(side: Snapshot) -> tuple[int, int]:
    row = side.rows(_CONTENTS)[0]
    return int(row.objects), int(row.total)
