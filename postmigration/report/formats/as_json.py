"""The record as JSON, for programs: versioned, and described by validation.schema.json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from postmigration.model.verdict import Result
from postmigration.report.changes import Changes
from postmigration.report.criteria import Judged
from postmigration.report.formats.as_csv import Listed
from postmigration.report.record import Record
from postmigration.report.unfinished import SCHEMA_VERSION


def written(record: Record, listed: Listed, criteria: list[Judged]) -> dict[str, Any]:
    """The record as JSON types.

    Args:
        record: what the run came to.
        listed: the files that hold what is too long.
        criteria: what the deployment plan asks for besides its checks.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "finished": True,
        "migration": record.migration.name,
        "database": record.place,
        "started": record.started.isoformat(timespec="milliseconds"),
        "ended": record.ended.isoformat(timespec="milliseconds"),
        "verdict": {
            "word": record.verdict.word,
            "go": record.verdict.go,
            "sentence": record.verdict.sentence,
            "exit_status": record.verdict.status,
        },
        "facts": dict(record.facts),
        "weakened_by": list(record.weakened),
        "rows_examined": record.examined,
        "plan_checks": record.migration.plan_checks,
        "checks_of_project": record.checks,
        "left_out": list(record.omitted),
        "checks": [_check(result, record.evidence_rows, listed) for result in record.results],
        "criteria": [asdict(judged) for judged in criteria],
        "troubles": [trouble._asdict() for trouble in record.troubles],
        "changes": _changes(record.changes),
    }


def _check(result: Result, evidence_rows: int, listed: Listed) -> dict[str, Any]:
    return {
        "id": result.nodeid,
        "plan": result.plan,
        "group": result.group,
        "title": result.title,
        "sentence": result.sentence,
        "meaning": result.meaning,
        "causes": result.causes,
        "remedy": result.remedy,
        "outcome": result.outcome,
        "reason": result.reason,
        "rows_examined": result.evidence.examined,
        "facts_examined": result.evidence.facts,
        "seconds": round(result.duration, 3),
        "notes": list(result.evidence.notes),
        "findings": [
            {
                "severity": finding.severity,
                "statement": finding.statement,
                "wrong": finding.wrong,
                "examined": finding.examined,
                "before": finding.before,
                "columns": list(finding.columns),
                "rows": [list(row) for row in finding.rows[:evidence_rows]],
                "file": listed.rows.get((result.nodeid, i), ""),
                "query": finding.query,
                "repair": finding.repair,
                "waiver": finding.waiver,
            }
            for i, finding in enumerate(result.evidence.findings)
        ],
        "tables": [
            {"title": table.title, "columns": list(table.columns), "rows": [list(row) for row in table.rows]}
            for table in result.evidence.overviews
        ],
    }


def _changes(changes: Changes | None) -> dict[str, Any] | None:
    if changes is None:
        return None
    return {
        "since": changes.judged,
        "verdict": changes.verdict,
        "newly_failing": [result.nodeid for result in changes.newly_failing],
        "fixed": [result.nodeid for result in changes.fixed],
        "gone": list(changes.gone),
    }
