"""After the end of a run's time nothing is asked any more, but what undoes something."""

import signal
import threading
import time

import pytest

from postmigration.model.errors import Hindrance, NotJudged
from postmigration.postgres.limits.deadline import Deadline, interrupt


def test_until_the_end_everything_is_let_through() -> None:
    deadline = Deadline("1h", time.monotonic() + 3_600)
    deadline.refuse("SELECT 1")
    assert not deadline.is_over
    assert not deadline.cut
    assert 3_500 < deadline.left <= 3_600


def test_after_the_end_what_asks_is_refused_with_the_reason() -> None:
    deadline = Deadline("10m", 0.0)
    assert deadline.is_over
    assert deadline.left == 0
    for undoing in ("ROLLBACK TO x", " RELEASE x", "SET LOCAL a = b"):
        deadline.refuse(undoing)
    assert not deadline.cut
    with pytest.raises(NotJudged, match=r"^the time budget of 10m was over \(--time-budget\)$") as refused:
        deadline.refuse("SELECT 1")
    assert refused.value.by is Hindrance.CUT_SHORT
    assert deadline.cut


def test_a_run_that_concludes_is_let_through() -> None:
    deadline = Deadline("10m", 0.0)
    deadline.lift()
    deadline.refuse("SELECT 1")
    assert not deadline.is_over


def test_the_end_interrupts_whatever_is_waited_for() -> None:
    deadline = Deadline("10m", time.monotonic() + 0.05)
    handler = signal.getsignal(signal.SIGALRM)
    told = r"^the time budget of 10m was over while it was restored \(--time-budget\)$"
    with pytest.raises(NotJudged, match=told) as raised, interrupt(deadline, "while it was restored"):
        threading.Event().wait(600)
    assert raised.value.by is Hindrance.CUT_SHORT
    assert deadline.cut
    assert signal.getsignal(signal.SIGALRM) is handler


def test_what_ends_in_time_is_not_interrupted() -> None:
    with interrupt(Deadline("1h", time.monotonic() + 3_600), "while it was restored"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3_000
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    with interrupt(None, "while it was restored"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_alarm_of_somebody_else_comes_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.setitimer(signal.ITIMER_REAL, 3_000)
    now = time.monotonic()
    with interrupt(Deadline("1h", now + 3_600), "while it was restored"):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3_000
        monkeypatch.setattr(time, "monotonic", lambda: now + 1_000)
    assert 1_900 < signal.setitimer(signal.ITIMER_REAL, 0)[0] <= 2_000
