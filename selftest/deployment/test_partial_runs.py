"""A run of some checks is no evidence of the deployment plan, and what it left out is said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from selftest.deployment.plans import ACCEPTED, PLAN, READY, judge, live
from selftest.deployment.records import check, make


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"checks": (check(1), check(2, outcome="left out"))}, "tests/test_plan.py::test_2 left out"),
        ({"checks": (check(1), check(2, outcome="not judged"))}, "tests/test_plan.py::test_2 not judged"),
        (
            {"checks": tuple(check(n, outcome="left out" if n > 1 else "passed") for n in range(1, 7))},
            "tests/test_plan.py::test_2, tests/test_plan.py::test_3, tests/test_plan.py::test_4 and 2 more left out",
        ),
        ({"status": 4, "checks": (check(1), check(2, outcome="left out"))}, "tests/test_plan.py::test_2 left out"),
    ],
    ids=["-k", "--allow-partial", "many", "--time-budget"],
)
def test_a_run_of_some_checks_is_no_evidence_whoever_signs_it(fields: dict[str, Any], left: str) -> None:
    partial = make(10, word="PARTIAL", sentence="1 of 2", weakened=("--allow-partial",), **fields)
    signed = [replace(ACCEPTED, item=item.name) for item in PLAN]
    plan = judge([*READY, partial], signed)
    states = {item.criterion.name: item for item in plan.blocking}
    # Also of what a check decides that it ran.
    assert states.keys() == {"validated", "rows"}
    assert states["rows"].reasons == (f"gate of 2026-11-28 12:15 UTC was a run of some checks only: {left}",)
    assert states["rows"].reasons[0] in states["validated"].reasons
    # A later run of all of them says more.
    assert judge([*READY, partial, make(20)], signed).ready


def test_nothing_goes_live_by_a_run_of_some_checks() -> None:
    partial: dict[str, Any] = {"word": "PARTIAL", "checks": (check(1), check(2, outcome="left out"))}
    assert judge([*READY, live(**partial)], asked="after").live is None
    assert judge([*READY, live(**partial), live(310)], asked="after").live is not None
