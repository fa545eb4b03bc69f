"""What GitHub Actions shows beside its log: annotations, and the summary of a job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from postmigration.report.formats.as_text import describe_count, headline
from postmigration.report.validation import Validation

# What GitHub shows of one step, of each kind; and how long the summary of one step may be.
_MOST = 10
_LONGEST_SUMMARY = 1024 * 1024


def commands(validation: Validation, environment: Mapping[str, str]) -> list[str]:
    """The commands that make annotations, each a line for standard output; none outside of GitHub Actions.

    Args:
        validation: what the run came to.
        environment: the environment variables.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return []
    errors = [(r.group, r.title, headline(r)) for r in validation.failed]
    errors += [("outside of the checks", where, text.partition("\n")[0]) for where, text in validation.troubles]
    warnings = [(r.group, r.title, describe_count(f)) for r in validation.warned for f in r.evidence.warnings]
    warnings += [(r.group, r.title, f"not judged: {words}") for r, words in validation.gaps if not r.needs_baseline]
    return [*_commands("error", errors), *_commands("warning", warnings)]


def add_summary(summary: str, environment: Mapping[str, str]) -> None:
    """Adds the summary to that of the job, where GitHub Actions names a file for it.

    Args:
        summary: Markdown.
        environment: the environment variables.
    """
    name = environment.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    file = Path(name)
    room = _LONGEST_SUMMARY - (file.stat().st_size if file.exists() else 0)
    if len(summary.encode()) + 1 <= room:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"{summary}\n")


def _commands(kind: str, told: list[tuple[str, str, str]]) -> Iterable[str]:
    shown = told if len(told) <= _MOST else told[: _MOST - 1]
    for group, title, message in shown:
        yield f"::{kind} title={_property(f'{group}: {title}')}::{_message(message)}"
    if len(shown) < len(told):
        rest = f"and {len(told) - len(shown)} more, which the report lists"
        yield f"::{kind} title={_property('More')}::{_message(rest)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
