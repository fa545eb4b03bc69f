"""What somebody sees of a table, beside what the rules say and beside what they saw before."""

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from postmigration.access.principals import ANONYMOUS, Actor
from postmigration.access.row_visibility import (
    Seen,
    compare_with_baseline,
    compare_with_rules,
    count_new,
    count_of,
    explain,
    recognize,
)
from postmigration.diff.row_sets import Difference, RowSet
from postmigration.model.errors import NotJudged
from postmigration.model.evidence import Subject
from postmigration.postgres.connection import Snapshot
from selftest.unit.access.conftest import GUEST, NOTES, STAFF, STRANGER
from selftest.unit.conftest import NewDatabase

OWN = "t.tenant = CAST(:tenant AS uuid)"
SECRET = "00000000-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def wider(new_database: NewDatabase) -> Iterator[Snapshot]:
    """The notes, all of which everybody sees who is signed in."""
    database = new_database(NOTES + "CREATE POLICY all_of_it ON note FOR SELECT TO authenticated USING (true);")
    snapshot = Snapshot(database)
    yield snapshot
    snapshot.close()


@pytest.fixture
def people(snapshot: Snapshot) -> Iterator[Snapshot]:
    """The same instant of the notes on another connection, where both sides can be read at once."""
    joined = snapshot.join()
    yield joined
    joined.close()


def test_what_staff_must_see_and_do_not_is_hidden(snapshot: Snapshot, people: Snapshot) -> None:
    seen = compare_with_rules(snapshot, people, STAFF, "note", may=OWN, must=OWN, keep=5)
    assert (seen.rows, seen.sees, seen.hidden, seen.leaked) == (2, 1, 1, 0)
    assert [(found.kind, found.key) for found in seen.examples] == [("missing", (SECRET,))]


def test_others_need_not_see_what_they_may(snapshot: Snapshot, people: Snapshot) -> None:
    seen = compare_with_rules(snapshot, people, GUEST, "note", may=OWN, must=OWN, keep=5)
    assert (seen.rows, seen.sees, seen.hidden, seen.leaked) == (2, 1, 0, 0)


def test_what_somebody_sees_and_may_not_is_leaked(snapshot: Snapshot, wider: Snapshot) -> None:
    seen = compare_with_rules(snapshot, wider, STRANGER, "note", may="t.body = 'first'", must="true", keep=1)
    assert (seen.rows, seen.sees, seen.hidden, seen.leaked) == (1, 3, 0, 2)
    assert len(seen.examples) == 1


@pytest.mark.parametrize(("actor", "hidden"), [(STAFF, 1), (GUEST, 0)])
def test_as_many_other_rows_are_not_those_that_somebody_may_see(
    snapshot: Snapshot, people: Snapshot, actor: Actor, hidden: int
) -> None:
    seen = compare_with_rules(snapshot, people, actor, "note", may=f"{OWN} AND t.secret", must="true", keep=5)
    assert (seen.rows, seen.sees, seen.hidden, seen.leaked) == (1, 1, hidden, 1)


def test_a_policy_that_fails_without_claims_hides_no_leak(new_database: NewDatabase) -> None:
    # What was set once is empty afterwards, and no JSON: who is asked for without claims is refused.
    known = "CREATE POLICY known ON note FOR SELECT TO authenticated USING (own_tenant() IS NOT NULL);"
    everything = Snapshot(new_database(NOTES + known))
    people = everything.join()
    try:
        seen = compare_with_rules(everything, people, GUEST, "note", may=OWN, must=OWN, keep=1)
        assert (seen.refused, seen.rows, seen.sees, seen.leaked) == ("", 2, 3, 1)
    finally:
        people.close()
        everything.close()


def test_who_is_refused_sees_none(snapshot: Snapshot, people: Snapshot) -> None:
    seen = compare_with_rules(snapshot, people, ANONYMOUS, "note", may="true", must="true", keep=1)
    assert (seen.rows, seen.sees, seen.hidden, seen.leaked) == (3, 0, 0, 0)
    assert (seen.refused, seen.denied) == ("permission denied for table note (SQLSTATE 42501)", True)
    assert count_of(snapshot, ANONYMOUS, "note") == 0
    assert count_of(snapshot, STAFF, "note") == 1


def test_a_finding_names_the_rows_of_its_kind() -> None:
    examples = (Difference("missing", ("1",), ("1",), None), Difference("extra", ("2",), None, ("2",)))
    seen = Seen(5, 5, hidden=1, leaked=7, examples=examples)
    hidden = seen.finding("missing", "hidden", Subject("table", "note"))
    assert (hidden.code, hidden.wrong, hidden.examined, hidden.rows) == ("rows_hidden", 1, 5, (("1",),))
    leaked = seen.finding("extra", "leaked", Subject("table", "note"))
    assert (leaked.code, leaked.wrong, leaked.examined, leaked.rows) == ("rows_open", 7, 7, (("2",),))


def test_rows_that_somebody_did_not_see_before_are_new(snapshot: Snapshot, wider: Snapshot) -> None:
    assert count_new(snapshot, wider, STAFF, "note") == 2
    assert count_new(wider, snapshot, STAFF, "note") == 0
    assert count_new(wider, snapshot, ANONYMOUS, "note") == 0


def test_what_somebody_sees_is_compared_with_what_they_saw(snapshot: Snapshot, wider: Snapshot) -> None:
    rows = RowSet("SELECT id FROM note", ("id",), 1, settings={**snapshot.application, **STAFF.settings})
    found = compare_with_baseline(wider, snapshot, rows, rows, STAFF, "note", 9, [])
    assert (found.want_rows, found.have_rows, found.counts["missing"], found.counts["extra"]) == (3, 1, 2, 0)
    # A query that fails shows no rows.
    refused = RowSet("SELECT id FROM note", ("id",), 1, settings={**snapshot.application, **ANONYMOUS.settings})
    found = compare_with_baseline(wider, snapshot, rows, refused, STAFF, "note", 9, ["missing"])
    assert (found.want_rows, found.have_rows, found.counts["missing"]) == (3, 1, 0)


def test_the_database_knows_who_asks(snapshot: Snapshot, new_database: NewDatabase) -> None:
    # Without auth.uid() there is nothing to ask.
    assert recognize(snapshot, STAFF, ["note", "member"]).known
    assert recognize(snapshot, STAFF, ["note", "member"]).rows == {"note": 1}
    deaf = Snapshot(
        new_database(
            NOTES + "CREATE SCHEMA auth; GRANT USAGE ON SCHEMA auth TO authenticated;"
            "CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid';"
        )
    )
    try:
        assert not recognize(deaf, STAFF, []).known
    finally:
        deaf.close()


def test_what_tells_nothing_of_rights_is_not_judged(snapshot: Snapshot) -> None:
    with pytest.raises(DBAPIError, match="due to statement timeout") as caught:
        snapshot.rows("SELECT count(*) FROM generate_series(1, 100000000)", {"statement_timeout": "1"})
    with pytest.raises(NotJudged, match="staff: canceling statement due to statement timeout"):
        explain(caught.value, STAFF)
