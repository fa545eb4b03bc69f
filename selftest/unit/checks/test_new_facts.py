"""Facts that are new, beside those that the migration found."""

from collections.abc import Collection

from postmigration.checks.baseline import Before
from postmigration.checks.new_facts import expect_new, expect_no_new_facts
from postmigration.model.evidence import UNKNOWN, Subject
from postmigration.postgres.connection import Snapshot
from selftest.unit.checks.targets import aim
from selftest.unit.uncommitted import Fill

PROBLEMS = {"a": "a is open", "b": "b is open"}


def find_before(_: Snapshot) -> Collection[str]:
    return ["a"]


def test_what_is_new_is_a_finding_and_what_was_so_before_is_inherited(was: Fill, now: Fill) -> None:
    target = aim(now(), Before(was()))
    expect_new(target, PROBLEMS, find_before, examined="views", code="open")
    (finding,) = target.evidence.findings
    assert (finding.statement, finding.severity, finding.code, finding.examined) == ("b is open", "blocker", "open", 2)
    assert target.evidence.notes == ["inherited, so before the migration too: a is open"]


def test_how_grave_what_is_new_is_can_be_said(was: Fill, now: Fill) -> None:
    target = aim(now(), Before(was()))
    expect_new(target, PROBLEMS, find_before, examined="views", severity="warning")
    assert [finding.severity for finding in target.evidence.findings] == ["warning"]


def test_without_a_baseline_only_some_are_blockers(now: Fill) -> None:
    target = aim(now())
    expect_new(target, PROBLEMS, find_before, examined="views", always=["b"])
    assert {finding.statement: finding.severity for finding in target.evidence.findings} == {
        "a is open": "warning",
        "b is open": "blocker",
    }


def test_several_facts_are_said_in_one_sentence(now: Fill) -> None:
    target = aim(now())
    expect_no_new_facts(
        target,
        [*PROBLEMS],
        find_before,
        lambda facts: [(f"open: {', '.join(facts)}", len(facts))] if facts else [],
        examined="views",
    )
    assert [(finding.statement, finding.wrong) for finding in target.evidence.findings] == [("open: a, b", 2)]


def test_that_there_is_nothing_of_the_kind_is_told(now: Fill) -> None:
    target = aim(now())
    expect_new(target, dict[str, str](), find_before, examined="views")
    target.conclude()
    assert target.evidence.notes == ["nothing of the kind among views"]


def test_a_sentence_is_about_the_object_of_its_facts_unless_it_is_about_several(now: Fill) -> None:
    target = aim(now())
    facts = {("a", 1): "a", ("a", 2): "a", ("b", 1): "b", ("c", 1): "b"}

    def describe(asked: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        one, several = ([fact for fact in asked if facts[fact] == which] for which in "ab")
        return [(f"{names[0][0]}: {len(names)}", len(names)) for names in (one, several) if names]

    expect_no_new_facts(
        target, facts, lambda _: [], describe, examined="views", locate=lambda fact: Subject("view", "public", fact[0])
    )
    assert [(finding.statement, finding.subject) for finding in target.evidence.findings] == [
        ("a: 2", Subject("view", "public", "a")),
        ("b: 2", UNKNOWN),
    ]
