"""Has the server parse and plan statements of an application, as whoever sent them; none is run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import psycopg
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

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
# A parameter whose type the statement does not tell, as in $1 IS NULL; whoever sent it said it beside the text.
_OF_NO_TYPE, _PARAMETER = "42P18", re.compile(r"\$(\d+)")
_TEXT, _ANY = 25, 0
_MOST_PARAMETERS = 200
_TYPES = """
    SELECT oid::bigint AS oid, format_type(oid, NULL) AS name, typtype = 'd' AS domain FROM pg_type
"""


@dataclass(frozen=True)
class _Type:
    name: str
    domain: bool


# One that was made meanwhile is not seen in the snapshot.
_UNKNOWN = _Type("a new type", True)


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
    types = {row.oid: _Type(row.name, row.domain) for row in snapshot.rows(_TYPES)}
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


def _try(
    snapshot: Snapshot,
    text: str,
    sender: Sender,
    path: str,
    types: Mapping[int, _Type],
    guessed: frozenset[int] = frozenset(),
) -> Attempt:
    """Tries a statement under one path.

    Args:
        guessed: the parameters that are taken for text, since the statement does not tell of what type they are.
    """
    settings = {"search_path": path, **_SETTINGS, "work_mem": snapshot.usual_work_mem}
    settings |= dict.fromkeys(snapshot.database.planner, "on") | ({"role": sender.acting} if sender.acting else {})
    given = [_TEXT if number in guessed else _ANY for number in range(1, max(guessed, default=0) + 1)]
    with snapshot.use_connection(settings) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        server, encoding = driver.pgconn, driver.info.encoding
        try:
            sent = text.encode(encoding)
        except UnicodeEncodeError:
            return Attempt(path, refused=Refusal("", f"the database has no such character in {encoding}"))
        # Without a name nothing stays, neither in the session nor in that of a pooler; the server takes one statement.
        refused = _refuse(server.prepare(b"", sent, given), encoding)
        if refused is None:
            told = server.describe_prepared(b"")
            names = [(told.fname(place) or b"").decode(encoding) for place in range(told.nfields)]
            columns = [(name, types.get(told.ftype(place), _UNKNOWN).name) for place, name in enumerate(names)]
            attempt = Attempt(path, columns=columns)
            parameters = [types.get(told.param_type(place), _UNKNOWN) for place in range(told.nparams)]
            if sender.unplanned:
                return replace(attempt, unplanned=Refusal("", sender.unplanned))
            if any(type_.domain for type_ in parameters):
                # Its constraint would be checked, which runs code of the application and may refuse a NULL.
                return replace(attempt, unplanned=Refusal("", "a parameter is of a domain"))
            planned = _plan(server, sent, len(parameters), given, encoding)
    if refused is not None:
        number = _PARAMETER.search(refused.message) if refused.state == _OF_NO_TYPE else None
        if number and int(number[1]) not in guessed and int(number[1]) <= _MOST_PARAMETERS:
            return _try(snapshot, text, sender, path, types, guessed | {int(number[1])})
        return Attempt(path, refused=refused)
    if isinstance(planned, Plan):
        return replace(attempt, plan=planned)
    # After an error nothing can be asked before that is taken back; what was prepared is still there.
    with snapshot.use_connection({"lock_timeout": "200"}) as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    return replace(attempt, unplanned=planned)


def _plan(server: PGconn, text: bytes, parameters: int, given: Sequence[int], encoding: str) -> Plan | Refusal:
    """The plan of a statement that can be parsed; privileges are checked on the way."""
    values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    explain = f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE postmigration{values}".encode()
    declared = f"({', '.join('text' if oid == _TEXT else 'unknown' for oid in given)})" if given else ""
    if refused := _refuse(server.exec_params(f"PREPARE postmigration{declared} AS ".encode() + text, []), encoding):
        return refused
    result = server.exec_params(explain, [])
    if refused := _refuse(result, encoding):
        return refused
    server.exec_params(b"DEALLOCATE postmigration", [])
    return _read_plan(msgspec.json.decode(result.get_value(0, 0) or b"")[0]["Plan"])


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
