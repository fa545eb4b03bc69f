"""How long a run may take, what is said meanwhile, and what a part of it comes to."""

from postmigration.model.errors import Hindrance
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.verdict import CANNOT_JUDGE, Result, verdict
from postmigration.report.formats.as_text import tell_blocker


def test_a_blocker_is_one_line_that_nothing_obeys() -> None:
    found = Evidence(findings=[Finding("::error::\n\x1b[31m it", 3, 9)])
    line = tell_blocker(Result("t::test_x", 7, "g", "a\nb", "", "", "failed", evidence=found))
    assert line.startswith("✘ check 7, g: a b: 3 of 9: ::error:: ")
    assert "\x1b" not in line


def test_a_plan_check_of_which_a_part_is_left_has_not_passed() -> None:
    whole = Result("t::test_x[0]", 1, "g", "t", "", "", "passed", evidence=Evidence(examined=5))
    part = Result("t::test_x[1]", 1, "g", "t", "", "", "not judged", by=Hindrance.CUT_SHORT)
    come_to = verdict(
        [whole, part], plan_checks=1, subject="db", checks=2, cut_short="the end came", allow_partial=True
    )
    words = "0 of 1 plan checks passed, 1 of 2 checks left, as the end came: 1 of the plan; 5 rows examined, db"
    assert (come_to.line, come_to.status) == (f"PARTIAL: {words}", CANNOT_JUDGE)
