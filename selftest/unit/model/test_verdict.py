"""GO needs every plan check judged and passed, and nothing else failed; everything short of it says so."""

import dataclasses
import datetime
import json
from dataclasses import replace
from typing import Any

import pytest

from postmigration.model.evidence import Evidence, Finding
from postmigration.model.verdict import (
    BROKEN,
    CANNOT_JUDGE,
    GO,
    INTERRUPTED,
    NO_GO,
    BaselineForm,
    Outcome,
    Result,
    of_waivers,
    verdict,
)
from postmigration.model.waivers import Waiver

TODAY = datetime.date(2026, 11, 30)


def result(
    plan: int | None, outcome: Outcome = "passed", *, warnings: int = 0, waived: int = 0, needs_baseline: bool = False
) -> Result:
    evidence = Evidence(1_000, findings=[Finding("odd", 1, 1, severity="warning")] * warnings)
    if waived:
        evidence.findings.append(Finding("known", waived, waived, severity="waived", waiver="waiver 1"))
    return Result(
        f"tests/test_x.py::test_{plan}[case::1]", plan, "group", f"title {plan}", "", "", outcome,
        needs_baseline=needs_baseline, evidence=evidence,
    )  # fmt: skip


DEMONSTRATION = "GO (demonstration world, no database was named)"
THREE = [result(1), result(2), result(3)]


# What was judged, with which options, the exit status, and the line without the database.
CASES = [
    (THREE, {}, GO, "GO: 3 of 3 plan checks passed, ROWS"),
    ([*THREE, result(None)], {}, GO, "GO: 3 of 3 plan checks passed, ROWS"),
    (THREE, {"demonstration": True}, GO, f"{DEMONSTRATION}: 3 of 3 plan checks passed, ROWS"),
    ([*THREE[:2], result(3, warnings=2)], {}, GO, "GO: 3 of 3 plan checks passed, ROWS, 2 warnings"),
    ([result(1), result(2, "failed"), result(3, "failed")], {}, NO_GO, "NO-GO: 2 of 3 plan checks failed: 2, 3; ROWS"),
    (
        [*THREE, result(None, "failed")],
        {},
        NO_GO,
        "NO-GO: 1 check beyond the plan failed: title None; 3 of 3 plan checks passed, ROWS",
    ),
    (
        [*THREE[:2], result(3, "not judged")],
        {},
        NO_GO,
        "NO-GO: 1 of 3 plan checks not judged: 3; 2 of 3 plan checks passed, ROWS",
    ),
    (THREE[:2], {"omitted": 1}, CANNOT_JUDGE, "PARTIAL: 2 of 3 plan checks passed, 1 of 9 checks left out, ROWS"),
    # A check beyond the plan that is left out is left out, too.
    (THREE, {"omitted": 6}, CANNOT_JUDGE, "PARTIAL: 3 of 3 plan checks passed, 6 of 9 checks left out, ROWS"),
    (
        THREE,
        {"omitted": 6, "allow_partial": True},
        GO,
        "PARTIAL: 3 of 3 plan checks passed, 6 of 9 checks left out, ROWS",
    ),
    (
        [result(1, "failed")],
        {"omitted": 2, "allow_partial": True},
        NO_GO,
        "PARTIAL: 1 of 3 plan checks failed: 1; 2 of 9 checks left out, ROWS",
    ),
    # A check of the plan without a result can have no other reason, and yet it is never GO.
    (THREE[:2], {}, CANNOT_JUDGE, "PARTIAL: 2 of 3 plan checks passed, ROWS"),
    (THREE, {"crashed": ["gw0"]}, BROKEN, "ERROR: 1 worker crashed, 3 of 3 plan checks passed, ROWS"),
    (
        THREE,
        {"crashed": ["gw0", "gw1"], "allow_partial": True},
        BROKEN,
        "ERROR: 2 workers crashed, 3 of 3 plan checks passed, ROWS",
    ),
    (
        [*THREE[:2], result(3, "failed")],
        {"crashed": ["gw0"]},
        NO_GO,
        "NO-GO: 1 of 3 plan checks failed: 3; 1 worker crashed, ROWS",
    ),
    ([*THREE[:2], result(3, "broken")], {}, BROKEN, "ERROR: 1 broke down: 3; 2 of 3 plan checks passed, ROWS"),
    # Of a check with parameters the worst result counts, whichever comes first.
    ([result(1, "failed"), *THREE], {}, NO_GO, "NO-GO: 1 of 3 plan checks failed: 1; ROWS"),
    ([*THREE, result(1, "failed")], {}, NO_GO, "NO-GO: 1 of 3 plan checks failed: 1; ROWS"),
    (
        [*THREE, result(1, "not judged"), result(1, "broken")],
        {},
        BROKEN,
        "ERROR: 1 broke down: 1; 2 of 3 plan checks passed, ROWS",
    ),
    (
        [*THREE[1:], result(None)],
        {"omitted": 1},
        CANNOT_JUDGE,
        "PARTIAL: 2 of 3 plan checks passed, 1 of 9 checks left out, ROWS",
    ),
    (
        [*THREE, result(None, "not judged")],
        {},
        NO_GO,
        "NO-GO: 1 check beyond the plan not judged: title None; 3 of 3 plan checks passed, ROWS",
    ),
    (
        [*THREE[:2], result(3, "not judged")],
        {"allow_partial": True},
        GO,
        "PARTIAL: 1 of 3 plan checks not judged: 3; 2 of 3 plan checks passed, ROWS",
    ),
    (THREE, {"proof": "every check proven"}, GO, "GO: 3 of 3 plan checks passed, every check proven, ROWS"),
    (THREE, {"strict": True}, GO, "GO: 3 of 3 plan checks passed, ROWS"),
    (
        [*THREE[:2], result(3, warnings=1)],
        {"strict": True},
        NO_GO,
        "NO-GO: 1 warning, which --strict counts, 3 of 3 plan checks passed, ROWS",
    ),
    (
        [*THREE, result(None, "not judged", needs_baseline=True)],
        {"strict": True},
        NO_GO,
        "NO-GO: 1 check beyond the plan needs the rows of a --baseline, which --strict counts, 3 of 3 plan checks "
        "passed, ROWS",
    ),
    # What passed says as whom, where others were tried as the people who use it.
    (
        [*THREE, result(None, "failed")],
        {"as_people": True},
        NO_GO,
        "NO-GO: 1 check beyond the plan failed: title None; 3 of 3 plan checks passed (as a role that bypasses "
        "row-level security), ROWS",
    ),
    (
        [*THREE, result(None, "failed"), result(None, "failed"), result(None, "not judged")],
        {},
        NO_GO,
        "NO-GO: 2 checks beyond the plan failed: title None, title None; 1 check beyond the plan not judged: title "
        "None; 3 of 3 plan checks passed, ROWS",
    ),
    # What failed hides nothing that it left unjudged.
    (
        [*THREE[:2], replace(result(3, "failed"), evidence=Evidence(1_000, unjudged=["1 object: t: locked"]))],
        {},
        NO_GO,
        "NO-GO: 1 of 3 plan checks failed: 3; 1 that failed is judged in part: 3; ROWS",
    ),
    (
        [*THREE[:2], *[replace(result(3, "failed"), evidence=Evidence(1_000, unjudged=["t: locked"]))] * 2],
        {},
        NO_GO,
        "NO-GO: 1 of 3 plan checks failed: 3; 1 that failed is judged in part: 3; ROWS",
    ),
    (THREE, {"interrupted": True}, INTERRUPTED, "INTERRUPTED: 3 of 3 plan checks passed, ROWS"),
]


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("outcome", ["failed", "not judged", "passed"])
@pytest.mark.parametrize("warnings", [0, 1])
def test_nothing_but_a_go_opens_with_what_passed(outcome: Outcome, warnings: int, rows: int) -> None:
    results = [replace(one, evidence=replace(one.evidence, examined=rows)) for one in THREE]
    results.append(result(None, outcome, warnings=warnings))
    results[-1].evidence.examined = 0
    come_to = verdict(results, plan_checks=3, subject="db", strict=True)
    opening, _, _ = come_to.sentence.partition(" plan checks passed")
    assert come_to.go == (opening == "3 of 3")
    assert come_to.go == ((outcome, warnings, rows) == ("passed", 0, 1))


def test_the_demonstration_has_no_dump_that_could_lack_something() -> None:
    results = [result(1, "passed"), replace(result(None, "not applicable"), not_held="roles")]
    lines = [verdict(results, plan_checks=1, subject="db", demonstration=demo).line for demo in (False, True)]
    assert ["not in a dump: roles" in line for line in lines] == [True, False]


@pytest.mark.parametrize(("results", "options", "status", "line"), CASES)
def test_the_verdict(results: list[Result], options: dict[str, Any], status: int, line: str) -> None:
    come_to = verdict(results, plan_checks=3, checks=9, subject="db", **options)
    # What a check looked at that was not judged is not counted.
    rows = sum(result.outcome in ("passed", "failed") for result in results)
    assert come_to.line == f"{line.replace('ROWS', f'{rows},000 rows examined')}, db"
    assert come_to.status == status
    assert come_to.go == line.startswith("GO")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            [result(None, "not judged", needs_baseline=True)] * 2,
            ", 2 checks beyond the plan need the rows of a --baseline, db",
        ),
        ([result(None, waived=1)], ", 1 difference waived, db"),
        ([result(None, waived=1_000)], ", 1,000 differences waived, db"),
        ([result(None, warnings=1)], ", 1 warning, db"),
        ([result(None, warnings=2)], ", 2 warnings, db"),
    ],
)
def test_what_does_not_stand_in_the_way_is_counted(more: list[Result], words: str) -> None:
    come_to = verdict([*THREE, *more], plan_checks=3, subject="db")
    assert come_to.status == GO
    assert come_to.sentence.endswith(f",000 rows examined{words}")


@pytest.mark.parametrize(("failed", "words"), [(29, "28, 29; "), (31, "28, 29 and 2 more; ")])
def test_a_long_list_is_cut_and_says_so(failed: int, words: str) -> None:
    come_to = verdict([result(n, "failed") for n in range(1, failed + 1)], plan_checks=40, subject="db")
    assert words in come_to.sentence


def test_a_result_survives_a_journey_as_json() -> None:
    sent = result(5, "failed", warnings=1)
    assert Result.from_dict(json.loads(json.dumps(sent.to_dict()))) == sent


def test_a_check_is_called_by_its_number_or_by_its_function() -> None:
    assert [result(5).check, result(None).check] == ["5", "None"]


@pytest.mark.parametrize(
    ("used", "expires", "outcome", "problem"),
    [
        (3, TODAY, "passed", ""),
        (0, TODAY, "failed", "excuse"),
        (3, TODAY - datetime.timedelta(days=1), "failed", "expired"),
    ],
)
def test_waivers_have_a_result_of_their_own(used: int, expires: datetime.date, outcome: str, problem: str) -> None:
    waiver = Waiver("waiver 1", "5", "", "", "", "known", "dba", expires)
    of = of_waivers([waiver], [result(5, waived=used), result(6, waived=used)], TODAY, {})
    assert (of.nodeid, of.plan, of.group, of.title) == ("waivers", None, "waivers", "accepted differences")
    assert (of.sentence[:5], of.meaning[:8]) == ("Every", "A waiver")
    assert of.outcome == outcome
    assert [(problem in f.statement, f.wrong, f.examined) for f in of.evidence.findings] == [(True, 1, 1)] * bool(
        problem
    )
    assert of.evidence.facts == 1
    assert of.evidence.notes == [f"{used * 2} differences: {waiver.words}"]


@pytest.mark.parametrize("more", [{}, {"allow_partial": True}])
def test_no_row_examined_is_no_go(more: dict[str, Any]) -> None:
    results = [dataclasses.replace(result, evidence=Evidence(facts=9)) for result in THREE]
    # Nor do the rows count of a check that was not judged.
    results.append(dataclasses.replace(result(None, "not judged"), needs_baseline=True))
    come_to = verdict(results, plan_checks=3, checks=4, subject="db", **more)
    assert (come_to.word, come_to.status) == ("NO-GO", NO_GO)
    assert "0 rows examined (GO needs one, or --allow-empty), " in come_to.sentence
    assert verdict(results, plan_checks=3, checks=4, subject="db", allow_empty=True, **more).go


def test_with_a_fingerprint_no_baseline_is_asked_for() -> None:
    lacking = replace(result(None, "not judged", needs_baseline=True), title="settings are told")
    come_to = verdict([*THREE, lacking], plan_checks=3, subject="db", baseline="fingerprint")
    assert come_to.sentence.endswith(
        "1 check beyond the plan needs more than a fingerprint holds: settings are told; db"
    )


def test_what_a_base_backup_does_not_tell_is_not_said_of_a_dump() -> None:
    results = [result(1, "passed"), replace(result(None, "not applicable"), not_held="standbys")]
    forms: tuple[BaselineForm, ...] = ("dump", "base backup")
    lines = [verdict(results, plan_checks=1, subject="db", baseline=form).line for form in forms]
    assert "not in a dump: standbys" in lines[0]
    assert "not compared with a base backup: standbys" in lines[1]
    assert "dump" not in lines[1]


def test_a_run_without_any_check_is_no_go() -> None:
    come_to = verdict([], plan_checks=3, subject="db", allow_partial=True)
    assert (come_to.line, come_to.status) == ("PARTIAL: nothing was judged, db", CANNOT_JUDGE)
