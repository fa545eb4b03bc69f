from dataclasses import replace

import pytest

from postmigration.diff.fingerprint import Fingerprint, TableFingerprint, rules
from postmigration.diff.fingerprint_fit import Unfit, hashes_otherwise, unfit
from postmigration.diff.row_diff import calibration
from postmigration.model.changes import Grows
from postmigration.model.migration import Migration
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("CREATE TABLE stay (id int PRIMARY KEY, note text)")


def table(name: str, *columns: str) -> TableFingerprint:
    return TableFingerprint(name, dict.fromkeys(columns, ("text", True)), ("id",), {}, 1_200, "infinity", 1, {})


@pytest.fixture
def taken(snapshot: Snapshot) -> Fingerprint:
    return Fingerprint(
        *("", "", "", "", "public", "native", calibration(snapshot), rules(None)), tables={"stay": table("stay", "id")}
    )


def test_one_whose_tables_and_columns_are_there_fits(taken: Fingerprint, snapshot: Snapshot) -> None:
    assert unfit(taken, snapshot, None) is None
    assert hashes_otherwise(taken, snapshot) is None


def test_a_server_that_hashes_otherwise_can_repeat_portable_hashes_alone(
    taken: Fingerprint, snapshot: Snapshot
) -> None:
    other = replace(taken, calibration="another server")
    assert str(hashes_otherwise(other, snapshot)).endswith("take it with --portable")
    assert unfit(other, snapshot, None) == hashes_otherwise(other, snapshot)
    assert hashes_otherwise(replace(other, method="portable"), snapshot) is None


def test_what_a_database_lacks_is_named(taken: Fingerprint, snapshot: Snapshot) -> None:
    lost = unfit(replace(taken, tables={"room": table("room", "id")}), snapshot, None)
    assert lost == Unfit(table="room", rows=1_200)
    assert str(lost) == "the database has no table room, of which it holds 1,200 rows"
    lost = unfit(replace(taken, tables={"stay": table("stay", "id", "fax")}), snapshot, None)
    assert lost is not None
    assert lost.describe("db-2", "the fingerprint") == (
        "the table stay of db-2 has no column fax, of which the fingerprint holds the hashes"
    )


def test_one_taken_under_other_changes_does_not_fit(taken: Fingerprint, snapshot: Snapshot) -> None:
    migration = Migration("shop", changes=[Grows(table="stay")])
    assert str(unfit(taken, snapshot, migration)).startswith("it was taken under other intended changes")
    assert unfit(replace(taken, rules=rules(migration)), snapshot, migration) is None
