"""Checks on the first screen have short names, and each another one."""

import pytest

from postmigration.model.evidence import Evidence, Finding
from postmigration.model.verdict import Outcome, Result
from postmigration.report.chips import name_chips


def make(nodeid: str, title: str, outcome: Outcome = "failed", plan: int | None = None, warnings: int = 0) -> Result:
    evidence = Evidence(findings=[Finding("odd", 1, 1, severity="warning")] * warnings)
    return Result(nodeid, plan, "rows", title, "", "", outcome, evidence=evidence)


SEES = "everybody sees what is theirs"


@pytest.mark.parametrize(
    ("result", "name"),
    [
        (make("t.py::test_rows", "rows"), "rows"),
        (make("t.py::test_rows[a[1]]", "rows: a[1]"), "rows: a[1]"),
        (make("t.py::test_sees[contacts]", f"{SEES}: contacts"), "everybody sees what is…: contacts"),
        (
            make("t.py::test_sees[a_table_with_such_a_long_name]", f"{SEES}: a_table_with_such_a_long_name"),
            "everybody…: a_table_with_such_a_lon…",
        ),
        (make("t.py::test_five", "Customer organizations exist", plan=5), "5 Customer organizations exist"),
        (make("t.py::test_five", "Customer organizations exist", "passed", 5), "5"),
        (make("t.py::test_five", "Customer organizations exist", "passed", 5, 1), "5 Customer organizations exist"),
        (make("t.py::test_five[de]", "Orders are complete", "passed", 5), "5 de"),
        (make("t.py::test_five[de]", "Orders are complete", "not judged", 5), "5 Orders are complete: de"),
        (make("t.py::test_one", "Primary contact points are properly set", plan=12), "12 Primary contact points are…"),
        (make("t.py::test_x", "x" * 50), f"{'x' * 35}…"),
    ],
)
def test_a_name_is_short(result: Result, name: str) -> None:
    assert name_chips([result]) == {result.nodeid: name}
    assert len(name) <= 36


def test_no_two_have_one_name() -> None:
    long = "the rows of the table are those that were there"
    results = [
        make("a.py::test_1", f"{long} before"),
        make("a.py::test_2", f"{long} yesterday"),
        make("a.py::test_rows", "rows"),
        make("b.py::test_rows", "rows"),
        make("c.py::A::test_more", "more"),
        make("c.py::B::test_more", "more"),
        make("c.py::test_one[a]", "Orders", "passed", 1),
        make("c.py::test_one[b]", "Orders", "passed", 1),
        make("c.py::test_two", "Orders", "passed", 2),
    ]
    assert list(name_chips(results).values()) == [
        f"{long} before",
        f"{long} yesterday",
        "rows (a.py)",
        "rows (b.py)",
        "c.py::A::test_more",
        "c.py::B::test_more",
        "1 a",
        "1 b",
        "2",
    ]
