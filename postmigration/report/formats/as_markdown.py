"""The record as Markdown, short enough for a comment on a pull request and for the summary of a job."""

from __future__ import annotations

import re

from postmigration.model.verdict import Result
from postmigration.report.formats import rendering
from postmigration.report.formats.as_csv import Listed
from postmigration.report.formats.as_text import describe_count, headings
from postmigration.report.record import SYMBOLS, Record, when

# GitHub takes comments of 65,536 characters.
LONGEST = 60_000
_FINDINGS = 3
# What Markdown would make something of: written as character references, it does not.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~@<>&]|:(?=//)|(?<=www)\.")


def render(record: Record, listed: Listed) -> str:
    """The record as the text of a Markdown file: the verdict whole, and as many failed checks as there is room for."""
    head = rendering.render(
        "summary.md",
        record=record,
        symbols=SYMBOLS,
        plain=escape_markup,
        when=when,
        cells=_cells(record.groups(plan=True)),
    )
    parts, room = [head.rstrip()], LONGEST - len(head) - 200
    failed = record.failed
    for i, result in enumerate(failed):
        part = _render_failed(result, record.evidence_rows, listed)
        if len(part) > room:
            parts.append(f"*{len(failed) - i} more failed checks are in the report.*")
            break
        parts.append(part)
        room -= len(part) + 2
    return "\n\n".join(parts) + "\n"


def _cells(groups: dict[str, list[Result]]) -> dict[str, str]:
    return {
        escape_markup(name): " ".join(f"{SYMBOLS[result.outcome]}&nbsp;{result.plan}" for result in members)
        for name, members in groups.items()
    }


def _render_failed(result: Result, evidence_rows: int, listed: Listed) -> str:
    number = "" if result.plan is None else f"Check {result.plan}, "
    lines = [f"### ✘ {escape_markup(number + result.group + ': ' + result.title)}", "", escape_markup(result.sentence)]
    if result.reason:
        lines += ["", escape_markup(result.reason)]
    findings = result.evidence.blockers
    for finding in findings[:_FINDINGS]:
        lines += ["", f"**{escape_markup(describe_count(finding))}**"]
        if finding.rows:
            lines += ["", _row(headings(finding)), "|" + " --- |" * len(finding.columns)]
            lines += [_row(row) for row in finding.rows[: min(5, evidence_rows)]]
        if finding.before:
            lines += ["", f"The state before the migration: {escape_markup(finding.before)}."]
    if len(findings) > _FINDINGS:
        lines += ["", f"*and {len(findings) - _FINDINGS} more findings*"]
    for name, words in (("What it means", result.meaning), ("What to do", result.remedy)):
        if words:
            lines += ["", f"**{name}.** {escape_markup(words)}"]
    return "\n".join(lines)


def _row(values: tuple[str, ...]) -> str:
    return "| " + " | ".join(f"<code>{escape_markup(value)}</code>" if value else " " for value in values) + " |"


def escape_markup(text: str) -> str:
    """Text as it stands, whatever Markdown or HTML it holds."""
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)
