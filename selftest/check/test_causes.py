"""What is wrong with a database beside the one before it, as the causes of the report tell it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from postmigration.checks.builtin import MIGRATION
from postmigration.model.verdict import Result, Verdict
from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.validation import Validation
from selftest.check.conftest import Change
from selftest.check.judging import judge
from selftest.tiers import few

MODULES = ("test_objects", "test_rows", "test_references")
NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def told(changed: Change, *statements: str) -> Sequence[Cause]:
    """What is wrong after some statements."""
    verdict = judge(*changed(*statements), only=MODULES)
    results = [
        Result(name, None, "", name, "", "", "failed" if evidence.blockers else "passed", evidence=evidence)
        for name, evidence in verdict.evidence.items()
    ]
    return diagnose(Validation(MIGRATION, Verdict("NO-GO", "", 1), "", {}, [], results, [], NOW, NOW))


@pytest.mark.parametrize(
    ("sql", "words", "shown"),
    few(
        [
            (
                "SET session_replication_role = replica;\nDELETE FROM sales.client WHERE id = 1;",
                "1 of 30 rows of client is missing (id 1); row-level security is on",
                "lead to no row of sales.client",
            ),
            (
                "SET session_replication_role = replica;\n"
                "UPDATE sales.client SET changed_at = changed_at + interval '7 hours';",
                "All 30 rows of client have changed_at shifted by +7 hours: a shift of the time zone.",
                "",
            ),
            (
                "SET session_replication_role = replica;\nUPDATE sales.invoice SET client_id = 99999 WHERE id <= 20;",
                "20 of 90 rows of invoice have other values in client_id, and lead to no row of sales.client, against "
                "the foreign key invoice_client.",
                "",
            ),
            (
                "ALTER TABLE sales.invoice DROP CONSTRAINT invoice_client;\n"
                "UPDATE sales.invoice SET client_id = 99999 WHERE id <= 8;\n"
                "ALTER TABLE sales.invoice ADD CONSTRAINT invoice_client FOREIGN KEY (client_id) REFERENCES "
                "sales.client ON DELETE CASCADE NOT VALID;",
                "8 of 90 rows of invoice have other values in client_id, and lead to no row of sales.client, against "
                "the foreign key invoice_client, which is not validated.",
                "Constraint invoice_client on sales.invoice is NOT VALID",
            ),
            ("DROP TABLE sales.tariff;", "sales.tariff: the table is lost, with 10 rows", "Table sales.tariff is gone"),
            ("TRUNCATE sales.tariff;", "tariff is empty: all 10 rows that it held are lost.", ""),
            (
                "ALTER TABLE sales.client DISABLE TRIGGER stamp_client;",
                "Trigger stamp_client on sales.client is disabled",
                "",
            ),
            (
                "ALTER TABLE sales.tariff ALTER COLUMN price TYPE integer;",
                "The type of column sales.tariff.price was numeric(8,3), is integer.",
                "5 of 10 rows of tariff have other values in price",
            ),
            (
                "DROP INDEX sales.invoice_open, sales.invoice_note;",
                "Index sales.invoice_note is gone",
                "so is invoice_open",
            ),
        ],
        0,
        2,
        6,
    ),
)
def test_one_thing_that_went_wrong_is_one_cause(changed: Change, sql: str, words: str, shown: str) -> None:
    (cause,) = told(changed, sql)
    assert words in cause.words
    assert shown in " ".join((cause.words, *cause.also, *cause.consequences))
    assert cause.repair or cause.remedy
    assert all(result.outcome == "failed" for result in cause.checks)


def test_two_things_that_went_wrong_are_two_causes_the_worse_first(changed: Change) -> None:
    found = told(changed, "DROP INDEX sales.invoice_open;", "DELETE FROM sales.tariff WHERE price = 3;")
    assert ["tariff" in cause.words for cause in found] == [True, False]
