"""What a rehearsal comes to: its steps, its verdict and its last line."""

import pytest

from postmigration.rehearsal.steps import MARKS, Check, Outcome, Rehearsal, Step


def step(title: str, *outcomes: Outcome) -> Step:
    return Step(title, 0, 1.25, 0.75, tuple(Check("x", outcome) for outcome in outcomes))


@pytest.mark.parametrize(
    ("outcomes", "gravest"),
    [
        ([], "left out"),
        (["passed", "left out"], "passed"),
        (["warned", "passed"], "warned"),
        (["not judged", "warned"], "not judged"),
        (["failed", "not judged", "passed"], "failed"),
    ],
)
def test_a_step_ends_as_the_gravest_of_its_checks(outcomes: list[Outcome], gravest: Outcome) -> None:
    assert step("migrate", *outcomes).outcome == gravest
    assert gravest in MARKS


def test_the_rows_that_would_be_lost_are_those_that_were_counted() -> None:
    counted = Check("y", "passed", rows_lost=3)
    assert Step("back", 0, 0, 0, (Check("x", "passed"), counted)).rows_lost == 3
    assert step("back", "passed").rows_lost is None


@pytest.mark.parametrize(
    ("seconds", "judged", "rows", "pace"),
    [
        (2.0, 0, 5_000, "2.0 s, 5,000 rows written, 2,500 a second"),
        (2.0, 0.04, None, "2.0 s"),
        (0, 3.0, None, "judged in 3.0 s"),
        (0, 0, 0, "0.0 s"),
    ],
)
def test_its_pace_tells_what_took_how_long(seconds: float, judged: float, rows: int | None, pace: str) -> None:
    assert Step("x", 0, seconds, judged, (), rows).pace == pace


@pytest.mark.parametrize(
    ("steps", "status", "line"),
    [
        ([step("a", "passed"), step("b", "warned")], 0, "PROVEN: 1 of 2 steps passed; warned: b; 4 s"),
        (
            [step("a", "not judged"), step("b", "failed"), step("c", "failed"), step("d")],
            1,
            "NOT PROVEN: 0 of 4 steps passed; failed: b, c; not judged: a; left out: d; 8 s",
        ),
        ([step("a", "not judged")], 4, "ERROR: 0 of 1 steps passed; not judged: a; 2 s"),
    ],
)
def test_a_rehearsal_is_proven_where_nothing_failed_and_all_was_judged(
    steps: list[Step], status: int, line: str
) -> None:
    rehearsal = Rehearsal("shop", {}, steps)
    assert (rehearsal.status, rehearsal.line) == (status, line)
