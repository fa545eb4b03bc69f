"""An interruption ends a run as one, whatever Python makes of it on the way."""

import signal
import sys

import pytest

from postmigration.gate.running.interruption import Interruption, take_interrupts


@pytest.fixture
def interruption(monkeypatch: pytest.MonkeyPatch) -> Interruption:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    return Interruption()


def test_an_error_that_follows_from_it_is_the_interruption(interruption: Interruption) -> None:
    loop = interruption.pytest_runtestloop()
    next(loop)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        interruption.interrupt()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        loop.throw(SystemError("AST constructor recursion depth mismatch"))
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        next(interruption.pytest_collection())
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        interruption.pytest_runtest_logstart()


def test_what_is_passed_on_has_a_traceback_of_its_own(interruption: Interruption) -> None:
    start = interruption.pytest_sessionstart()
    next(start)
    with pytest.raises(KeyboardInterrupt, match=r"^$") as came:
        interruption.interrupt()
    with pytest.raises(KeyboardInterrupt, match=r"^$") as passed_on:
        start.throw(came.value)
    assert passed_on.value is not came.value
    assert passed_on.value.__suppress_context__
    assert "interrupt" not in [entry.name for entry in passed_on.traceback]


def test_an_error_of_a_run_that_nobody_interrupted_stays_one(interruption: Interruption) -> None:
    interruption.pytest_runtest_logstart()
    loop = interruption.pytest_runtestloop()
    next(loop)
    with pytest.raises(SystemError, match="of its own"):
        loop.throw(SystemError("of its own"))


def test_what_a_loop_comes_to_is_passed_on(interruption: Interruption) -> None:
    loop = interruption.pytest_collection()
    next(loop)
    with pytest.raises(StopIteration, match="found"):
        loop.send("found")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_takes_what_is_sent_to_all(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        interruption = take_interrupts()
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            interruption.pytest_runtest_logstart()
    finally:
        for other, handler in before.items():
            signal.signal(other, handler)
