import pytest

from postmigration.checks.workload.attempts import try_statements
from postmigration.checks.workload.statements import Attempt, Refusal, Statement
from postmigration.postgres.connection import Snapshot
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE SCHEMA sales;
    CREATE TABLE sales.stay (id int PRIMARY KEY, note text, day date);
    CREATE TABLE sales.locked (id int);
    CREATE DOMAIN sales.positive AS int CHECK (VALUE > 0);
    CREATE TABLE sales.room (beds sales.positive);
    CREATE ROLE unit_app LOGIN;
    GRANT USAGE ON SCHEMA sales TO unit_app; GRANT SELECT ON sales.stay TO unit_app;
    ALTER ROLE unit_app SET search_path = sales
"""


def attempt(snapshot: Snapshot, text: str, role: str = "unit_app", before: Attempt | None = None) -> Attempt:
    ((_, _, found),) = try_statements(snapshot, [Statement(text, role, before=before)], ["sales"])
    return found


def test_a_statement_is_planned_as_whoever_sent_it(now: Fill) -> None:
    found = attempt(now(WORLD), "SELECT id, note FROM stay WHERE id = $1")
    assert (found.path, found.own, found.refused, found.unplanned) == ('"sales"', True, None, None)
    assert list(found.columns) == [("id", "integer"), ("note", "text")]
    assert found.plan is not None
    assert found.plan.indexed == ["sales.stay"]
    assert found.plan.cost > 0
    whole = attempt(now(WORLD), "SELECT FROM stay WHERE note = $1").plan
    assert whole is not None
    assert list(whole.whole) == ["sales.stay"]


@pytest.mark.parametrize(
    ("text", "state", "position"),
    [
        ("SELECT nothing FROM stay", "42703", 8),
        ("SELECT 1 FROM lost", "42P01", 15),
        ("SELECT 1; SELECT 2", "42601", 0),
    ],
)
def test_a_statement_that_cannot_be_parsed_is_refused(now: Fill, text: str, state: str, position: int) -> None:
    refused = attempt(now(WORLD), text).refused
    assert refused is not None
    assert (refused.state, refused.position) == (state, position)


def test_a_privilege_that_lacks_is_told_and_the_snapshot_stays_usable(now: Fill) -> None:
    snapshot = now(WORLD)
    found = [
        one
        for _, _, one in try_statements(
            snapshot, [Statement("TABLE locked", "unit_app"), Statement("TABLE stay", "unit_app")], ["sales"]
        )
    ]
    assert found[0].unplanned == Refusal("42501", "permission denied for table locked")
    assert found[1].plan is not None
    assert snapshot.scalar("SELECT count(*) FROM sales.stay") == 0


def test_other_places_are_tried_where_the_path_of_its_role_finds_nothing(now: Fill) -> None:
    found = attempt(now(WORLD), "SELECT note FROM stay", role="postgres")
    assert (found.refused, found.own) == (None, False)
    assert found.path.startswith('"sales"')
    # One that could be parsed with what is set for its role has to be so again.
    again = attempt(now(WORLD), "SELECT note FROM stay", role="postgres", before=Attempt("public", own=True))
    assert again.refused is not None
    assert again.refused.state == "42P01"


def test_a_parameter_that_nothing_tells_the_type_of_is_taken_for_text(now: Fill) -> None:
    found = attempt(now(WORLD), "SELECT $1 IS NULL, id FROM stay WHERE $2 IS NULL")
    assert found.refused is None
    assert found.plan is not None


def test_what_would_run_code_of_the_application_is_not_planned(now: Fill) -> None:
    found = attempt(now(WORLD), "INSERT INTO room VALUES ($1)")
    assert found.unplanned == Refusal("", "a parameter is of a domain")
    gone = attempt(now(WORLD), "SELECT 1 FROM sales.stay", role="unit_gone")
    assert gone.unplanned == Refusal("", "there is no role unit_gone, and they were parsed as whoever judges")
