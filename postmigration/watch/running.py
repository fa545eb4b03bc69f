"""Takes samples at an interval until a time, by a clock that a test may replace."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass

from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Sample


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True)
class Clock:
    """Tells the time and lets it pass.

    Args:
        now: tells it.
        wait: lets so many seconds pass.
    """

    now: Callable[[], datetime.datetime] = _now
    wait: Callable[[float], None] = time.sleep


def run(
    sampler: Sampler, keep: Callable[[Sample], None], *, clock: Clock, until: datetime.datetime, interval: float
) -> None:
    """Takes samples, the first one now and the last one when the time has come.

    Args:
        keep: takes each.
        until: when the last one is taken.
        interval: the seconds from one to the next.
    """
    while True:
        at = clock.now()
        keep(sampler.take(at))
        if at >= until:
            return
        taken = (clock.now() - at).total_seconds()
        clock.wait(max(0.0, min(interval - taken, (until - clock.now()).total_seconds())))
