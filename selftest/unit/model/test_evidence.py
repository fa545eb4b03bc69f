"""Evidence masks what describes a person, keeps what finds the row, and cannot play with the reader's screen."""

import datetime
import decimal
import json
import tomllib
import uuid
from pathlib import Path

import jsonschema
import pytest

from fixtures.rules import changed_since, settled
from postmigration.diff.findings import as_evidence, find_code
from postmigration.diff.row_sets import Difference
from postmigration.model.evidence import (
    Evidence,
    Finding,
    Letters,
    Overview,
    Problem,
    Subject,
    Violation,
    find_object,
    show_value,
)
from postmigration.model.sqltext import pasteable
from postmigration.model.verdict import Result
from postmigration.model.waivers import Waiver
from postmigration.report.formats.as_text import headings, text
from selftest.conftest import ROOT
from selftest.schema import SCHEMAS

OLD = settled("t")


@pytest.mark.parametrize(
    "value",
    [True, 42, decimal.Decimal("1.50"), uuid.UUID(int=7), datetime.date(2025, 3, 30)],
    ids=["boolean", "integer", "numeric", "uuid", "date"],
)
def test_keys_numbers_and_times_are_shown(value: object) -> None:
    assert show_value(value, plain=False) == str(value)


def test_text_is_masked_but_for_its_length() -> None:
    assert show_value("Nguyễn Văn An", plain=False) == "‹masked, 13 characters›"
    assert show_value(["an@example.com"], plain=False) == "{‹masked, 14 characters›}"
    assert show_value({"name": "An"}, plain=False).startswith("‹masked")
    assert show_value("x", plain=False) == "‹masked, 1 character›"
    assert show_value(["An", None, 7], plain=True) == "{An, NULL, 7}"


def test_masked_values_are_told_apart_by_letters_and_by_nothing_else() -> None:
    letters = Letters()
    values = ["Honda", "Toyota", "Honda", ["Mazda"], "x"]
    shown = [show_value(value, plain=False, letters=letters) for value in values]
    assert shown == [
        "‹masked A, 5 characters›",
        "‹masked B, 6 characters›",
        "‹masked A, 5 characters›",
        "{‹masked C, 5 characters›}",
        "‹masked D, 1 character›",
    ]
    assert [show_value(value, plain=False, letters=letters) for value in (7, None, "")] == ["7", "NULL", "''"]
    assert [letters[str(number)] for number in range(30)][-4:] == ["AE", "AF", "AG", "AH"]


def test_a_code_that_names_nobody_stands_beside_the_key() -> None:
    columns = ("id", "name", "number", "status")
    rows = [("1", "Mika", "P-25012701", "on"), ("2", "Jo", "P-25012702", "off")]
    differences = [Difference("changed", (row[0],), row, (*row[:3], "lost")) for row in rows]
    unique = {"name", "number"}
    assert find_code(differences, columns, 1, unique, {"number"}) == 2
    # What is not declared to name nobody may be somebody's, whatever it looks like; what is not unique names no row.
    assert find_code(differences, columns, 1, unique, ()) is None
    assert find_code(differences, columns, 1, {"name"}, {"number"}) is None
    shown = list(as_evidence(differences, columns, lambda value, _: f"<{value}>", 2))
    assert shown[0] == ("<1>", "P-25012701", "changed", "status", "<on>", "<lost>")


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        (f"SELECT a FROM t WHERE {OLD} AND b = 1", "SELECT a FROM t WHERE b = 1"),
        (f"SELECT a FROM t WHERE b = 1 AND {OLD}", "SELECT a FROM t WHERE b = 1"),
        (f"SELECT a, {OLD} AND (o.id IS NULL OR {OLD}) AS unchanged_since_cutover FROM t", "SELECT a FROM t"),
        (f"SELECT a FROM t WHERE NOT {OLD} AND b", "SELECT a FROM t WHERE NOT true AND b"),
        (f"SELECT a FROM t WHERE (b OR {OLD}) AND c", "SELECT a FROM t WHERE (b OR true) AND c"),
        (
            f"SELECT a FROM t WHERE n > (SELECT count(*) FROM t u WHERE {changed_since('u')})",
            "SELECT a FROM t WHERE n > 0",
        ),
    ],
)
def test_what_is_pasted_has_no_condition_that_limits_nothing(sql: str, left: str) -> None:
    assert pasteable(sql, {"cutover": "infinity"}) == left
    limited = pasteable(sql, {"cutover": "2026-11-01"})
    assert limited.count("'2026-11-01'") == sql.count(":cutover")
    assert "infinity" not in limited


def test_headings_name_the_column_where_all_rows_are_of_one() -> None:
    columns = ("id", "difference", "column", "want", "have")
    rows = (("1", "changed", "name", "a", "b"), ("2", "missing", "", "–", "–"))
    assert headings(Finding("wrong", 1, 1, columns, rows)) == ("id", "difference", "column", "want name", "have name")
    more = (*rows, ("3", "changed", "city", "a", "b"))
    assert headings(Finding("wrong", 1, 1, columns, more)) == columns
    assert headings(Finding("wrong", 1, 1, ("id", "want"), (("1", "a"),))) == ("id", "want")


def test_null_is_not_the_empty_text() -> None:
    assert show_value(None, plain=False) == "NULL"
    assert show_value("", plain=False) == show_value("", plain=True) == "''"


def test_control_characters_and_direction_marks_are_written_out() -> None:
    assert show_value("a\x1b[31mb\u202ec\nd", plain=True) == "a\\x1b[31mb\\u202ec\\nd"


def test_long_text_is_cut_and_says_so() -> None:
    text = show_value("x" * 10_000, plain=True)
    assert text.endswith("… (10,000 characters)")
    assert len(text) < 400
    assert show_value("x" * 300, plain=True) == "x" * 300


def test_evidence_survives_a_journey_as_json() -> None:
    finding = Finding("rows that are wrong", 2, 9, ("id", "have"), (("1", "a"), ("2", "b")), "SELECT 1", "warning")
    evidence = Evidence(9, 2, [finding], ["a note"], unexamined=["nothing there"])
    evidence.show("a table", ["who"], [["somebody"], ["nobody"]])
    assert evidence.overviews == [Overview("a table", ("who",), (("somebody",), ("nobody",)))]
    assert evidence.looked_at == "9 rows, 2 facts"
    sent = Result("a.py::test_b", None, "a", "b", "", "", "failed", evidence=evidence)
    assert Result.from_dict(json.loads(json.dumps(sent.to_dict()))) == sent


@pytest.mark.parametrize("length", range(90, 130))
def test_no_line_of_text_begins_with_what_a_database_holds(length: int) -> None:
    name = "x" * length + "::error::forged"
    findings = [Finding(f"refused: {name}", 2, 2, ("name", "other"), ((name, "1"), ("::error::forged", name)))]
    result = Result("t", 1, "Group", "title", "It holds.", "", "failed", evidence=Evidence(2, findings=findings))
    lines = text(result, 5).splitlines()
    assert sum(line.count("rged") for line in lines) >= 2
    assert not any(line.lstrip().startswith("::") for line in lines)
    assert max(map(len, lines)) <= 122


def test_a_violation_names_its_blockers_only() -> None:
    evidence = Evidence(
        findings=[
            Finding("a blocker", 1, 1),
            Finding("only a warning", 1, 1, severity="warning"),
            Finding("another", 1, 1),
        ],
    )
    violation = Violation(evidence)
    assert str(violation) == "a blocker; another"
    assert violation.evidence is evidence


def test_what_is_accepted_fails_nothing_and_says_why() -> None:
    evidence = Evidence(findings=[Finding("a blocker", 3, 9), Finding("only a warning", 2, 9, severity="warning")])
    waiver = Waiver("waiver 1", "5", "", "", "", "known", "dba", datetime.date(2026, 12, 31))
    evidence.accept(waiver)
    evidence.findings.append(Finding("more", 4, 9, severity="waived", waiver="waiver 1"))
    words = "a blocker: waiver 1, accepted until 2026-12-31 by dba: known"
    assert evidence.findings[0] == Finding(words, 3, 9, severity="waived", waiver="waiver 1")
    assert evidence.blockers == []
    assert [finding.statement for finding in evidence.warnings] == ["only a warning"]
    assert evidence.waived == {"waiver 1": 7}


@pytest.mark.parametrize(
    ("evidence", "words"),
    [(Evidence(), "nothing"), (Evidence(1, 0), "1 row"), (Evidence(1_000, 1), "1,000 rows, 1 fact")],
)
def test_what_was_looked_at_is_counted(evidence: Evidence, words: str) -> None:
    assert evidence.looked_at == words


def test_all_that_was_found_can_be_searched() -> None:
    finding = Finding("rows", 1, 1, ("id", "name"), (("1", "a"), ("2", "b")))
    assert Evidence(findings=[finding, Finding("more", 1, 1)]).words == "rows id name 1 a 2 b more"


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_schemas_are_what_their_types_say(file: Path) -> None:
    assert file.read_text() == SCHEMAS[file](), "make it again: python -m selftest.schema"


def test_a_migration_file_fits_its_schema() -> None:
    schema = json.loads(next(file for file in SCHEMAS if file.name == "migration.schema.json").read_text())
    for file in sorted(ROOT.glob("examples/*/migration.toml")):
        jsonschema.validate(tomllib.loads(file.read_text()), schema)
    wrong = {"name": "a", "change": [{"kind": "gone_table", "tabel": "b"}]}
    with pytest.raises(jsonschema.ValidationError, match="tabel"):
        jsonschema.validate(wrong, schema)


def test_a_problem_says_which_object_of_the_schema_it_is_about() -> None:
    key = Problem("t may be doubled", "", Subject("key", "", "id", "t"))
    assert find_object(key, "app") == Subject("key", "app", "id", "t")
    assert find_object(Problem("something is wrong"), "app") is None
    assert find_object("something is wrong", "app") is None
