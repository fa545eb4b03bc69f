from typing import Any

import pytest

from postmigration.diff.findings import as_evidence, find_code, of_buckets, of_keys, of_rows
from postmigration.diff.fingerprint_contents import BucketDifference, FingerprintComparison
from postmigration.diff.row_diff import ColumnCount, Comparison
from postmigration.diff.row_sets import Difference
from postmigration.model.evidence import Subject

COLUMNS = ("id", "code", "note")
MISSING = Difference("missing", ("1",), ("1", "a-1", "x"), None)
CHANGED = Difference("changed", ("2",), ("2", "a-2", "x"), ("2", "a-2", "y"))
SUBJECT = Subject.of_table("public", "stay")


def mask(text: str | None, name: str) -> str:
    return str(text) if name == "id" else "‹masked›"


def compared(
    *differences: Difference, columns: tuple[ColumnCount, ...] = (), have: int = 9, **counts: int
) -> Comparison:
    all_counts: Any = {"missing": 0, "extra": 0, "changed": 0, **counts}
    return Comparison(9, have, all_counts, 0, {}, differences, columns, counts.get("changed", 0))


@pytest.mark.parametrize(
    ("unique", "plain", "code"),
    [({"code"}, {"code"}, 1), ({"note"}, {"code"}, None), ({"code"}, {"id"}, None), ({"id"}, {"id"}, None)],
)
def test_people_know_rows_by_a_column_that_says_nothing_of_a_person(
    unique: set[str], plain: set[str], code: int | None
) -> None:
    assert find_code([MISSING], COLUMNS, 1, unique, plain) == code


def test_each_value_that_differs_is_a_row_of_evidence() -> None:
    assert list(as_evidence([MISSING, CHANGED], COLUMNS, mask)) == [
        ("1", "missing", "", "–", "–"),
        ("2", "changed", "note", "‹masked›", "‹masked›"),
    ]
    assert list(as_evidence([CHANGED], COLUMNS, mask, code=1)) == [
        ("2", "a-2", "changed", "note", "‹masked›", "‹masked›")
    ]


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (compared(MISSING, missing=1), "missing_rows"),
        (compared(extra=3), "extra_rows"),
        (compared(CHANGED, changed=1), "changed_values"),
        (compared(MISSING, CHANGED, missing=1, changed=1), "different_rows"),
        (compared(have=0, missing=9), "empty_table"),
    ],
)
def test_a_finding_of_rows_is_named_by_their_difference(found: Comparison, code: str) -> None:
    finding = of_rows(found, COLUMNS, 1, 9, "stay differs", mask, "SELECT 1", subject=SUBJECT)
    assert (finding.code, finding.wrong, finding.examined, finding.query) == (code, found.wrong, 9, "SELECT 1")
    assert finding.columns == ("id", "difference", "column", "want", "have")


def test_a_finding_says_in_how_many_rows_each_column_differs() -> None:
    columns = (ColumnCount("note", 3, 3, "trimmed"), ColumnCount("code", 2, 1), ColumnCount("day", 1, 1))
    found = compared(CHANGED, columns=columns, changed=3)
    finding = of_rows(found, COLUMNS, 1, 9, "stay differs", mask, "", subject=SUBJECT, known_by=1)
    assert finding.statement == (
        "stay differs; by column: note 3 of 3 (all NULL now, trimmed), code 2 of 3 (1 of them NULL now), "
        "day 1 of 3 (NULL now)"
    )
    assert finding.subject.changed[0] == ("note", "all NULL now, trimmed")
    assert finding.columns[:2] == ("id", "code")
    alone = compared(CHANGED, columns=(ColumnCount("note", 3, 0),), changed=3)
    assert of_rows(alone, COLUMNS, 1, 9, "stay differs", mask, "").statement == "stay differs"


def test_buckets_that_differ_are_shown_by_the_keys_in_them() -> None:
    found = FingerprintComparison(
        5, 4, 8, 0, 0, (BucketDifference(3, 2, 1), BucketDifference(6, 1, 1)), ((3, "1"), (6, "2")), "", frozenset()
    )
    finding = of_buckets(found, ("id",), "stay differs", mask, "SELECT 1", SUBJECT)
    assert finding.columns == ("id", "bucket", "rows before", "rows now")
    assert finding.rows == (("1", "3", "2", "1"), ("2", "6", "1", "1"))
    assert (finding.wrong, finding.examined) == (2, 5)
    assert finding.statement.endswith("at least 1 missing, 0 extra, 1 changed")


def test_the_query_for_rows_that_differ_names_keys_only_where_they_are_plain() -> None:
    both = ("SELECT * FROM stay", "SELECT * FROM visit", COLUMNS, 1, [CHANGED, MISSING])
    assert of_keys(*both, {"id"}) == (
        "SELECT id, note FROM (\nSELECT * FROM visit\n) AS target WHERE (id) IN (('1'), ('2'))"
    )
    assert of_keys(*both, set(), table="public.visit") == "SELECT id, note FROM public.visit"
    # Thousands of keys are nothing to paste.
    many = [Difference("extra", (str(n),), None, (str(n), "", "")) for n in range(250)]
    query = of_keys("", "", COLUMNS, 1, many, {"id"}, table="t")
    assert query.startswith("-- 100 of the rows that differ\nSELECT")
    assert query.count("('") == 100
    # Rows that are missing are where they were.
    missing = of_keys("SELECT * FROM stay", "", COLUMNS, 1, [MISSING], {"id"})
    assert missing.startswith(
        "-- on the state before, where they are\nSELECT id, code, note FROM (\nSELECT * FROM stay\n)"
    )
    quoted = Difference("extra", ("it's",), None, ("it's", "", ""))
    assert of_keys("", "", COLUMNS, 1, [quoted], {"id"}, table="t").endswith("WHERE (id) IN (('it''s'))")
