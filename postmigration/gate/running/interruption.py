"""How an interruption ends a run, or one of its workers: as an interruption, whatever Python makes of it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Generator

import pytest


class Interruption:
    """Whether the process was interrupted: once it was, whatever ends pytest's loops is that interruption.

    Python does not always let KeyboardInterrupt through. In a finalizer it is printed and lost, and in one that runs
    while source is parsed the parser raises SystemError instead, which pytest would call an internal error. Sometimes
    its traceback has an entry without a line, which pytest cannot show: what is passed on has one of its own.
    """

    def __init__(self) -> None:
        self._came = False

    def interrupt(self, *_: object) -> None:
        """Interrupts what runs: the handler of a signal.

        Raises:
            KeyboardInterrupt: always.
        """
        self._came = True
        told = sys.unraisablehook

        def tell(unraisable: sys.UnraisableHookArgs) -> None:
            if not issubclass(unraisable.exc_type, KeyboardInterrupt):
                told(unraisable)

        sys.unraisablehook = tell
        raise KeyboardInterrupt

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self) -> Generator[None, object, object]:
        """Passes on an interruption that came while databases were opened."""
        return (yield from self._pass_on())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Passes on an interruption that came while checks were found."""
        return (yield from self._pass_on())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Passes on an interruption that came while checks ran: whoever interrupts a run gets no verdict."""
        return (yield from self._pass_on())

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        """Passes on an interruption that was lost before the next check begins."""
        self._raise()

    def _pass_on(self) -> Generator[None, object, object]:
        self._raise()
        try:
            result = yield
        except BaseException:
            self._raise()
            raise
        self._raise()
        return result

    def _raise(self) -> None:
        if self._came:
            raise KeyboardInterrupt from None


def take_interrupts() -> Interruption:
    """Has what a terminal or a pipeline sends to all processes of a run end this one of its workers."""
    interruption = Interruption()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interruption.interrupt)
    return interruption
