"""The causes of a verdict that is not GO: what is wrong, who feels it, what to do, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from postmigration.model.verdict import Result
from postmigration.report.diagnosis.advice import advise
from postmigration.report.diagnosis.group import Found, Group, group_findings
from postmigration.report.diagnosis.wording import describe, name_some
from postmigration.report.record import Record, wanting

# What a repair says of its place among others, and how lines begin that are no statement of it.
_LATER = "-- after the rows of before"
_ASIDE = ("--", "\\", "SET ", "BEGIN", "COMMIT", "CREATE TEMPORARY")
# Consequences that are told one by one.
_TOLD = 4


@dataclass(frozen=True)
class Cause:
    """Something that is wrong.

    Args:
        words: what it is, in one to three sentences.
        impact: what it means for those who feel it.
        remedy: what to do, in words.
        repair: SQL that brings it right again; empty where that is not known.
        also: what other checks say of the same, a sentence each.
        consequences: what follows from it, a sentence each.
        checks: the checks that failed for it, the one that tells it best first.
        rows: how many rows are wrong.
        main: the finding that tells it best, with its evidence; None where a check did not judge.
    """

    words: str
    impact: str = ""
    remedy: str = ""
    repair: str = ""
    also: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    checks: tuple[Result, ...] = ()
    rows: int = 0
    main: Found | None = None

    @property
    def outline(self) -> tuple[str, str]:
        """What the SQL that repairs it does, in its own first words, and the first of its statements."""
        lines = [line.strip() for line in self.repair.splitlines() if line.strip() not in ("", "BEGIN;", _LATER)]
        said = list(takewhile(lambda line: line.startswith("--"), lines))
        words = " ".join(line.removeprefix("--").strip() for line in said)
        statement = next((line for line in lines if not line.startswith(_ASIDE)), "")
        return words.partition(". ")[0], statement


def diagnose(record: Record) -> list[Cause]:
    """The causes for which a database may not go live, the worst first; none for one that may."""
    if record.verdict.go:
        return []
    found = [Found(finding, result) for result in record.results for finding in result.evidence.blockers]
    causes = [_tell(group) for group in group_findings(found)]
    causes += [*_not_judged(record), *_broken(record), *_troubles(record)]
    if causes or record.verdict.word != "NO-GO":
        return causes
    warned = [Found(finding, result) for result in record.warned for finding in result.evidence.warnings]
    return [_tell(group) for group in group_findings(warned)]


def _tell(group: Group) -> Cause:
    main = group.main
    checks = list({id(found.result): found.result for found in (main, *group.every())}.values())
    repairs = [found.finding.repair for found in group.members if found.finding.repair]
    advice = advise(main)
    return Cause(
        words=describe(group),
        impact=advice.impact,
        remedy=advice.remedy,
        repair="\n".join(dict.fromkeys(repairs)),
        also=_list_same(group),
        consequences=_list_consequences(group),
        checks=tuple(checks),
        rows=main.finding.wrong,
        main=main,
    )


def _list_same(group: Group) -> tuple[str, ...]:
    main = group.main
    others = (
        describe(Group([found]))
        for found in group.members
        if found.result is not main.result and not found.finding.subject.who
    )
    return _cut(list(dict.fromkeys(others)))


def _list_consequences(group: Group) -> tuple[str, ...]:
    return _cut(list(dict.fromkeys(_walk(group))))


def _walk(group: Group) -> Iterator[str]:
    for each in group.follows:
        yield describe(each)
        yield from _list_same(each)
    for each in group.follows:
        yield from _walk(each)


def _cut(said: Sequence[str]) -> tuple[str, ...]:
    more = len(said) - _TOLD
    return (*said[:_TOLD], *([f"{more:,} more like these."] if more > 0 else []))


def _not_judged(record: Record) -> list[Cause]:
    """What was not judged, though that stands in the way; each reason once."""
    reasons: dict[str, list[Result]] = {}
    for result in record.unjudged:
        if not result.needs_baseline or result.plan is not None:
            reasons.setdefault(result.reason, []).append(result)
    return [
        Cause(
            f"Not judged: {name_some([_name(result) for result in results])}: {reason}.",
            remedy=wanting(results[0]),
            checks=tuple(results),
        )
        for reason, results in reasons.items()
    ]


def _broken(record: Record) -> list[Cause]:
    return [
        Cause(
            f"{_name(result)} broke down: {result.reason}.",
            "That is an error of the checks and says nothing of the database.",
            checks=(result,),
        )
        for result in record.results
        if result.outcome == "broken"
    ]


def _troubles(record: Record) -> list[Cause]:
    places = list(dict.fromkeys(trouble.where for trouble in record.troubles))
    return [Cause(f"Something failed outside of the checks: {name_some(places)}.")] if places else []


def _name(result: Result) -> str:
    return f"check {result.plan}" if result.plan else result.title


def name_checks(checks: Sequence[Result]) -> str:
    """What checks are called, the first few of them."""
    return name_some([_name(result) for result in checks], 3)
