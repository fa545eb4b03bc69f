"""Every rule that a database says its rows keep, as a question that counts those that do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import title
from postmigration.checks.repairs.partitions import move_rows
from postmigration.model.evidence import UNKNOWN, Reference, Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

# Code of others than superusers that an expression runs: functions and operators, by what depends on them.
_CODE = """
    SELECT DISTINCT d.classid, d.objid FROM pg_depend d
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
    LEFT JOIN pg_opclass c ON d.refclassid = 'pg_opclass'::regclass AND c.oid = d.refobjid
    JOIN pg_roles r ON r.oid = coalesce(p.proowner, c.opcowner) AND NOT r.rolsuper
    WHERE d.classid IN ('pg_constraint'::regclass, 'pg_class'::regclass)
      AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
    UNION
    -- PostgreSQL's own functions, of which nothing is known to depend, may run a text that they are given, read files,
    -- or end sessions; what is immutable can do nothing of it.
    SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
    CROSS JOIN LATERAL regexp_matches(k.conbin::text, ':(?:op)?funcid (\\d+)', 'g') AS m(called)
    JOIN pg_proc p ON p.oid = m.called[1]::oid AND p.provolatile <> 'i'
    LEFT JOIN pg_class c ON c.oid = k.conrelid LEFT JOIN pg_type t ON t.oid = k.contypid
    JOIN pg_roles r ON r.oid = coalesce(c.relowner, t.typowner) AND NOT r.rolsuper
    WHERE k.contype = 'c'
"""
_TRUSTED = "NOT us.rolsuper OR NOT EXISTS (SELECT FROM code WHERE (code.classid, code.objid) IN ({objects}))"
_TABLE = """
    n.nspname::text AS schema, c.relname::text AS table, c.relkind::text AS kind,
    greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::bigint AS pages,
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
    CASE WHEN own.rolsuper THEN '' ELSE own.rolname END::text AS owner,
    ARRAY(SELECT ka.attname::text FROM pg_index ki CROSS JOIN unnest(ki.indkey) WITH ORDINALITY AS ku(number, position)
          JOIN pg_attribute ka ON ka.attrelid = ki.indrelid AND ka.attnum = ku.number
          WHERE ki.indrelid = c.oid AND ki.indisprimary ORDER BY ku.position) AS key
"""
_FROM = """
    JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles own ON own.oid = c.relowner
    JOIN pg_roles us ON us.rolname = current_user
"""
_WHERE = f"""
    n.nspname = ANY(CAST(:schemas AS text[])) AND c.oid <> ALL(CAST(:locked AS oid[])) AND NOT EXISTS (
        SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND {MEMBER_E})
"""

_FOREIGN_KEYS = f"""
    SELECT {_TABLE}, k.conname::text AS name, k.convalidated AS validated, k.confmatchtype::text AS match,
           fn.nspname::text AS parent_schema, f.relname::text AS parent, f.relkind::text AS parent_kind,
           greatest(f.relpages, pg_stat_get_live_tuples(f.oid) / 100)::bigint AS parent_pages,
           has_schema_privilege(fn.oid, 'USAGE') AND has_table_privilege(f.oid, 'SELECT') AS parent_readable,
           ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, position)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY position) AS columns,
           ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, position)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY position) AS theirs,
           ARRAY(SELECT format('OPERATOR(%I.%s)', onsp.nspname, o.oprname)
                 FROM unnest(k.conpfeqop) WITH ORDINALITY AS u(oid, position) JOIN pg_operator o ON o.oid = u.oid
                 JOIN pg_namespace onsp ON onsp.oid = o.oprnamespace ORDER BY position) AS operators
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {_FROM}
    JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE {_WHERE} AND k.contype = 'f' AND k.conparentid = 0 AND f.oid <> ALL(CAST(:locked AS oid[]))
      AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
      AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false)
    ORDER BY 1, 2, k.conname
"""

_CONDITIONS = f"""
    WITH RECURSIVE code AS ({_CODE}), domains(oid, step) AS (
        SELECT oid, oid FROM pg_type WHERE typtype = 'd'
        UNION
        SELECT d.oid, t.typbasetype FROM domains d JOIN pg_type t ON t.oid = d.step AND t.typtype = 'd'
    ), roots AS (
        SELECT d.oid, format_type(t.oid, NULL) AS root FROM domains d
        JOIN pg_type t ON t.oid = d.step AND t.typtype <> 'd'
    )
    SELECT {_TABLE}, k.conname::text AS name, k.convalidated AS validated, 'check' AS what,
           pg_get_expr(k.conbin, k.conrelid) AS expression, '' AS column, '' AS root, '' AS whole,
           {_TRUSTED.format(objects="('pg_constraint'::regclass, k.oid)")} AS trusted
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {_FROM}
    WHERE {_WHERE} AND k.contype = 'c' AND c.relkind = 'r'
      AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
    UNION ALL
    SELECT {_TABLE}, '', coalesce((SELECT (to_jsonb(k) ->> 'convalidated')::boolean FROM pg_constraint k
                                   WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]), true),
           'not null', '', a.attname::text, '', '', true
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {_FROM}
    WHERE {_WHERE} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
    UNION ALL
    SELECT {_TABLE}, k.conname::text, k.convalidated, 'domain', pg_get_expr(k.conbin, 0), a.attname::text, r.root,
           t.typname::text, {_TRUSTED.format(objects="('pg_constraint'::regclass, k.oid)")}
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {_FROM}
    JOIN domains d ON d.oid = a.atttypid JOIN pg_type t ON t.oid = d.step AND t.typtype = 'd'
    JOIN roots r ON r.oid = a.atttypid
    JOIN pg_constraint k ON k.contypid = d.step AND k.contype = 'c'
    WHERE {_WHERE} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT {_TABLE}, '', true, 'domain null', '', a.attname::text, '', t.typname::text, true
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {_FROM}
    JOIN domains d ON d.oid = a.atttypid JOIN pg_type t ON t.oid = d.step AND t.typnotnull
    WHERE {_WHERE} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY 1, 2, 8, 12, 10
"""

_PARTITIONS = f"""
    WITH code AS ({_CODE})
    SELECT {_TABLE}, pg_get_partition_constraintdef(c.oid) AS expression, p.relname::text AS whole,
           pg_get_expr(c.relpartbound, c.oid) AS bounds, tn.nspname::text AS top_schema, t.relname::text AS top,
           ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                   AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
           {_TRUSTED.format(objects="('pg_class'::regclass, i.inhparent), ('pg_class'::regclass, c.oid)")} AS trusted
    FROM pg_class c {_FROM} JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_class t ON t.oid = pg_partition_root(c.oid) JOIN pg_namespace tn ON tn.oid = t.relnamespace
    WHERE {_WHERE} AND c.relkind = 'r' AND c.relispartition
    ORDER BY 1, 2
"""

_UNIQUE = f"""
    WITH code AS ({_CODE})
    SELECT {_TABLE}, x.relname::text AS name, i.indisprimary AS primary,
           coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_alike,
           coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
           ARRAY(SELECT pg_get_indexdef(i.indexrelid, position::int, false)
                        || coalesce((SELECT format(' COLLATE %I.%I', cn.nspname, o.collname) FROM pg_collation o
                                     JOIN pg_namespace cn ON cn.oid = o.collnamespace
                                     WHERE o.oid = i.indcollation[position - 1]
                                       AND (cn.nspname, o.collname) <> ('pg_catalog', 'default')), '')
                 FROM generate_series(1, i.indnkeyatts) AS position ORDER BY position) AS keys,
           {_TRUSTED.format(objects="('pg_class'::regclass, i.indexrelid)")} AS trusted
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid {_FROM}
    WHERE {_WHERE} AND c.relkind = 'r' AND i.indisunique AND i.indisvalid AND i.indislive AND NOT i.indisexclusion
    ORDER BY 1, 2, x.relname
"""


@dataclass(frozen=True)
class Rule:
    """A rule, and how the rows that violate it are counted.

    Args:
        subject: what it is a rule of, for people.
        words: what violates it, to go after a number of rows.
        source: the table that is read, in SQL.
        wrong: SQL for a count: an aggregate over `source`, or a query of its own where it has a FROM.
        listed: a query that shows the rows that violate it.
        pages: about how many pages are read.
        hindrance: why it cannot be asked; empty where it can.
        validated: the database says that every row keeps it.
        role: as whom its code runs; empty for ourselves.
        about: the constraint, index or column, as values.
        code: what a row that violates it is called among findings.
        repair: SQL that brings the rows that violate it right again; empty where the database does not tell how.
    """

    subject: str
    words: str
    source: str
    wrong: str
    listed: str
    pages: int
    hindrance: str = ""
    validated: bool = True
    role: str = ""
    about: Subject = UNKNOWN
    code: str = ""
    repair: str = ""

    @property
    def aggregate(self) -> bool:
        """Whether it is asked together with others of its table."""
        return self.wrong.startswith("count(*) FILTER")


def read_rules(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> list[Rule]:
    """Every foreign key, CHECK, NOT NULL, domain check, partition bound and unique key of some schemas.

    Args:
        unjudged: gets the tables that are locked, or changed meanwhile.
    """

    def read(sql: str) -> Sequence[sa.Row[Any]]:
        return read_catalog(snapshot, sql, schemas, unjudged)

    rules = [_foreign_key(row) for row in read(_FOREIGN_KEYS)]
    rules += [rule for row in read(_CONDITIONS) for rule in _condition(row)]
    # The bounds of one that is detached meanwhile are not known any more.
    rules += [_partition(row) for row in read(_PARTITIONS) if row.expression is not None and row.bounds is not None]
    for row in read(_UNIQUE):
        # The server describes an index as it is now, and not as it was at the snapshot.
        if None in row.keys:
            unjudged.append(f"{title((row.schema, row.table))}: the index {row.name} was dropped meanwhile")
        else:
            rules.append(_unique(row))
    return rules


def _source(schema: str, table: str, kind: str) -> str:
    # What inherits from a table is not bound by its keys, but partitions are what a partitioned table consists of.
    return f"{'ONLY ' * (kind == 'r')}{quoted(schema)}.{quoted(table)}"


def _foreign_key(row: sa.Row[Any]) -> Rule:
    child = _source(row.schema, row.table, row.kind)
    parent = _source(row.parent_schema, row.parent, row.parent_kind)
    columns = [f"c.{quoted(name)}" for name in row.columns]
    match = " AND ".join(
        f"p.{quoted(theirs)} {operator} {ours}"
        for theirs, operator, ours in zip(row.theirs, row.operators, columns, strict=True)
    )
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    dangling = f"{filled} AND NOT EXISTS (SELECT FROM {parent} p WHERE {match})"
    if row.match == "f" and len(columns) > 1:
        dangling = f"({dangling}) OR num_nulls({', '.join(columns)}) BETWEEN 1 AND {len(columns) - 1}"
    subject, of = title((row.schema, row.table)), title((row.parent_schema, row.parent))
    listed = [*(f"c.{quoted(name)}" for name in row.key if name not in row.columns), *columns]
    hindrance = ""
    if not row.readable:
        hindrance = f"GRANT SELECT ON {subject} to the role that judges"
    elif not row.parent_readable:
        hindrance = f"GRANT SELECT ON {of} to the role that judges"
    return Rule(
        subject=f"{subject}({', '.join(row.columns)})",
        words=f"lead to no row of {of}, against the foreign key {row.name}",
        source=child,
        wrong=f"(SELECT count(*) FROM {child} c WHERE {dangling})",
        listed=f"SELECT {', '.join(listed)} FROM {child} c WHERE {dangling}",
        pages=int(row.pages) + int(row.parent_pages),
        hindrance=hindrance,
        validated=row.validated,
        about=Subject(
            "constraint",
            row.schema,
            row.name,
            row.table,
            _key(row),
            (Reference(tuple(row.columns), row.parent_schema, row.parent, tuple(row.theirs)),),
        ),
        code="dangling_references",
    )


def _condition(row: sa.Row[Any]) -> Iterator[Rule]:
    source = _source(row.schema, row.table, "r")
    subject = title((row.schema, row.table))
    column = quoted(row.column)
    if row.what == "check":
        if row.expression is None:
            return
        violated, words = f"({row.expression}) IS FALSE", f"violate the CHECK {row.name}"
    elif row.what == "not null":
        # The planner takes it for true that the column is not NULL.
        subject, violated, words = f"{subject}.{row.column}", f"num_nulls({column}) > 0", "are NULL against NOT NULL"
    elif row.what == "domain null":
        subject, violated = f"{subject}.{row.column}", f"num_nulls({column}) > 0"
        words = f"are NULL, which the domain {row.whole} does not allow"
    else:
        subject = f"{subject}.{row.column}"
        # What the check calls VALUE is a column of that name here.
        violated = f"(SELECT ({row.expression}) FROM (SELECT CAST({column} AS {row.root}) AS value) d) IS FALSE"
        words = f"violate the check {row.name} of the domain {row.whole}"
    yield Rule(
        subject=subject,
        words=words,
        source=source,
        wrong=f"count(*) FILTER (WHERE {violated})",
        listed=f"SELECT * FROM {source} WHERE {violated}",
        pages=int(row.pages),
        hindrance=_hindrance(row),
        validated=row.validated,
        role="" if row.trusted else row.owner,
        about=Subject(
            "column" if "null" in row.what else "constraint", row.schema, row.name or row.column, row.table, _key(row)
        ),
        code="null_values" if "null" in row.what else "violated_constraint",
    )


def _partition(row: sa.Row[Any]) -> Rule:
    source = _source(row.schema, row.table, "r")
    violated = f"({row.expression}) IS FALSE"
    name = title((row.schema, row.table))
    top = _source(row.top_schema, row.top, "p")
    return Rule(
        subject=name,
        words=f"do not belong into this partition of {row.whole}: its bounds ({row.bounds}) exclude them",
        source=source,
        wrong=f"count(*) FILTER (WHERE {violated})",
        listed=f"SELECT * FROM {source} WHERE {violated}",
        pages=int(row.pages),
        hindrance=_hindrance(row),
        role="" if row.trusted else row.owner,
        # Several partitions of one table are mostly wrong for one reason, such as another hash function.
        about=Subject("partition", row.top_schema, name, row.top),
        code="rows_misplaced",
        repair=move_rows(name, source, top, row.columns, violated),
    )


def _unique(row: sa.Row[Any]) -> Rule:
    source = _source(row.schema, row.table, "r")
    keys = ", ".join(row.keys)
    conditions = [f"({row.predicate})"] if row.predicate else []
    if not row.nulls_alike:
        conditions += [f"num_nulls({key}) = 0" for key in row.keys]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    doubled = f"SELECT count(*) AS times FROM {source}{where} GROUP BY {keys} HAVING count(*) > 1"
    subject = title((row.schema, row.table))
    return Rule(
        subject=subject,
        words=f"have a key that others have, against the {'primary key' if row.primary else 'unique index'} {row.name}",
        source=source,
        wrong=f"(SELECT coalesce(sum(times), 0)::bigint FROM ({doubled}) d)",
        listed=f"SELECT {keys}, count(*) AS times FROM {source}{where} GROUP BY {keys} HAVING count(*) > 1",
        pages=int(row.pages),
        hindrance=_hindrance(row),
        role="" if row.trusted else row.owner,
        about=Subject("index", row.schema, row.name, row.table),
        code="doubled_keys",
    )


def _key(row: sa.Row[Any]) -> Reference | None:
    key = tuple(row.key)
    return Reference(key, row.schema, row.table, key) if key else None


def _hindrance(row: sa.Row[Any]) -> str:
    if not row.readable:
        return f"GRANT SELECT ON {quoted(row.schema)}.{quoted(row.table)} to the role that judges"
    if not row.trusted and not row.owner:
        return "it would run a function of another role with the rights of a superuser: judge as another role"
    return ""
