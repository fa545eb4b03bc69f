"""What a rehearsal comes to: its steps, each with its checks, its verdict and its duration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from postmigration.model.verdict import CANNOT_JUDGE, GO, NO_GO

Outcome = Literal["passed", "left out", "warned", "not judged", "failed"]

_GRAVITY: tuple[Outcome, ...] = ("left out", "passed", "warned", "not judged", "failed")
MARKS: dict[Outcome, str] = {"passed": "✔", "failed": "✘", "warned": "⚠", "not judged": "○", "left out": "–"}


@dataclass(frozen=True)
class Check:
    """One thing that a step establishes.

    Args:
        statement: what was looked at, and what was found.
        outcome: a check that is `warned` does not hold, and the plan can do without it.
        details: what is wrong, or what else is worth knowing, in words.
        rows_lost: how many rows that people have written are lost, where that was counted.
    """

    statement: str
    outcome: Outcome
    details: tuple[str, ...] = ()
    rows_lost: int | None = None


@dataclass(frozen=True)
class Slow:
    """A statement that took long.

    Args:
        statement: how it begins.
        seconds: how long it took.
        locks: the tables that it locked meanwhile, each with the mode and what that blocks.
    """

    statement: str
    seconds: float
    locks: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One step of a rehearsal.

    Args:
        title: what is done.
        started: seconds after the rehearsal began.
        seconds: how long it took to do; judging what it did is not counted.
        judged: how long it took to judge it.
        checks: what it establishes.
        rows: how many rows it wrote; None where it writes none.
        slow: the statements that took long.
    """

    title: str
    started: float
    seconds: float
    judged: float
    checks: tuple[Check, ...]
    rows: int | None = None
    slow: tuple[Slow, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The gravest of its checks."""
        return max((check.outcome for check in self.checks), key=_GRAVITY.index, default="left out")

    @property
    def rows_lost(self) -> int | None:
        """How many rows that people have written are lost by it, where that was counted."""
        return next((check.rows_lost for check in self.checks if check.rows_lost is not None), None)

    @property
    def pace(self) -> str:
        """How long it took, how many rows it wrote a second, and how long it took to judge that."""
        words = [f"{self.seconds:.1f} s"] if self.seconds or not self.judged else []
        if self.rows:
            words.append(f"{self.rows:,} rows written, {self.rows / max(self.seconds, 0.001):,.0f} a second")
        if self.judged >= 0.05:
            words.append(f"judged in {self.judged:.1f} s")
        return ", ".join(words)


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal from its beginning to its end.

    Args:
        subject: what was rehearsed.
        facts: what the reader should know of it, by their names.
        steps: what was done, in turn.
    """

    subject: str
    facts: dict[str, str]
    steps: Sequence[Step] = field(default_factory=tuple)

    @property
    def status(self) -> int:
        """The exit status: proven, not proven, or not judged."""
        outcomes = {step.outcome for step in self.steps}
        return NO_GO if "failed" in outcomes else CANNOT_JUDGE if "not judged" in outcomes else GO

    @property
    def line(self) -> str:
        """The last line: the word, and what stands in the way."""
        word = {GO: "PROVEN", NO_GO: "NOT PROVEN", CANNOT_JUDGE: "ERROR"}[self.status]
        parts = []
        for outcome in ("failed", "not judged", "warned", "left out"):
            titles = [step.title for step in self.steps if step.outcome == outcome]
            if titles:
                parts.append(f"{outcome}: {', '.join(titles)}")
        passed = sum(step.outcome == "passed" for step in self.steps)
        total = sum(step.seconds + step.judged for step in self.steps)
        return f"{word}: {'; '.join([f'{passed} of {len(self.steps)} steps passed', *parts])}; {total:.0f} s"
