"""What one run established, free of any form: counts, groups, and the order in which a reader comes to checks."""

import datetime
from typing import Any

import pytest

from postmigration.model.errors import Hindrance
from postmigration.model.evidence import Finding
from postmigration.model.migration import Migration
from postmigration.model.verdict import Result
from postmigration.report.validation import anchor, in_order, mark, wanting, when
from selftest.unit.results import NOON, make_result, make_validation

WARNING = Finding("an index is new", 1, 1, severity="warning")
BLOCKER = Finding("2 rows are missing", 2, 10)
PASSED, FAILED = make_result("passed", 1), make_result("failed", 2, BLOCKER)
BROKEN, UNJUDGED = make_result("broken", 3), make_result("not judged", 5, reason="locked")
LACKING = make_result("not judged", None, needs_baseline=True)
WARNED, NEVER = make_result("passed", None, WARNING, group="Objects"), make_result("not applicable", None)
VALIDATION = make_validation(
    [PASSED, FAILED, BROKEN, UNJUDGED, LACKING, WARNED, NEVER], migration=Migration("shop", plan_checks=6)
)


def test_checks_are_counted_by_how_they_ended() -> None:
    assert (VALIDATION.duration, VALIDATION.judged) == (90, 3)
    assert VALIDATION.failed == [FAILED, BROKEN]
    assert VALIDATION.unjudged == [UNJUDGED, LACKING]
    assert VALIDATION.warned == [WARNED]
    assert VALIDATION.left_out == [4, 6]
    assert (VALIDATION.count("passed", plan=True), VALIDATION.count("passed", plan=False)) == (1, 1)
    assert VALIDATION.examined == 30


def test_checks_are_grouped() -> None:
    assert VALIDATION.groups(plan=True) == {"Rows": [PASSED, FAILED, BROKEN, UNJUDGED]}
    assert VALIDATION.groups(plan=False) == {"Rows": [LACKING, NEVER], "Objects": [WARNED]}


def test_what_needs_attention_comes_first() -> None:
    assert [(shelf.title, shelf.folded) for shelf in VALIDATION.shelves()] == [
        ("✘ Failed: 2", False),
        ("○ Not judged: 1", False),
        ("○ Not judged for want of a --baseline: 1", True),
        ("✔⚠ Passed, with warnings: 1", False),
        ("✔ Rows: 1 passed", True),
        ("– Not applicable: 1", True),
    ]
    assert make_validation().shelves() == []


def test_the_plan_comes_first_in_its_order() -> None:
    last, first = make_result(plan=None, position=2, title="z"), make_result(plan=None, position=1)
    assert in_order([last, UNJUDGED, first, PASSED]) == [PASSED, UNJUDGED, first, last]


@pytest.mark.parametrize(
    ("result", "marks"), [(PASSED, "✔"), (WARNED, "✔⚠"), (FAILED, "✘"), (BROKEN, "‼"), (UNJUDGED, "○"), (NEVER, "–")]
)
def test_each_outcome_has_its_mark(result: Result, marks: str) -> None:
    assert mark(result) == marks


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"plan": 7}, "check-07"),
        ({"plan": 7, "nodeid": "t.py::test_x[Ä b/c]"}, "check-07-x---b-c"),
        ({"plan": None, "nodeid": "t.py::test_no_row[Order]", "group": "rows"}, "rows-no-row-order"),
    ],
    ids=str,
)
def test_an_anchor_is_safe_in_a_url(fields: dict[str, Any], name: str) -> None:
    assert anchor(make_result(**fields)) == name


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"needs_baseline": True},
            "Name the state before the migration with --baseline: a database or a pg_dump file.",
        ),
        ({"by": Hindrance.STANDBY}, "Run it on the primary."),
        ({}, "Put right what the reason names, and run again."),
    ],
    ids=str,
)
def test_what_would_make_it_judged_is_said(fields: dict[str, Any], words: str) -> None:
    assert wanting(make_result("not judged", 1, **fields)) == words


def test_a_moment_is_read_in_utc() -> None:
    assert when(NOON.astimezone(datetime.timezone(datetime.timedelta(hours=2)))) == "2026-11-28 12:00:00 UTC"
