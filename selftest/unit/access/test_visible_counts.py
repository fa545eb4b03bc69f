"""How many rows each of all people sees, and how many the rules owe them."""

import pytest

from postmigration.access.principals import ANONYMOUS, MOST_PEOPLE
from postmigration.access.row_visibility import Amount
from postmigration.access.visible_counts import Owed, count_for_each, count_owed, explain_uncounted
from postmigration.model.errors import NotJudged
from postmigration.postgres.connection import Snapshot
from selftest.unit.access.conftest import GUEST, NOTES, STAFF, STRANGER
from selftest.unit.conftest import OpenSnapshot

OWN = "t.tenant = CAST(:tenant AS uuid)"


def test_each_person_is_counted_as_they_see_and_who_is_refused_sees_nothing(snapshot: Snapshot) -> None:
    people = [STAFF, STRANGER, ANONYMOUS, GUEST]
    counted = count_for_each(snapshot, people, "note", ["id"])
    assert [amount.rows for amount in counted] == [1, 0, 0, 1]
    assert counted[0] == counted[3]
    assert counted[1] == Amount(0, 0)


def test_the_rules_owe_what_somebody_may_and_must_see(snapshot: Snapshot) -> None:
    owed = count_owed(snapshot, [STAFF, GUEST, STRANGER], "note", ["id"], may=OWN, must="NOT t.secret")
    assert [(of.may.rows, of.must) for of in owed] == [(2, 1), (2, 0), (0, 0)]
    # What staff see is all that they must, and not all that they may.
    seen = count_for_each(snapshot, [STAFF], "note", ["id"])[0]
    assert owed[0].allows(seen)
    exactly = count_owed(snapshot, [STAFF], "note", ["id"], may=f"{OWN} AND NOT t.secret", must="true")
    assert exactly[0].may == seen


@pytest.mark.parametrize(
    ("seen", "allowed"),
    [(Amount(0, 0), False), (Amount(1, 5), True), (Amount(2, 7), True), (Amount(2, 8), False), (Amount(3, 7), False)],
    ids=["too few", "some", "all", "as many others", "too many"],
)
def test_which_rows_are_seen_counts_where_all_are(seen: Amount, allowed: bool) -> None:
    assert Owed(Amount(2, 7), must=1).allows(seen) is allowed


def test_why_somebody_is_not_counted(snapshot: Snapshot) -> None:
    assert explain_uncounted(snapshot, MOST_PEOPLE, "note") == ""
    assert explain_uncounted(snapshot, MOST_PEOPLE + 1, "note") == f"there are more than {MOST_PEOPLE} users"


def test_many_people_with_many_rows_are_not_counted(open_snapshot: OpenSnapshot) -> None:
    many = open_snapshot("CREATE TABLE row AS SELECT FROM generate_series(1, 10001)")
    assert explain_uncounted(many, 300, "row") == "300 users and 10,001 rows are many"
    assert explain_uncounted(many, 299, "row") == ""


def test_what_takes_too_long_is_not_judged(open_snapshot: OpenSnapshot) -> None:
    locked = open_snapshot(
        f"""{NOTES}
        CREATE FUNCTION wait() RETURNS boolean LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION USING ERRCODE = '55P03'; END $$;
        CREATE POLICY waits ON note AS RESTRICTIVE FOR SELECT USING (wait());
        """
    )
    with pytest.raises(NotJudged, match=r"staff: code of the database raised it.*: another session held a lock"):
        count_for_each(locked, [STAFF], "note", ["id"])
