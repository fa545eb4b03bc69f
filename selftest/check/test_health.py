"""What health checkers know: every fault is found by its check, and what is sound is accused of nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from postmigration.checks.health import ages, planner_statistics
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.check.conftest import Change
from selftest.check.health_faults import FAULTS, SOUND, Fault
from selftest.check.judging import Verdict, judge
from selftest.tiers import few

MODULES = ("test_damage", "test_statements", "test_tool_remains")
GRAVE = ("blocker", "warning")
# The first fault of each check.
FIRST = [place for place, fault in enumerate(FAULTS) if fault.check not in {one.check for one in FAULTS[:place]}]


def judged(changed: Change, fault: Fault, only: tuple[str, ...]) -> Verdict:
    before = changed(fault.before)[1]
    after = changed(fault.sql, database=str(conninfo_to_dict(before)["dbname"]))[1]
    return judge(before, after, only=only)


def find(fault: Fault, verdict: Verdict) -> None:
    evidence = verdict.evidence[f"test_{fault.check}"]
    said = {severity: [f.statement for f in evidence.findings if f.severity == severity] for severity in GRAVE}
    said["told"] = evidence.notes
    assert any(fault.words in words for words in said[fault.severity]), said


@pytest.mark.parametrize("fault", few(FAULTS, *FIRST, full=()), ids=lambda fault: f"{fault.check}-{fault.words[:60]}")
def test_a_fault_is_found_by_its_check(fault: Fault, changed: Change) -> None:
    verdict = judged(changed, fault, MODULES)
    find(fault, verdict)
    its = {f"test_{fault.check}"}
    assert verdict.red() == (its if fault.severity == "blocker" else set()), verdict.words("blocker")
    assert verdict.yellow() <= its, verdict.words("warning")


@pytest.mark.full
@pytest.mark.parametrize(
    "fault", few(FAULTS, full=range(0, len(FAULTS), 2)), ids=lambda fault: f"{fault.check}-{fault.words[:60]}"
)
def test_no_other_check_finds_a_fault_too(fault: Fault, changed: Change) -> None:
    verdict = judged(changed, fault, ())
    find(fault, verdict)
    also = {f"test_{check}" for check in fault.also}
    assert verdict.red() <= also | ({f"test_{fault.check}"} if fault.severity == "blocker" else set()), verdict.words(
        "blocker"
    )
    assert also <= verdict.red() | verdict.yellow()


@pytest.mark.parametrize("what", few(SOUND))
def test_what_is_sound_is_accused_of_nothing(what: str, changed: Change) -> None:
    before, after = changed(SOUND[what])
    for baseline in (before, ""):
        verdict = judge(baseline, after, only=MODULES)
        assert not verdict.red(), verdict.words("blocker")
        assert not verdict.yellow(), verdict.words("warning")


def test_a_large_table_that_lost_its_statistics_blocks(changed: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner_statistics, "_LARGE_BYTES", 0)
    (fault,) = (one for one in FAULTS if "pg_statistic" in one.sql)
    verdict = judged(changed, fault, ("test_statements",))
    words = "1 table was never analyzed, though it had statistics before and is larger than 1 GB: sales.many"
    assert verdict.words("blocker") == [words]
    assert verdict.repairs("blocker") == ["ANALYZE sales.many;"]


# How many transactions ago the oldest was, and how grave that is without and with a state before of the same age.
AGES = {200_000_000: ("", ""), 900_000_000: ("warning", "told"), 1_700_000_000: ("blocker", "warning")}


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("column", ["datfrozenxid", "datminmxid"])
def test_the_age_of_the_oldest_transaction_counts(age: int, column: str, world: embedded.Server) -> None:
    snapshot = Snapshot(Database(world.conninfo("objects"), option="--db-url"), writable=True)
    try:
        # Nobody else sees it, and no vacuum puts it right meanwhile.
        oldest = "age(CAST('3' AS xid)) + 3" if column == "datfrozenxid" else "mxid_age(CAST('1' AS xid)) + 1"
        value = f"CAST(mod(CAST({oldest} AS bigint) - {age} + 4294967296, 4294967296) AS text)"
        update = f"UPDATE pg_database SET {column} = CAST({value} AS xid) WHERE datname = current_database()"
        snapshot.prepare(lambda connection: _run(connection, update))
        alone, inherited = (ages.examine_ages(snapshot, before) for before in (None, snapshot))
    finally:
        snapshot.close()
    for found, severity in zip((alone, inherited), AGES[age], strict=True):
        said = [(str(finding.severity), finding.statement) for finding in found.findings]
        said += [("told", note) for note in found.notes]
        assert [one for one, _ in said] == [severity] * bool(severity)
        assert all("of the database is " in words for _, words in said)


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
