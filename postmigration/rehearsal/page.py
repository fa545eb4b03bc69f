"""What people read of a rehearsal: the lines on the terminal, the page, and the object for a program."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import show_value
from postmigration.model.files import replace_all
from postmigration.rehearsal.steps import MARKS, Rehearsal, Step
from postmigration.report.formats import rendering


def tell(step: Step, screen: Console) -> None:
    """Prints a step when it has ended."""
    screen.print(Text(f"{MARKS[step.outcome]} {step.title}: {step.outcome}, {step.pace}"))
    for check in step.checks:
        screen.print(Text(f"    {MARKS[check.outcome]} {show_value(check.statement, plain=True)}"))
        for detail in check.details:
            screen.print(Text(f"        {show_value(detail, plain=True)}"))
    for slow in step.slow:
        screen.print(Text(f"    {slow.seconds:.1f} s: {show_value(slow.statement, plain=True)}"))
        for lock in slow.locks:
            screen.print(Text(f"        {show_value(lock, plain=True)}"))


def write_unfinished(path: Path) -> None:
    """Puts a page there that says that the rehearsal did not finish: one that dies leaves no older one in place.

    Raises:
        CannotJudge: the page cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_all(
            {path: "<!DOCTYPE html><title>Unfinished</title><h1>NOT PROVEN: this rehearsal did not finish</h1>\n"}
        )
    except OSError as error:
        raise CannotJudge(
            f"the report cannot be written to {path} ({error.strerror}): name another with --html"
        ) from None


def write(rehearsal: Rehearsal, path: Path, suite: Path) -> None:
    """Writes the page: one file that works offline.

    Args:
        suite: the report of the suite, which it leads to.

    Raises:
        CannotJudge: the page cannot be written there; the line says too what was found.
    """
    total = max((step.started + step.seconds + step.judged for step in rehearsal.steps), default=0.0) or 1.0
    page = rendering.render(
        "rehearsal.html",
        rehearsal=rehearsal,
        marks=MARKS,
        total=total,
        css=(rendering.DIRECTORY / "report.css").read_text(encoding="utf-8"),
        suite=suite.name,
    )
    try:
        replace_all({path: page})
    except OSError as error:
        raise CannotJudge(
            f"the report cannot be written to {path} ({error.strerror}); what was found: {rehearsal.line}"
        ) from None


def as_object(rehearsal: Rehearsal) -> dict[str, Any]:
    """The rehearsal as JSON types."""
    return {
        "proven": {0: True, 1: False}.get(rehearsal.status),
        "subject": rehearsal.subject,
        "facts": rehearsal.facts,
        "steps": [{**asdict(step), "outcome": step.outcome} for step in rehearsal.steps],
    }
