"""From samples to what is judged: the values of a metric for each of its subjects, and what was not seen."""

from __future__ import annotations

import datetime
import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postmigration.model.migration import Metric
from postmigration.watch.families import FAMILIES
from postmigration.watch.rows import rechecks
from postmigration.watch.sampling import DECLARED
from postmigration.watch.series import Sample

_SLACK = 0.5
_MINUTE = 60.0
# Samples that are so much farther apart than usual have something between them that was not seen.
_FAR, _FAR_SECONDS = 3, 30
# Between samples that are farther apart than that most of what people suffer begins and ends.
FARTHEST = datetime.timedelta(minutes=15)


@dataclass(frozen=True)
class Share:
    """A metric that is made of what two counters grew by.

    Args:
        part, whole: the counters, of one family; the whole is the sum of several.
        least: so much of the whole there must be, or nothing is said.
        title: what it tells.
    """

    part: str
    whole: tuple[str, ...]
    least: float
    title: str


SHARES: Mapping[str, Share] = {
    "database.cache_share": Share(
        "blocks_hit", ("blocks_hit", "blocks_read"), 10_000, "blocks that were in the cache, as a share of all"
    ),
    "database.rollback_share": Share(
        "rollbacks", ("commits", "rollbacks"), 100, "transactions that were rolled back, as a share of all"
    ),
    "tables.whole_share": Share(
        "whole_reads",
        ("whole_reads", "index_reads"),
        10,
        "reads of a large table that read it whole, as a share of all",
    ),
    "statements.mean_ms": Share("ms", ("calls",), 5, "milliseconds that a call of a statement takes"),
}
_REACHABLE = {"server.reachable": "whether the server can be reached (1) or not (0)"}
GAUGES = (
    _REACHABLE
    | rechecks.TITLES
    | {f"{one.name}.{column}": title for one in FAMILIES for column, title in one.gauges.items()}
)
COUNTERS = {f"{one.name}.{column}": title for one in FAMILIES for column, title in one.counters.items()}
TITLES = GAUGES | COUNTERS | {name: share.title for name, share in SHARES.items()}


@dataclass(frozen=True)
class Point:
    """A value that is judged.

    Args:
        begin, at: the time that it tells of; the same for what is no difference.
    """

    begin: datetime.datetime
    at: datetime.datetime
    value: float


@dataclass(frozen=True)
class Points:
    """All values of a metric.

    Args:
        by_subject: those of each subject, the oldest first.
        possible: how many there could be of a subject.
        readings: when they were read, or would have been.
    """

    by_subject: Mapping[str, Sequence[Point]]
    possible: int
    readings: Sequence[datetime.datetime]


def split_name(metric: Metric) -> tuple[str, str]:
    """The family of a metric, and its name there."""
    family, dot, column = metric.name.partition(".")
    return (DECLARED, metric.name) if metric.own or not dot else (family, column)


def is_rate(metric: Metric) -> bool:
    """Whether what is judged is what the number grows by in a minute."""
    return metric.counter or metric.growth or (not metric.own and metric.name in COUNTERS)


def read_points(samples: Sequence[Sample], metric: Metric) -> Points:
    """The values of a metric, no closer to each other than its interval."""
    family, column = split_name(metric)
    readings = list(_thin(samples, family, column, metric.interval))
    share = None if metric.own else SHARES.get(metric.name)
    if share is not None:
        found = _differ(readings, lambda now, before: _divide(share, now, before))
    elif is_rate(metric):
        falls = metric.growth
        found = _differ(readings, lambda now, before: _subtract(column, now, before, falls=falls))
        found = {
            subject: [
                Point(point.begin, point.at, point.value * _MINUTE / (point.at - point.begin).total_seconds())
                for point in points
            ]
            for subject, points in found.items()
        }
    else:
        found = {}
        for at, rows in readings:
            for subject, numbers in rows.items():
                if column in numbers:
                    found.setdefault(subject, []).append(Point(at, at, numbers[column]))
        return Points(found, len(readings), [at for at, _ in readings])
    return Points(found, max(0, len(readings) - 1), [at for at, _ in readings])


_Rows = Mapping[str, Mapping[str, float]]
_Readings = Sequence[tuple[datetime.datetime, _Rows]]


def _thin(
    samples: Sequence[Sample], family: str, column: str, interval: float
) -> Iterator[tuple[datetime.datetime, _Rows]]:
    last = None
    for sample in samples:
        rows = sample.values.get(family)
        if rows is None or (family == DECLARED and column not in rows.get("", {})):
            continue
        if last is None or (sample.at - last).total_seconds() >= interval - _SLACK:
            last = sample.at
            yield sample.at, rows


def _differ(readings: _Readings, compare: Any) -> dict[str, list[Point]]:
    """What came of each subject from one reading to the next; a counter that went back tells nothing of that time."""
    found: dict[str, list[Point]] = {}
    last: dict[str, tuple[datetime.datetime, Mapping[str, float]]] = {}
    for at, rows in readings:
        for subject, numbers in rows.items():
            if subject in last and at > last[subject][0]:
                value = compare(numbers, last[subject][1])
                if value is not None:
                    found.setdefault(subject, []).append(Point(last[subject][0], at, value))
            last[subject] = (at, numbers)
    return found


def _subtract(column: str, now: Mapping[str, float], before: Mapping[str, float], *, falls: bool) -> float | None:
    if column not in now or column not in before:
        return None
    grown = now[column] - before[column]
    return None if grown < 0 and not falls else grown


def _divide(share: Share, now: Mapping[str, float], before: Mapping[str, float]) -> float | None:
    part = _subtract(share.part, now, before, falls=False)
    wholes = [_subtract(name, now, before, falls=False) for name in share.whole]
    if part is None or None in wholes:
        return None
    whole = sum(filter(None, wholes))
    return part / whole if whole >= share.least else None


def find_gaps(
    samples: Sequence[Sample], farthest: datetime.timedelta | None = None
) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """The times that nobody saw: nothing was sampled, or the server could not be reached.

    Args:
        farthest: how far apart samples may be, however far apart they usually are; None for as far as they are.
    """
    seen = [sample.at for sample in samples if not sample.lost]
    steps = [(b - a).total_seconds() for a, b in itertools.pairwise(seen)]
    if not steps:
        return []
    far = max(_FAR_SECONDS, _FAR * statistics.median(steps))
    if farthest is not None:
        # No clock wakes anybody on the instant.
        far = min(far, farthest.total_seconds() + _FAR_SECONDS)
    gaps = [(a, b) for (a, b), step in zip(itertools.pairwise(seen), steps, strict=True) if step > far]
    if samples[-1].lost:
        gaps.append((seen[-1], samples[-1].at))
    return gaps


def find_restarts(samples: Sequence[Sample]) -> list[str]:
    """When the server was started while it was watched, as it says."""
    known = [sample.started for sample in samples if sample.started]
    return [later for earlier, later in itertools.pairwise(known) if later != earlier]
