"""What is newly failing, or fixed, since the last run on the same database."""

import json
from pathlib import Path

from postmigration.report.changes import Last, changes, last
from selftest.unit.results import make_result

BEFORE = Last("h/shop", "2026-11-27T12:00:00", "NO-GO", {"a": "failed", "b": "passed", "c": "broken", "d": "passed"})


def test_the_last_run_is_that_of_the_report(tmp_path: Path) -> None:
    file = tmp_path / "validation.json"
    assert last(file) is None
    told = {"database": "h/shop", "judged": "2026-11-27T12:00:00", "verdict": "GO", "outcomes": {"a": "passed"}}
    file.write_text(json.dumps({"schema_version": 1, "finished": False, "last": told}))
    assert last(file) == Last("h/shop", "2026-11-27T12:00:00", "GO", {"a": "passed"})


def test_checks_are_told_that_ended_otherwise() -> None:
    outcomes = {"a": "passed", "b": "failed", "c": "failed", "new": "broken", "e": "passed"}
    results = [make_result(outcome, nodeid=nodeid) for nodeid, outcome in outcomes.items()]
    found = changes(BEFORE, "h/shop", results)
    assert found is not None
    assert (found.judged, found.verdict) == ("2026-11-27T12:00:00", "NO-GO")
    assert [result.nodeid for result in found.newly_failing] == ["b", "new"]
    assert [result.nodeid for result in found.fixed] == ["a"]
    assert found.gone == ["d"]


def test_another_database_is_compared_with_nothing() -> None:
    assert changes(BEFORE, "h/other", [make_result()]) is None
    assert changes(None, "h/shop", [make_result()]) is None
