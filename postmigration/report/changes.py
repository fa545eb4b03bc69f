"""What is newly failing, or fixed, since the last run on the same database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from postmigration.model.verdict import Result
from postmigration.report.unfinished import read_last


@dataclass(frozen=True)
class Last:
    """What the last finished run on some database came to.

    Args:
        place: which database it judged.
        judged: when, in ISO 8601.
        verdict: the word.
        outcomes: how each check ended, by the id of the check.
    """

    place: str
    judged: str
    verdict: str
    outcomes: Mapping[str, str]


@dataclass(frozen=True)
class Changes:
    """What changed between the last run on a database and this one.

    Args:
        judged: when the last one was.
        verdict: what it came to.
        newly_failing: checks that fail or broke down now and did not then.
        fixed: checks that passed now and failed or broke down then.
        gone: ids of checks that were judged then and are not there now.
    """

    judged: str
    verdict: str
    newly_failing: Sequence[Result]
    fixed: Sequence[Result]
    gone: Sequence[str]


def last(file: Path) -> Last | None:
    """The last finished run that a validation.json tells of, or None where there is none that can be read."""
    told = read_last(file)
    return None if told is None else Last(told["database"], told["judged"], told["verdict"], told["outcomes"])


def changes(before: Last | None, place: str, results: Sequence[Result]) -> Changes | None:
    """What changed since the last run, if it judged the same database."""
    if before is None or before.place != place:
        return None
    bad = ("failed", "broken")
    return Changes(
        before.judged,
        before.verdict,
        [r for r in results if r.outcome in bad and before.outcomes.get(r.nodeid) not in bad],
        [r for r in results if r.outcome == "passed" and before.outcomes.get(r.nodeid) in bad],
        sorted(before.outcomes.keys() - {result.nodeid for result in results}),
    )
