"""Samples are taken at an interval until a time, by a clock."""

import datetime
from typing import cast

import pytest

from postmigration.watch.running import Clock, run
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Sample

BEGIN = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)


class _Slow:
    """A sampler that takes two seconds for each sample."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.waited: list[float] = []

    def take(self, at: datetime.datetime) -> Sample:
        self.now += datetime.timedelta(seconds=2)
        return Sample(at=at)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("lasts", "interval", "at", "waited"),
    [
        (25, 10, [0, 10, 20, 25], [8, 8, 3]),
        (0, 10, [0], []),
        # Where a sample takes longer than the interval, the next one comes at once.
        (3, 1, [0, 2, 4], [0, 0]),
    ],
)
def test_the_first_is_taken_now_and_the_last_when_the_time_has_come(
    lasts: float, interval: float, at: list[float], waited: list[float]
) -> None:
    slow, kept = _Slow(), list[Sample]()
    run(
        cast(Sampler, slow),
        kept.append,
        clock=Clock(lambda: slow.now, slow.wait),
        until=BEGIN + datetime.timedelta(seconds=lasts),
        interval=interval,
    )
    assert [(sample.at - BEGIN).total_seconds() for sample in kept] == at
    assert slow.waited == waited


def test_the_clock_of_the_machine_is_in_utc() -> None:
    assert Clock().now().tzinfo is datetime.UTC
