"""A check that failed as plain text, for the terminal and for the logs of a pipeline."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from postmigration.model.evidence import Finding, escape
from postmigration.model.verdict import Result
from postmigration.report.diagnosis.causes import Cause
from postmigration.report.diagnosis.handling import annotate
from postmigration.report.formats.changed_words import write_changes

_WIDTH = 120
# So many causes are said in so many lines each, of which the last may tell why; more of them in one.
_FEW_CAUSES, _CAUSE_LINES = 3, 3
# One line, however a terminal wraps it.
_LONGEST_LINE = 240
# The longest value that is not broken into several lines: a UUID.
_KEY = 36
# Findings of one check that are printed; the report has the others.
_MOST = 20
# Causes that are said before the last line.
_CAUSES = 9


class Shown:
    """The evidence of a check where pytest shows the traceback of a test.

    Args:
        result: what the check found.
        evidence_rows: how many wrong rows are shown per finding.
        more: the traceback, where the user asked for it.
    """

    def __init__(self, result: Result, evidence_rows: int, more: str = "") -> None:
        self.content = text(result, evidence_rows)
        self.more = f"\n\n{more}" if more else ""
        # Where pytest looks for what to say in its short summary.
        self.reprcrash = SimpleNamespace(message=headline(result))

    def __str__(self) -> str:
        return self.content + self.more

    def toterminal(self, terminal: Any) -> None:
        """Writes it to the terminal: what is wrong in colour, where there is colour."""
        for line in self.content.splitlines():
            severity, found, _ = line.partition(": ")
            colours = {"blocker": {"red": True, "bold": True}, "warning": {"yellow": True}}
            terminal.line(line, **colours.get(severity if found else "", {}))
        if self.more:
            terminal.line(self.more)


def headline(result: Result) -> str:
    """What is wrong, in one line."""
    blockers = result.evidence.blockers
    if not blockers:
        return result.reason
    more = f" (and {len(blockers) - 1} more)" if len(blockers) > 1 else ""
    return f"{describe_count(blockers[0])}{more}"


def describe_count(finding: Finding) -> str:
    """What is wrong, and with how many out of how many."""
    if (finding.wrong, finding.examined) == (1, 1):
        return finding.statement
    return f"{finding.wrong:,} of {finding.examined:,}: {finding.statement}"


def headings(finding: Finding) -> tuple[str, ...]:
    """The names of the columns of the evidence, each with that of the table's column where all rows are of one."""
    columns = finding.columns
    if not finding.rows or not {"column", "want", "have"} <= set(columns):
        return columns
    named = {row[columns.index("column")] for row in finding.rows} - {""}
    if len(named) != 1:
        return columns
    return tuple(f"{name} {next(iter(named))}" if name in ("want", "have") else name for name in columns)


def text(result: Result, evidence_rows: int) -> str:
    """The evidence of a check as plain text, no line of which begins with what a database holds.

    Args:
        result: what the check found.
        evidence_rows: how many wrong rows are shown per finding.
    """
    number = "" if result.plan is None else f"check {result.plan}, "
    lines = _wrap(f"{number}{result.group}: {result.title}")
    lines += _wrap(result.sentence if result.sentence != result.title else "") + _wrap(result.reason)
    for finding in result.evidence.findings[:_MOST]:
        lines += ["", *_wrap(f"{finding.severity}: {describe_count(finding)}")]
        if changes := write_changes(finding):
            lines += [line for change in changes for line in _wrap(f"  │ {change}")]
        elif finding.rows:
            lines += [f"  │ {line}" for line in _table(finding, evidence_rows)]
        if finding.before:
            lines += _wrap(f"the state before the migration: {finding.before}")
        if finding.repair:
            lines += ["", "    to repair it:", *textwrap.indent(annotate(finding.repair), " " * 4).splitlines()]
        if finding.query:
            # As it stands, for psql: a line that is wrapped would end a comment too early.
            lines += ["", *textwrap.indent(f"{finding.query};", " " * 4).splitlines()]
    if (more := len(result.evidence.findings) - _MOST) > 0:
        lines += ["", f"and {more:,} more findings, which the report lists"]
    for words in result.evidence.unjudged:
        lines += ["", *_wrap(f"not judged: {words}")]
    for name, words in (("", result.meaning), ("Likely causes: ", result.causes), ("What to do: ", result.remedy)):
        if words:
            lines += ["", *_wrap(f"{name}{words}")]
    return "\n".join(_harmless(lines))


def tell_blocker(result: Result) -> str:
    """A check that failed, in the one line that is printed as soon as that is known."""
    number = "" if result.plan is None else f"check {result.plan}, "
    words = f"✘ {number}{result.group}: {result.title}: {headline(result)}"
    return _harmless([textwrap.shorten(words, _LONGEST_LINE, placeholder=" …")])[0]


def list_unjudged(results: Sequence[Result]) -> list[str]:
    """Why checks were not judged or in part, each reason once; not those that only a state before would let judge."""
    names: dict[str, list[str]] = {}
    for result in results:
        for reason in result.unjudged if not result.needs_baseline else ():
            names.setdefault(reason, []).append(f"check {result.plan}" if result.plan else result.title)
    return _harmless([line for reason, of in names.items() for line in _wrap(f"{', '.join(of)}: {reason}")])


def list_warned(results: Sequence[Result]) -> list[str]:
    """The warnings of checks that have not failed: those of others stand in their evidence."""
    found = [(r, finding) for r in results if r.outcome != "failed" for finding in r.evidence.warnings]
    lines = _harmless([line for r, finding in found[:_MOST] for line in _wrap(f"{r.title}: {describe_count(finding)}")])
    more = len(found) - _MOST
    return [*lines, f"and {more:,} more warnings, which the report lists"] if more > 0 else lines


def list_causes(causes: Sequence[Cause]) -> list[str]:
    """What is wrong, a few lines for each cause, and how many more there are; the evidence stands above."""
    if not causes:
        return []
    shown = causes if len(causes) <= _CAUSES else causes[: _CAUSES - 1]
    wrap = textwrap.TextWrapper(
        _WIDTH,
        subsequent_indent="   ",
        max_lines=_CAUSE_LINES if len(causes) <= _FEW_CAUSES else 1,
        placeholder=" …",
        break_on_hyphens=False,
    )
    lines = [line for number, cause in enumerate(shown, 1) for line in wrap.wrap(f"{number}. {cause.words}")]
    more = len(causes) - len(shown)
    return _harmless(["what is wrong:", *lines, *([f"and {more:,} more, which the report lists"] if more else [])])


def _harmless(lines: Iterable[str]) -> list[str]:
    """Lines that no terminal and no pipeline takes for a command: some obey those that begin so."""
    # What a name holds may look like several lines.
    escaped = (escape(part) for line in lines for part in line.splitlines() or [""])
    return [f"│ {line}" if line.lstrip().startswith(("::", "##")) else line.rstrip() for line in escaped]


def _wrap(words: str) -> list[str]:
    return textwrap.wrap(words, _WIDTH, break_on_hyphens=False)


def _table(finding: Finding, evidence_rows: int) -> list[str]:
    table = Table(box=None, pad_edge=False)
    shown = finding.rows[:evidence_rows]
    for number, column in enumerate(headings(finding)):
        # A key is copied and searched for: it stays in one piece.
        longest = max((len(row[number]) for row in shown), default=0)
        table.add_column(Text(column), overflow="fold", min_width=longest if longest <= _KEY else None)
    for row in shown:
        table.add_row(*map(Text, row))
    # As wide as the short columns need it, and no narrower than other lines.
    needed = sum(column.min_width or 8 for column in table.columns) + 2 * len(table.columns)
    console = Console(file=io.StringIO(), width=max(_WIDTH - 4, needed), color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()
