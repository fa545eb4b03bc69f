"""GO needs every plan check judged and passed, and nothing else failed; everything short of it says so."""

from typing import Any

import pytest

from postmigration.evidence import Evidence, Finding
from postmigration.verdict import BROKEN, CANNOT_JUDGE, GO, INTERRUPTED, NO_GO, Outcome, Result, verdict


def result(plan: int | None, outcome: Outcome = "passed", *, warnings: int = 0) -> Result:
    evidence = Evidence(1_000, findings=[Finding("odd", 1, 1, severity="warning")] * warnings)
    return Result(f"tests/test_x.py::test_{plan}", plan, "group", f"title {plan}", "", "", outcome, evidence=evidence)


DEMONSTRATION = "GO (demonstration world, no database was named)"
THREE = [result(1), result(2), result(3)]


# What was judged, with which options, the exit status, and the line without the rows examined and the database.
CASES = [
    (THREE, {}, GO, "GO: 3 of 3 plan checks passed"),
    ([*THREE, result(None)], {}, GO, "GO: 3 of 3 plan checks passed"),
    (THREE, {"demonstration": True}, GO, f"{DEMONSTRATION}: 3 of 3 plan checks passed"),
    ([*THREE[:2], result(3, warnings=2)], {}, GO, "GO: 3 of 3 plan checks passed, 2 warnings"),
    ([result(1), result(2, "failed"), result(3, "failed")], {}, NO_GO, "NO-GO: 2 of 3 plan checks failed: 2, 3"),
    ([*THREE, result(None, "failed")], {}, NO_GO, "NO-GO: 3 of 3 plan checks passed, 1 others failed: title None"),
    ([*THREE[:2], result(3, "not judged")], {}, NO_GO, "NO-GO: 2 of 3 plan checks passed, 1 not judged: 3"),
    (THREE[:2], {}, CANNOT_JUDGE, "PARTIAL: 2 of 3 plan checks passed, 1 left out"),
    (THREE[:2], {"allow_partial": True}, GO, "PARTIAL: 2 of 3 plan checks passed, 1 left out"),
    ([result(1, "failed")], {"allow_partial": True}, NO_GO, "PARTIAL: 1 of 3 plan checks failed: 1, 2 left out"),
    ([*THREE[:2], result(3, "broken")], {}, BROKEN, "ERROR: 2 of 3 plan checks passed, 1 broke down: 3"),
    (THREE, {"proof": "every check proven"}, GO, "GO: 3 of 3 plan checks passed, every check proven"),
    (THREE, {"interrupted": True}, INTERRUPTED, "INTERRUPTED: 3 of 3 plan checks passed"),
]


@pytest.mark.parametrize(("results", "options", "status", "line"), CASES)
def test_the_verdict(results: list[Result], options: dict[str, Any], status: int, line: str) -> None:
    come_to = verdict(results, plan_checks=3, subject="db", **options)
    line, warned, warnings = line.partition(", 2 warnings")
    assert come_to.line == f"{line}, {len(results)},000 rows examined{warned}{warnings}, db"
    assert come_to.status == status


def test_a_run_without_any_check_is_no_go() -> None:
    come_to = verdict([], plan_checks=3, subject="db", allow_partial=True)
    assert (come_to.line, come_to.status) == ("PARTIAL: nothing was judged, db", CANNOT_JUDGE)
