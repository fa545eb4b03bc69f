"""Checksums that the server counts as wrong, and the age of the oldest transaction."""

import pytest

from postmigration.checks.health.ages import Age, examine_ages, examine_checksums
from selftest.unit.uncommitted import Fill


@pytest.mark.parametrize(
    ("age", "severity"),
    [(200_000_000, None), (400_000_001, "warning"), (1_600_000_001, "blocker")],
)
def test_an_age_is_as_grave_as_the_limits_of_the_server_say(age: int, severity: str | None) -> None:
    assert Age("transaction", age, 200_000_000, 1_600_000_000, "public.t").severity == severity


# As old as nobody's database is; only this transaction sees it.
OLD = """
    UPDATE pg_database SET datfrozenxid = CAST(CAST(
        mod(CAST(age(CAST('3' AS xid)) + 3 AS bigint) - {} + 4294967296, 4294967296) AS text) AS xid)
    WHERE datname = current_database()
"""


def test_a_young_database_is_sound(now: Fill) -> None:
    found = examine_ages(now(), None)
    # The oldest transaction, and the oldest multixact.
    assert (found.findings, found.notes, found.facts) == ([], [], 2)


def test_an_old_one_is_found_with_its_table_and_what_helps(now: Fill) -> None:
    (finding,) = examine_ages(now(OLD.format(1_700_000_000)), None).findings
    assert finding.statement.startswith("the oldest transaction of the database is 1,700,000,000 transactions old, in ")
    assert finding.statement.endswith(
        "above the age of 1,600,000,000 from which vacuum drops all else to prevent wraparound"
    )
    assert finding.severity == "blocker"
    assert finding.repair.startswith("VACUUM (FREEZE) ")


@pytest.mark.parametrize(("age", "findings", "notes"), [(900_000_000, [], 1), (1_700_000_000, ["warning"], 0)])
def test_what_was_as_old_before_is_one_step_milder(
    was: Fill, now: Fill, age: int, findings: list[str], notes: int
) -> None:
    found = examine_ages(now(OLD.format(age)), was(OLD.format(age)))
    assert [finding.severity for finding in found.findings] == findings
    assert len(found.notes) == notes
    assert all(words.endswith("; it was so before") for words in (*found.notes, *(f.statement for f in found.findings)))


def test_a_server_that_counted_no_wrong_checksum_is_sound(now: Fill) -> None:
    after = now()
    found = examine_checksums(after, None)
    kept = after.scalar("SHOW data_checksums") == "on"
    assert (found.findings, found.facts) == ([], int(kept))
    assert found.inapplicable == ("" if kept else "the server keeps no checksums")
