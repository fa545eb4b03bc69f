"""The record as Markdown, short enough for a comment on a pull request and for the summary of a job."""

from __future__ import annotations

import re
from collections.abc import Callable

from postmigration.model.verdict import Result
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.formats import rendering
from postmigration.report.formats.as_text import headings
from postmigration.report.record import SYMBOLS, Record, anchor, when

# Wrong rows that are shown of a cause, and checks that are linked.
_ROWS, _LINKS = 3, 3
# Longer SQL is in the report only.
_REPAIR = 200
# What Markdown would make something of: written as character references, it does not.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~@<>&]|:(?=//)|(?<=www)\.")


def render(record: Record, link: Callable[[str], str]) -> str:
    """The record as the text of a Markdown file of less than 60 lines, however much is wrong.

    Args:
        record: what the run came to.
        link: the address of a check on the page, by its anchor.
    """
    return (
        rendering.render(
            "summary.md",
            record=record,
            causes=diagnose(record),
            plain=escape_markup,
            when=when,
            cells=_cells(record.groups(plan=True)),
            links=lambda cause: _links(cause, link),
            act=_act,
            table=_table,
            warnings=[finding.statement for result in record.warned for finding in result.evidence.warnings],
            unjudged=[f"{result.title}: {result.reason}" for result in record.unjudged],
        ).rstrip()
        + "\n"
    )


def _cells(groups: dict[str, list[Result]]) -> dict[str, str]:
    return {
        escape_markup(name): " ".join(f"{SYMBOLS[result.outcome]}&nbsp;{result.plan}" for result in members)
        for name, members in groups.items()
    }


def _links(cause: Cause, link: Callable[[str], str]) -> str:
    """The checks that failed for it, each a link into the page."""
    linked = [
        f"[{escape_markup(f'check {result.plan}' if result.plan else result.title)}]({link(anchor(result))})"
        for result in cause.checks[:_LINKS]
    ]
    more = len(cause.checks) - _LINKS
    return f"({', '.join(linked)}{f' and {more} more' if more > 0 else ''})" if linked else ""


def _act(cause: Cause) -> str:
    """What to do, in one line."""
    if cause.repair and len(cause.repair) <= _REPAIR and "--" not in cause.repair:
        return f"Repair: <code>{escape_markup(' '.join(cause.repair.split()))}</code>"
    words, _ = cause.outline
    if words:
        return f"Repair: {escape_markup(words)}. The report has the SQL."
    more = " The report has the SQL." if cause.repair else ""
    return f"What to do: {escape_markup(cause.remedy)}{more}" if cause.remedy else ""


def _table(cause: Cause) -> str:
    """The first of the rows that are wrong; empty where there are none."""
    if cause.main is None or not cause.main.finding.rows:
        return ""
    finding = cause.main.finding
    lines = [_row(headings(finding)), "|" + " --- |" * len(finding.columns), *map(_row, finding.rows[:_ROWS])]
    return "\n".join(lines) + "\n"


def _row(values: tuple[str, ...]) -> str:
    return "| " + " | ".join(f"<code>{escape_markup(value)}</code>" if value else " " for value in values) + " |"


def escape_markup(text: str) -> str:
    """Text as it stands, whatever Markdown or HTML it holds."""
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)
