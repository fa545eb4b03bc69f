"""GitHub Actions shows what is wrong beside its log, and nothing a database holds is a command to it."""

from pathlib import Path

import pytest

from postmigration.model.evidence import Finding
from postmigration.report.formats import github
from postmigration.report.validation import Trouble
from selftest.unit.results import make_result, make_validation

ACTIONS = {"GITHUB_ACTIONS": "true"}


def test_what_is_wrong_is_an_annotation() -> None:
    results = [
        make_result("failed", 1, Finding("50% are\nmissing", 2, 9), title="a: b, c"),
        make_result("passed", 2, Finding("an index is new", 1, 1, severity="warning")),
        make_result("not judged", 3, reason="it is locked"),
        make_result("not judged", 4, reason="no baseline", needs_baseline=True),
    ]
    validation = make_validation(results, troubles=[Trouble("tests/x.py", "boom\nTraceback")])
    assert github.commands(validation, ACTIONS) == [
        "::error title=Rows%3A a%3A b%2C c::2 of 9: 50%25 are%0Amissing",
        "::error title=outside of the checks%3A tests/x.py::boom",
        "::warning title=Rows%3A Check 2::an index is new",
        "::warning title=Rows%3A Check 3::not judged: it is locked",
    ]
    assert github.commands(validation, {}) == []


@pytest.mark.parametrize(("number", "last"), [(10, "::error title=Rows%3A Check 10::gone"), (11, "and 2 more")])
def test_it_shows_ten_at_most(number: int, last: str) -> None:
    results = [make_result("failed", n, Finding("gone", 1, 1)) for n in range(1, number + 1)]
    told = github.commands(make_validation(results), ACTIONS)
    assert len(told) == 10
    assert last in told[-1]


def test_the_summary_is_added_to_that_of_the_job(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    github.add_summary("# NO-GO", {})
    assert not file.exists()
    for _ in range(2):
        github.add_summary("# NO-GO", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.read_text() == "# NO-GO\n# NO-GO\n"


def test_a_summary_that_is_too_long_is_not_added(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("x" * (1024 * 1024 - 7))
    github.add_summary("# NO-GO", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.stat().st_size == 1024 * 1024 - 7
    github.add_summary("# NO-G", {"GITHUB_STEP_SUMMARY": str(file)})
    assert file.stat().st_size == 1024 * 1024
