"""A check that failed as plain text, for the terminal and for the logs of a pipeline."""

from __future__ import annotations

import io
import textwrap
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from postmigration.evidence import Finding
from postmigration.verdict import Result

_WIDTH = 120
# Findings of one check that are printed; the report has the others.
_MOST = 20


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
    return f"{counted(blockers[0])}{more}"


def counted(finding: Finding) -> str:
    """What is wrong, and with how many out of how many."""
    if (finding.wrong, finding.examined) == (1, 1):
        return finding.statement
    return f"{finding.wrong:,} of {finding.examined:,}: {finding.statement}"


def text(result: Result, evidence_rows: int) -> str:
    """The evidence of a check as plain text, no line of which begins with what a database holds.

    Args:
        result: what the check found.
        evidence_rows: how many wrong rows are shown per finding.
    """
    number = "" if result.plan is None else f"check {result.plan}, "
    lines = _wrapped(f"{number}{result.group}: {result.title}")
    lines += _wrapped(result.sentence if result.sentence != result.title else "") + _wrapped(result.reason)
    for finding in result.evidence.findings[:_MOST]:
        lines += ["", *_wrapped(f"{finding.severity}: {counted(finding)}")]
        if finding.rows:
            lines += [f"  │ {line}" for line in _table(finding, evidence_rows)]
        if finding.before:
            lines += _wrapped(f"the state before the migration: {finding.before}")
        if finding.query:
            # As it stands, for psql: a line that is wrapped would end a comment too early.
            lines += ["", *textwrap.indent(f"{finding.query};", " " * 4).splitlines()]
    if (more := len(result.evidence.findings) - _MOST) > 0:
        lines += ["", f"and {more:,} more findings, which the report lists"]
    for name, words in (("", result.meaning), ("Likely causes: ", result.causes), ("What to do: ", result.remedy)):
        if words:
            lines += ["", *_wrapped(f"{name}{words}")]
    # Some pipelines obey lines that begin so.
    return "\n".join(f"│ {line}" if line.lstrip().startswith(("::", "##")) else line.rstrip() for line in lines)


def _wrapped(words: str) -> list[str]:
    return textwrap.wrap(words, _WIDTH, break_on_hyphens=False)


def _table(finding: Finding, evidence_rows: int) -> list[str]:
    table = Table(box=None, pad_edge=False)
    for column in finding.columns:
        table.add_column(Text(column), overflow="fold")
    for row in finding.rows[:evidence_rows]:
        table.add_row(*map(Text, row))
    console = Console(file=io.StringIO(), width=_WIDTH - 4, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()
