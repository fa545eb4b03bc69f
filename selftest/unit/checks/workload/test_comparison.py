"""How the statements of an application fare is compared with how they fared before."""

import math

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.workload.comparison import examine
from postmigration.checks.workload.statements import Attempt, Plan, Statement, Workload
from postmigration.model.changes import Change, GoneColumn
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE orders (id int PRIMARY KEY, note text);
    INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 9) n
"""
FINE = Attempt("public", columns=(("id", "integer"),), plan=Plan(8.0))


@pytest.fixture(scope="module")
def after(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def _examine(
    after: Snapshot, text: str, before: Attempt | None = FINE, *meant: Change, budget: float = math.inf
) -> Examination:
    sent = Workload("shop", "2026-11-01", [Statement(text, "postgres", calls=1_200, before=before)], {"of psql": 3})
    return examine(after, sent, ["public"], meant, budget)


def test_a_statement_that_fares_as_before_is_fine(after: Snapshot) -> None:
    found = _examine(after, "SELECT id FROM orders WHERE id = $1")
    assert (found.facts, found.findings, found.unjudged) == (1, [], [])
    assert found.notes[0] == (
        "1 statement of the application, sent 1,200 times to shop until 2026-11-01; left out: 3 of psql"
    )


def test_a_statement_that_names_what_is_gone_is_a_blocker(after: Snapshot) -> None:
    (finding,) = _examine(after, "SELECT gone FROM orders").findings
    assert finding.severity == "blocker"
    assert "undefined column, SQLSTATE 42703" in finding.statement
    assert "1 statement that could run before cannot be parsed, sent 1,200 times" in finding.statement
    assert finding.rows[0][3] == "SELECT >>>gone FROM orders"


def test_where_it_is_not_known_how_it_fared_it_is_a_warning(after: Snapshot) -> None:
    (finding,) = _examine(after, "SELECT gone FROM orders", None).findings
    assert finding.severity == "warning"


def test_what_is_declared_to_be_gone_is_a_note(after: Snapshot) -> None:
    found = _examine(after, "SELECT gone FROM orders", FINE, GoneColumn(table="orders", column="gone"))
    assert found.findings == []
    assert "names gone, which the migration declares to be gone or another one" in found.notes[1]


def test_another_type_of_a_column_is_a_warning_and_more_columns_are_a_note(after: Snapshot) -> None:
    (finding,) = _examine(after, "SELECT id::text AS id FROM orders").findings
    assert "column id is text, and was integer" in finding.statement
    found = _examine(after, "SELECT id, note FROM orders")
    assert found.findings == []
    assert "returns note besides" in found.notes[1]


@pytest.mark.parametrize(("budget", "severity"), [(math.inf, "warning"), (10.0, "blocker")])
def test_what_costs_many_times_as_much_is_told(after: Snapshot, budget: float, severity: str) -> None:
    text = "SELECT a.id FROM orders a, orders b, orders c, orders d, orders e WHERE a.note = $1"
    (finding,) = _examine(after, text, FINE, budget=budget).findings
    assert finding.severity == severity
    assert "statistics or an index may be missing" in finding.statement
