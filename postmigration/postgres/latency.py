"""How long the server itself takes for a query, and whether it reads more than it has to."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postmigration.model.evidence import Finding
from postmigration.postgres.connection import Snapshot

# A table of this many rows or more is too large to be read whole for one page or one record.
LARGE_TABLE = 10_000
# A filter that keeps this share of the rows is served as well by reading them all.
_SELECTIVE = 0.05
_RUNS, _AGAIN = 5, 10
# What takes so many times as long as before is a regression, unless nobody notices so few milliseconds.
_FACTOR, _FLOOR = 3.0, 20.0


@dataclass(frozen=True)
class Timing:
    """How long a query took.

    Args:
        milliseconds: of the server's own execution time.
        how: of which runs they are.
    """

    milliseconds: float
    how: str = f"median of {_RUNS} warm runs"


def judge(
    snapshot: Snapshot, sql: str, *, budget: float, index_only: bool, settings: Mapping[str, str], before: float = 0.0
) -> tuple[Timing, list[Finding]]:
    """Measures how long a query takes, and finds what is wrong with that.

    Args:
        settings: under which settings it runs, for example as whom.
        budget: milliseconds that it may take.
        index_only: no large table may be read whole for it.
        before: milliseconds that its counterpart took on the state before; 0 where there is none.

    Returns:
        How long it takes, and the findings.
    """
    most = min(budget, max(_FLOOR, _FACTOR * before)) if before else budget
    taken, wrong = measure(snapshot, sql, settings, most), []
    if taken.milliseconds > budget:
        words = f"the query takes more than its {budget:g} ms: the {taken.how} is {taken.milliseconds:.1f} ms"
        wrong.append(Finding(words, 1, 1, query=sql))
    if before and (slower := regression(before, taken.milliseconds)):
        wrong.append(Finding(slower, 1, 1, query=sql))
    return taken, wrong + [read_whole(n, sql) for n in (needless_scans(snapshot, sql, settings) if index_only else ())]


def read_whole(table: str, sql: str) -> Finding:
    """The evidence for a query that reads the whole of a large table."""
    words = (
        f"the query reads the whole of {table}, which has {LARGE_TABLE:,} rows or more: an index is missing or not used"
    )
    return Finding(words, 1, 1, query=sql)


def measure(snapshot: Snapshot, sql: str, settings: Mapping[str, str], most: float) -> Timing:
    """Measures the server's own execution time of a query, by warm runs.

    What else a server does makes a run slower and none quicker: where the median is too much, the quickest of more runs
    counts.

    Args:
        most: the milliseconds that are not too much.
    """
    _explain(snapshot, sql, settings)
    runs = [_time(snapshot, sql, settings) for _ in range(_RUNS)]
    if (median := statistics.median(runs)) <= most:
        return Timing(median)
    runs += [_time(snapshot, sql, settings) for _ in range(_AGAIN)]
    return Timing(min(runs), f"quickest of {len(runs)} warm runs")


def _time(snapshot: Snapshot, sql: str, settings: Mapping[str, str]) -> float:
    return float(_explain(snapshot, sql, settings)["Execution Time"])


def regression(before: float, now: float) -> str:
    """What is wrong with a query that takes longer than its counterpart of before, in words; empty where nothing is."""
    if now <= max(_FLOOR, _FACTOR * before):
        return ""
    return f"it takes {now / before:.1f} times as long as before the migration ({now:.1f} ms, {before:.1f} ms before)"


def needless_scans(snapshot: Snapshot, sql: str, settings: Mapping[str, str]) -> list[str]:
    """The large tables that a query reads whole though few of their rows are wanted, or though nothing else can be."""
    nodes = list(_nodes(_explain(snapshot, sql, settings)["Plan"]))
    scans = [node for node in nodes if node["Node Type"] == "Seq Scan" and _rows_read(node) >= LARGE_TABLE]
    if not scans:
        return []
    wasteful = {node["Relation Name"] for node in scans if _rows_kept(node) < _SELECTIVE * _rows_read(node)}
    without = list(_nodes(_explain(snapshot, sql, {"enable_seqscan": "off", **settings})["Plan"]))
    unavoidable = {node["Relation Name"] for node in without if node["Node Type"] == "Seq Scan"}
    return sorted(wasteful | (unavoidable & {node["Relation Name"] for node in scans}))


def _explain(snapshot: Snapshot, sql: str, settings: Mapping[str, str]) -> dict[str, Any]:
    # The settings may end with a role, after which others can no longer be set.
    as_usual = dict.fromkeys(snapshot.database.planner, "on")
    under = {**snapshot.application, "work_mem": snapshot.usual_work_mem, **as_usual, **settings}
    plan: list[dict[str, Any]] = snapshot.scalar(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", under)
    return plan[0]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _rows_kept(node: dict[str, Any]) -> float:
    # PostgreSQL reports the average of all workers and repetitions.
    return float(node["Actual Rows"]) * float(node["Actual Loops"])


def _rows_read(node: dict[str, Any]) -> float:
    return _rows_kept(node) + float(node.get("Rows Removed by Filter", 0)) * float(node["Actual Loops"])
