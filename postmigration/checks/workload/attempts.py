"""Has the server parse and plan statements of an application, as whoever sent them; none is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from postmigration.checks.workload.senders import Sender, read_senders
from postmigration.checks.workload.statements import Attempt, Plan, Refusal, Statement
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import LOST, describe_error

_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)
# A statement may be planned for any parameters, and then no partition is left out for the NULLs that are given.
_SETTINGS = {
    "lock_timeout": "200",
    "statement_timeout": "10000",
    "row_security": "on",
    "jit": "off",
    "constraint_exclusion": "partition",
    "plan_cache_mode": "force_generic_plan",
    "enable_partition_pruning": "off",
}
_TYPES = """
    SELECT oid::bigint AS oid, format_type(oid, NULL) AS name, typtype = 'd' AS domain
    FROM pg_type WHERE oid = ANY(CAST(:oids AS oid[]))
"""


def try_statements(
    snapshot: Snapshot, statements: Sequence[Statement], schemas: Sequence[str]
) -> Iterator[tuple[Statement, Sender, Attempt]]:
    """Tries each statement as the role that sent it, where that can be, and with its search_path.

    One that could be parsed in another database with what is set for its role has to be so here too; for another one,
    further places are tried in which its names may be.

    Args:
        schemas: those of the application.

    Raises:
        NotJudged: the connection was lost.
    """
    senders = read_senders(snapshot, sorted({statement.role for statement in statements}), schemas)
    types: dict[int, tuple[str, bool]] = {}
    for statement in statements:
        sender = senders[statement.role]
        own = sender.known and statement.before is not None and statement.before.own
        attempt = Attempt()
        for place, path in enumerate(sender.paths[:1] if own else sender.paths):
            tried = _try(snapshot, statement.text, sender, path, types)
            tried = replace(tried, own=sender.known and place == 0)
            # Of several refusals the first one tells most.
            attempt = tried if place == 0 or tried.refused is None else attempt
            if attempt.refused is None or attempt.refused.hinders:
                break
        yield statement, sender, attempt


def _try(snapshot: Snapshot, text: str, sender: Sender, path: str, types: dict[int, tuple[str, bool]]) -> Attempt:
    settings = {"search_path": path, **_SETTINGS, "work_mem": snapshot.usual_work_mem}
    settings |= dict.fromkeys(snapshot.database.planner, "on") | ({"role": sender.acting} if sender.acting else {})
    with snapshot.use_connection(settings) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        server, encoding = driver.pgconn, driver.info.encoding
        try:
            sent = text.encode(encoding)
        except UnicodeEncodeError:
            return Attempt(path, refused=Refusal("", f"the database has no such character in {encoding}"))
        # Without a name nothing stays, neither in the session nor in that of a pooler; the server takes one statement.
        if refused := _refuse(server.prepare(b"", sent), encoding):
            return Attempt(path, refused=refused)
        described = server.describe_prepared(b"")
        columns = [(described.fname(i) or b"", described.ftype(i)) for i in range(described.nfields)]
        parameters = [described.param_type(i) for i in range(described.nparams)]
    _read_types(snapshot, {*parameters, *(oid for _, oid in columns)}, types)
    attempt = Attempt(path, columns=[(name.decode(encoding), types[oid][0]) for name, oid in columns])
    if sender.unplanned:
        return replace(attempt, unplanned=Refusal("", sender.unplanned))
    if any(types[oid][1] for oid in parameters):
        # Its constraint would be checked, which runs code of the application and may refuse a NULL.
        return replace(attempt, unplanned=Refusal("", "a parameter is of a domain"))
    plan = _plan(snapshot, sent, len(parameters), settings, encoding)
    return replace(attempt, plan=plan) if isinstance(plan, Plan) else replace(attempt, unplanned=plan)


def _plan(
    snapshot: Snapshot, text: bytes, parameters: int, settings: Mapping[str, str], encoding: str
) -> Plan | Refusal:
    """The plan of a statement that can be parsed; privileges are checked on the way."""
    values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    with snapshot.use_connection(settings) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        server = driver.pgconn
        if refused := _refuse(server.exec_params(b"PREPARE postmigration AS " + text, []), encoding):
            return refused
        result = server.exec_params(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE postmigration{values}".encode(), [])
        refused = _refuse(result, encoding)
        told = (result.get_value(0, 0) or b"") if refused is None else b""
    # After an error nothing can be asked before that is taken back; what was prepared is still there.
    with snapshot.use_connection({"lock_timeout": "200"}) as connection:
        connection.exec_driver_sql("DEALLOCATE postmigration")
    return refused or _read_plan(msgspec.json.decode(told)[0]["Plan"])


def _refuse(result: PGresult, encoding: str) -> Refusal | None:
    """What the server says against a statement; None where it takes it.

    Raises:
        NotJudged: the connection was lost.
    """
    if result.status in _DONE:
        return None
    state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
    if not state or state.startswith(("08", "57P")):
        raise NotJudged(LOST, Hindrance.CONNECTION)
    error = psycopg.errors.error_from_result(result, encoding)
    return Refusal(state, describe_error(error), int(error.diag.statement_position or 0))


def _read_types(snapshot: Snapshot, oids: set[int], types: dict[int, tuple[str, bool]]) -> None:
    if new := oids - types.keys():
        types.update({row.oid: (row.name, row.domain) for row in snapshot.rows(_TYPES, oids=sorted(new))})


def _read_plan(top: Mapping[str, Any]) -> Plan:
    whole: dict[str, float] = {}
    indexed = set()
    for node, table in _walk(top, ""):
        name = f"{node['Schema']}.{node['Relation Name']}".removeprefix("public.") if "Relation Name" in node else table
        if node["Node Type"] == "Seq Scan":
            whole[name] = max(whole.get(name, 0), float(node["Total Cost"]))
        elif "Index Name" in node and name:
            indexed.add(name)
    return Plan(float(top["Total Cost"]), whole, sorted(indexed))


def _walk(node: Mapping[str, Any], table: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each node of a plan, with the table of the node above: an index of a bitmap does not name its own."""
    yield node, table
    above = f"{node['Schema']}.{node['Relation Name']}".removeprefix("public.") if "Relation Name" in node else table
    for child in node.get("Plans", ()):
        yield from _walk(child, above)
