"""The B-tree indexes of some schemas, with what tells in which order their entries must be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import Name, title
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

# The operators by which an operator class orders: the first where the index ascends, the last where it descends.
_LESS, _EQUAL, _GREATER = 1, 3, 5

# Code of others than superusers that an index runs: functions, and what its operator classes are made of.
_CODE = """
    SELECT d.objid AS index FROM pg_depend d
    LEFT JOIN pg_opclass c ON d.refclassid = 'pg_opclass'::regclass AND c.oid = d.refobjid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
    JOIN pg_roles r ON r.oid = coalesce(p.proowner, c.opcowner) AND NOT r.rolsuper
    WHERE d.classid = 'pg_class'::regclass
      AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass)
    UNION
    SELECT i.indexrelid FROM pg_index i CROSS JOIN LATERAL unnest(i.indclass) AS u(class)
    JOIN pg_opclass c ON c.oid = u.class
    JOIN (SELECT amopfamily AS family, oprcode AS function FROM pg_amop JOIN pg_operator o ON o.oid = amopopr
          UNION SELECT amprocfamily, amproc FROM pg_amproc) f ON f.family = c.opcfamily
    JOIN pg_proc p ON p.oid = f.function JOIN pg_roles r ON r.oid = p.proowner AND NOT r.rolsuper
    WHERE c.oid >= 16384
"""

_INDEXES = f"""
    WITH code AS ({_CODE})
    SELECT n.nspname::text AS schema, x.relname::text AS name, c.relname::text AS table, i.indexrelid::bigint AS oid,
           x.relpages::bigint AS pages,
           greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::bigint AS table_pages,
           i.indcheckxmin AS young, c.relkind::text AS kind,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
           c.relrowsecurity AND NOT (us.rolsuper OR us.rolbypassrls)
               AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE')) AS filtered,
           coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
           NOT us.rolsuper OR i.indexrelid NOT IN (SELECT index FROM code) AS trusted,
           CASE WHEN own.rolsuper THEN '' ELSE own.rolname END::text AS owner,
           (SELECT json_agg(json_build_array(
                       pg_get_indexdef(i.indexrelid, p.position::int, false), ocn.nspname, oc.opcname,
                       CASE WHEN o.oid IS NULL THEN '' ELSE format('%I.%I', cn.nspname, o.collname) END,
                       lessn.nspname, less.oprname, equaln.nspname, equal.oprname,
                       i.indoption[p.position - 1] & 1 = 1, i.indoption[p.position - 1] & 2 = 2,
                       i.indcollation[p.position - 1] <> 0 OR oc.oid >= 16384 OR i.indkey[p.position - 1] = 0)
                   ORDER BY p.position)
            FROM generate_series(1, i.indnkeyatts) AS p(position)
            JOIN pg_opclass oc ON oc.oid = i.indclass[p.position - 1]
            JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace
            JOIN pg_amop al ON al.amopfamily = oc.opcfamily AND al.amoplefttype = oc.opcintype
                AND al.amoprighttype = oc.opcintype
                AND al.amopstrategy = CASE i.indoption[p.position - 1] & 1 WHEN 1 THEN {_GREATER} ELSE {_LESS} END
            JOIN pg_operator less ON less.oid = al.amopopr JOIN pg_namespace lessn ON lessn.oid = less.oprnamespace
            JOIN pg_amop ae ON ae.amopfamily = oc.opcfamily AND ae.amoplefttype = oc.opcintype
                AND ae.amoprighttype = oc.opcintype AND ae.amopstrategy = {_EQUAL}
            JOIN pg_operator equal ON equal.oid = ae.amopopr
            JOIN pg_namespace equaln ON equaln.oid = equal.oprnamespace
            LEFT JOIN pg_collation o ON o.oid = i.indcollation[p.position - 1]
            LEFT JOIN pg_namespace cn ON cn.oid = o.collnamespace)::text AS keys,
           i.indnkeyatts AS width
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname = 'btree'
    JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = x.relnamespace
    JOIN pg_roles own ON own.oid = c.relowner JOIN pg_roles us ON us.rolname = current_user
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.oid <> ALL(CAST(:locked AS oid[]))
      AND x.relkind = 'i' AND i.indisvalid AND i.indisready AND i.indislive
      AND (c.relkind <> 'm' OR c.relispopulated)
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 3, 2
"""


@dataclass(frozen=True)
class Key:
    """One of the columns, or expressions, by which an index orders.

    Args:
        expression: it, in SQL.
        opclass: the operator class, for people.
        collation: by which text is ordered, qualified and in SQL; empty where it is none.
        before: the operator that is true where the first of two values comes first in the index; `equal`: where
            neither does. Both in SQL.
        nulls_first: NULLs come before all values.
        fickle: the order may be another one with another library, or after a function was replaced.
    """

    expression: str
    opclass: str
    collation: str
    before: str
    equal: str
    nulls_first: bool
    fickle: bool

    @property
    def collated(self) -> str:
        """It with its collation, in SQL."""
        return f"({self.expression})" + (f" COLLATE {self.collation}" if self.collation else "")


@dataclass(frozen=True)
class Index:
    """A B-tree index.

    Args:
        pages: about its own size; `table_pages`: that of its table.
        young: it was built while rows were changed that older snapshots still see.
        hindrance: why its table cannot be read; empty where it can.
        role: as whom its code runs; empty for ourselves.
        predicate: which rows it holds, in SQL; empty for all.
        keys: by what it orders; none where the operators are not known.
    """

    schema: str
    name: str
    table: str
    oid: int
    pages: int
    table_pages: int
    young: bool
    hindrance: str
    role: str
    predicate: str
    keys: tuple[Key, ...]

    @property
    def key(self) -> Name:
        """What it is found by."""
        return self.schema, self.name

    @property
    def title(self) -> str:
        """Its name for people, with its table's."""
        return f"index {title(self.key)} of {self.table}"

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def source(self) -> str:
        """Its table, without what inherits from it, in SQL."""
        return f"ONLY {quoted(self.schema)}.{quoted(self.table)}"

    @property
    def fickle(self) -> bool:
        """Whether its order may be another one with another library, or after a function was replaced."""
        return any(key.fickle for key in self.keys)


def read_indexes(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[Name, Index]:
    """Every valid B-tree index of some schemas, by schema and name.

    Args:
        unjudged: gets the tables that are locked; their indexes are left out.
    """
    found = {}
    for row in read_catalog(snapshot, _INDEXES, schemas, unjudged):
        keys = tuple(_key(values) for values in json.loads(row.keys or "[]"))
        found[row.schema, row.name] = Index(
            row.schema,
            row.name,
            row.table,
            row.oid,
            int(row.pages),
            int(row.table_pages),
            row.young,
            _hindrance(row),
            "" if row.trusted else row.owner,
            row.predicate,
            keys if len(keys) == row.width else (),
        )
    return found


def _key(values: Sequence[Any]) -> Key:
    expression, schema, opclass, collation, *operators, descends, nulls_first, fickle = values
    less_schema, less, equal_schema, equal = operators
    return Key(
        expression,
        (opclass if schema == "pg_catalog" else f"{schema}.{opclass}") + " DESC" * descends,
        collation,
        f"OPERATOR({quoted(less_schema)}.{less})",
        f"OPERATOR({quoted(equal_schema)}.{equal})",
        nulls_first,
        fickle,
    )


def _hindrance(row: sa.Row[Any]) -> str:
    name = f"{quoted(row.schema)}.{quoted(row.table)}"
    if not row.readable:
        return f"GRANT SELECT ON {name} to the role that judges"
    if row.filtered:
        return "row-level security filters the role that judges: give it BYPASSRLS"
    if not row.trusted and not row.owner:
        return "it would run a function of another role with the rights of a superuser: judge as another role"
    return ""
