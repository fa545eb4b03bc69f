"""The validation as JSON, for programs: versioned, and described by json_fields.schema.json."""

from __future__ import annotations

import msgspec

from postmigration.model.verdict import Result
from postmigration.report import changes
from postmigration.report.criteria import Judged
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.formats import json_fields
from postmigration.report.formats.as_csv import Listed
from postmigration.report.unfinished import SCHEMA_VERSION
from postmigration.report.validation import Validation


def render(validation: Validation, listed: Listed, criteria: list[Judged]) -> str:
    """The validation as JSON.

    Args:
        validation: what the run came to.
        listed: the files that hold what is too long.
        criteria: what the deployment plan asks for besides its checks.
    """
    verdict = validation.verdict
    content = json_fields.Finished(
        schema_version=SCHEMA_VERSION,
        finished=True,
        migration=validation.migration.name,
        database=validation.place,
        started=validation.started.isoformat(timespec="milliseconds"),
        ended=validation.ended.isoformat(timespec="milliseconds"),
        verdict=json_fields.Verdict(verdict.word, verdict.go, verdict.sentence, verdict.status),
        facts=dict(validation.facts),
        weakened_by=list(validation.weakened),
        rows_examined=validation.examined,
        plan_checks=validation.migration.plan_checks,
        checks_of_project=validation.checks,
        left_out=list(validation.omitted),
        causes=[_cause(cause) for cause in diagnose(validation)],
        checks=[_check(result, validation.evidence_rows, listed) for result in validation.results],
        criteria=[msgspec.convert(judged, json_fields.Criterion, from_attributes=True) for judged in criteria],
        troubles=[json_fields.Trouble(trouble.where, trouble.text) for trouble in validation.troubles],
        changes=_changes(validation.changes),
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _check(result: Result, evidence_rows: int, listed: Listed) -> json_fields.Check:
    evidence = result.evidence
    return json_fields.Check(
        id=result.nodeid,
        plan=result.plan,
        group=result.group,
        title=result.title,
        sentence=result.sentence,
        meaning=result.meaning,
        causes=result.causes,
        remedy=result.remedy,
        outcome=result.outcome,
        reason=result.reason,
        rows_examined=evidence.examined,
        facts_examined=evidence.facts,
        seconds=round(result.duration, 3),
        notes=list(evidence.notes),
        findings=[
            json_fields.Finding(
                severity=finding.severity,
                statement=finding.statement,
                wrong=finding.wrong,
                examined=finding.examined,
                before=finding.before,
                columns=list(finding.columns),
                rows=[list(row) for row in finding.rows[:evidence_rows]],
                file=listed.rows.get((result.nodeid, i), ""),
                query=finding.query,
                repair=finding.repair,
                waiver=finding.waiver,
                code=finding.code,
                subject=msgspec.convert(finding.subject, json_fields.Subject, from_attributes=True),
            )
            for i, finding in enumerate(evidence.findings)
        ],
        tables=[
            json_fields.Table(table.title, list(table.columns), [list(row) for row in table.rows])
            for table in evidence.overviews
        ],
    )


def _cause(cause: Cause) -> json_fields.Cause:
    return json_fields.Cause(
        cause.words,
        cause.impact,
        cause.probably,
        cause.remedy,
        cause.repair,
        cause.handling.who if cause.handling else "",
        cause.handling.risk if cause.handling else "",
        cause.again,
        list(cause.also),
        list(cause.consequences),
        [result.nodeid for result in cause.checks],
        cause.rows,
    )


def _changes(found: changes.Changes | None) -> json_fields.Changes | None:
    if found is None:
        return None
    return json_fields.Changes(
        since=found.judged,
        verdict=found.verdict,
        newly_failing=[result.nodeid for result in found.newly_failing],
        fixed=[result.nodeid for result in found.fixed],
        gone=list(found.gone),
    )
