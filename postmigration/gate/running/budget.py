"""The time that a run may take as a whole (`--time-budget`)."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from postmigration.gate.running.durations import read_seconds
from postmigration.gate.session import Request
from postmigration.model.errors import CannotJudge, Hindrance, NotJudged
from postmigration.postgres.limits.deadline import Deadline, interrupt

_SHARED = "end"
_LONGEST = 365 * 86_400


def read_budget(text: str) -> float:
    """The seconds that `--time-budget` allows.

    Raises:
        CannotJudge: it is no time.
    """
    seconds = read_seconds(text)
    if seconds is None or not 0 < seconds <= _LONGEST:
        raise CannotJudge(f"--time-budget={text}: want a time like 90s, 10m or 1h")
    return seconds


def limit(
    request: Request, config: pytest.Config, joined: dict[str, Any] | None, started: datetime.datetime
) -> Request:
    """Has a run end when its time is over, which counts from when it was started.

    Args:
        request: what is judged, and how long a statement may take.
        config: pytest's.
        joined: what another process of the same run shares with this one.
        started: when the run was started; in a process that joins it, anything.

    Raises:
        CannotJudge: the option has no such value.
    """
    text: str | None = config.option.time_budget
    if text is None:
        return request
    seconds = read_budget(text)
    if config.option.prove:
        raise CannotJudge(
            "--prove takes a time of its own: leave out --time-budget, or prove the checks in another run"
        )
    at = _find_end(started, seconds) if joined is None else float(joined[_SHARED])
    deadline = Deadline(text, at)
    config.add_cleanup(deadline.lift)
    return replace(request, limits=replace(request.limits, deadline=deadline))


def share_end(deadline: Deadline | None) -> dict[str, float]:
    """What lets another process end at the same time."""
    return {} if deadline is None else {_SHARED: deadline.at}


@contextmanager
def interrupt_opening(deadline: Deadline | None) -> Iterator[None]:
    """Ends the opening of the databases when the time is over, whatever it waits for.

    Raises:
        NotJudged: it is.
    """
    during = "while the databases were opened"
    if deadline is None:
        yield
        return
    try:
        deadline.refuse()
        with interrupt(deadline, during):
            yield
    except (CannotJudge, NotJudged, sa.exc.DBAPIError):
        # Whatever else it may look like: a statement was cancelled.
        if not deadline.is_over:
            raise
        deadline.during = during
        raise NotJudged(deadline.reason, Hindrance.CUT_SHORT) from None


def _find_end(started: datetime.datetime, seconds: float) -> float:
    passed = datetime.datetime.now(datetime.UTC) - started
    return time.monotonic() + seconds - passed.total_seconds()
