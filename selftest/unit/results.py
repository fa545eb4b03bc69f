"""Results and validations as a run comes to them, to be changed by what tests them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from postmigration.model.evidence import Evidence, Finding
from postmigration.model.migration import Migration
from postmigration.model.verdict import Result, Verdict
from postmigration.report.validation import Validation

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)


def make_result(outcome: str = "passed", plan: int | None = 1, *findings: Finding, **fields: Any) -> Result:
    """How a check ended that examined ten rows."""
    about: dict[str, Any] = {
        "nodeid": f"tests/test_rows.py::test_{plan or 'more'}",
        "group": "Rows",
        "title": f"Check {plan or 'more'}",
        "sentence": "No row is lost.",
        "meaning": "It is missed.",
        "evidence": Evidence(findings=list(findings), examined=10),
    }
    return Result(outcome=outcome, plan=plan, **{**about, **fields})  # type: ignore[arg-type]


def make_validation(results: Sequence[Result] = (), **fields: Any) -> Validation:
    """A validation of some results, which took a minute and a half."""
    about: dict[str, Any] = {
        "migration": Migration("shop"),
        "verdict": Verdict("NO-GO", "1 of 2 checks failed, shop", 1, "shop"),
        "place": "judge@h:5432/shop",
        "facts": {"judging": "judge@h:5432/shop", "baseline": "none"},
        "weakened": (),
        "troubles": (),
        "started": NOON,
        "ended": NOON + datetime.timedelta(seconds=90),
        "checks": len(results),
    }
    return Validation(results=list(results), **{**about, **fields})
