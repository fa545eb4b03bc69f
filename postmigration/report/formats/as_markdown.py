"""The validation as Markdown, short enough for a comment on a pull request and for the summary of a job."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping

from postmigration.model.verdict import Result
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.formats import rendering
from postmigration.report.formats.as_csv import SQL_LINES, is_long
from postmigration.report.formats.as_text import headings
from postmigration.report.validation import SYMBOLS, Validation, anchor, when

# Wrong rows that are shown of a cause, and checks that are linked.
_ROWS, _LINKS = 3, 3
# Longer SQL is not written into a line.
_REPAIR = 200
# What Markdown would make something of: written as character references, it does not.
_MARKUP = re.compile(r"[\\`*_{}\[\]#|~@<>&]|:(?=//)|(?<=www)\.")


def render(validation: Validation, link: Callable[[str], str], files: Mapping[str, str] | None = None) -> str:
    """The validation as the text of a Markdown file of less than 60 lines, however much is wrong.

    Args:
        validation: what the run came to.
        link: the address of a check on the page, by its anchor.
        files: the file beside the page with the SQL that repairs a cause, by that SQL, where it is long.
    """
    causes = diagnose(validation)
    scripts = files or {}
    return (
        rendering.render(
            "summary.md",
            validation=validation,
            causes=causes,
            plain=escape_markup,
            when=when,
            cells=_cells(validation.groups(plan=True)),
            links=lambda cause: _links(cause, link),
            act=lambda cause: _act(cause, scripts.get(cause.repair, ""), fenced=cause is causes[0]),
            table=_table,
            fence=lambda cause: _fence(cause, scripts.get(cause.repair, "")) if cause is causes[0] else "",
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


def _act(cause: Cause, file: str, *, fenced: bool) -> str:
    """What to do, in one line.

    Args:
        file: the one that holds the SQL; empty where that is short.
        fenced: the SQL stands below, or its first lines.
    """
    how = f" By {escape_markup(cause.handling.words)}." if cause.handling else ""
    again = (
        f" To judge only this again, add {_code(cause.again)} to the command; what is judged again alone is never GO."
        if cause.repair and cause.again
        else ""
    )
    if _is_short(cause):
        return f"Repair: {_code(' '.join(cause.repair.split()))}{how}{again}"
    words, statement, contents = cause.outline
    if cause.repair and (contents or fenced):
        said = f"{words} ({contents})" if words and contents else words or contents or "below"
        return f"Repair: {escape_markup(said)}.{how}{f' SQL: {_code(file)}.' if file else ''}{again}"
    if cause.repair and (words or statement):
        only = textwrap.shorten(statement, _REPAIR, placeholder=" …")
        return f"Repair: {escape_markup(words)} {_code(only)}{how}{again}"
    return f"What to do: {escape_markup(cause.remedy)}" if cause.remedy else ""


def _is_short(cause: Cause) -> bool:
    return bool(cause.repair) and len(cause.repair) <= _REPAIR and "--" not in cause.repair


def _fence(cause: Cause, file: str) -> str:
    """The SQL that repairs it as a block to copy; of more than a reader looks at the first lines, which do nothing."""
    lines = cause.repair.splitlines()
    if not lines or _is_short(cause):
        return ""
    if is_long(cause.repair):
        # The first lines alone would leave a transaction open, and half of the work undone.
        rest = len(lines) - SQL_LINES + 1
        more = f"-- …{f' and {rest:,} more lines' if rest > 0 else ''}: run all of it"
        lines = [textwrap.shorten(line, _REPAIR, placeholder=" …") for line in lines[: SQL_LINES - 1]]
        lines.append(f"{more}, from {file}" if file else f"{more}, as the page shows it")
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
