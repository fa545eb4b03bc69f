"""What the planner does not know: tables and columns that were not analyzed, and extended statistics never built."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, agree, count, list_names
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import Name, title
from postmigration.model.evidence import Finding, Severity
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

# A table of fewer rows is read whole anyway.
_MANY_ROWS = 1_000
_LARGE_BYTES = 1 << 30
# A table has grown when it holds so many times the rows, and _MANY_ROWS more.
_GROWN = 1.3
# So many rows, even without a column, take more room than this.
_FEW_BYTES = _MANY_ROWS * 24

# Neither partitioned tables nor foreign ones: nothing analyzes those by itself. Who may not read a table does not see
# its statistics either.
_TABLES = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS name, pg_relation_size(c.oid) AS bytes,
           greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::bigint AS rows, s.tablename IS NOT NULL AS analyzed,
           greatest(c.reltuples, 0)::bigint AS known_rows,
           ARRAY(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> 'v'
                   AND coalesce(a.attstattarget, -1) <> 0 AND a.attname <> ALL(s.columns) ORDER BY a.attnum) AS unknown,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
               AND NOT row_security_active(c.oid) AS readable,
           c.reltuples < 0 OR c.relpages = 0 AND c.reltuples = 0 AS untouched
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (SELECT schemaname, tablename, array_agg(attname) AS columns FROM pg_stats GROUP BY 1, 2) s
        ON s.schemaname = n.nspname AND s.tablename = c.relname
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.oid <> ALL(CAST(:locked AS oid[]))
      AND c.relkind IN ('r', 'm') AND (c.relkind <> 'm' OR c.relispopulated) AND c.relpersistence <> 't'
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    AND coalesce(a.attstattarget, -1) <> 0 AND a.attgenerated <> 'v')
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 2
"""

# Before version 15 there is a row from the beginning, with nothing in it; before 14 there are no expressions.
_EXTENDED = """
    SELECT format('%I.%I', sn.nspname, x.stxname) AS name, n.nspname::text AS schema, c.relname::text AS table,
           EXISTS (SELECT FROM pg_stats_ext e WHERE e.statistics_schemaname = sn.nspname
                     AND e.statistics_name = x.stxname {kept}) {expressions} AS built
    FROM pg_statistic_ext x JOIN pg_namespace sn ON sn.oid = x.stxnamespace
    JOIN pg_class c ON c.oid = x.stxrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'm')
      AND to_jsonb(x) ->> 'stxstattarget' IS DISTINCT FROM '0'
    ORDER BY 1
"""
_KEPT = "AND (e.n_distinct IS NOT NULL OR e.dependencies IS NOT NULL OR e.most_common_vals IS NOT NULL)"
_EXPRESSIONS = """
    OR EXISTS (SELECT FROM pg_stats_ext_exprs e WHERE e.statistics_schemaname = sn.nspname
                 AND e.statistics_name = x.stxname AND e.null_frac IS NOT NULL)
"""


@dataclass(frozen=True)
class Known:
    """What the planner knows of a table.

    Args:
        rows: about how many it has; `bytes`: its size.
        known_rows: how many it had when it was analyzed.
        analyzed: there are statistics of its columns.
        unknown: its columns that have none though others have.
        readable: we see its rows and its statistics.
        untouched: the catalogs know nothing of it either.
        unbuilt: its extended statistics that are empty.
    """

    schema: str
    name: str
    rows: int
    bytes: int
    known_rows: int
    analyzed: bool
    unknown: tuple[str, ...]
    readable: bool
    untouched: bool
    unbuilt: tuple[str, ...]

    @property
    def key(self) -> Name:
        """What it is found by."""
        return self.schema, self.name

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def read_known(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[Name, Known]:
    """What the planner knows of the tables of some schemas."""
    version = snapshot.info.server_version // 10_000
    sql = _EXTENDED.replace("{kept}", _KEPT if version < 15 else "")
    unbuilt: dict[Name, list[str]] = {}
    for row in snapshot.rows(
        sql.replace("{expressions}", _EXPRESSIONS if version == 14 else ""), schemas=list(schemas)
    ):
        if not row.built:
            unbuilt.setdefault((row.schema, row.table), []).append(row.name)
    return {
        (row.schema, row.name): Known(
            row.schema,
            row.name,
            row.rows,
            row.bytes,
            row.known_rows,
            row.analyzed,
            tuple(row.unknown or ()),
            row.readable,
            row.untouched,
            tuple(unbuilt.get((row.schema, row.name), ())),
        )
        for row in read_catalog(snapshot, _TABLES, schemas, unjudged)
    }


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str]) -> Examination:
    """Finds tables of many rows of which the planner knows nothing.

    Args:
        before: the state before; None where there is none with statistics of its own.
    """
    found = Examination()
    tables = read_known(after, schemas, found.unjudged)
    if not tables and not found.unjudged:
        found.inapplicable = "there is no table on either side"
        return found
    found.facts = len(tables)
    older = {} if before is None else read_known(before, schemas, [])
    hidden = [title(table.key) for table in tables.values() if not table.readable and not table.untouched]
    found.tell("statistics that the role that judges may not see", hidden)
    blank = _find_blank(after, [t for t in tables.values() if not t.analyzed and (t.readable or t.untouched)])
    inherited = {table.key for table in blank if table.key in older and not older[table.key].analyzed}
    new = [table for table in blank if table.key not in inherited]
    large = [t for t in new if t.bytes > _LARGE_BYTES and t.key in older]
    words = agree(len(large), "it had statistics before and is", "they had statistics before and are")
    _find_tables(found, large, "blocker", f"though {words} larger than 1 GB")
    words = f"though {agree(len(new), 'it holds', 'they hold')} {_MANY_ROWS:,} rows or more"
    _find_tables(found, [table for table in new if table not in large], "warning", words)
    found.tell("never analyzed, and neither before", [title(name) for name in sorted(inherited)])
    _find_outdated(found, tables, older)
    _find_extended(found, tables, older)
    return found


def _find_blank(snapshot: Snapshot, tables: Collection[Known]) -> list[Known]:
    """Those of some tables that hold many rows: counted where they may be read, as no estimate is there."""
    sql = f"SELECT count(*) AS rows FROM (SELECT FROM {{}} LIMIT {_MANY_ROWS}) q"
    asked = [Question(table, sql.format(table.sql)) for table in tables if table.readable and table.bytes > _FEW_BYTES]
    found = [table for table in tables if not table.readable and table.rows >= _MANY_ROWS]
    for table, answer in ask(snapshot, asked):
        if (table.rows if isinstance(answer, Refusal) else answer.rows) >= _MANY_ROWS:
            found.append(table)
    return found


def _find_tables(found: Examination, tables: Sequence[Known], severity: Severity, why: str) -> None:
    """Adds one finding about some tables: one ANALYZE is what helps all of them."""
    if not tables:
        return
    names = [title(table.key) for table in tables]
    verb = agree(len(tables), "was", "were")
    found.findings.append(
        Finding(
            f"{count(len(tables), 'table')} {verb} never analyzed, {why}: {list_names(names)}",
            len(tables),
            max(found.facts, len(tables)),
            ("table", "bytes"),
            tuple((title(table.key), f"{table.bytes:,}") for table in tables),
            severity=severity,
            repair="\n".join(f"ANALYZE {table.sql};" for table in tables),
        )
    )


def _find_outdated(found: Examination, tables: Mapping[Name, Known], older: Mapping[Name, Known]) -> None:
    """Tables that grew, or got a column, since they were analyzed.

    By the rows that the server counts, and not by the size of the file: rows that were rolled back take room too.
    """
    for key, table in tables.items():
        if not table.analyzed or not table.readable or table.rows < _MANY_ROWS:
            continue
        if table.rows - _MANY_ROWS > table.known_rows * _GROWN:
            words = (
                f"{title(key)} grew from about {table.known_rows:,} to about {table.rows:,} rows since its last ANALYZE"
            )
            found.add(words, blocker=False, repair=f"ANALYZE {table.sql};")
        unknown = [name for name in table.unknown if key not in older or name not in older[key].unknown]
        if unknown:
            words = f"{title(key)} was not analyzed since it got {list_names(unknown)}"
            found.add(words, blocker=False, repair=f"ANALYZE {table.sql};")


def _find_extended(found: Examination, tables: dict[Name, Known], older: dict[Name, Known]) -> None:
    """Extended statistics of tables that were analyzed: those of others come with the first ANALYZE."""
    for key, table in tables.items():
        if not table.analyzed or not table.unbuilt:
            continue
        names = list_names([name.removeprefix("public.") for name in table.unbuilt])
        words = f"extended statistics {names} of {title(key)} are empty: they were not built since they were created"
        if key in older and set(table.unbuilt) <= set(older[key].unbuilt):
            found.notes.append(f"{words}; it was so before")
        else:
            found.add(words, blocker=False, repair=f"ANALYZE {table.sql};")
