"""A check that failed as plain text, that no terminal and no pipeline takes for a command."""

from typing import Any

import pytest

from postmigration.model.evidence import Finding
from postmigration.report.diagnosis.causes import Cause
from postmigration.report.formats.as_text import (
    Shown,
    describe_count,
    headings,
    headline,
    list_causes,
    list_unjudged,
    list_warned,
    text,
)
from selftest.unit.results import make_result

FOUND = Finding("rows are missing", 2, 9, ("id",), (("1",), ("2",)), query="SELECT 1\nFROM t", before="9 rows")
WARNING = Finding("an index is new", 1, 1, severity="warning")


def test_a_finding_is_counted() -> None:
    assert describe_count(FOUND) == "2 of 9: rows are missing"
    assert describe_count(WARNING) == "an index is new"


def test_a_headline_counts_what_else_is_wrong() -> None:
    assert headline(make_result("failed", 1, FOUND, WARNING)) == "2 of 9: rows are missing"
    assert headline(make_result("failed", 1, FOUND, FOUND)) == "2 of 9: rows are missing (and 1 more)"
    assert headline(make_result("broken", 1, reason="an error of ours")) == "an error of ours"


def test_values_of_one_column_are_headed_by_its_name() -> None:
    columns = ("id", "column", "want", "have")
    one = Finding("x", 2, 2, columns, (("1", "note", "a", "b"), ("2", "note", "a", "c")))
    two = Finding("x", 2, 2, columns, (("1", "note", "a", "b"), ("2", "sum", "a", "c")))
    assert headings(one) == ("id", "column", "want note", "have note")
    assert headings(two) == columns


def test_the_evidence_is_written_out() -> None:
    lines = text(make_result("failed", 7, FOUND, remedy="Restore them."), 1).splitlines()
    assert lines[:2] == ["check 7, Rows: Check 7", "No row is lost."]
    assert "blocker: 2 of 9: rows are missing" in lines
    assert [line for line in lines if line.startswith("  │")] == ["  │ id", "  │ 1"]
    assert "the state before the migration: 9 rows" in lines
    assert lines[lines.index("    SELECT 1") + 1] == "    FROM t;"
    assert lines[-3:] == ["It is missed.", "", "What to do: Restore them."]


def test_what_a_name_holds_is_no_command() -> None:
    lines = text(make_result("failed", 1, Finding("x\x1b[31m\n::error::y", 1, 1), title="##vso[x]"), 5).splitlines()
    assert not [line for line in lines if line.lstrip().startswith(("::", "##")) or "\x1b" in line]


def test_findings_are_counted_where_there_are_many() -> None:
    assert "and 5 more findings, which the report lists" in text(make_result("failed", 1, *[WARNING] * 25), 5)


class _Terminal:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def line(self, words: str, **colours: Any) -> None:
        self.lines.append((words, colours))


def test_what_is_wrong_is_red_at_a_terminal() -> None:
    shown = Shown(make_result("failed", 1, FOUND, WARNING), 5, "Traceback")
    shown.toterminal(terminal := _Terminal())
    assert ("blocker: 2 of 9: rows are missing", {"red": True, "bold": True}) in terminal.lines
    assert ("warning: an index is new", {"yellow": True}) in terminal.lines
    assert str(shown).endswith("\n\nTraceback")
    assert shown.reprcrash.message == "2 of 9: rows are missing"


def test_why_checks_were_not_judged_is_said_once() -> None:
    results = [make_result("not judged", n, reason="it is locked") for n in (1, 2)]
    results += [make_result("not judged", None, reason="no baseline", needs_baseline=True), make_result("passed", 3)]
    assert list_unjudged(results) == ["check 1, check 2: it is locked"]


def test_warnings_of_checks_that_did_not_fail_are_listed() -> None:
    results = [make_result("passed", 1, WARNING), make_result("failed", 2, FOUND, WARNING)]
    assert list_warned(results) == ["Check 1: an index is new"]
    assert list_warned([make_result("passed", 1, *[WARNING] * 23)])[-1] == "and 3 more warnings, which the report lists"


@pytest.mark.parametrize(("number", "lines"), [(0, 0), (3, 7), (4, 5), (9, 10), (10, 10)])
def test_few_causes_are_said_in_full_and_many_in_a_line_each(number: int, lines: int) -> None:
    listed = list_causes([Cause(f"Table t{n} is gone. {'x ' * 99}") for n in range(number)])
    assert len(listed) == lines
    assert all(len(line) <= 120 for line in listed)
    if number:
        assert listed[:2][0] == "what is wrong:"
        assert listed[1].startswith("1. Table t0 is gone.")
    assert (listed[-1:] == ["and 2 more, which the report lists"]) is (number == 10)
