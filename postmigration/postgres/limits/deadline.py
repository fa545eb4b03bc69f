"""The end of the time that a run may take: nothing is asked after it, and what is asked then is cancelled."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg.pq import TransactionStatus

from postmigration.model.errors import Hindrance, NotJudged

# What gives a session back as it was is let through: a savepoint that stays would hide what comes after it.
_UNDOING = ("ROLLBACK", "RELEASE", "SAVEPOINT", "SET LOCAL")
# A statement that began while the others were cancelled is cancelled the next time.
_AGAIN = 0.2
# No time at all would be no alarm.
_SOON = 0.001


class _Over(KeyboardInterrupt):
    """The time is over: whatever runs ends as if somebody had interrupted it."""


class Deadline:
    """When the time of a run is over.

    Args:
        budget: how much it was, as the user wrote it.
        at: when it is over, by `time.monotonic`, which is the same in all processes of a machine.
    """

    def __init__(self, budget: str, at: float) -> None:
        self.budget = budget
        self.at = at
        # Something was refused or cancelled: what ran then is not known to its end.
        self.cut = False
        # What was going on then, where that is to be told.
        self.during = ""
        self._lifted = threading.Event()
        self._lock = threading.Lock()
        self._connections: WeakSet[psycopg.Connection[Any]] = WeakSet()
        self._thread: threading.Thread | None = None

    @property
    def left(self) -> float:
        """The seconds that are left; none after the end, and without an end once the run only concludes."""
        return math.inf if self._lifted.is_set() else max(0.0, self.at - time.monotonic())

    @property
    def is_over(self) -> bool:
        """Whether nothing may be asked any more."""
        return self.left == 0

    @property
    def reason(self) -> str:
        """Why something was not judged, of which the end came first."""
        during = f" {self.during}" if self.during else ""
        return f"the time budget of {self.budget} was over{during} (--time-budget)"

    def watch(self, connection: psycopg.Connection[Any]) -> None:
        """Has the statements of a connection cancelled at the end."""
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._enforce, name="deadline", daemon=True)
                self._thread.start()

    def refuse(self, statement: str = "") -> None:
        """Refuses a statement after the end, but for one that undoes something.

        Raises:
            NotJudged: the time is over.
        """
        if self.is_over and not statement.lstrip().startswith(_UNDOING):
            self.cut = True
            raise NotJudged(self.reason, Hindrance.CUT_SHORT)

    def lift(self) -> None:
        """Lets everything through again: the run has ended, and only concludes."""
        self._lifted.set()

    def _enforce(self) -> None:
        self._lifted.wait(self.left)
        while not self._lifted.is_set():
            # A set that grows while it is gone through would end this thread, and nothing would be cancelled.
            with self._lock:
                connections = list(self._connections)
            for connection in connections:
                if not connection.closed and connection.info.transaction_status is TransactionStatus.ACTIVE:
                    self.cut = True
                    # A server that cannot be asked to end it is about to say so to whoever waits.
                    with suppress(psycopg.Error):
                        connection.cancel_safe()
            self._lifted.wait(_AGAIN)


@contextmanager
def interrupt(deadline: Deadline | None, during: str) -> Iterator[None]:
    """Interrupts at the end what runs in the main thread, whatever it waits for: a restore, a server that starts.

    Args:
        deadline: None for none.
        during: what is going on, to be told then.

    Raises:
        NotJudged: the time is over.
    """
    main = threading.current_thread() is threading.main_thread()
    if deadline is None or not main or math.isinf(deadline.left):
        yield
        return

    def end(*_: object) -> None:
        raise _Over

    handler = signal.signal(signal.SIGALRM, end)
    began = time.monotonic()
    other, interval = signal.setitimer(signal.ITIMER_REAL, max(deadline.left, _SOON))
    try:
        yield
    except _Over:
        deadline.cut, deadline.during = True, during
        raise NotJudged(deadline.reason, Hindrance.CUT_SHORT) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        # Whoever else has set an alarm, as pytest-timeout does for a check, gets back what is left of its time.
        left = max(other - (time.monotonic() - began), _SOON) if other else 0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
