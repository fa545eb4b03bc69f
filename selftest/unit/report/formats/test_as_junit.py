"""A check is a case of JUnit XML: its group is the class, its evidence the text."""

from xml.etree import ElementTree

from postmigration.model.evidence import Finding
from postmigration.report.formats.as_junit import render
from postmigration.report.validation import Trouble
from selftest.unit.results import make_result, make_validation

FOUND = Finding("rows are missing \x1b<&", 2, 9, ("id",), (("1",), ("2",)))
RESULTS = [
    make_result("failed", 1, FOUND, duration=0.5),
    make_result("broken", 2, reason="an error of ours"),
    make_result("not judged", 3, reason="it is locked"),
    make_result("passed", None, Finding("an index is new", 1, 1, severity="warning"), duration=0.25),
]


def _render() -> ElementTree.Element:
    troubles = [Trouble("tests/x.py", "boom\nTraceback")]
    text = render(make_validation(RESULTS, troubles=troubles, omitted=["tests/a.py::test_b"], checks=5))
    return ElementTree.fromstring(text)


def test_each_check_is_a_case_with_its_outcome() -> None:
    cases = {
        case.get("name"): [child.tag for child in case if child.tag != "properties"]
        for case in _render().iter("testcase")
    }
    assert cases == {
        "01 Check 1": ["failure"],
        "02 Check 2": ["error"],
        "03 Check 3": ["skipped"],
        "Check more": ["system-out"],
        "tests/x.py": ["error"],
        "1 of 5 checks left out": ["skipped"],
    }


def test_the_text_is_the_evidence_without_what_xml_cannot_hold() -> None:
    root = _render()
    (failure,) = root.iter("failure")
    assert failure.get("message") == "2 of 9: rows are missing \N{REPLACEMENT CHARACTER}<&"
    assert "rows are missing" in (failure.text or "")
    assert [node.get("message") for node in root.iter("skipped")] == [
        "not judged: it is locked",
        "not judged: 1 of 5 checks left out",
    ]
    assert [node.text for node in root.iter("skipped")] == ["it is locked", "tests/a.py::test_b"]
    (out,) = root.iter("system-out")
    assert out.text == "Established over 10 rows: No row is lost.\nwarning: an index is new"


def test_the_suite_says_what_was_judged_and_how_long_it_took() -> None:
    (suite,) = _render().iter("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "6",
        "1",
        "2",
        "2",
    )
    assert (suite.get("time"), suite.get("timestamp")) == ("0.75", "2026-11-28T12:00:00+00:00")
    told = {node.get("name"): node.get("value") for node in suite.findall("properties/property")}
    assert (told["verdict"], told["exit status"], told["judging"]) == ("NO-GO", "1", "judge@h:5432/shop")


def test_a_case_names_what_runs_it_again() -> None:
    case = next(_render().iter("testcase"))
    assert (case.get("file"), case.get("classname")) == ("tests/test_rows.py", "Rows")
    (node,) = case.findall("properties/property")
    assert (node.get("name"), node.get("value")) == ("nodeid", "tests/test_rows.py::test_1")
