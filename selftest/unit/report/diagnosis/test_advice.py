"""What a finding means and what to do: by its kind, or by the check of a plan that made it."""

import pytest

from postmigration.model.evidence import Finding, Subject, Trait
from postmigration.report.diagnosis.advice import Advice, advise
from postmigration.report.diagnosis.group import Found
from selftest.unit.results import make_result

CHECK = make_result("failed", 1, remedy="Restore them.", causes="a script ended")
BUILT_IN = make_result("failed", None, remedy="Restore them.", causes="a script ended")


def _find(code: str, table: str = "orders", traits: tuple[Trait, ...] = ()) -> Finding:
    return Finding("something is wrong", 1, 1, code=code, subject=Subject.of_table("public", table, traits=traits))


def test_the_kind_of_a_finding_says_more_than_a_check_of_many_kinds() -> None:
    advice = advise(Found(_find("index_lost"), BUILT_IN))
    assert advice.impact == "Queries that found rows of orders by the index read all of it."
    assert advice.remedy == "Create it again, concurrently where people work."
    assert advice.cause == "a tool that copies rows and keys leaves secondary indexes out"


def test_the_check_of_a_plan_knows_best() -> None:
    assert advise(Found(_find("index_lost"), CHECK)) == Advice("It is missed.", "Restore them.", "a script ended")


@pytest.mark.parametrize("finding", [_find("index_lost", table=""), _find("none_such"), _find("")], ids=str)
def test_what_is_not_known_is_left_to_the_check(finding: Finding) -> None:
    assert advise(Found(finding, BUILT_IN)) == Advice("It is missed.", "Restore them.", "")


def test_a_silent_trigger_is_told_of_also_where_a_plan_looks_at_much_besides() -> None:
    assert "See the triggers of orders" in advise(Found(_find("trigger_silent"), CHECK)).remedy


@pytest.mark.parametrize(
    ("traits", "impact"),
    [
        (("for_select",), "People see fewer rows of orders than before."),
        (("for_insert",), "People may add fewer rows of orders than before."),
        (("restrictive",), "People see or may write more rows of orders than before."),
        ((), "People see or may write fewer rows of orders than before."),
    ],
)
def test_what_a_lost_policy_means_follows_from_what_it_was(traits: tuple[Trait, ...], impact: str) -> None:
    assert advise(Found(_find("policy_lost", traits=traits), BUILT_IN)).impact == impact


def test_only_of_a_column_that_was_computed_it_is_said_that_it_is_no_longer() -> None:
    computed = advise(Found(_find("column_generated_changed", traits=("computed",)), BUILT_IN))
    assert computed.impact.startswith("The column of orders is no longer computed: ")
    plain = advise(Found(_find("column_generated_changed"), BUILT_IN))
    assert plain == Advice("It is missed.", "Restore them.", "")
