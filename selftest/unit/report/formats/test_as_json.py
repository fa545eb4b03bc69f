"""The validation for programs: what was judged, how each check ended, and what is wrong."""

import json
from typing import Any

import jsonschema

from postmigration.model.evidence import Finding, Overview, Subject
from postmigration.report.changes import Changes
from postmigration.report.criteria import Judged
from postmigration.report.formats import rendering
from postmigration.report.formats.as_csv import Listed
from postmigration.report.formats.as_json import render
from postmigration.report.validation import Trouble
from selftest.unit.results import make_result, make_validation

SCHEMA = json.loads((rendering.DIRECTORY.parent / "validation.schema.json").read_text())
SUBJECT = Subject.of_table("public", "orders")
FOUND = Finding(
    "orders are missing",
    3,
    9,
    ("id",),
    (("1",), ("2",), ("3",)),
    repair="SELECT 1",
    code="missing_rows",
    subject=SUBJECT,
)
FAILED = make_result("failed", 1, FOUND, duration=1.23456)
FAILED.evidence.overviews.append(Overview("tables", ("table",), (("orders",),)))
FAILED.evidence.notes.append("one was skipped")


def _render(**fields: Any) -> dict[str, Any]:
    validation = make_validation([FAILED, make_result("passed", None)], evidence_rows=2, **fields)
    listed = Listed({(FAILED.nodeid, 0): "evidence/check-01-1.csv"}, {}, {})
    told: dict[str, Any] = json.loads(
        render(validation, listed, [Judged("Before", "No row is lost.", "not met", (FAILED.nodeid,), "")])
    )
    jsonschema.validate(told, SCHEMA)
    return told


def test_a_verdict_has_its_facts() -> None:
    told = _render(omitted=["tests/a.py::test_b"], troubles=[Trouble("tests/c.py", "boom")], weakened=["-k rows"])
    assert told["verdict"] == {"word": "NO-GO", "go": False, "sentence": "1 of 2 checks failed, shop", "exit_status": 1}
    assert (told["finished"], told["migration"], told["database"]) == (True, "shop", "judge@h:5432/shop")
    assert (told["started"], told["ended"]) == ("2026-11-28T12:00:00.000+00:00", "2026-11-28T12:01:30.000+00:00")
    assert (told["rows_examined"], told["checks_of_project"], told["changes"]) == (20, 2, None)
    assert (told["left_out"], told["weakened_by"]) == (["tests/a.py::test_b"], ["-k rows"])
    assert told["troubles"] == [{"where": "tests/c.py", "text": "boom"}]
    (criterion,) = told["criteria"]
    assert (criterion["decision"], criterion["decided_by"]) == ("not met", [FAILED.nodeid])


def test_a_check_has_its_findings_and_the_first_of_their_rows() -> None:
    check = _render()["checks"][0]
    assert (check["id"], check["plan"], check["outcome"], check["seconds"]) == (FAILED.nodeid, 1, "failed", 1.235)
    assert check["notes"] == ["one was skipped"]
    assert check["tables"] == [{"title": "tables", "columns": ["table"], "rows": [["orders"]]}]
    (finding,) = check["findings"]
    assert (finding["wrong"], finding["rows"], finding["file"]) == (3, [["1"], ["2"]], "evidence/check-01-1.csv")
    assert (finding["code"], finding["subject"]["table"]) == ("missing_rows", "orders")


def test_a_cause_has_the_checks_that_failed_for_it() -> None:
    (cause,) = _render()["causes"]
    assert (cause["checks"], cause["repair"], cause["rows"]) == ([FAILED.nodeid], "SELECT 1", 3)


def test_what_changed_since_the_last_run_is_told() -> None:
    changes = Changes("2026-11-27T12:00:00", "GO", [FAILED], [], ["tests/old.py::test_x"])
    assert _render(changes=changes)["changes"] == {
        "since": "2026-11-27T12:00:00",
        "verdict": "GO",
        "newly_failing": [FAILED.nodeid],
        "fixed": [],
        "gone": ["tests/old.py::test_x"],
    }
