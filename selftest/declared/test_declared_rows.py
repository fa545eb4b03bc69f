"""What a migration declares of rows must have happened, and nothing else."""

import pytest

from postmigration.model.changes import Grows, MayChange, Shrinks, describe_change
from selftest.declared.conftest import CHANGES, Examine
from selftest.tiers import few

# What went wrong, and what must be said of it.
FAULTS = {
    "DELETE FROM \"Visit\" WHERE id > 'visit_8'": "Visit: 5 rows of 50 are missing",
    "INSERT INTO \"Visit\" VALUES ('visit_x', 'guest1@example.org', 'done', now())": "1 row was not there before",
    "UPDATE \"Stay\" SET note = NULL WHERE note = ''": "Stay: 30 rows differ in note",
    'UPDATE "Stay" SET cents = cents + 1 WHERE "unitId" = 2': "differ in cents",
    'UPDATE "Stay" SET "createdAt" = "createdAt" + interval \'2 hours\'': "Stay: 150 rows differ in createdAt",
    "UPDATE \"Visit\" SET status = 'open' WHERE id = 'visit_4'": "Visit: 1 row differs in status",
    'UPDATE "Payment" SET "stayId" = \'stay_1\' WHERE id IN (5, 6)': "Payment: 2 rows differ in stayId",
    'UPDATE "Payment" SET "isRefund" = NOT "isRefund" WHERE id = 5': "Payment: 1 row differs in isRefund",
    "UPDATE \"Payment\" SET reviewed = 'yes' WHERE id = 5": "Payment: 1 row differs in reviewed",
    'UPDATE "Payment" SET amount = 0 WHERE id = 6': "Payment: 1 row differs in amount",
    'UPDATE "Unit" SET large = NOT large WHERE id = 1': "Unit: 1 row differs in large",
    'UPDATE "Unit" SET "number" = lower("number") WHERE id = 1': "Unit: 1 row differs in number",
    "UPDATE \"Guest\" SET name = 'Guest' WHERE \"eMail\" = 'guest1@example.org'": "Guest: 1 row differs in name",
    'DELETE FROM "Event" WHERE id = 7': "Event: 1 row of 200 is missing",
    "UPDATE \"Event\" SET what = '' WHERE id = 7": "Event: 1 row differs in what",
    'DELETE FROM "Draft" WHERE id = 1': "Draft: 1 row of 20 is missing",
    "UPDATE \"Draft\" SET body = '' WHERE id = 12": "Draft: 1 row differs in body",
    'DELETE FROM "Untouched" WHERE id = 1': "Untouched: 1 row of 30 is missing",
    'DROP TABLE "Visit"': "Visit: there is no such table: moved_rows Booking to Visit did not happen",
    'ALTER TABLE "Unit" DROP COLUMN beds': "Unit.beds: the column is lost, with 12 values",
}


def test_what_was_declared_and_happened_is_right(examine: Examine) -> None:
    found = examine()
    assert [finding.statement for finding in found.findings] == []
    assert not found.unjudged
    assert found.notes == [
        "Payment: retyped, same values: isRefund was integer and is boolean",
        "derived_value Room.large: 12 rows",
        "repointed_reference Payment.bookingId through Stay: 150 rows",
        "moved_rows Booking to Guest: 200 rows",
        "moved_rows Booking to Stay: 150 rows",
        "moved_rows Booking to Visit: 50 rows",
        "gone_table Booking: no row went with it but those that moved",
        "shrinks Draft: 5 rows are gone",
        "history_table Event: 1 row is new",
        "may_change Payment.reviewed: 50 rows changed",
    ]


@pytest.mark.parametrize("statement", few(list(FAULTS), 0, 2, 6, 13, 15))
def test_what_differs_beside_is_found(examine: Examine, statement: str) -> None:
    found = examine(statement)
    said = [finding.statement for finding in found.findings]
    assert len(said) == 1, said
    assert FAULTS[statement] in said[0]


def test_codes_are_shown_and_missing_rows_are_asked_of_the_state_before(examine: Examine) -> None:
    (finding,) = examine("DELETE FROM \"Visit\" WHERE id = 'visit_8'").findings
    assert finding.rows == (("visit_8", "missing", "", "–", "–"),)
    assert finding.query.startswith("-- on the state before, where they are\nSELECT id, ")
    assert finding.query.endswith("AS baseline WHERE (id) IN (('visit_8'))")
    (finding,) = examine("UPDATE \"Stay\" SET note = 'none' WHERE id = 'stay_1'").findings
    assert finding.rows == (("‹masked A, 6 characters›", "changed", "note", "NULL", "none"),)
    assert finding.query.startswith("SELECT id, note FROM (")


# What is not declared, and what must be said of it then.
UNDECLARED = {
    "gone_table Booking": "Booking: the table is lost, with 200 rows",
    "renamed_table Room to Unit": "Room: the table is lost, with 12 rows",
    "renamed_column Room.no to number": "Unit.no: the column is lost, with 12 values",
    "moved_rows Booking to Visit": "Visit: 50 rows: it is declared as new, and neither moved_rows nor grows says",
    "gone_column Payment.bookingId": "Payment.bookingId: the column is lost, with 150 values",
    "may_change Payment.reviewed": "Payment: 50 rows differ in reviewed",
    "history_table Event": "Event: 1 row was not there before",
    "shrinks Draft": "Draft: 5 rows of 20 are missing",
}


@pytest.mark.parametrize("left_out", few(list(UNDECLARED), 0, 5))
def test_what_is_not_declared_is_found(examine: Examine, left_out: str) -> None:
    changes = [change for change in CHANGES if describe_change(change) != left_out]
    assert len(changes) == len(CHANGES) - 1
    said = [finding.statement for finding in examine(changes=changes).findings]
    assert any(UNDECLARED[left_out] in statement for statement in said), said


def test_what_nothing_used_is_told(examine: Examine) -> None:
    more = [MayChange(table="Untouched", column="value"), Grows(table="Draft"), Shrinks(table="Event", where="false")]
    notes = examine(changes=[*CHANGES, *more]).notes
    assert [note for note in notes if "nothing used it" in note] == [
        "grows Draft: nothing used it",
        "shrinks Event: nothing used it",
        "may_change Untouched.value: nothing used it",
    ]


def test_columns_of_which_nothing_is_said_are_told(examine: Examine) -> None:
    left_out = ("derived_value Room.large", "repointed_reference Payment.bookingId through Stay")
    found = examine(
        'ALTER TABLE "Visit" ADD COLUMN late text',
        changes=[change for change in CHANGES if describe_change(change) not in left_out],
    )
    assert not found.findings
    told = "not compared, since no change says what they hold"
    assert [note for note in found.notes if told in note] == [
        f"Payment: {told}: stayId (filled in 150 of 150 rows, 150 different values)",
        f"Unit: {told}: large (filled in 12 of 12 rows, 2 different values)",
        f"Visit: {told}: late (filled in 0 of 50 rows)",
    ]


def test_only_what_is_declared_may_go_and_come(examine: Examine) -> None:
    changed = "UPDATE \"Draft\" SET body = 'another' WHERE id = 2"
    (finding,) = examine(f"INSERT INTO \"Draft\" VALUES (2, 'draft 2', true); {changed}").findings
    assert "Draft: 1 row differs in body" in finding.statement
