"""Whether materialized views hold what their own queries give, and what they held before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.contents.examination import Examination, count
from postmigration.checks.contents.locks import read_catalog
from postmigration.checks.contents.tables import Name, title
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.object_queries.members import MEMBER_E
from postmigration.postgres.refusals import describe_refusal

# The query of a materialized view may be anything: it gets so long.
_MILLISECONDS = "10000"

# What a query calls stands in its parsed form by number; those of the views that it reads count, too. A value like
# current_date is no function.
_VIEWS = f"""
    WITH RECURSIVE reads(view, rule, relation) AS (
        SELECT c.oid, r.oid, c.oid FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.relkind = 'm'
        UNION
        SELECT reads.view, r.oid, inner_.oid FROM reads
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = reads.rule
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> reads.relation
        JOIN pg_class inner_ ON inner_.oid = d.refobjid AND inner_.relkind = 'v'
        JOIN pg_rewrite r ON r.ev_class = inner_.oid
    ), calls AS (
        SELECT DISTINCT reads.view, m.called[1]::oid AS function FROM reads JOIN pg_rewrite r ON r.oid = reads.rule
        CROSS JOIN LATERAL regexp_matches(r.ev_action::text, ':(?:op|win|agg)?(?:funcid|fnoid) (\\d+)', 'g')
            AS m(called)
    ), kinds AS (
        SELECT calls.view, bool_or(p.provolatile = 'v') AS volatile, bool_or(p.provolatile = 's') AS stable,
               bool_or(p.oid >= 16384 AND NOT f.rolsuper) AS strange
        FROM calls JOIN pg_proc p ON p.oid = calls.function JOIN pg_roles f ON f.oid = p.proowner GROUP BY calls.view
    )
    SELECT n.nspname::text AS schema, c.relname::text AS name, c.relispopulated AS populated,
           pg_get_viewdef(c.oid) AS definition, own.rolname::text AS owner, own.rolsuper AS privileged,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
           coalesce(k.volatile, false) OR EXISTS (
               SELECT FROM reads JOIN pg_rewrite r ON r.oid = reads.rule
               WHERE reads.view = c.oid AND r.ev_action::text ~ 'TABLESAMPLECLAUSE') AS volatile,
           coalesce(k.stable, false) OR EXISTS (
               SELECT FROM reads JOIN pg_rewrite r ON r.oid = reads.rule
               WHERE reads.view = c.oid AND r.ev_action::text ~ 'SQLVALUEFUNCTION') AS stable,
           coalesce(k.strange, false) AS strange, us.rolsuper AS superuser, c.relowner = us.oid AS ours,
           pg_has_role(us.oid, c.relowner, 'MEMBER') AS member,
           c.relpages::bigint AS pages
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles own ON own.oid = c.relowner
    JOIN pg_roles us ON us.rolname = current_user LEFT JOIN kinds k ON k.view = c.oid
    WHERE c.relkind = 'm' AND n.nspname = ANY(CAST(:schemas AS text[]))
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
                        AND {MEMBER_E})
      AND NOT EXISTS (SELECT FROM reads JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = reads.rule
                      WHERE reads.view = c.oid AND d.refclassid = 'pg_class'::regclass
                        AND d.refobjid = ANY(CAST(:locked AS oid[])))
    ORDER BY 1, 2
"""
_ROWS = 'count(*) AS rows, coalesce(sum(hashtextextended(ROW(q.*)::text COLLATE "C", 0)), 0) AS total'


@dataclass(frozen=True)
class View:
    """A materialized view.

    Args:
        definition: its query.
        role: as whom that runs; empty for ourselves.
        hindrance: why it cannot be run; empty where it can.
        volatile: the query gives other rows each time; `stable`: it may, at another time or in another session.
    """

    schema: str
    name: str
    populated: bool
    readable: bool
    definition: str
    role: str
    hindrance: str
    volatile: bool
    stable: bool
    pages: int

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def title(self) -> str:
        """Its name for people."""
        return title((self.schema, self.name))


Contents = tuple[int, int]


def read_views(snapshot: Snapshot, schemas: Sequence[str], unjudged: list[str]) -> dict[Name, View]:
    """Every materialized view of some schemas.

    Args:
        unjudged: gets the tables that are locked; what reads them is left out.
    """
    found = {}
    for row in read_catalog(snapshot, _VIEWS, schemas, unjudged):
        # Its owner refreshes it. A superuser becomes the owner, so that no code runs with more rights than it has then.
        role = "" if row.ours or row.privileged or not row.member else row.owner
        hindrance = ""
        if row.superuser and row.privileged and row.strange:
            hindrance = "its query runs a function of another role, and its owner is a superuser"
        found[row.schema, row.name] = View(
            row.schema,
            row.name,
            row.populated,
            row.readable,
            row.definition.strip().removesuffix(";"),
            role,
            hindrance,
            row.volatile,
            row.stable,
            int(row.pages),
        )
    return found


def examine(after: Snapshot, before: Snapshot | None, schemas: Sequence[str]) -> Examination:
    """Judges all materialized views.

    Args:
        before: the state before; None where there is none.
    """
    found = Examination()
    now = read_views(after, schemas, found.unjudged)
    was = read_views(before, schemas, []) if before is not None else {}
    if not (now or was or found.unjudged):
        found.inapplicable = "there is no materialized view on either side"
        return found
    held = _contents(after, now, found.unjudged)
    held_before = _contents(before, was, []) if before is not None else {}
    found.facts = len(now)
    for name, view in now.items():
        older = was.get(name)
        refresh = f"REFRESH MATERIALIZED VIEW {view.sql};"
        if not view.populated:
            inherited = older is not None and not older.populated
            words = "it was never filled, and cannot be read" + ("; it was so before" if inherited else "")
            _find(found, view, words, refresh, blocker=not inherited)
        elif name in held:
            found.rows += held[name][0]
            _compare_with_query(after, before, view, older, held[name], held_before.get(name), found)
    return found


def _compare_with_query(
    after: Snapshot,
    before: Snapshot | None,
    view: View,
    older: View | None,
    held: Contents,
    held_before: Contents | None,
    found: Examination,
) -> None:
    """Holds what a view contains against what its query gives, and against what it contained before."""
    gives, reason = _run(after, view)
    refresh = f"REFRESH MATERIALIZED VIEW {view.sql};"
    rows = count(held[0], "row")
    if gives is None:
        if held_before is not None and held_before[0] and not held[0]:
            words = f"it is empty, and held {count(held_before[0], 'row')} before; its query was not run: {reason}"
            _find(found, view, words, refresh, blocker=True)
        else:
            found.notes.append(f"materialized view {view.title}: not held against its own query: {reason}")
        return
    if gives == held:
        if held_before is not None and held_before != held:
            found.notes.append(
                f"materialized view {view.title}: it holds {rows} as its query gives, and others than before"
            )
        return
    if not held[0]:
        inherited = older is not None and before is not None and _was_stale(before, older, held_before, empty=True)
        words = f"it is empty, and its query gives {count(gives[0], 'row')}" + (
            "; it was so before" if inherited else ""
        )
        _find(found, view, words, refresh, blocker=not inherited)
        return
    if view.stable:
        found.notes.append(
            f"materialized view {view.title}: not held against its own query, which depends on the time or the session"
        )
        return
    words = f"it holds {rows}, and its query gives {_other(held, gives)}: it was not refreshed since its tables changed"
    if older is not None and before is not None and _was_stale(before, older, held_before, empty=False):
        found.notes.append(f"materialized view {view.title}: {words}; it was so before")
    else:
        _find(found, view, words, refresh, blocker=False)


def _other(held: Contents, gives: Contents) -> str:
    return "as many others" if held[0] == gives[0] else f"{gives[0]:,}"


def _was_stale(before: Snapshot, older: View, held: Contents | None, *, empty: bool) -> bool:
    """Whether a view was as wrong before."""
    if held is None or (empty and held[0]):
        return False
    gives, _ = _run(before, older)
    return gives is not None and gives != held


def _find(found: Examination, view: View, words: str, repair: str, *, blocker: bool) -> None:
    subject = Subject("materialized view", view.schema, view.name)
    words = f"materialized view {view.title}: {words}"
    found.add(words, blocker=blocker, repair=repair, code="stale_view", subject=subject)


def _contents(side: Snapshot, views: Mapping[Name, View], unjudged: list[str]) -> dict[Name, Contents]:
    """How many rows each view holds, and the sum of their hashes."""
    questions = []
    for name, view in views.items():
        if not view.readable:
            unjudged.append(f"materialized view {view.title}: GRANT SELECT ON it to the role that judges")
        elif view.populated:
            questions.append(Question(name, f"SELECT {_ROWS} FROM {view.sql} q", view.pages))
    found = {}
    for name, answer in ask(side, questions):
        if isinstance(answer, Refusal):
            unjudged.append(f"materialized view {views[name].title}: {answer.reason}")
        else:
            found[name] = (int(answer.rows), int(answer.total))
    return found


def _run(side: Snapshot, view: View) -> tuple[Contents | None, str]:
    """What the query of a view gives, or why it was not run or did not end."""
    if view.volatile:
        return None, "it gives other rows each time"
    if view.hindrance:
        return None, view.hindrance
    acting = {"role": view.role} if view.role else {}
    settings = {"statement_timeout": _MILLISECONDS, "row_security": "on", **acting}
    try:
        row = side.rows(f"SELECT {_ROWS} FROM (\n{view.definition}\n) q", settings)[0]
    except sa.exc.DBAPIError as error:
        return None, describe_refusal(error)
    return (int(row.rows), int(row.total)), ""
