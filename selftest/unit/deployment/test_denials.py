"""Whatever single points ask for, no phase begins beside a gate that has not said GO."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.evaluation import Asked
from postmigration.deployment.records.record import File, Record
from postmigration.model.migration import Criterion, Proof
from selftest.deployment.plans import ACCEPTED, HOUR, READY, STAGED, judge, live, rehearse, verify
from selftest.deployment.records import NOON, STAGING, check, make

FAILED = (check(1), check(2, outcome="failed"), check(3))
NO: dict[str, Any] = {"word": "NO-GO", "sentence": "1 of 3 plan checks failed: 2", "status": 1, "checks": FAILED}
AT = NOON + datetime.timedelta(minutes=15)
OTHERS = (File(name="scripts/01.sql", sha256="d" * 64),)
# One check alone is asked for, and it passed.
SINGLE = (Criterion("A", "No row is lost.", (1,), id="rows", phase="staging"),)
REHEARSED = (Criterion("A", "It was tried.", id="a", phase="development", proven_by=(Proof(command="rehearse"),)),)
CHECKED = (Criterion("A", "B", id="a", phase="staging", proven_by=(Proof(command="check", environment="staging"),)),)
SAYS = "gate of 2026-11-28 12:15 UTC says NO-GO: 1 of 3 plan checks failed: 2 (pytest on staging must say GO first)"


@pytest.mark.parametrize(
    ("records", "plan", "problem"),
    [
        ((STAGED, make(10, **NO)), SINGLE, SAYS),
        ((STAGED, make(10, **NO, scripts=OTHERS)), SINGLE, SAYS),
        ((STAGED, make(10, **NO, declarations=OTHERS)), SINGLE, SAYS),
        ((STAGED, make(10, **NO, suite="0.0.9")), SINGLE, SAYS),
        ((STAGED, make(10, **NO, database=replace(STAGING, system="7399"))), SINGLE, SAYS),
        # The last GO is of other scripts, and what counts is the NO-GO.
        ((make(10, **NO), make(20, scripts=OTHERS)), SINGLE, SAYS),
        # They were judged at the same time.
        ((make(10, **NO, scripts=OTHERS), make(12)), SINGLE, SAYS),
        # Both at one instant, which has no order.
        ((make(10, **NO, ended=AT, scripts=OTHERS), make(15, ended=AT)), SINGLE, SAYS),
        ((make(10, **NO), rehearse()), REHEARSED, SAYS),
        ((make(10, **NO), make(20, command="check")), CHECKED, SAYS),
        (
            (make(command="check"), make(10, command="check", database=None, word="ERROR", sentence="x", status=4)),
            CHECKED,
            "check of 2026-11-28 12:15 UTC says ERROR: x (postmigration check on staging must say GO first)",
        ),
        (
            (STAGED, make(10, database=None, word="ERROR", sentence="no server", status=4, checks=())),
            SINGLE,
            "gate of 2026-11-28 12:15 UTC says ERROR: no server (pytest on staging must say GO first)",
        ),
        (
            (STAGED, make(10, word="INTERRUPTED", sentence="by the user", status=2, scripts=OTHERS)),
            SINGLE,
            "gate of 2026-11-28 12:15 UTC says INTERRUPTED: by the user (pytest on staging must say GO first)",
        ),
        (
            (STAGED, make(10, word="PARTIAL", scripts=OTHERS)),
            SINGLE,
            "gate of 2026-11-28 12:15 UTC was a run of some checks only (pytest on staging must say GO first)",
        ),
    ],
    ids=[
        *("no-go", "other scripts", "other declarations", "other suite", "other database", "go of other scripts"),
        *(
            "same time",
            "same instant",
            "no gate asked for",
            "a check beside it",
            "check",
            "error",
            "interrupted",
            "partial",
        ),
    ],
)
def test_nothing_begins_beside_a_gate_that_has_not_said_go(
    records: Sequence[Record], plan: Sequence[Criterion], problem: str
) -> None:
    found = judge(records, (), plan=plan, databases={"staging": STAGING})
    assert problem in found.problems
    assert not found.ready
    # Once it says GO again, nothing is left of it.
    again = judge((*records, make(60), make(60, command="check")), (), plan=plan, databases={"staging": STAGING})
    assert problem not in again.problems


def test_what_a_point_says_already_is_not_said_twice() -> None:
    plan = judge([*READY, make(10, **NO)])
    assert plan.problems == []
    assert [item.criterion.name for item in plan.blocking] == ["validated"]


def test_a_gate_of_another_phase_or_of_no_database_denies_nothing() -> None:
    assert judge([*READY, make(10, **NO, demonstration=True)]).ready
    assert judge([*READY, make(10, **NO), make(20)]).ready
    # Before it is migrated, production is not as it should be: who reads READY is told.
    plan = judge([*READY, live(90, **NO)])
    assert plan.ready
    assert "; beside it, gate of 2026-11-28 13:35 UTC says NO-GO of production; " in plan.verdict.line
    assert "beside it" not in judge([*READY, live(90)]).verdict.line


@pytest.mark.parametrize("asked", ["after", "done"])
def test_nothing_stays_live_beside_a_gate_of_production_that_says_no(asked: Asked) -> None:
    plan = (*SINGLE, Criterion("A", "No row is lost.", (1,), id="live"))
    assert judge([*READY, live()], (), plan=plan, asked=asked).ready
    found = judge([*READY, live(), live(400, **NO)], (), plan=plan, asked=asked, now=NOON + 11 * HOUR)
    assert [problem[:39] for problem in found.problems] == ["gate of 2026-11-28 18:45 UTC says NO-GO"]
    # Staging is used for what comes next by then.
    assert judge([*READY, live(), make(400, **NO, scripts=OTHERS)], (), plan=plan, asked=asked).ready


def test_what_weakened_a_gate_can_be_signed_or_stands_in_the_way() -> None:
    weak = make(10, weakened=("--waivers",))
    (problem,) = judge([weak], (), plan=SINGLE).problems
    assert problem == (
        "gate of 2026-11-28 12:15 UTC was weakened: --waivers, and no point of the plan that could be signed is "
        "proven_by pytest on staging"
    )
    signed = [ACCEPTED, replace(ACCEPTED, item="validated")]
    assert judge([rehearse(), weak, verify()], signed).ready


def test_a_rehearsal_that_did_not_come_to_its_end_proves_no_step() -> None:
    broken = rehearse(-30, status=2, word="INTERRUPTED", sentence="by the user")
    plan = judge([*READY, broken])
    assert {item.criterion.name for item in plan.blocking} == {"rehearsed", "back"}


def test_a_check_that_failed_and_is_gone_must_be_signed() -> None:
    # Its file was deleted: the NO-GO is of other declarations.
    gone = make(-30, **NO, declarations=OTHERS)
    fewer = make(10, checks=(check(1), check(3)))
    plan = judge([rehearse(), verify(), gone, fewer])
    assert [item.reasons for item in plan.blocking] == [
        (
            "gate of 2026-11-28 12:15 UTC was without tests/test_plan.py::test_2, which gate of 2026-11-28 11:35 UTC "
            "found to be wrong: QA must sign that",
        )
    ]
    assert judge([*READY, gone]).ready
    # Of a deployment before this one nothing is left.
    earlier = replace(gone, scripts=(File(name="scripts/00.sql", sha256="d" * 64),))
    assert judge([rehearse(), verify(), earlier, fewer]).ready


def test_an_interrupted_run_that_found_something_wrong_is_not_overlooked() -> None:
    later = make(30, environment="", status=2, word="INTERRUPTED", checks=FAILED)
    (item, *_) = judge([*READY, later]).blocking
    assert "says INTERRUPTED of the same database, as one of no named environment" in item.reasons[0]


def test_a_point_that_checks_decide_does_not_rest_on_a_go_without_what_was_wrong() -> None:
    # The backup was found to be wrong, and the gate was run again without --backup.
    plan = judge([make(10, **NO), make(20, checks=(check(1), check(3)))], (), plan=SINGLE)
    assert [item.reasons for item in plan.blocking] == [
        (
            "gate of 2026-11-28 12:25 UTC says GO without tests/test_plan.py::test_2, which gate of "
            "2026-11-28 12:15 UTC found to be wrong",
        )
    ]
    assert judge([make(10, **NO), make(20)], (), plan=SINGLE).ready
    # Nor does one that records prove.
    proven = (Criterion("A", "B", (2,), id="a", phase="staging", proven_by=(Proof(command="rehearse"),)),)
    assert judge([rehearse(), make(20, checks=(check(1), check(3)))], (), plan=proven).ready
    assert not judge([rehearse(), make(10, **NO), make(20, checks=(check(1), check(3)))], (), plan=proven).ready


def test_a_check_that_failed_and_passed_since_is_not_gone() -> None:
    gone = make(-30, **NO, declarations=OTHERS)
    fewer = make(20, checks=(check(1), check(3)))
    # By the present declarations it was judged, and it held.
    assert judge([*READY, gone, fewer]).ready
    assert not judge([*READY, make(7, **NO, declarations=OTHERS), fewer]).ready


def test_a_check_that_was_divided_into_cases_is_not_gone() -> None:
    name = "tests/test_plan.py::test_rows"
    whole = {"status": 1, "word": "NO-GO", "declarations": OTHERS, "checks": (check(1, nodeid=name, outcome="failed"),)}
    divided = make(10, checks=(*map(check, (1, 2, 3)), check(4, nodeid=f"{name}[orders]")))
    assert judge([rehearse(), verify(), make(-30, **whole), divided]).ready
    assert not judge([rehearse(), verify(), make(-30, **whole), make(10)]).ready


def test_what_is_to_be_tried_in_development_rests_on_no_gate_that_says_no_anywhere() -> None:
    tried = (Criterion("A", "B", (1,), id="a", phase="development", environment="development"),)
    for environment in ("", "staging"):
        no_go = make(10, **NO, environment=environment)
        (problem,) = judge([STAGED, no_go], (), plan=tried, asked="staging").problems
        assert problem.startswith("gate of 2026-11-28 12:15 UTC says NO-GO")
        assert judge([no_go, make(20)], (), plan=tried, asked="staging").ready
    # Before it was migrated, production was not as it should be.
    assert judge([STAGED, live(200, **NO), live()], (), plan=tried, asked="after").ready


def test_what_a_later_point_asks_a_person_to_sign_is_to_be_signed_before() -> None:
    weak = make(10, weakened=("--waivers",))
    plan = (*SINGLE, Criterion("A", "B", id="later", phase="preparation", role="QA", proven_by=(
        Proof(command="gate", environment="staging"),
    )))  # fmt: skip
    (problem,) = judge([weak], (), plan=plan, asked="preparation").problems
    assert problem == "gate of 2026-11-28 12:15 UTC was weakened: --waivers: QA must sign that (later)"
    signed = replace(ACCEPTED, item="later")
    assert judge([weak], [signed], plan=plan, asked="preparation").ready
    assert not judge([weak], [replace(signed, when=NOON)], plan=plan, asked="preparation").ready
