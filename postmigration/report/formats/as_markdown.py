"""The validation as Markdown, short enough for a comment on a pull request and for the summary of a job."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from postmigration.model.verdict import Result
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.formats import rendering
from postmigration.report.formats.as_text import headings
from postmigration.report.validation import SYMBOLS, Validation, anchor, when

# Wrong rows that are shown of a cause, and checks that are linked.
_ROWS, _LINKS = 3, 3
# Longer SQL is not written into a line; so many lines of it are shown of the first cause.
_REPAIR, _LINES = 200, 14
# What Markdown would make something of: written as character references, it does not.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~@<>&]|:(?=//)|(?<=www)\.")


def render(validation: Validation, link: Callable[[str], str]) -> str:
    """The validation as the text of a Markdown file of less than 60 lines, however much is wrong.

    Args:
        validation: what the run came to.
        link: the address of a check on the page, by its anchor.
    """
    causes = diagnose(validation)
    return (
        rendering.render(
            "summary.md",
            validation=validation,
            causes=causes,
            plain=escape_markup,
            when=when,
            cells=_cells(validation.groups(plan=True)),
            links=lambda cause: _links(cause, link),
            act=lambda cause: _act(cause, fenced=cause is causes[0] and bool(_fence(cause))),
            table=_table,
            fence=lambda cause: _fence(cause) if cause is causes[0] else "",
            warnings=[finding.statement for result in validation.warned for finding in result.evidence.warnings],
            unjudged=[f"{result.title}: {words}" for result, words in validation.gaps],
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


def _act(cause: Cause, *, fenced: bool) -> str:
    """What to do, in one line.

    Args:
        fenced: the SQL stands below.
    """
    how = f" By {escape_markup(cause.handling.words)}." if cause.handling else ""
    again = (
        f" Judge only this again: the same command with {_code(cause.again)}." if cause.repair and cause.again else ""
    )
    if _is_short(cause):
        return f"Repair: {_code(' '.join(cause.repair.split()))}{how}{again}"
    words, statement, contents = cause.outline
    if fenced:
        return f"Repair: {escape_markup(words or 'below')}.{how}{again}"
    if cause.repair and contents:
        said = f"{words} ({contents})" if words else contents
        return f"Repair: {escape_markup(said)}.{how}{again}"
    if cause.repair and (words or statement):
        only = textwrap.shorten(statement, _REPAIR, placeholder=" …")
        return f"Repair: {escape_markup(words)} {_code(only)}{how}{again}"
    return f"What to do: {escape_markup(cause.remedy)}" if cause.remedy else ""


def _is_short(cause: Cause) -> bool:
    return bool(cause.repair) and len(cause.repair) <= _REPAIR and "--" not in cause.repair


def _fence(cause: Cause) -> str:
    """The SQL that repairs it as a block to copy, where it is no longer than a reader looks at."""
    lines = cause.repair.splitlines()
    if not lines or _is_short(cause) or len(lines) > _LINES or len(cause.repair) > _LINES * _REPAIR:
        return ""
    # What stands in it ends no block, and is no markup.
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", cause.repair) or [""]))
    return "\n".join([f"{fence}sql", *lines, fence]) + "\n"


def _table(cause: Cause) -> str:
    """The first of the rows that are wrong; empty where there are none."""
    if cause.main is None or not cause.main.finding.rows:
        return ""
    finding = cause.main.finding
    lines = [_row(headings(finding)), "|" + " --- |" * len(finding.columns), *map(_row, finding.rows[:_ROWS])]
    return "\n".join(lines) + "\n"


def _row(values: tuple[str, ...]) -> str:
    return "| " + " | ".join(_code(value).replace("|", "\\|") if value else " " for value in values) + " |"


def _code(text: str) -> str:
    """Text as code, from where it can be copied as it stands: what is in it ends no code and is no markup."""
    if not text.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " * (text.startswith("`") or text.endswith("`"))
    return f"{fence}{space}{text}{space}{fence}"


def escape_markup(text: str) -> str:
    """Text as it stands, whatever Markdown or HTML it holds."""
    return _MARKUP.sub(lambda match: f"&#{ord(match[0])};", text)
