"""From how pytest ran a check to the result of the check."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration.checks.assertions import Target
from postmigration.gate import wrong_calls
from postmigration.model.errors import NOT_BEGUN, CannotJudge, Hindrance, NeedsBaseline, NotApplicable, NotJudged
from postmigration.model.evidence import Evidence, Violation, escape
from postmigration.model.verdict import Result
from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.refusals import refusal

# The labels of the paragraphs of a check's docstring, after the sentence that must hold.
LABELS = ("Impact", "Likely causes", "Fix")

POSITION = pytest.StashKey[int]()


def result_of(item: pytest.Item, call: pytest.CallInfo[None], testreport: pytest.TestReport) -> Result:
    """How a check ended.

    Args:
        item: the check.
        call: its run, or that of a fixture.
        testreport: what pytest says of it.
    """
    seen = getattr(item, "funcargs", {}).get("target")
    evidence = seen.evidence if isinstance(seen, Target) else Evidence()
    outcome, reason, by, not_held = "passed", "", None, ""
    if call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, Violation):
            outcome, evidence = "failed", error.evidence
        elif isinstance(error, NotApplicable):
            outcome, reason, not_held = "not applicable", str(error), error.not_held
        elif isinstance(error, NotJudged | CannotJudge | pytest.skip.Exception | pytest.xfail.Exception):
            outcome, reason, by = "not judged", str(error), getattr(error, "by", None)
        elif isinstance(error, sa.exc.DBAPIError):
            try:
                outcome, reason = "broken", f"the server refused what prepares the check: {refusal(error)}"
            except NotJudged as unknown:
                outcome, reason, by = "not judged", str(unknown), unknown.by
        else:
            outcome, reason = "broken", f"{type(error).__name__} while it ran: an error of ours"
    elif not isinstance(seen, Target):
        outcome, reason = "not judged", "it looked at no database"
    elif not testreport.passed:
        outcome, reason = "not judged", f"pytest reports it as {testreport.outcome}"
    return Result(
        **_describe(item),
        outcome=outcome,  # type: ignore[arg-type]
        reason=escape(reason),
        needs_baseline=call.excinfo is not None and isinstance(call.excinfo.value, NeedsBaseline),
        by=by,
        not_held=not_held,
        evidence=evidence,
        duration=testreport.duration,
    )


def report_lost(item: pytest.Item) -> Result:
    """The result of a check whose process ended before the check did."""
    return Result(**_describe(item), outcome="broken", reason="the process that ran it crashed, or was killed")


def report_cut_short(item: pytest.Item, reason: str) -> Result:
    """The result of a check to which a run did not come."""
    return Result(**_describe(item), outcome="not judged", reason=f"{NOT_BEGUN}{reason}", by=Hindrance.CUT_SHORT)


def take_cut(result: Result, deadline: Deadline) -> Result:
    """The result of a check that was running at the end of the time: what it found is so, and the rest is not known."""
    if not deadline.cut or result.outcome == "failed":
        return result
    reason = f"broken off: {deadline.reason}"
    return replace(result, outcome="not judged", reason=reason, needs_baseline=False, by=Hindrance.CUT_SHORT)


def check_of(item: pytest.Item) -> str:
    """What a check is called: its number in the plan, or the name of its function."""
    return str(plan_of(item)[0] or item.name.removeprefix("test_").partition("[")[0])


def plan_of(item: pytest.Item) -> tuple[int | None, str, str]:
    """The number, group and title of a check of the plan; no number for one beyond it."""
    marker = item.get_closest_marker("plan")
    return (None, "", "") if marker is None else wrong_calls.read_plan(item.nodeid, *marker.args, **marker.kwargs)


def _describe(item: pytest.Item) -> dict[str, Any]:
    """What is known of a check before it runs."""
    number, group, title = plan_of(item)
    sentence, labelled = read_docstring(inspect.getdoc(getattr(item, "obj", None)) or item.name)
    return {
        "nodeid": item.nodeid,
        "plan": number,
        "group": group or item.path.stem.removeprefix("test_"),
        "title": title or _in_words(item.name),
        "sentence": sentence,
        "meaning": labelled.get("Impact", ""),
        "causes": labelled.get("Likely causes", ""),
        "remedy": labelled.get("Fix", ""),
        "position": item.stash.get(POSITION, 0),
        "secondary": item.get_closest_marker("secondary") is not None,
    }


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Reads what a check says of itself: the sentence that must hold, and the paragraphs that begin with a label."""
    first, *others = (" ".join(part.split()) for part in text.split("\n\n"))
    labelled = (part.partition(": ") for part in others)
    return first, {label: words for label, _, words in labelled if label in LABELS}


def _in_words(name: str) -> str:
    function, _, case = name.removeprefix("test_").partition("[")
    return function.replace("_", " ") + (f": {case.removesuffix(']')}" if case else "")
