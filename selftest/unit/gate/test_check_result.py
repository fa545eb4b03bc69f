"""From how pytest ran a check to its result: what it came to, why, and what its docstring says."""

import pytest

from postmigration.gate.check_result import (
    LABELS,
    check_of,
    plan_of,
    read_docstring,
    report_cut_short,
    report_lost,
    result_of,
    take_cut,
)
from postmigration.model.errors import CannotJudge, Hindrance, NeedsBaseline, NotApplicable, NotJudged
from postmigration.model.evidence import Evidence, Finding, Violation
from postmigration.model.verdict import Result
from postmigration.postgres.limits.deadline import Deadline
from selftest.unit.results import make_result


def test_a_docstring_is_a_sentence_and_labelled_paragraphs() -> None:
    text = "No row\nis lost.\n\nImpact: it is\nmissed.\n\nFix: restore: it.\n\nSee: elsewhere."
    assert read_docstring(text) == ("No row is lost.", {"Impact": "it is missed.", "Fix": "restore: it."})
    assert LABELS == ("Impact", "Likely causes", "Fix")


def _end(item: pytest.Item, error: BaseException | None = None) -> Result:
    def run() -> None:
        if error is not None:
            raise error

    call = pytest.CallInfo.from_call(run, "call")
    return result_of(item, call, pytest.TestReport.from_item_and_call(item, call))


VIOLATION = Violation(Evidence(findings=[Finding("2 rows are missing", 2, 2)]))


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (None, "not judged", "it looked at no database"),
        (VIOLATION, "failed", ""),
        (NotApplicable("no sequence"), "not applicable", "no sequence"),
        (NotJudged("locked by \x1b"), "not judged", "locked by \\x1b"),
        (CannotJudge("no backup"), "not judged", "no backup"),
        (NeedsBaseline("no state before"), "not judged", "no state before"),
        (ZeroDivisionError("geheim"), "broken", "ZeroDivisionError while it ran: an error of ours"),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, BaseException) else None,
)
def test_how_a_check_ended(
    request: pytest.FixtureRequest, error: BaseException | None, outcome: str, reason: str
) -> None:
    """Each check ends in one way.

    Impact: it is judged.
    """
    result = _end(request.node, error)
    assert (result.outcome, result.reason) == (outcome, reason)
    assert (result.sentence, result.meaning) == ("Each check ends in one way.", "it is judged.")
    assert result.needs_baseline is isinstance(error, NeedsBaseline)
    assert [finding.statement for finding in result.evidence.findings] == (
        ["2 rows are missing"] if error is VIOLATION else []
    )


@pytest.mark.plan(7, group="Rows", title="No row is lost")
def test_a_check_of_the_plan_is_called_by_its_number(request: pytest.FixtureRequest) -> None:
    item = request.node
    assert plan_of(item) == (7, "Rows", "No row is lost")
    assert check_of(item) == "7"
    lost = report_lost(item)
    assert (lost.plan, lost.title, lost.outcome) == (7, "No row is lost", "broken")
    assert lost.reason == "the process that ran it crashed, or was killed"


@pytest.mark.parametrize("case", ["a", "a[1]"])
def test_another_check_is_called_by_its_function(request: pytest.FixtureRequest, case: str) -> None:
    assert plan_of(request.node) == (None, "", "")
    assert check_of(request.node) == "another_check_is_called_by_its_function"
    result = _end(request.node)
    assert (result.group, result.title) == ("check_result", f"another check is called by its function: {case}")


def test_a_check_to_which_a_run_did_not_come_was_not_judged(request: pytest.FixtureRequest) -> None:
    result = report_cut_short(request.node, "the time was over")
    assert (result.outcome, result.reason, result.by) == (
        "not judged",
        "not begun: the time was over",
        Hindrance.CUT_SHORT,
    )


@pytest.mark.parametrize(
    ("outcome", "cut", "becomes"),
    [("passed", True, "not judged"), ("passed", False, "passed"), ("failed", True, "failed")],
)
def test_what_was_found_before_the_end_is_so_and_the_rest_is_not_known(outcome: str, cut: bool, becomes: str) -> None:
    deadline = Deadline("10m", 0)
    deadline.cut = cut
    result = take_cut(make_result(outcome), deadline)
    assert result.outcome == becomes
    assert result.reason == ("" if becomes == outcome else f"broken off: {deadline.reason}")
