"""Before each check a run waits while others need the server, and says so."""

import math
import time
from collections.abc import Iterator

import pytest

from postmigration.gate.running import pace
from postmigration.gate.running.load import Load
from postmigration.gate.running.pace import Bound, Pace, read_bound
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.limits.deadline import Deadline
from postmigration.postgres.limits.limits import Limits
from selftest.conftest import Scratch
from selftest.unit.conftest import NewDatabase
from selftest.unit.gate.projects import PASSES, judge_shop


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Load]:
    """How busy the server is each time that it is asked, the last time for good."""
    loads = [Load(0, 0)]
    monkeypatch.setattr(pace, "_EVERY", 0.01)
    monkeypatch.setattr(pace, "read_load", lambda _: loads.pop(0) if len(loads) > 1 else loads[0])
    return loads


@pytest.fixture
def snapshot(new_database: NewDatabase) -> Iterator[Snapshot]:
    snapshot = Snapshot(new_database(limits=Limits(deadline=Deadline("1h", time.monotonic() + 3_600))))
    yield snapshot
    snapshot.close()


def test_a_bound_is_a_number_of_sessions_and_perhaps_a_time() -> None:
    assert read_bound(None) is None
    assert read_bound("20") == Bound("20", 20, math.inf)
    assert read_bound("0@1m30s") == Bound("0@1m30s", 0, 90.0)
    for wrong in ("", "-1", "many", "20@", "20@fast", "@30s"):
        with pytest.raises(CannotJudge, match=r"^--max-load=.*: want how many sessions of others may be active, "):
            read_bound(wrong)


def test_a_wrong_bound_is_told_before_a_database_is_opened(scratch: Scratch) -> None:
    judged = judge_shop(scratch, "postgresql://nobody@localhost:1/none", PASSES, "--max-load=many")
    assert judged.status == 4
    assert judged.last_line.startswith("ERROR: --max-load=many: want how many sessions"), judged.output


def test_it_waits_until_the_server_is_less_busy(snapshot: Snapshot, loads: list[Load]) -> None:
    told: list[str] = []
    bounded = Pace(Bound("2@30s", 2, 30.0), [snapshot])
    loads[:] = [Load(2, 30.0)]
    assert bounded.wait(told.append) == ""
    assert not told
    loads[:] = [Load(3, 0), Load(0, 31.0), Load(2, 0)]
    waited = bounded.wait(told.append)
    why = "3 other sessions are active on the server of --db-url (--max-load=2@30s)"
    assert told == [f"waiting: {why}"]
    assert waited.startswith("waited 0.")
    assert waited.endswith(f" s before it began: {why}")
    loads[:] = [Load(0, 31.0), Load(2, 0)]
    assert "replication is 31 s behind on the server of --db-url (--max-load=2@30s)" in bounded.wait(told.append)


def test_it_waits_no_longer_than_the_time_of_the_run(snapshot: Snapshot, loads: list[Load]) -> None:
    loads[:] = [Load(1, 0)]
    bounded = Pace(Bound("0", 0), [snapshot])
    assert snapshot.database.limits.deadline is not None
    snapshot.database.limits.deadline.at = time.monotonic() + 0.05
    assert "1 other session is active" in bounded.wait(lambda _: None)


def test_a_role_that_sees_nothing_of_others_cannot_obey(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "sees_load", lambda _: False)
    with pytest.raises(CannotJudge, match=r"^--max-load=2: role postgres does not see how busy .*GRANT pg_read_all_"):
        Pace(Bound("2", 2), [snapshot])


def test_a_server_that_does_not_tell_how_busy_it_is_is_refused(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "read_load", lambda side: side.rows("SELECT pg_catalog.unsupported()"))
    with pytest.raises(CannotJudge, match=r"^--max-load=2: the server of --db-url does not tell how busy it is, "):
        Pace(Bound("2", 2), [snapshot])


def test_a_run_tells_for_how_long_it_waited(scratch: Scratch, shop: str, loads: list[Load]) -> None:
    loads[:] = [Load(0, 0), Load(7, 0), Load(0, 0)]
    judged = judge_shop(scratch, shop, PASSES, "--max-load=5")
    assert judged.status == 0, judged.output
    why = "7 other sessions are active on the server of --db-url (--max-load=5)"
    assert f"\nwaiting: {why}\n" in judged.output
    assert "checks wait while others keep a server busier than --max-load=5" in judged.output
    (result,) = judged.results
    (note,) = (note for note in result.evidence.notes if note.startswith("waited "))
    assert note.endswith(f" s before it began: {why}")
