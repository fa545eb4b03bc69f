"""What is said while checks run: what blocks, as soon as it is found, and on a terminal what is going on."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import TextIO

import pytest
from rich.cells import set_cell_size

from postmigration.deployment.records.clocks import show_seconds
from postmigration.gate.running import order
from postmigration.gate.session import Run
from postmigration.model.evidence import escape
from postmigration.model.verdict import Result
from postmigration.report.formats.as_text import tell_blocker

_SAVE, _RESTORE, _ERASE = "\x1b7", "\x1b8", "\x1b[K"
_EVERY = 1.0
# Before that an estimate would be a guess.
_SETTLED = 3.0
_NARROW = 20


class State:
    """Which checks are judged, which run, and how long all will take.

    Args:
        costs: what each check costs, in any unit.
        began: when the first one began.
    """

    def __init__(self, costs: Mapping[str, float], began: float) -> None:
        self.costs = costs
        self._began = began
        self._running: dict[str, float] = {}
        self._done: set[str] = set()
        self._waiting: tuple[str, float] | None = None

    def wait(self, why: str, now: float) -> None:
        """Notes that nothing is begun, and why."""
        self._waiting = (why, now if self._waiting is None else self._waiting[1])

    def begin(self, nodeid: str, now: float) -> None:
        """Notes that a check runs."""
        self._running[nodeid] = now
        self._waiting = None

    def end(self, nodeid: str) -> None:
        """Notes that a check does not run any more."""
        self._running.pop(nodeid, None)
        self._done.add(nodeid)

    def estimate(self, now: float) -> float | None:
        """The seconds that are left, if the rest goes on as fast; None where nothing is known yet."""
        took = now - self._began
        done = sum(cost for nodeid, cost in self.costs.items() if nodeid in self._done)
        rest = sum(self.costs.values()) - done
        return took * rest / done if done and took >= _SETTLED else None

    def describe(self, now: float, budget_left: float | None = None) -> str:
        """What is going on, in a few words; empty where nothing is.

        Args:
            budget_left: the seconds until the run ends whatever is left.
        """
        if not self._running:
            if self._waiting is None:
                return ""
            why, since = self._waiting
            return escape(f"{len(self._done)} of {len(self.costs)}, waiting for {show_seconds(now - since)}: {why}")
        first = min(self._running, key=lambda nodeid: self._running[nodeid])
        name = first.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        more = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
        words = [f"{len(self._done)} of {len(self.costs)}, {name} for {show_seconds(now - self._running[first])}{more}"]
        if (rest := self.estimate(now)) is not None:
            words.append(f"about {show_seconds(rest)} left")
        if budget_left is not None:
            words.append(f"{show_seconds(budget_left)} of the time budget")
        return escape("; ".join(words))


class Progress:
    """Prints each blocker once, and keeps a line at a terminal that pytest's own output never meets.

    Args:
        config: pytest's.
        run: what is judged.
        find_all: gives all checks by their id.
    """

    def __init__(self, config: pytest.Config, run: Run, find_all: Callable[[], Mapping[str, pytest.Item]]) -> None:
        self._config = config
        self._run = run
        self._find_all = find_all
        self._state = State({}, time.monotonic())
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._screen: TextIO | None = None

    @property
    def _reporter(self) -> pytest.TerminalReporter | None:
        return self._config.pluginmanager.get_plugin("terminalreporter")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Estimates what all will cost that the workers of pytest-xdist judge."""
        # A worker that replaces one that crashed finds the same, of which some are judged.
        if not self._state.costs:
            found = self._find_all()
            self._expect({nodeid: found[nodeid] for nodeid in ids if nodeid in found})

    def _expect(self, items: Mapping[str, pytest.Item]) -> None:
        with self._lock:
            self._state = State(order.estimate_all(items, self._run), time.monotonic())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Keeps the line while checks run."""
        self._expect({item.nodeid: item for item in session.items})
        reporter = self._reporter
        thread = None
        if reporter is not None and reporter.isatty and reporter.verbosity == 0 and self._config.option.capture != "no":
            # While a check runs, pytest captures what is written.
            with suppress(OSError, ValueError):
                self._screen = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
                thread = threading.Thread(target=self._keep, name="progress", daemon=True)
                thread.start()
        try:
            return (yield)
        finally:
            self._ended.set()
            if thread is not None and self._screen is not None:
                thread.join()
                self._write(_ERASE)
                self._screen.close()
                self._screen = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Generator[None, object, object]:
        """Notes what runs."""
        with self._lock:
            self._write(_ERASE)
            result = yield
            self._state.begin(nodeid, time.monotonic())
            self._draw()
            return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None, object, object]:
        """Says at once what blocks."""
        with self._lock:
            self._write(_ERASE)
            result = yield
            self._tell(report)
            self._draw()
            return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> Generator[None, object, object]:
        """Notes what does not run any more."""
        with self._lock:
            self._write(_ERASE)
            result = yield
            self._state.end(nodeid)
            self._draw()
            return result

    def tell(self, words: str) -> None:
        """Says in a line of its own why nothing goes on."""
        with self._lock:
            self._write(_ERASE)
            self._write_line(words)
            self._state.wait(words.partition(": ")[2], time.monotonic())

    def _tell(self, report: pytest.TestReport) -> None:
        facts = getattr(report, "postmigration", None)
        if facts is not None and (result := Result.from_dict(facts)).outcome == "failed":
            self._write_line(tell_blocker(result), red=True)

    def _write_line(self, words: str, **markup: bool) -> None:
        reporter = self._reporter
        if reporter is None or reporter.verbosity < -1:
            return
        reporter.ensure_newline()
        if self._config.get_terminal_writer().width_of_current_line:
            # With workers, pytest names no file before the letters, and knows of no line that has begun.
            reporter.write("\n")
        reporter.write_line(words, **markup)

    def _keep(self) -> None:
        while not self._ended.wait(_EVERY):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        deadline = self._run.request.limits.deadline
        words = self._state.describe(time.monotonic(), None if deadline is None else deadline.left)
        reporter = self._reporter
        if self._screen is None or reporter is None or not words:
            return
        terminal = self._config.get_terminal_writer()
        if (room := terminal.fullwidth - terminal.width_of_current_line - 4) >= _NARROW:
            # It ends before the end of the screen's line: what follows begins where pytest left off.
            self._write(f"{_SAVE}{_ERASE}  {set_cell_size(words, room).rstrip()}{_RESTORE}")

    def _write(self, text: str) -> None:
        if self._screen is not None:
            with suppress(OSError):
                self._screen.write(text)
                self._screen.flush()
