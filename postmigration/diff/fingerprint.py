"""A fingerprint of a database: row counts and sums of hashes, and no row's content.

It is taken just before a migration that works in place, in one scan of each table, and stands for the state before.
Of each table it holds the rows as they were, and as the intended changes say that they must have become: what may
change is left out of the second, so that everything else is still proven.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from postmigration.diff.expected_rows import Expectation, expectation
from postmigration.diff.fingerprint_contents import (
    BucketDifference,
    FingerprintComparison,
    LargeObjectsFingerprint,
    SequencesFingerprint,
    WorkloadFingerprint,
)
from postmigration.diff.hashing import Hashing, Method, as_text, hashing, new_secret
from postmigration.diff.row_diff import calibration
from postmigration.diff.row_sets import power_of_two
from postmigration.diff.scan.bucket_sums import find_newest, low_bits, read_buckets
from postmigration.diff.scan.settings import SCAN
from postmigration.diff.scope import relations
from postmigration.model.errors import NotJudged
from postmigration.model.evidence import IMPERSONAL_TYPES
from postmigration.model.migration import Conventions, Migration
from postmigration.model.sqltext import quoted
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import Server, server
from postmigration.postgres.schema_objects import Objects, objects

# So few that a bucket that differs leaves few candidates.
_ROWS_PER_BUCKET = 32
_MOST_BUCKETS = 65_536
# Of the rows in buckets that differ at least one is wrong; more than so many help nobody.
_MOST_CANDIDATES = 1_000

Rows = Literal["as they were", "as they must be"]
WERE: Rows = "as they were"
MUST_BE: Rows = "as they must be"


@dataclass(frozen=True)
class TableFingerprint:
    """What a fingerprint holds of one table.

    Args:
        name: the table.
        columns: the type of each of its columns, and whether it may be NULL.
        key: the columns that identify a row; all of them where nothing does.
        hashed: for the rows as they were and as they must be, the columns in order, each with its type and whether it
            was hashed as it is or as text.
        rows: the number of rows.
        newest: when the youngest of them was made, `infinity` where that is not known.
        size: how many buckets there are, a power of two.
        buckets: for each bucket that has rows how many, and for both sets of rows the sum of hashes (64 bits).
    """

    name: str
    columns: Mapping[str, tuple[str, bool]]
    key: tuple[str, ...]
    hashed: Mapping[Rows, tuple[tuple[str, str, bool], ...]]
    rows: int
    newest: str
    size: int
    buckets: Mapping[int, tuple[int, int, int]]

    def facts(self) -> catalog.Table:
        """The table as the catalogs described it, as far as that is known."""
        columns = {n: catalog.Column(n, type_, nullable, None) for n, (type_, nullable) in self.columns.items()}
        keyed = set(self.key) < set(self.columns)
        primary = catalog.Index("", self.key, True, True, "btree", True, None)
        return catalog.Table(self.name, columns, (primary,) if keyed else (), (), (), row_security=False)

    def hashing(self, rows: Rows, method: Method, secret: int) -> Hashing:
        """How one of the two sets of rows was hashed."""
        native = {name: type_ for name, type_, as_it_is in self.hashed[rows] if as_it_is}
        return Hashing(native, {}, method, secret)


@dataclass(frozen=True)
class DeclaredFingerprint:
    """What a fingerprint holds of a table of which changes of rows are declared: the rows that it must hold then.

    Args:
        schema, name: what the table is called after the changes.
        digest: tells the changes that it was taken under from others.
        said: the columns whose values the changes say.
        rows: the hashes, all of them of texts, by `MUST_BE`; None where they could not be taken.
        reason: why not.
    """

    schema: str
    name: str
    digest: str
    said: tuple[str, ...] = ()
    rows: TableFingerprint | None = None
    reason: str = ""


@dataclass(frozen=True)
class Fingerprint:
    """What a database held at an instant.

    Args:
        taken_at: the instant, as the server's clock had it.
        database: the name of the database.
        version: the version of its server.
        identity: tells the database from others without naming it.
        schema: where its tables stand.
        method: how rows were hashed, and `calibration` what the server made of known values.
        rules: tells the intended changes under which it was taken from others.
        tables: by name.
        secret: what the hashes began with (see `Hashing`); 0 in older fingerprints.
        objects: every object of the database, and what is granted on it; None in older ones.
        sequences: where those of all schemas stood; None in older ones.
        large_objects: which there were; None in older ones.
        declared: what the declared changes of a project make of the rows; empty in older ones.
        workload: what the application had sent; None in older ones.
    """

    taken_at: str
    database: str
    version: str
    identity: str
    schema: str
    method: Method
    calibration: str
    rules: str
    tables: Mapping[str, TableFingerprint]
    secret: int = field(default=0, repr=False)
    objects: Objects | None = field(default=None, repr=False)
    sequences: SequencesFingerprint | None = field(default=None, repr=False)
    large_objects: LargeObjectsFingerprint | None = field(default=None, repr=False)
    declared: tuple[DeclaredFingerprint, ...] = field(default=(), repr=False)
    workload: WorkloadFingerprint | None = field(default=None, repr=False)


def take_fingerprint(
    snapshot: Snapshot, migration: Migration | None, *, portable: bool
) -> Generator[TableFingerprint, None, Fingerprint]:
    """Takes the fingerprint of a database.

    Args:
        migration: whose intended changes are to come; None where only rows as they were are wanted.
        portable: hash so that a server of another make can repeat it; slower.

    Yields:
        Each table when it is done.

    Returns:
        The fingerprint, without sequences and large objects.

    Raises:
        sa.exc.DBAPIError: the server refused.
    """
    method: Method = "portable" if portable else "native"
    secret = new_secret()
    tables = {}
    for name, relation in relations(snapshot).items():
        if not relation.excluded:
            tables[name] = _table(snapshot, catalog.table(snapshot, name), migration, method, secret)
            yield tables[name]
    this = server(snapshot)
    return Fingerprint(
        taken_at=str(snapshot.scalar("SELECT transaction_timestamp()")),
        database=this.database,
        version=this.version,
        identity=identity(this),
        schema=snapshot.database.schema,
        method=method,
        calibration=calibration(snapshot),
        rules=rules(migration),
        tables=tables,
        secret=secret,
        objects=objects(snapshot),
    )


def _estimate_rows(snapshot: Snapshot, sql: str, path: Mapping[str, str]) -> float:
    """How many rows the planner expects."""
    plan: list[dict[str, Any]] = snapshot.scalar(f"EXPLAIN (FORMAT JSON) {sql}", path)
    return float(plan[0]["Plan"]["Plan Rows"])


def _table(
    snapshot: Snapshot, table: catalog.Table, migration: Migration | None, method: Method, secret: int
) -> TableFingerprint:
    expected = expectation(migration, table, snapshot.database.schema)
    path = snapshot.application if expected.application else {}
    key = table.key or tuple(table.columns)
    was = (*key, *(name for name in table.columns if name not in key))
    # A value that becomes another one, or may, stands beside what it was.
    beside = {name: f"postmigration_want_{name}" for name in expected.altered}
    become = tuple(beside.get(name, name) for name in expected.columns)
    values = [f"r.{quoted(name)}" for name in was]
    values += [f"{expected.altered[name]} AS {quoted(other)}" for name, other in beside.items()]
    sql = f"SELECT {', '.join(values)} FROM ({expected.source}) r"
    types = snapshot.types(sql, path)
    how = hashing(types, types, method, secret)
    size = power_of_two(_estimate_rows(snapshot, sql, path) / _ROWS_PER_BUCKET, most=_MOST_BUCKETS)
    of = expected.parts[0]
    part = None if of is None else replace(of, sql=f"SELECT {', '.join(values)} FROM ({of.sql}) r")

    def ask(of: str) -> str:
        return f"""
            SELECT ({how.key(key)}) & {size - 1} AS bucket, count(*) AS rows, sum({how.row(was)}) AS first,
                   sum({how.row(become)}) AS second, {expected.youngest} AS newest
            FROM ({of}) q GROUP BY 1
        """

    buckets, newest = read_buckets(snapshot, part, sql, ask, {**SCAN, **path}, {})
    return TableFingerprint(
        name=table.name,
        columns={name: (column.type, column.nullable) for name, column in table.columns.items()},
        key=key,
        hashed={
            WERE: tuple((name, types[name], name in how.native) for name in was),
            MUST_BE: tuple(
                (name, types[other], other in how.native) for name, other in zip(expected.columns, become, strict=True)
            ),
        },
        rows=sum(rows for rows, _, _ in buckets.values()),
        newest=find_newest(snapshot, newest, sql, expected.youngest, path),
        size=size,
        buckets=buckets,
    )


def take_rows(
    snapshot: Snapshot, name: str, sql: str, types: Mapping[str, str], key: tuple[str, ...], method: Method, secret: int
) -> TableFingerprint:
    """Takes the fingerprint of the rows of a query, all values hashed as text.

    Args:
        name: the table that is to hold them.
        types: for each column of the query the type of the value that its text stands for.
        key: the columns that identify a row.
    """
    how = Hashing({}, {}, method, secret)
    size = power_of_two(_estimate_rows(snapshot, sql, {}) / _ROWS_PER_BUCKET, most=_MOST_BUCKETS)
    found = snapshot.rows(
        f"SELECT ({how.key(key)}) & {size - 1} AS bucket, count(*) AS rows, sum({how.row(list(types))}) AS become "
        f"FROM ({sql}) q GROUP BY 1",
        SCAN,
    )
    return TableFingerprint(
        name=name,
        columns={column: (type_, True) for column, type_ in types.items()},
        key=key,
        hashed={MUST_BE: tuple((column, type_, False) for column, type_ in types.items())},
        rows=sum(row.rows for row in found),
        newest="infinity",
        size=size,
        buckets={row.bucket: (row.rows, 0, low_bits(row.become)) for row in found},
    )


def diff_fingerprint(
    snapshot: Snapshot,
    fingerprint: Fingerprint,
    table: TableFingerprint,
    rows: Rows,
    expected: Expectation,
    cutover: str,
    *,
    keep: int,
) -> FingerprintComparison:
    """What a table of the target differs in from its fingerprint.

    Args:
        rows: with which of the two sets of rows the target is compared.
        expected: what the target must hold for that.
        cutover: rows that were changed later are not compared.
        keep: of how many buckets that differ to give the rows.

    Raises:
        NotJudged: a column has another type now, and its hash cannot be repeated.
        sa.exc.DBAPIError: the server refused.
    """
    parameters = {"cutover": cutover, "newest": table.newest}
    path = snapshot.application if expected.application else {}
    settings = {**SCAN, **path}
    types = snapshot.types(expected.have, path, **parameters)
    for name, type_, as_it_is in table.hashed[rows]:
        if as_it_is and types[name] != type_:
            raise NotJudged(f"{table.name}.{name} was hashed as {type_} and is {types[name]} now")
    how = table.hashing(rows, fingerprint.method, fingerprint.secret)
    bucket = f"({how.key(table.key)}) & {table.size - 1}"
    old = f"({expected.have}) q WHERE q.postmigration_new IS NOT TRUE"

    def ask(of: str) -> str:
        return f"""
            SELECT {bucket} AS bucket, count(*) AS rows, count(*) FILTER (WHERE NOT q.postmigration_settled) AS first,
                   sum({how.row([name for name, _, _ in table.hashed[rows]])}) AS second, CAST(NULL AS text) AS newest
            FROM ({of}) q WHERE q.postmigration_new IS NOT TRUE GROUP BY 1
        """

    have, _ = read_buckets(snapshot, expected.parts[1], expected.have, ask, settings, parameters)
    different, unjudged = [], 0
    for number in sorted(table.buckets.keys() | have.keys()):
        want_rows, *totals = table.buckets.get(number, (0, 0, 0))
        have_rows, since, total = have.get(number, (0, 0, 0))
        if want_rows == have_rows and since:
            unjudged += 1
        elif (want_rows, totals[rows == MUST_BE]) != (have_rows, total):
            different.append(BucketDifference(number, want_rows, have_rows))
    first = ", ".join(str(difference.number) for difference in different[:keep])
    key = ", ".join(map(quoted, table.key))
    sql = f"SELECT {bucket} AS bucket, {key} FROM {old} AND {bucket} IN ({first}) ORDER BY 1, {key}"
    texts = ", ".join(map(as_text, table.key))
    positions = ", ".join(str(1 + i) for i in range(1 + len(table.key)))
    few = f"SELECT {bucket}, {texts} FROM {old} AND {bucket} IN ({first}) ORDER BY {positions} LIMIT {_MOST_CANDIDATES}"
    candidates = snapshot.rows(few, settings, **parameters) if first else ()
    return FingerprintComparison(
        want_rows=table.rows,
        have_rows=sum(rows for rows, _, _ in have.values()),
        buckets=len(table.buckets.keys() | have.keys()) - unjudged,
        unjudged=unjudged,
        since=sum(since for _, since, _ in have.values()),
        different=tuple(different),
        candidates=tuple(map(tuple, candidates)),
        sql=sql,
        plain=frozenset(name for name, type_ in types.items() if type_ in IMPERSONAL_TYPES),
    )


def identity(this: Server) -> str:
    """Tells a database from others without naming it."""
    return hashlib.sha256(repr(this.identity[:2]).encode()).hexdigest()


def rules(migration: Migration | None) -> str:
    """Tells the intended changes of a migration from others."""
    named: tuple[object, ...] | None = None if migration is None else (migration.before, migration.changes)
    if migration is not None and named is not None and migration.conventions != Conventions():
        named += (migration.conventions,)
    return hashlib.sha256(repr(named).encode()).hexdigest()
