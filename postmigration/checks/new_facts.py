"""What a check can state about facts that are new, beside those that the migration found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import TypeVar

from postmigration.checks.assertions import Target
from postmigration.model.evidence import UNKNOWN, Finding, Severity, Subject
from postmigration.postgres.connection import Snapshot

Fact = TypeVar("Fact", bound=Hashable)


def expect_new(
    target: Target,
    problems: Mapping[Fact, str],
    before: Callable[[Snapshot], Collection[Fact]],
    *,
    examined: str,
    always: Collection[Fact] = (),
    severity: Severity = "blocker",
    code: str = "",
) -> None:
    """States that there is no problem that was not there before; without a baseline each is a warning.

    Args:
        problems: what is wrong now, in words, by what tells it from other problems.
        before: finds what was wrong before.
        examined: what was looked at, as a plural.
        always: those that are blockers without a baseline too.
        severity: what a new one means.
        code: a short name for problems of this kind.
    """
    expect_no_new_facts(
        target,
        problems,
        before,
        lambda facts: [(problems[fact], 1) for fact in facts],
        examined=examined,
        always=always,
        severity=severity,
        code=code,
    )


def expect_no_new_facts(
    target: Target,
    now: Collection[Fact],
    before: Callable[[Snapshot], Collection[Fact]],
    describe: Callable[[Collection[Fact]], Sequence[tuple[str, int]]],
    *,
    examined: str,
    always: Collection[Fact] = (),
    severity: Severity = "blocker",
    code: str = "",
    locate: Callable[[Fact], Subject] | None = None,
) -> None:
    """States that nothing is open or broken that was not before; without a baseline each fact is a warning.

    Facts are compared one by one: what was so before is inherited, whatever else is new about the same object.

    Args:
        now: what is wrong now.
        before: finds what was wrong before.
        describe: says several facts in words, those that belong together in one sentence, and of how many objects.
        examined, always, severity, code: as of `expect_new`.
        locate: the object that a fact is about, where one sentence is about one of them.
    """
    target.state(facts=max(1, len(now)))
    inherited = set() if target.baseline is None else set(before(target.before.schema("function", "policy", "view")))
    if shared := describe([fact for fact in now if fact in inherited]):
        target.note_inherited("; ".join(words for words, _ in shared))
    new: dict[Severity, list[Fact]] = {"blocker": [], "warning": []}
    for fact in now:
        if fact not in inherited:
            new[severity if target.baseline is not None else "blocker" if fact in always else "warning"].append(fact)
    objects = sum(number for _, number in describe(list(now)))
    for means, facts in new.items():
        about = _find_subjects(facts, describe, locate) if locate else {}
        for words, number in describe(facts):
            target.evidence.findings.append(
                Finding(
                    words,
                    number,
                    max(number, objects),
                    severity=means,
                    code=code,
                    subject=about.get(words, UNKNOWN),
                )
            )
    target.repair_by_definitions()
    if not now:
        target.note(f"nothing of the kind among {examined}")


def _find_subjects(
    facts: Collection[Fact],
    describe: Callable[[Collection[Fact]], Sequence[tuple[str, int]]],
    locate: Callable[[Fact], Subject],
) -> dict[str, Subject]:
    """The objects that sentences are about, by the sentences: what is said of the facts of one object alone."""
    of_subject: dict[Subject, list[Fact]] = {}
    for fact in facts:
        of_subject.setdefault(locate(fact), []).append(fact)
    return {words: subject for subject, its in of_subject.items() for words, _ in describe(its)}
