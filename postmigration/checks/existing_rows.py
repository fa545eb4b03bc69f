"""Whether rows that are there can still be worked on: some of them are changed, and changed back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from postmigration.model.migration import Conventions
from postmigration.model.sqltext import quoted, statement
from postmigration.postgres.catalog import Table
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_error, describe_refusal, is_raised, refusal

# A row that refuses so many columns refuses all of them.
_MOST_COLUMNS = 20

# How SQLSTATEs begin that say that a constraint is violated.
_VIOLATION = "23"

# Classes and codes of SQLSTATEs that say that somebody else works there at this moment.
_BUSY = ("40", "55P03", "57014")


@dataclass(frozen=True)
class Touched:
    """What came of changing existing rows of a table.

    Args:
        rows: how many were tried.
        refused: what the server says of those that cannot be changed, in words; empty where all can.
        violates: a constraint refused it, and no trigger.
        busy: what others were doing that kept a row from being tried; empty where nothing did.
        context: in which functions the server was when it refused, as it says.
        silent: the server says nothing, and changes nothing.
        sure: what was tried was a change, and not a column set to itself, which a trigger may rightly leave out.
    """

    rows: int = 0
    refused: str = ""
    violates: bool = False
    busy: str = ""
    context: str = ""
    silent: bool = False
    sure: bool = True


def touch(connection: sa.Connection, table: Table, conditions: Sequence[str]) -> Touched:
    """Changes some existing rows of a table, and takes that back: the first and the last for each condition.

    A row that somebody else has locked is passed over.

    Args:
        connection: in a transaction that is rolled back.
        table: whose rows.
        conditions: SQL conditions on a row `t`.

    Raises:
        NotJudged: a missing privilege or a lost connection was in the way.
    """
    rows, busy = 0, ""
    for condition in conditions:
        for order in ("ASC", "DESC") if table.key else ("",):
            savepoint = connection.begin_nested()
            try:
                place = _lock(connection, table, condition, order)
                if place is None:
                    continue
                rows += 1
                found = _touch_row(connection, table, *place)
                if found is not None and found.refused:
                    return found
                busy = busy or (found.busy if found is not None else "")
            except sa.exc.DBAPIError as error:
                busy = _busy(error)
                if not busy:
                    raise
            finally:
                savepoint.rollback()
    return Touched(rows, busy=busy)


def _lock(connection: sa.Connection, table: Table, condition: str, order: str) -> tuple[str, str] | None:
    """Where a row stands that nobody else has locked; it is now."""
    sorting = f"ORDER BY {', '.join(f't.{quoted(name)} {order}' for name in table.key)}" if order else ""
    sql = (
        f"SELECT t.tableoid::text, t.ctid::text FROM {quoted(table.name)} t WHERE {condition} {sorting} "
        "LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    )
    found = connection.execute(statement(sql, {})).first()
    return None if found is None else (found[0], found[1])


def _touch_row(connection: sa.Connection, table: Table, oid: str, place: str) -> Touched | None:
    """What is wrong with a row of which no column can be changed."""
    first: Touched | None = None
    for column, value, sure in _changes(connection, table):
        savepoint = connection.begin_nested()
        try:
            changed = connection.execute(
                statement(
                    f"UPDATE {quoted(table.name)} SET {column} = {value} "
                    "WHERE tableoid = CAST(:postmigration_oid AS oid) AND ctid = CAST(:postmigration_place AS tid)",
                    {"postmigration_oid": oid, "postmigration_place": place},
                )
            ).rowcount
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            if changed:
                return None
            found = Touched(1, "the server says nothing and changes nothing", silent=True, sure=sure)
        except sa.exc.DBAPIError as error:
            if busy := _busy(error):
                return Touched(1, busy=busy)
            violates = (getattr(error.orig, "sqlstate", None) or "").startswith(_VIOLATION)
            context = error.orig.diag.context if isinstance(error.orig, psycopg.Error) else None
            found = Touched(1, _words(error), violates, context=context or "")
        finally:
            savepoint.rollback()
        first = first or found
    return first


def _changes(connection: sa.Connection, table: Table) -> Iterator[tuple[str, str, bool]]:
    """The columns that may be changed, and to what: a time of change to now, and any other to itself."""
    there = connection.exec_driver_sql(
        """
        SELECT attname FROM pg_catalog.pg_attribute
        WHERE attrelid = CAST(%s AS regclass) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
          AND attidentity <> 'a' ORDER BY attnum
        """,
        (quoted(table.name),),
    ).scalars()
    names = [name for name in there if name not in table.key] or list(table.key)
    for name in table.updated(Conventions())[:1]:
        yield quoted(name), "pg_catalog.now()", True
    for name in names[:_MOST_COLUMNS]:
        yield quoted(name), quoted(name), False


def _is_raised_by_application(error: sa.exc.DBAPIError) -> bool:
    """Whether a function of the application raised it: then that is its decision, whatever SQLSTATE it gives."""
    return isinstance(error.orig, psycopg.Error) and is_raised(error.orig)


def _busy(error: sa.exc.DBAPIError) -> str:
    """What others are doing that is in the way; empty where they are not."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return describe_refusal(error) if state.startswith(_BUSY) and not _is_raised_by_application(error) else ""


def _words(error: sa.exc.DBAPIError) -> str:
    """What the server said.

    Raises:
        NotJudged: it tells nothing of the row.
    """
    if isinstance(error.orig, psycopg.Error) and _is_raised_by_application(error):
        return f"{describe_error(error.orig)} (SQLSTATE {error.orig.sqlstate})"
    return refusal(error)


def guards(snapshot: Snapshot, table: str) -> dict[str, str]:
    """What may refuse a change of a table's rows, apart from constraints: its triggers and its rules.

    Args:
        table: its name in the snapshot's schema.

    Returns:
        For each what it does, without its name, and the function that it calls, if it calls one.
    """
    rows = snapshot.rows(
        """
        SELECT concat_ws(' ', regexp_replace(pg_get_triggerdef(t.oid), '^CREATE (CONSTRAINT )?TRIGGER [^ ]+', ''),
                         t.tgenabled, p.prosrc) AS guard, p.proname::text AS function
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname = :table AND NOT t.tgisinternal
        UNION ALL
        SELECT pg_get_ruledef(u.oid), ''
        FROM pg_rewrite u JOIN pg_class c ON c.oid = u.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relname = :table AND u.rulename <> '_RETURN'
        """,
        schema=snapshot.database.schema,
        table=table,
    )
    return {row.guard: row.function for row in rows}
