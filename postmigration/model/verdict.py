"""From the results of the checks to GO or NO-GO: one line, one exit status."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from postmigration.model.errors import UNREACHED, Hindrance
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.waivers import Waiver, problems

Outcome = Literal["passed", "failed", "not judged", "not applicable", "broken"]

GO, NO_GO, INTERRUPTED, BROKEN, CANNOT_JUDGE = range(5)

# What is compared, in the order in which the last line says how much of it.
_COMPARED = ("tables", "schemas", "objects", "privileges")

# Titles of failed checks that the last line holds, which is the first thing on the page too.
_MOST_TITLES = 5

_GO, _DEMONSTRATION = "GO", "GO (demonstration world, no database was named)"

# What stands for the state before, where that is no database that is reached.
BaselineForm = Literal["", "dump", "base backup", "fingerprint"]


@dataclass(frozen=True)
class Result:
    """How one check ended.

    Args:
        nodeid: where the check stands.
        plan: its number in the deployment plan, or None for a check beyond it.
        group: the plan's group, or the family of checks.
        title: the plan's title, or the sentence.
        sentence: what it establishes.
        meaning: what it means for the business when it does not hold.
        causes: what usually brings that about.
        remedy: what to do.
        outcome: `broken` is an error of ours.
        reason: why it was not judged or does not apply, or what broke.
        needs_baseline: it was not judged because no state before was named.
        by: what kept it from being judged; None where nothing general is known of it.
        not_held: what a dump or a base backup does not tell of the state before, where it does not apply for that.
        secondary: that it is not judged is told, and in the way with --strict only.
        evidence: what it found.
        duration: seconds.
        position: its place among the checks, whichever process ran it.
    """

    nodeid: str
    plan: int | None
    group: str
    title: str
    sentence: str
    meaning: str
    outcome: Outcome
    reason: str = ""
    causes: str = ""
    remedy: str = ""
    needs_baseline: bool = False
    by: Hindrance | None = None
    not_held: str = ""
    secondary: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    duration: float = 0.0
    position: int = 0

    @property
    def unjudged(self) -> list[str]:
        """Why it was not judged, or what of it was not, where it failed by something else."""
        if self.outcome == "not judged":
            return [self.reason]
        return self.evidence.unjudged if self.outcome == "failed" else []

    @property
    def check(self) -> str:
        """What the check is called: its number in the plan, or the name of its function."""
        return str(self.plan or self.nodeid.partition("[")[0].rpartition("::")[2].removeprefix("test_"))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types, so that it can travel between processes."""
        facts: dict[str, Any] = msgspec.to_builtins(self)
        return facts

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Result:
        """The inverse of `to_dict`."""
        return msgspec.convert(facts, cls)


@dataclass(frozen=True)
class Verdict:
    """What the run comes to: the word, the sentence after it, the exit status, and what ends the sentence.

    Args:
        subject: what was judged, and where the report is; a reader of the report knows that.
    """

    word: str
    sentence: str
    status: int
    subject: str = ""

    @property
    def go(self) -> bool:
        """Whether the database may go live: nothing short of everything judged and passed."""
        return self.status == GO and self.word in (_GO, _DEMONSTRATION)

    @property
    def counts(self) -> str:
        """The sentence without its subject."""
        return self.sentence.removesuffix(f", {self.subject}").removesuffix(f"; {self.subject}")

    @property
    def line(self) -> str:
        """The last line of the run."""
        return f"{self.word}: {self.sentence}"


def verdict(
    results: Sequence[Result],
    *,
    plan_checks: int,
    subject: str,
    checks: int = 0,
    omitted: int = 0,
    cut_short: str = "",
    crashed: Sequence[str] = (),
    demonstration: bool = False,
    baseline: BaselineForm = "",
    allow_partial: bool = False,
    allow_empty: bool = False,
    strict: bool = False,
    interrupted: bool = False,
    as_people: bool = False,
    proof: str = "",
) -> Verdict:
    """The verdict over all results.

    Args:
        results: one for each check that ran.
        plan_checks: how many checks the plan has.
        subject: what was judged and where the report is, for the end of the line.
        checks: how many checks the project has that apply to the run.
        omitted: how many of them came to no result.
        cut_short: what ended the run before it came to all of its checks; those have a result that says so.
        crashed: the processes that died while they ran checks.
        demonstration: no database was named, and the engine judged a world of its own.
        baseline: which form the state before has.
        allow_partial: what was left out or not judged does not stand in the way.
        allow_empty: nor does it that no row was examined.
        strict: warnings, and whatever was not judged, stand in the way.
        interrupted: the run did not come to its end.
        as_people: some checks beyond the plan are made as the people whom row-level security filters.
        proof: what is known of the checks, where faults were planted for them.
    """
    unreached = [result for result in results if result.by in UNREACHED]
    cut = {result.plan for result in unreached}
    results = [result for result in results if result.by not in UNREACHED]
    plan: dict[int, Result] = {}
    for result in results:
        # A check with parameters has several results; the worst one counts.
        if result.plan is not None and _gravity(result) >= _gravity(plan.get(result.plan)):
            plan[result.plan] = result
    others = [result for result in results if result.plan is None]
    passed = [number for number, result in plan.items() if result.outcome == "passed" and number not in cut]
    failed = sorted(number for number, result in plan.items() if result.outcome == "failed")
    unjudged = sorted(number for number, result in plan.items() if result.outcome == "not judged")
    left_out = omitted > 0 or bool(unreached) or len(plan) < plan_checks
    others_failed = [result.title for result in others if result.outcome == "failed"]
    in_part = (result for result in results if result.outcome == "failed" and result.unjudged)
    # One of the plan with parameters is one.
    partly = list({result.plan or result.nodeid: result.plan or result.title for result in in_part}.values())
    for_baseline = sum(result.needs_baseline for result in others)
    unjudged_others = [r for r in others if r.outcome == "not judged" and not r.needs_baseline]
    others_unjudged = [result.title for result in unjudged_others if not result.secondary]
    secondary = [result.title for result in unjudged_others if result.secondary]
    inapplicable = sum(result.outcome == "not applicable" for result in others)
    not_held = [result.not_held for result in others if result.not_held]
    compared: Counter[str] = Counter()
    for result in results:
        compared.update(result.evidence.compared)
    broken = [result.plan or result.title for result in results if result.outcome == "broken"]
    warnings = sum(len(result.evidence.warnings) for result in results)
    waived = sum(sum(result.evidence.waived.values()) for result in results)
    rows = count_examined(results)
    empty = bool(results) and not rows and not allow_empty and not unreached
    counts = strict and bool(warnings or unjudged or unjudged_others or for_baseline)

    def describe_trouble() -> list[str]:
        """What stands in the way, the worst first."""
        parts = []
        if failed:
            parts.append(f"{len(failed)} of {plan_checks} plan checks failed: {_list(failed)}")
        if others_failed:
            named = _beyond(others_failed, plan_checks, f"of {len(others)} checks")
            parts.append(f"{named} failed: {_list(others_failed, _MOST_TITLES)}")
        if broken:
            parts.append(f"{len(broken)} broke down: {_list(broken)}")
        if crashed:
            parts.append(f"{len(crashed)} worker{'' if len(crashed) == 1 else 's'} crashed")
        if unjudged:
            parts.append(f"{len(unjudged)} of {plan_checks} plan checks not judged: {_list(unjudged)}")
        if others_unjudged:
            parts.append(f"{_beyond(others_unjudged, plan_checks)} not judged: {_list(others_unjudged)}")
        if partly:
            verb = "is" if len(partly) == 1 else "are"
            parts.append(f"{len(partly)} that failed {verb} judged in part: {_list(partly, _MOST_TITLES)}")
        # Facts of the schema alone say nothing of what happened to the rows.
        if empty:
            parts.append("0 rows examined (GO needs one, or --allow-empty)")
        return parts

    def describe_doubts() -> list[str]:
        """What is in the way with --strict only."""
        parts = []
        if secondary:
            named = "not judged" if counts else "not judged, and not in the way"
            parts.append(f"{named}: {_list(secondary)}")
        if for_baseline:
            lacking = "the rows of a --baseline"
            if baseline == "fingerprint":
                titles = [result.title for result in others if result.needs_baseline]
                lacking = f"more than a fingerprint holds: {_list(titles, _MOST_TITLES)}"
            need = "needs" if for_baseline == 1 else "need"
            parts.append(f"{_beyond(range(for_baseline), plan_checks)} {need} {lacking}")
        if warnings:
            parts.append(f"{warnings} warning{'' if warnings == 1 else 's'}")
        return parts

    def describe_passed() -> list[str]:
        if not plan_checks or failed:
            return []
        unfiltered = " (as a role that bypasses row-level security)" if others_failed and as_people else ""
        return [f"{len(passed)} of {plan_checks} plan checks passed{unfiltered}"]

    def describe_counts() -> list[str]:
        parts = []
        if unreached:
            # Those of the plan have numbers; the report names the others.
            numbers = sorted(number for number in cut if number is not None and number not in failed)
            few = f": {_list(numbers)} of the plan" if numbers else ""
            parts.append(f"{len(unreached):,} of {checks:,} checks left, as {cut_short}{few}")
        if omitted:
            parts.append(f"{omitted:,} of {checks:,} checks left out")
        if proof:
            parts.append(proof)
        if compared:
            amounts = [
                f"{compared[name]:,} {name if compared[name] != 1 else name.removesuffix('s')}"
                for name in sorted(compared, key=_COMPARED.index)
            ]
            parts.append(f"{', '.join(amounts)} compared")
        if not empty:
            parts.append(f"{rows:,} row{'' if rows == 1 else 's'} examined")
        # The demonstration's state before is none that somebody has dumped.
        if not_held and not demonstration:
            # A base backup holds the whole server, but is served by one of ours.
            where = "compared with a base backup" if baseline == "base backup" else "in a dump"
            parts.append(f"not {where}: {_list(not_held)}")
        if inapplicable:
            parts.append(f"{inapplicable} not applicable")
        if waived:
            parts.append(f"{waived:,} difference{'' if waived == 1 else 's'} waived")
        return parts

    # What failed is never behind what passed.
    first = [*describe_trouble(), *([*describe_doubts(), "which --strict counts"] if counts else [])]
    last = [] if counts else describe_doubts()
    parts = [*first, *describe_passed(), *describe_counts(), *last]
    # A list ends with a semicolon, or the number after it would be taken for one of its own.
    sentence = "".join(f"{part}{';' if ': ' in part else ','} " for part in parts) + subject
    if interrupted:
        return Verdict("INTERRUPTED", sentence, INTERRUPTED, subject)
    if failed or others_failed:
        return Verdict("PARTIAL" if left_out and not unreached else "NO-GO", sentence, NO_GO, subject)
    if broken or crashed:
        return Verdict("ERROR", sentence, BROKEN, subject)
    if not results and not unreached:
        return Verdict("PARTIAL", f"nothing was judged, {subject}", CANNOT_JUDGE, subject)
    if left_out:
        return Verdict("PARTIAL", sentence, GO if allow_partial and not unreached else CANNOT_JUDGE, subject)
    if counts:
        return Verdict("NO-GO", sentence, NO_GO, subject)
    if unjudged or others_unjudged:
        return Verdict("PARTIAL" if allow_partial else "NO-GO", sentence, GO if allow_partial else NO_GO, subject)
    if empty:
        return Verdict("NO-GO", sentence, NO_GO, subject)
    return Verdict(_DEMONSTRATION if demonstration else _GO, sentence, GO, subject)


def count_examined(results: Iterable[Result]) -> int:
    """How many rows the checks looked at that were judged."""
    return sum(result.evidence.examined for result in results if result.outcome in ("passed", "failed"))


def of_waivers(
    waivers: Sequence[Waiver], results: Sequence[Result], today: datetime.date, excused: Mapping[str, int]
) -> Result:
    """The result for the waivers themselves, after a whole run.

    Args:
        results: what the run came to.
        excused: how many objects each has excused, by its name.
        today: the date by which they expire.
    """
    used = dict(excused)
    for result in results:
        for name, times in result.evidence.waived.items():
            used[name] = used.get(name, 0) + times
    wrong = problems(waivers, used, today)
    return Result(
        nodeid="waivers",
        position=1_000_000,
        plan=None,
        group="waivers",
        title="accepted differences",
        sentence="Every accepted difference is there, and accepted until today or longer.",
        meaning="A waiver that has expired or excuses nothing hides what comes next.",
        causes="Its last day has passed, or what it excused was repaired.",
        remedy="Renew it, or delete it from the file of waivers.",
        outcome="failed" if wrong else "passed",
        evidence=Evidence(
            facts=len(waivers),
            findings=[Finding(problem, 1, len(waivers)) for problem in wrong],
            notes=[f"{used.get(waiver.name, 0):,} differences: {waiver.words}" for waiver in waivers],
        ),
    )


def _beyond(results: Sequence[object], plan_checks: int, otherwise: str = "") -> str:
    """How many checks, and that they are none of the plan's where there is a plan."""
    few = "check" if len(results) == 1 else "checks"
    return f"{len(results)} {f'{few} beyond the plan' if plan_checks else otherwise or few}"


def _gravity(result: Result | None) -> int:
    return (
        -1 if result is None else ("not applicable", "passed", "not judged", "broken", "failed").index(result.outcome)
    )


def _list(items: Sequence[object], most: int = 29) -> str:
    text = ", ".join(str(item) for item in items[:most])
    return text if len(items) <= most else f"{text} and {len(items) - most} more"
