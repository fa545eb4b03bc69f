"""Evidence masks what describes a person, keeps what finds the row, and cannot play with the reader's screen."""

import datetime
import decimal
import json
import uuid

import pytest

from postmigration.evidence import Evidence, Finding, Violation, shown


@pytest.mark.parametrize(
    "value",
    [True, 42, decimal.Decimal("1.50"), uuid.UUID(int=7), datetime.date(2025, 3, 30)],
    ids=["boolean", "integer", "numeric", "uuid", "date"],
)
def test_keys_numbers_and_times_are_shown(value: object) -> None:
    assert shown(value, plain=False) == str(value)


def test_text_is_masked_but_for_its_length() -> None:
    assert shown("Nguyễn Văn An", plain=False) == "‹masked, 13 characters›"
    assert shown(["an@example.com"], plain=False) == "{‹masked, 14 characters›}"
    assert shown({"name": "An"}, plain=False).startswith("‹masked")


def test_null_is_not_the_empty_text() -> None:
    assert shown(None, plain=False) == "NULL"
    assert shown("", plain=False) == shown("", plain=True) == "''"


def test_control_characters_and_direction_marks_are_written_out() -> None:
    assert shown("a\x1b[31mb\u202ec\nd", plain=True) == "a\\x1b[31mb\\u202ec\\nd"


def test_long_text_is_cut_and_says_so() -> None:
    text = shown("x" * 10_000, plain=True)
    assert text.endswith("… (10,000 characters)")
    assert len(text) < 400


def test_evidence_survives_a_journey_as_json() -> None:
    finding = Finding("rows that are wrong", 2, 9, ("id", "have"), (("1", "a"), ("2", "b")), "SELECT 1", "warning")
    evidence = Evidence(9, 2, [finding], ["a note"], [])
    assert evidence.looked_at == "9 rows, 2 facts"
    assert Evidence.from_dict(json.loads(json.dumps(evidence.to_dict()))) == evidence


def test_a_violation_names_its_blockers_only() -> None:
    evidence = Evidence(
        findings=[Finding("a blocker", 1, 1), Finding("only a warning", 1, 1, severity="warning")],
    )
    assert str(Violation(evidence)) == "a blocker"
