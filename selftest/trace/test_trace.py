"""A trace finds what a migration did, and in identical databases nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.changes import describe_change
from postmigration.model.migration import Migration
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.trace.findings import Trace
from postmigration.trace.tracing import trace

HERE = Path(__file__).parent

Follow = Callable[..., Trace]


@pytest.fixture(scope="module")
def worlds(server: embedded.Server) -> Iterator[None]:
    server.create("trace_before")
    with server.connect("trace_before") as connection:
        embedded.run_script(connection, HERE / "before.sql")
    server.create("trace_after", template="trace_before")
    with server.connect("trace_after") as connection:
        embedded.run_script(connection, HERE / "migration.sql")
    yield
    for name in ("trace_after", "trace_before"):
        server.drop(name)


@pytest.fixture
def opened(server: embedded.Server) -> Iterator[Callable[[str], Snapshot]]:
    with ExitStack() as cleanup:

        def open_one(name: str) -> Snapshot:
            database = Database(server.conninfo(name), option="--db-url")
            cleanup.callback(database.close)
            snapshot = Snapshot(database)
            cleanup.callback(snapshot.close)
            return snapshot

        yield open_one


@pytest.fixture
def follow(
    server: embedded.Server, worlds: None, opened: Callable[[str], Snapshot], request: pytest.FixtureRequest
) -> Follow:
    def run(statement: str = "") -> Trace:
        after = "trace_after"
        if statement:
            after = "trace_damaged"
            server.create(after, template="trace_after")
            request.addfinalizer(lambda: server.drop(after))
            with server.connect(after) as connection:
                connection.execute(statement.encode())
        return trace(opened("trace_before"), opened(after), ["public"])

    return run


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


def test_it_finds_what_a_migration_did(follow: Follow, opened: Callable[[str], Snapshot]) -> None:
    found = follow()
    assert sorted(map(describe_change, found.changes)) == EXPECTED.split("\n")[1:-1]
    assert [one.misfits for one in found.found if one.misfits] == [["none of its rows was found elsewhere"]]
    declared = Migration("traced", changes=found.changes)
    rows = RowExamination(opened("trace_before"), opened("trace_after"), ["public"], migration=declared).compare()
    assert not [finding.statement for finding in rows.findings]


def test_identical_databases_have_nothing_to_find(worlds: None, opened: Callable[[str], Snapshot]) -> None:
    found = trace(opened("trace_before"), opened("trace_before"), ["public"])
    assert (found.found, found.same) == ([], 11)
