"""What one run established: all that the report says, free of any form."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from postmigration.model.errors import Hindrance
from postmigration.model.migration import Migration
from postmigration.model.verdict import Outcome, Result, Verdict, count_examined
from postmigration.report.changes import Changes

SYMBOLS: Mapping[Outcome, str] = {"passed": "✔", "failed": "✘", "not judged": "○", "not applicable": "–", "broken": "‼"}
WORDS: Mapping[Outcome, str] = {
    "passed": "passed",
    "failed": "failed",
    "not judged": "not judged",
    "not applicable": "not applicable",
    "broken": "broke down",
}


class Trouble(NamedTuple):
    """What went wrong outside of the checks: a file that could not be read, a process that died."""

    where: str
    text: str


class Shelf(NamedTuple):
    """Checks that ended alike, as a reader comes to them.

    Args:
        title: what they have in common, and how many they are.
        results: the checks.
        folded: they need nobody's attention.
    """

    title: str
    results: Sequence[Result]
    folded: bool = True


@dataclass(frozen=True)
class Validation:
    """What one run came to.

    Args:
        migration: what was validated.
        verdict: what the run comes to.
        place: which database was judged; empty where none was reached.
        facts: what was judged, against what, by whom.
        weakened: what let something pass that would otherwise not: options, and a superuser's rights.
        results: one for each check, the plan's first and in the plan's order.
        troubles: what went wrong outside of the checks.
        started, ended: when.
        checks: how many checks the project has that apply to the run.
        omitted: the ids of those that came to no result.
        has_baseline: it was compared with the state before.
        changes: what changed since the last run on the same database, where there is one.
        evidence_rows: how many wrong rows a reader is shown per finding.
    """

    migration: Migration
    verdict: Verdict
    place: str
    facts: Mapping[str, str]
    weakened: Sequence[str]
    results: Sequence[Result]
    troubles: Sequence[Trouble]
    started: datetime.datetime
    ended: datetime.datetime
    checks: int = 0
    omitted: Sequence[str] = ()
    has_baseline: bool = False
    changes: Changes | None = None
    evidence_rows: int = 5

    @property
    def duration(self) -> float:
        """Seconds from the start to the verdict."""
        return (self.ended - self.started).total_seconds()

    @property
    def examined(self) -> int:
        """How many rows were looked at by the checks that were judged."""
        return count_examined(self.results)

    @property
    def judged(self) -> int:
        """How many checks were judged: they hold, or they do not."""
        return sum(result.outcome in ("passed", "failed") for result in self.results)

    @property
    def failed(self) -> list[Result]:
        """The checks that failed or broke down."""
        return [result for result in self.results if result.outcome in ("failed", "broken")]

    @property
    def unjudged(self) -> list[Result]:
        """The checks that were not judged."""
        return [result for result in self.results if result.outcome == "not judged"]

    @property
    def gaps(self) -> list[tuple[Result, str]]:
        """What was not judged of which check, and why: all of it, or a part of one that failed."""
        return [(result, words) for result in self.results for words in result.unjudged]

    @property
    def warned(self) -> list[Result]:
        """The checks that have warnings."""
        return [result for result in self.results if result.evidence.warnings]

    def count(self, outcome: Outcome, *, plan: bool) -> int:
        """How many checks of the plan, or beyond it, ended so."""
        return sum(result.outcome == outcome for result in self.results if (result.plan is not None) == plan)

    @property
    def left_out(self) -> list[int]:
        """The numbers of the plan's checks that came to no result."""
        judged = {result.plan for result in self.results}
        return [number for number in range(1, self.migration.plan_checks + 1) if number not in judged]

    def groups(self, *, plan: bool) -> dict[str, list[Result]]:
        """The checks of the plan, or those beyond it, by their group."""
        grouped: dict[str, list[Result]] = {}
        for result in self.results:
            if (result.plan is not None) == plan:
                grouped.setdefault(result.group, []).append(result)
        return grouped

    def shelves(self) -> list[Shelf]:
        """The checks in the order in which they need attention: what failed first, and what passed by its group."""
        unjudged = [result for result in self.unjudged if not result.needs_baseline]
        passed = [result for result in self.results if result.outcome == "passed"]
        warned = [result for result in passed if result.evidence.warnings]
        calm: dict[str, list[Result]] = {}
        for result in passed:
            if not result.evidence.warnings:
                calm.setdefault(result.group, []).append(result)
        inapplicable = [result for result in self.results if result.outcome == "not applicable"]
        lacking = [result for result in self.unjudged if result.needs_baseline]
        shelves = [
            Shelf(f"✘ Failed: {len(self.failed)}", self.failed, folded=False),
            Shelf(f"○ Not judged: {len(unjudged)}", unjudged, folded=False),
            Shelf(f"○ Not judged for want of a --baseline: {len(lacking)}", lacking),
            Shelf(f"✔⚠ Passed, with warnings: {len(warned)}", warned, folded=False),
            *(Shelf(f"✔ {group}: {len(members)} passed", members) for group, members in calm.items()),
            Shelf(f"– Not applicable: {len(inapplicable)}", inapplicable),
        ]
        return [shelf for shelf in shelves if shelf.results]


def in_order(results: Sequence[Result]) -> list[Result]:
    """The plan's checks first, in the plan's order; the others as they stand in their files."""
    return sorted(results, key=lambda result: (result.plan is None, result.plan or 0, result.position))


def mark(result: Result) -> str:
    """How a check ended, as symbols, one of which says that it has warnings."""
    return SYMBOLS[result.outcome] + ("⚠" if result.evidence.warnings else "")


def anchor(result: Result) -> str:
    """A name for a check that is the same in each run, and is safe in a URL and as the name of a file."""
    if result.plan is not None and "[" not in result.nodeid:
        return f"check-{result.plan:02d}"
    name = result.nodeid.rpartition("::")[2].removeprefix("test_")
    safe = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-").lower()
    return f"{result.group}-{safe}" if result.plan is None else f"check-{result.plan:02d}-{safe}"


# What would make it judged, by what kept it from that.
_WANTING = {
    Hindrance.READ_ONLY: "Run it without --read-only, by a role that may write: all of it is rolled back.",
    Hindrance.STANDBY: "Run it on the primary.",
    Hindrance.EMPTY: "Fill what is empty, or say --allow-empty if it is rightly so.",
    Hindrance.LOCK: "Wait for what holds the lock, or raise --lock-timeout, and run again.",
    Hindrance.TIME: "Raise --statement-timeout, and run again.",
    Hindrance.CONNECTION: "See why the server ended the connection, and run again.",
    Hindrance.CUT_SHORT: "Run it again with more time (--time-budget), and without -x.",
    Hindrance.BUSY: "Run it again when less goes on there, or let it wait for longer (--max-wait).",
    Hindrance.PRIVILEGE: "Grant the role of --db-url what it lacks, and run again.",
}


def wanting(result: Result) -> str:
    """What would make a check judged that was not."""
    if result.needs_baseline:
        return "Name the state before the migration with --baseline: a database or a pg_dump file."
    known = None if result.by is None else _WANTING.get(result.by)
    return known or "Put right what the reason names, and run again."


def when(moment: datetime.datetime) -> str:
    """A moment as people read it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
