"""What is newly failing, or fixed, since the last run on the same database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postmigration.verdict import Result

SCHEMA_VERSION = 1


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

    def to_dict(self) -> dict[str, Any]:
        """As it stands in validation.json while a run is not finished."""
        return {
            "database": self.place,
            "judged": self.judged,
            "verdict": self.verdict,
            "outcomes": dict(self.outcomes),
        }


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
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["schema_version"] != SCHEMA_VERSION:
            return None
        if not told["finished"]:
            before = told["last"]
            return before and Last(before["database"], before["judged"], before["verdict"], before["outcomes"])
        outcomes = {check["id"]: check["outcome"] for check in told["checks"]}
        return Last(told["database"], told["ended"], told["verdict"]["word"], outcomes)
    except (OSError, ValueError, KeyError, TypeError):
        # Whatever else stands there is no report of ours, and will be overwritten as the user asked.
        return None


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
