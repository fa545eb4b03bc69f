"""A trace finds what a migration did, and in identical databases nothing."""

import pytest

from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.changes import describe_change
from postmigration.model.migration import Migration
from postmigration.trace.tracing import trace
from selftest.tiers import few
from selftest.trace.conftest import Follow, Open

EXPECTED = """
gone_column Reminder.teamEventId
gone_column Reservation.eventTypeId
gone_column Schedule.eventTypeId
gone_column User.legacyToken
gone_column Webhook.eventTypeId
gone_table EventType
gone_table FeatureFlag
gone_table TeamEvent
moved_rows EventType to Forward
moved_rows EventType to Offer
moved_rows EventType to Series
moved_rows TeamEvent to Offer
new_column Reminder.offerId
new_column Reservation.offerId
new_column Schedule.offerId
new_column Webhook.offerId
new_table Forward
new_table Offer
new_table Series
renamed_column User.name to displayName
renamed_table Team to Group
repointed_reference Question.eventTypeId through Offer
repointed_reference Reminder.teamEventId through Offer
repointed_reference Reservation.eventTypeId through Offer
repointed_reference Schedule.eventTypeId through Offer
repointed_reference Webhook.eventTypeId through Offer
"""


def test_it_finds_what_a_migration_did(follow: Follow, opened: Open) -> None:
    found = follow()
    assert sorted(map(describe_change, found.changes)) == EXPECTED.split("\n")[1:-1]
    assert [one.misfits for one in found.found if one.misfits] == [["none of its rows was found elsewhere"]]
    declared = Migration("traced", changes=found.changes)
    rows = RowExamination(opened("trace_before"), opened("trace_after"), ["public"], migration=declared).compare()
    assert not [finding.statement for finding in rows.findings]


def test_identical_databases_have_nothing_to_find(worlds: None, opened: Open) -> None:
    found = trace(opened("trace_before"), opened("trace_before"), ["public"])
    assert (found.found, found.same) == ([], 11)


# What went wrong after the migration, and what must be said of it.
DAMAGE = [
    ("DELETE FROM \"Series\" WHERE id IN ('ser_3', 'ser_6')", "EventType to Series: 2 of 30 rows are lost"),
    ("INSERT INTO \"Series\" VALUES ('ser_900', 'x', 'x', 1, now())", "Series: 1 of its 31 rows come from nowhere"),
    ("UPDATE \"Offer\" SET title = left(title, 6) WHERE id LIKE 'tof_1%'", "title: 11 of 100 are others: 11 cut at 6"),
    ("UPDATE \"Offer\" SET title = upper(title) WHERE id = 'tof_1'", "title: 1 of 100 are others: 1 in another case"),
    (
        'UPDATE "Offer" SET "createdAt" = "createdAt" - interval \'2 hours\'',
        "createdAt: 100 of 100 are others: 100 shifted by -2 hours",
    ),
    (
        'UPDATE "Offer" SET "lengthInMinutes" = "lengthInMinutes" * 10 WHERE id = \'tof_1\'',
        "lengthInMinutes: 1 of 100 are others: 1 multiplied by 10",
    ),
    ('UPDATE "Forward" SET url = \'\' WHERE "eventTypeId" < 20', "url: 3 of 18 are others: 3 empty now"),
    ('UPDATE "Reservation" SET "offerId" = \'ofr_4\' WHERE id < 3', "offerId: 2 of 120 are others: 2 another value"),
    ("UPDATE \"Schedule\" SET zone = zone || ' ' WHERE id = 3", "zone: 1 of 60 are others"),
    ('DELETE FROM "Setting" WHERE id < 4', "Setting: 3 of 12 rows are lost"),
]


@pytest.mark.parametrize(("statement", "words"), few(DAMAGE, 2))
def test_what_does_not_fit_is_told_and_not_excused(follow: Follow, statement: str, words: str) -> None:
    found = follow(statement)
    told = [f"{one.subject}: {misfit}" for one in found.found for misfit in one.misfits if one.subject != "FeatureFlag"]
    assert any(words in misfit for misfit in told), told
    assert not {"may_change", "shrinks", "grows"} & {describe_change(change).split()[0] for change in found.changes}
