"""What a watch leaves for its readers: a page, a summary for a ticket, and an object for a program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from postmigration.model.evidence import show_value
from postmigration.model.verdict import INTERRUPTED, Verdict
from postmigration.report import places
from postmigration.report.formats import rendering
from postmigration.report.formats.as_markdown import escape_markup
from postmigration.watch import charts
from postmigration.watch.judging import Incident, Judged, Judgement
from postmigration.watch.telling import (
    FOR_A_PERSON,
    describe_all,
    describe_range,
    name_incident,
    show_duration,
    show_period,
    show_time,
)


class Report(msgspec.Struct, frozen=True):
    """What there is to be told.

    Args:
        judgement: what the samples came to; None where there is none yet.
        verdict: what that means.
        finished: whether the watch has come to its end.
        facts: what was watched, and how.
    """

    judgement: Judgement | None
    verdict: Verdict
    finished: bool
    facts: Mapping[str, str]


def describe_unfinished(verdict: Verdict) -> Verdict:
    """The verdict of a watch that goes on, or has died: none."""
    return Verdict("UNFINISHED", f"so far {verdict.line}", INTERRUPTED, verdict.subject)


def write(report: Report, path: Path) -> None:
    """Writes the page, and beside it the summary and the object.

    Raises:
        CannotJudge: they cannot be written there.
    """
    places.replace(
        {
            path: render_page(report),
            path.with_suffix(".json"): render_object(report),
            path.with_suffix(".md"): render_summary(report),
        },
        report.verdict.line,
    )


def render_page(report: Report) -> str:
    """The page: one file that works offline, without a script."""
    judgement = report.judgement
    return rendering.render(
        "watch.html",
        watch=report,
        judgement=judgement,
        charts=charts.draw(judgement) if judgement else [],
        silent=[judged for judged in judgement.metrics if not any(judged.points.values())] if judgement else [],
        width=charts.WIDTH,
        height=charts.HEIGHT,
        css=(rendering.DIRECTORY / "report.css").read_text(encoding="utf-8"),
        show_time=show_time,
        show_period=show_period,
        name_incident=name_incident,
        for_a_person=FOR_A_PERSON,
        describe_range=describe_range,
        show=lambda text: show_value(text, plain=True),
    )


def render_summary(report: Report) -> str:
    """The summary, as Markdown: the verdict, and all that was found."""
    lines = [f"## {escape_markup(report.verdict.line)}", ""]
    for line in describe_all(report.judgement) if report.judgement else ():
        lines.append(f"{'  ' * line.startswith('    ')}- {escape_markup(line.strip())}")
    return "\n".join([*lines, f"- for a person: {FOR_A_PERSON}"]) + "\n"


def render_object(report: Report) -> str:
    """The object for a program, as JSON."""
    return msgspec.json.format(msgspec.json.encode(as_object(report)), indent=2).decode() + "\n"


def as_object(report: Report) -> dict[str, Any]:
    """The watch as JSON types; a database may stay live only when `go` is true."""
    found: dict[str, Any] = {
        "schema_version": 1,
        "finished": report.finished,
        "go": report.finished and report.verdict.go,
        "status": report.verdict.status,
        "verdict": report.verdict.line,
        "facts": dict(report.facts),
    }
    if report.judgement is None:
        return found
    judgement = report.judgement
    return found | {
        "begin": judgement.begin,
        "end": judgement.end,
        "samples": judgement.samples,
        "unseen": [{"begin": a, "end": b} for a, b in judgement.gaps],
        "notes": judgement.notes,
        "findings": [_as_finding(incident) for incident in judgement.incidents],
        "metrics": [_as_metric(judged) for judged in judgement.metrics],
    }


def _as_finding(incident: Incident) -> dict[str, Any]:
    metric = incident.metric
    return {
        "metric": metric.name,
        "subject": incident.subject,
        "critical": incident.critical,
        "began": incident.began,
        "ended": incident.ended,
        "worst": incident.worst,
        "min": metric.min,
        "max": metric.max,
        "than": incident.than,
        "words": list(incident.words),
        "fix": metric.fix,
    }


def _as_metric(judged: Judged) -> dict[str, Any]:
    return {
        "name": judged.metric.name,
        "title": judged.title,
        "judged": not judged.reason,
        "reason": judged.reason,
        "last": {subject: points[-1].value for subject, points in judged.points.items() if points},
    }


def describe_facts(database: str, judgement: Judgement) -> dict[str, str]:
    """What was watched, for the head of the page."""
    return {
        "database": database,
        "watched": f"{show_time(judgement.begin)} to {show_time(judgement.end)} UTC",
        "samples": f"{judgement.samples:,} in {show_duration((judgement.end - judgement.begin).total_seconds())}",
    }
