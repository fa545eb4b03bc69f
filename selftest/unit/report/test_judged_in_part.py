"""What a check that failed could not examine is told beside what it found, in every form."""

from dataclasses import replace

from postmigration.model.evidence import Finding
from postmigration.model.verdict import Result
from postmigration.report.diagnosis.causes import diagnose
from postmigration.report.formats import as_text, github
from postmigration.report.formats.as_markdown import render
from selftest.unit.results import make_result, make_validation

WORDS = "1 object could not be examined: posts: the server refused it"


def make_failed() -> Result:
    failed = make_result("failed", 1, Finding("27 rows differ", 27, 400), title="rows are those of before")
    return replace(failed, evidence=replace(failed.evidence, unjudged=[WORDS]))


def test_the_terminal_tells_it() -> None:
    failed = make_failed()
    lines = as_text.text(failed, 3).splitlines()
    assert lines.index(f"not judged: {WORDS}") > lines.index("blocker: 27 of 400: 27 rows differ")
    assert as_text.list_unjudged([failed]) == [f"check 1: {WORDS}"]


def test_the_first_screen_tells_it_after_what_was_found() -> None:
    words = [cause.words for cause in diagnose(make_validation([make_failed()]))]
    assert len(words) == 2
    assert "27 rows differ" in words[0]
    assert words[1] == f"Not judged: check 1: {WORDS}."


def test_the_summary_tells_it() -> None:
    text = render(make_validation([make_failed()]), lambda anchor: anchor)
    assert f"**Not judged**\n\n- rows are those of before: {WORDS}\n" in text


def test_a_pipeline_tells_it() -> None:
    told = github.commands(make_validation([make_failed()]), {"GITHUB_ACTIONS": "true"})
    assert any(line.startswith("::warning") and line.endswith(f"not judged: {WORDS}") for line in told)
