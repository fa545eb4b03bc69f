"""The causes of a verdict that is not GO: what is wrong, who feels it, what to do, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from postmigration.model.evidence import Finding
from postmigration.model.sqltext import AFTER_ROWS, DECISION
from postmigration.model.verdict import Result
from postmigration.report.diagnosis.advice import advise
from postmigration.report.diagnosis.group import (
    AROUND,
    Found,
    Group,
    find_bridges,
    find_error,
    group_findings,
    needs_lost,
)
from postmigration.report.diagnosis.handling import Handling, handle, select_again
from postmigration.report.diagnosis.outline import Outline, list_first, outline
from postmigration.report.diagnosis.wording import describe, find_effect, leads_nowhere, name_some, show_example
from postmigration.report.validation import Validation, wanting

# Consequences that are told one by one.
_TOLD = 4
# So many sentences that end alike are one.
_ALIKE = 3
_REFUSED = ": refused"


@dataclass(frozen=True)
class Cause:
    """Something that is wrong.

    Args:
        words: what it is, in one to three sentences.
        impact: what it means for those who feel it.
        probably: what has probably brought it about; empty where that is not known.
        remedy: what to do, in words.
        repair: SQL that brings it right again; empty where that is not known.
        example: what a row holds and what it must hold, where a few are wrong.
        also: what other checks say of the same, a sentence each.
        consequences: what follows from it, a sentence each.
        checks: the checks that failed for it, the one that tells it best first.
        rows: how many rows are wrong.
        main: the finding that tells it best, with its evidence; None where a check did not judge.
    """

    words: str
    impact: str = ""
    probably: str = ""
    remedy: str = ""
    repair: str = ""
    example: str = ""
    also: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    checks: tuple[Result, ...] = ()
    rows: int = 0
    main: Found | None = None

    @property
    def outline(self) -> Outline:
        """What the SQL that repairs it does."""
        return outline(self.repair)

    @property
    def begins(self) -> list[str]:
        """The first statements of the SQL that repairs it, where it has several."""
        return list_first(self.repair)

    @property
    def handling(self) -> Handling | None:
        """Who runs the SQL, and what it risks; nothing where it says so in its first words."""
        return handle(self.repair)

    @property
    def again(self) -> str:
        """The option by which what failed for it is judged again, and nothing else."""
        return select_again(self.checks)


def diagnose(validation: Validation) -> list[Cause]:
    """The causes for which a database may not go live, the worst first; none for one that may."""
    if validation.verdict.go:
        return []
    found = [Found(finding, result) for result in validation.results for finding in result.evidence.blockers]
    warned = [Found(finding, result) for result in validation.warned for finding in result.evidence.warnings]
    groups = group_findings([*found, *find_bridges(found, warned)])
    unjudged = _collect_unjudged(validation)
    following = {reason: group for reason in unjudged for group in groups if _explains(group, reason)}
    causes = [
        _tell(group, [unjudged[reason] for reason, head in following.items() if head is group]) for group in groups
    ]
    left = {reason: results for reason, results in unjudged.items() if reason not in following}
    causes += [*_not_judged(left), *_broken(validation), *_troubles(validation)]
    if not causes and validation.verdict.word == "NO-GO":
        causes = [_tell(group) for group in group_findings(warned)]
    return _keep_order(causes)


def _keep_order(causes: list[Cause]) -> list[Cause]:
    """Leaves out that a repair comes after those of rows, where there is no such one."""
    if any(cause.repair and not cause.repair.startswith(AFTER_ROWS) for cause in causes):
        return causes
    return [replace(cause, repair=cause.repair.removeprefix(f"{AFTER_ROWS}\n")) for cause in causes]


def _tell(group: Group, unjudged: Sequence[Sequence[Result]] = ()) -> Cause:
    """Says what is wrong.

    Args:
        unjudged: the checks that were not judged for the same error.
    """
    main = group.main
    every = [main, *group.every()]
    failed = [found for found in every if found.finding.severity == "blocker"] or every
    checks = list({id(found.result): found.result for found in failed}.values())
    # What a warning ties to the rows stays as it is when these are right.
    tied = [
        found
        for each in group.follows
        if each.main.finding.severity == "warning" or needs_lost(each, group)
        for found in each.members
        if found.finding.severity == "blocker"
    ]
    # Rows first: a constraint is refused while one violates it.
    members = sorted([*group.members, *tied], key=lambda found: found.gravity[0])
    repairs = [found.finding.repair for found in members if found.finding.repair]
    advice = advise(main)
    repair = "\n".join(dict.fromkeys(repairs))
    remedy = advice.remedy
    lines = repair.splitlines()
    if repair and all(line.startswith("--") and not line.startswith(DECISION) for line in lines):
        # No statement brings it right: what is said of that is what to do.
        said = " ".join(line.removeprefix("--").strip() for line in lines)
        remedy, repair = f"{said[:1].upper()}{said[1:].rstrip('.')}.", ""
    return Cause(
        words=describe(group),
        impact=advice.impact,
        # What is known of this one says more than what mostly brings such a thing about.
        probably="" if main.finding.subject.remarks else advice.cause,
        remedy=remedy,
        repair=repair,
        example=show_example(group),
        also=_list_same(group),
        consequences=(*_list_consequences(group), *(f"Not judged: {_name_all(results)}." for results in unjudged)),
        checks=(*checks, *(result for results in unjudged for result in results)),
        rows=main.finding.wrong,
        main=main,
    )


def _list_same(group: Group) -> tuple[str, ...]:
    main = group.main
    others = (
        describe(Group([found]))
        for found in (found for found in group.members if found is not main)
        if (found.result is not main.result or found.finding.code == AROUND)
        and not found.finding.subject.who
        and not leads_nowhere(found, main)
    )
    return _cut(list(dict.fromkeys(others)))


def _list_consequences(group: Group) -> tuple[str, ...]:
    said = (_strip_remarks(words, group) for words in _walk(group))
    return _cut(_fold(list(dict.fromkeys(said))))


def _fold(said: Sequence[str]) -> list[str]:
    """Sentences of which many that end alike, behind a colon, are one, with their number."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for words in said:
        # What is tried may have a colon in its name.
        head, colon, tail = words.rpartition(_REFUSED) if _REFUSED in words else words.partition(": ")
        alike.setdefault(colon + tail if head and colon else words, []).append((head, words))
    folded: list[str] = []
    for tail, those in alike.items():
        several = f"{those[0][0]}, and {len(those) - 1:,} more like it{tail}"
        folded += [words for _, words in those] if len(those) < _ALIKE else [several]
    return folded


def _strip_remarks(words: str, group: Group) -> str:
    """A consequence without what the cause says already."""
    effect = find_effect(group)
    if error := find_error(describe(group)):
        words = words.replace(f": {error}", "")
    for remark in (effect or group).main.finding.subject.remarks:
        words = words.replace(f"; {remark}", "")
    return words


def _walk(group: Group) -> Iterator[str]:
    effect = find_effect(group)
    for each in group.follows:
        if each is not effect and not _repeats(each.main.finding, group.main.finding):
            yield describe(each)
        yield from _list_same(each)
    for each in group.follows:
        yield from _walk(each)


def _repeats(finding: Finding, other: Finding) -> bool:
    """Whether a finding says no more of the same columns of a table than another one."""
    this, that = finding.subject, other.subject
    columns = {name for name, _ in this.changed}
    same = (this.schema, this.table, finding.code) == (that.schema, that.table, other.code)
    return same and bool(columns) and columns <= {name for name, _ in that.changed}


def _cut(said: Sequence[str]) -> tuple[str, ...]:
    more = len(said) - _TOLD
    return (*said[:_TOLD], *([f"{more:,} more like these."] if more > 0 else []))


def _collect_unjudged(validation: Validation) -> dict[str, list[Result]]:
    """What was not judged, though that stands in the way, by the reason."""
    reasons: dict[str, list[Result]] = {}
    for result, words in validation.gaps:
        if not result.needs_baseline or result.plan is not None:
            reasons.setdefault(words, []).append(result)
    return reasons


def _explains(group: Group, reason: str) -> bool:
    """Whether what was found failed with the very error for which something was not judged."""
    error = find_error(reason)
    # Two errors of which the values are hidden may be of two things.
    return bool(error) and "‹" not in error and any(error in found.finding.statement for found in group.every())


def _not_judged(reasons: Mapping[str, Sequence[Result]]) -> list[Cause]:
    """What was not judged for no error that was found; each reason once."""
    return [
        Cause(f"Not judged: {_name_all(results)}: {reason}.", remedy=wanting(results[0]), checks=tuple(results))
        for reason, results in reasons.items()
    ]


def _broken(validation: Validation) -> list[Cause]:
    return [
        Cause(
            f"{_name(result)} broke down: {result.reason}.",
            "That is an error of the checks and says nothing of the database.",
            checks=(result,),
        )
        for result in validation.results
        if result.outcome == "broken"
    ]


def _troubles(validation: Validation) -> list[Cause]:
    places = list(dict.fromkeys(trouble.where for trouble in validation.troubles))
    return [Cause(f"Something failed outside of the checks: {name_some(places)}.")] if places else []


def _name_all(results: Sequence[Result]) -> str:
    return name_some([_name(result) for result in results])


def _name(result: Result) -> str:
    return f"check {result.plan}" if result.plan else result.title


def name_checks(checks: Sequence[Result]) -> str:
    """What checks are called, the first few of them."""
    return name_some([_name(result) for result in checks], 3)
