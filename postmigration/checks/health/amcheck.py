"""What the extension amcheck finds in indexes and tables, where somebody has installed it; nobody does for us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import count
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import title
from postmigration.checks.health.indexes import Index
from postmigration.checks.health.order_test import DAMAGED
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E

_INSTALLED = """
    SELECT n.nspname::text AS schema,
           bool_or(p.proname = 'bt_index_check' AND p.pronargs >= 2
                   AND has_function_privilege(p.oid, 'EXECUTE')) AS indexes,
           bool_or(p.proname = 'verify_heapam' AND has_function_privilege(p.oid, 'EXECUTE')) AS tables,
           has_schema_privilege(n.oid, 'USAGE') AS entered
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
    JOIN pg_proc p ON p.oid = d.objid WHERE e.extname = 'amcheck' GROUP BY n.oid, n.nspname
"""

_TABLES = f"""
    SELECT n.nspname::text AS schema, c.relname::text AS name, c.oid::bigint AS oid,
           greatest(c.relpages, pg_stat_get_live_tuples(c.oid) / 100)::bigint AS pages
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am am ON am.oid = c.relam
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.oid <> ALL(CAST(:locked AS oid[]))
      AND c.relkind IN ('r', 'm') AND am.amname = 'heap' AND (c.relkind <> 'm' OR c.relispopulated)
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Amcheck:
    """What of the extension may be used.

    Args:
        state: `absent`, or `closed` where it is there and may not be executed, or `open`.
        schema: where it is; empty where it is not.
        indexes, tables: whether it may be asked of these.
    """

    state: Literal["absent", "closed", "open"]
    schema: str = ""
    indexes: bool = False
    tables: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose rows amcheck can verify."""

    schema: str
    name: str
    oid: int
    pages: int

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"table {title((self.schema, self.name))}"


def find_amcheck(snapshot: Snapshot) -> Amcheck:
    """Tells whether the extension is installed and may be used."""
    for row in snapshot.rows(_INSTALLED):
        state: Literal["closed", "open"] = "open" if row.entered and (row.indexes or row.tables) else "closed"
        return Amcheck(state, row.schema, row.entered and row.indexes, row.entered and row.tables)
    return Amcheck("absent")


def read_tables(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> list[Table]:
    """Every table and materialized view of some schemas that amcheck can verify."""
    rows = read_catalog(snapshot, _TABLES, schemas, unjudged)
    return [Table(row.schema, row.name, row.oid, int(row.pages)) for row in rows]


def check_indexes(
    snapshot: Snapshot, amcheck: Amcheck, indexes: Sequence[Index]
) -> Iterator[tuple[Index, str, Refusal | None]]:
    """Checks that each index is well formed and holds every row of its table.

    Returns:
        Each index with what is damaged, in words, or with why it was not checked.
    """
    call = f"{quoted(amcheck.schema)}.bt_index_check(CAST({{}} AS oid)::regclass, true) IS NULL AS damage"
    questions = [Question(i, f"SELECT {call.format(i.oid)}", i.pages + i.table_pages) for i in indexes]
    for index, answer in ask(snapshot, questions):
        if not isinstance(answer, Refusal):
            yield index, "", None
        elif answer.state.startswith(DAMAGED) and _is_there(snapshot, index.oid):
            yield index, answer.reason, None
        else:
            yield index, "", answer


def check_tables(
    snapshot: Snapshot, amcheck: Amcheck, tables: Sequence[Table]
) -> Iterator[tuple[Table, str, Refusal | None]]:
    """Checks that each table can be read as the server wrote it.

    Returns:
        Each table with what is damaged, in words, or with why it was not checked.
    """
    sql = (
        "SELECT count(*) AS places, (array_agg(format('block %s, item %s: %s', blkno, offnum, msg) "
        "ORDER BY blkno, offnum))[1] AS first "
        f"FROM {quoted(amcheck.schema)}.verify_heapam(CAST({{}} AS oid)::regclass)"
    )
    for table, answer in ask(snapshot, [Question(t, sql.format(t.oid), t.pages) for t in tables]):
        if not isinstance(answer, Refusal):
            yield table, _say(answer.places, answer.first), None
        elif answer.state.startswith(DAMAGED) and _is_there(snapshot, table.oid):
            yield table, answer.reason, None
        else:
            yield table, "", answer


def _is_there(snapshot: Snapshot, oid: int) -> bool:
    """Whether a relation is still there: one dropped meanwhile, as by REINDEX CONCURRENTLY, gives such an error too."""
    return snapshot.scalar("SELECT pg_relation_size(CAST(:oid AS oid)::regclass)", oid=oid) is not None


def _say(places: int, first: str) -> str:
    return f"{count(places, 'place')}; the first: {first}" if places else ""
