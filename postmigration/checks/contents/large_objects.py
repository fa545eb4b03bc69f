"""Whether the large objects are there, with the same bytes, and whether columns point at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count
from postmigration.checks.contents.large_object_privileges import compare_privileges
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import title
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_contents import LargeObjectsFingerprint
from postmigration.diff.row_diff import Sides
from postmigration.diff.row_sets import RowSet, power_of_two
from postmigration.model.errors import NeedsBaseline
from postmigration.model.evidence import Finding
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E
from postmigration.postgres.refusals import describe_refusal

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
_COUNT = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
_OTHER_NUMBERS = "large objects: the same bytes have other numbers than before"
_UNREADABLE = "the bytes of large objects: only a superuser may read them"
_OLDER = "the fingerprint holds no large objects: an older version took it"
_MOST_BUCKETS = 65_536
# Of so many buckets that differ the objects are named.
_LISTED = 5
_BITS = 0xFFFF_FFFF_FFFF_FFFF
# What an object holds is hashed page by page, and these with their number: pages that change places differ.
_BUCKETS = """
    SELECT loid & {last} AS bucket, count(*) AS objects, sum({number}) AS numbers, sum({whole}) AS wholes,
           sum({content}) AS contents
    FROM (SELECT m.oid::bigint AS loid, sum({page}) AS pages FROM pg_catalog.pg_largeobject_metadata m
          LEFT JOIN (SELECT loid, pageno, data FROM pg_catalog.pg_largeobject WHERE {readable}) p ON p.loid = m.oid
          GROUP BY m.oid) o
    GROUP BY 1
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


def take_fingerprint(side: Snapshot, schemas: Sequence[str], secret: int) -> LargeObjectsFingerprint:
    """What a fingerprint holds of the large objects of a database.

    Args:
        secret: what the hashes begin with.
    """
    there = side.count(_COUNT)
    size = power_of_two(2 * there, most=_MOST_BUCKETS)
    readable = _may_read_bytes(side)
    buckets = _read_buckets(side, size, secret, readable=readable)
    return LargeObjectsFingerprint(
        there,
        size,
        tuple((number, *sums[:3]) for number, sums in sorted(buckets.items())),
        sum(sums[3] for sums in buckets.values()) & _BITS if readable else None,
        _pointing(side, schemas, []),
    )


def examine(after: Snapshot, before: Snapshot | Fingerprint | None, schemas: Sequence[str]) -> Examination:
    """Judges all large objects, and the columns that point at them.

    Args:
        before: the state before; None where there is none.

    Raises:
        NeedsBaseline: there is no large object, and a fingerprint of an older version does not tell whether there was.
    """
    found = Examination()
    columns = _pointing(after, schemas, found.unjudged)
    columns_before: Mapping[str, tuple[int, int]] = {}
    now, was = after.count(_COUNT), 0
    held = before.large_objects if isinstance(before, Fingerprint) else None
    if isinstance(before, Snapshot):
        columns_before, was = _pointing(before, schemas, []), before.count(_COUNT)
    elif held is not None:
        columns_before, was = held.columns, held.count
    elif before is not None:
        if not now:
            raise NeedsBaseline(_OLDER)
        found.notes.append(f"{_OLDER}; judged without a state before")
    found.facts = now + len(columns)
    if not (now or was) and not any(hits for hits, _ in (*columns.values(), *columns_before.values())):
        found.inapplicable = "there is no large object on either side"
        return found
    if isinstance(before, Snapshot) and was + now:
        _compare(before, after, was, found)
    elif isinstance(before, Fingerprint) and held is not None and was + now:
        _compare_with_fingerprint(held, before.secret, after, found)
        found.notes.append("a fingerprint holds no owners and privileges of large objects: they are not compared")
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
    readable = [_may_read_bytes(side) for side in (before, after)]
    try:
        numbers = Sides(before, after, _NUMBERS, _NUMBERS).compare(keep=1_000)
        missing, extra = numbers.counts["missing"], numbers.counts["extra"]
        if missing and missing == extra and all(readable) and _contents(before) == _contents(after):
            found.add(_OTHER_NUMBERS, blocker=False)
            return
        query = "SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY oid"
        if missing:
            words = f"large objects: {missing:,} of {was:,} {agree(missing, 'is', 'are')} missing"
            rows = tuple((str(d.key[0]),) for d in numbers.differences if d.kind == "missing")[:5]
            found.findings.append(Finding(words, missing, was, ("oid",), rows, query))
        if extra:
            words = f"large objects: {extra:,} {agree(extra, 'was', 'were')} not there before"
            found.findings.append(Finding(words, extra, max(was, extra), query=query, severity="warning"))
        compare_privileges(before, after, found)
        if not all(readable):
            found.unjudged.append(_UNREADABLE)
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


def _compare_with_fingerprint(
    before: LargeObjectsFingerprint, secret: int, after: Snapshot, found: Examination
) -> None:
    """Compares the large objects with what a fingerprint holds of them: how many at the least are others."""
    readable = before.contents is not None and _may_read_bytes(after)
    try:
        now = _read_buckets(after, before.size, secret, readable=readable)
    except sa.exc.DBAPIError as error:
        found.unjudged.append(f"large objects: {describe_refusal(error)}")
        return
    was = {number: sums for number, *sums in before.buckets}
    missing = extra = 0
    other, changed = [], []
    for bucket in sorted(was.keys() | now.keys()):
        want, have = was.get(bucket, [0, 0, 0]), now.get(bucket, (0, 0, 0, 0))
        if want[:2] != [*have[:2]]:
            # With as many as before, one at the least went and another one came.
            missing += max(want[0] - have[0], int(want[0] == have[0]))
            extra += max(have[0] - want[0], int(want[0] == have[0]))
            other.append(bucket)
        elif readable and want[2] != have[2]:
            changed.append(bucket)
    total = sum(sums[3] for sums in now.values()) & _BITS
    if missing and sum(sums[0] for sums in now.values()) == before.count and readable and total == before.contents:
        found.add(_OTHER_NUMBERS, blocker=False)
        return
    query = "SELECT oid FROM pg_catalog.pg_largeobject_metadata WHERE oid::bigint & {} IN ({}) ORDER BY oid"
    if missing:
        words = f"large objects: at least {missing:,} of {before.count:,} {agree(missing, 'is', 'are')} missing"
        found.find(words, wrong=missing, examined=before.count)
    if extra:
        words = f"large objects: at least {extra:,} {agree(extra, 'was', 'were')} not there before"
        sql = query.format(before.size - 1, ", ".join(map(str, other[:_LISTED])))
        found.find(words, wrong=extra, examined=max(before.count, extra), severity="warning", query=sql)
    if changed:
        words = (
            f"large objects: at least {count(len(changed), 'object')} {agree(len(changed), 'has', 'have')} other bytes"
        )
        sql = query.format(before.size - 1, ", ".join(map(str, changed[:_LISTED])))
        rows = tuple((str(row.oid),) for row in after.rows(sql))
        found.findings.append(Finding(f"{words} than before", len(changed), before.count, ("oid",), rows, sql))
    if not readable and before.count and now:
        found.unjudged.append(_UNREADABLE)


def _read_buckets(side: Snapshot, size: int, secret: int, *, readable: bool) -> dict[int, tuple[int, int, int, int]]:
    """For each bucket how many objects it has, and sums of hashes: of numbers, numbers with bytes, and bytes alone."""

    def hash_(value: str) -> str:
        return f"('x' || substr(md5({value}), 1, 15))::bit(60)::bigint"

    prefix = f"'{secret} ' || "
    sql = _BUCKETS.format(
        last=size - 1,
        number=hash_(f"{prefix}loid"),
        whole=hash_(f"{prefix}loid || ' ' || coalesce(pages, 0)"),
        content=hash_(f"{prefix}coalesce(pages, 0)"),
        page=hash_(f"convert_to({prefix}p.pageno || ' ', 'UTF8') || p.data"),
        readable=str(readable).lower(),
    )
    return {
        int(row.bucket): (
            int(row.objects),
            int(row.numbers) & _BITS,
            int(row.wholes) & _BITS,
            int(row.contents) & _BITS,
        )
        for row in side.rows(sql)
    }


def _may_read_bytes(side: Snapshot) -> bool:
    return bool(side.scalar("SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')"))


def _contents(side: Snapshot) -> tuple[int, int]:
    row = side.rows(_CONTENTS)[0]
    return int(row.objects), int(row.total)
