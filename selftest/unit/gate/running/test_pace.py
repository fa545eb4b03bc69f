"""Before each check a run waits while others need the server, and says so."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import psycopg
import pytest

from postmigration.gate.running import pace
from postmigration.gate.running.load import Load
from postmigration.gate.running.pace import Bound, Pace, read_bound
from postmigration.model.errors import CannotJudge, Hindrance, NotJudged
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
    assert read_bound("0@1m30s", "1h") == Bound("0@1m30s", 0, 90.0, 3_600)
    assert Bound("20", 20).longest == 1_800
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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which goes on by what is slept and costs none."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


def test_it_says_again_that_it_waits_and_gives_up_in_the_end(
    snapshot: Snapshot, loads: list[Load], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_EVERY", 2.0)
    loads[:] = [Load(3, 0)]
    bounded = Pace(Bound("2", 2, longest=300), [snapshot])
    told: list[str] = []
    why = "3 other sessions are active on the server of --db-url (--max-load=2)"
    assert bounded.wait(told.append) == f"waited 5 min before it was given up: {why}"
    assert told == [
        f"waiting: {why}",
        f"still waiting after 1 min, 5 min at most (--max-wait): {why}",
        f"still waiting after 2 min, 5 min at most (--max-wait): {why}",
        f"still waiting after 4 min, 5 min at most (--max-wait): {why}",
    ]
    assert clock == [300]
    # Nothing is waited for any more.
    assert bounded.wait(told.append) == ""
    assert clock == [300]
    with pytest.raises(NotJudged, match=r"^not begun: the server was busy for 5 min \(--max-wait\): 3 other ") as given:
        bounded.refuse()
    assert given.value.by is Hindrance.BUSY


def test_it_gives_up_only_where_nothing_went_on_for_so_long(
    snapshot: Snapshot, loads: list[Load], clock: list[float]
) -> None:
    bounded = Pace(Bound("2", 2, longest=0.03), [snapshot])
    for _ in range(3):
        loads[:] = [Load(3, 0), Load(3, 0), Load(0, 0)]
        assert bounded.wait(lambda _: None).startswith("waited 0.0 s before it began")
        bounded.refuse()


@pytest.mark.parametrize(
    ("wait", "load", "reason"),
    [
        ("soon", "5", r"^--max-wait=soon: want a time like 90s, 10m or 1h$"),
        ("0s", "5", r"^--max-wait=0s: want a time like 90s, 10m or 1h$"),
        ("10m", None, r"^--max-wait=10m says how long --max-load waits: give that too$"),
    ],
)
def test_how_long_it_waits_is_a_time(wait: str, load: str | None, reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason):
        read_bound(load, wait)


TWO = PASSES + '\n\ndef test_another(target):\n    """It holds too."""\n    target.expect(True, \'so\')\n'


def test_a_run_ends_where_the_server_stays_busy(scratch: Scratch, shop: str, loads: list[Load]) -> None:
    loads[:] = [Load(0, 0), Load(0, 0), Load(7, 0)]
    judged = judge_shop(scratch, shop, TWO, "--max-load=5", "--max-wait=0.01s")
    assert judged.status == 4, judged.output
    assert judged.last_line.startswith("PARTIAL: "), judged.last_line
    why = "the server was busy for 0.0 s (--max-wait): 7 other sessions are active on the server of --db-url (--max-l"
    assert f"1 of 2 checks left, as {why}" in judged.last_line
    assert "busier than --max-load=5, 0.01s at most" in judged.output
    outcomes = {result.outcome: result for result in judged.results}
    assert outcomes.keys() == {"passed", "not judged"}
    assert outcomes["not judged"].by is Hindrance.BUSY


@pytest.mark.full
def test_a_run_with_workers_ends_too_where_the_server_stays_busy(scratch: Scratch, shop: str) -> None:
    def sleep() -> None:
        with suppress(psycopg.Error):
            other.execute("SELECT pg_sleep(600)")

    with psycopg.connect(shop, autocommit=True) as other:
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        try:
            judged = judge_shop(scratch, shop, TWO, "--max-load=0", "--max-wait=0.01s", "-n2")
        finally:
            other.cancel()
            sleeper.join()
    assert judged.status == 4, judged.output
    assert "2 of 2 checks left, as the server was busy for 0.0 s (--max-wait): 1 other session" in judged.last_line


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
