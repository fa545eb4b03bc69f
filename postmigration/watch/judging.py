"""Judges a series: which metrics left their range, from when until when, and which could not be judged."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from postmigration.model.migration import Metric
from postmigration.watch.points import (
    FARTHEST,
    TITLES,
    Point,
    find_gaps,
    find_restarts,
    is_rate,
    read_points,
    split_name,
)
from postmigration.watch.rows.rechecks import CHECKS
from postmigration.watch.series import Sample

# So many values more than a finding takes tell whether it lasts; nothing is read less often than each hour.
_SPARE, _SELDOM = 2, 3_600.0


@dataclass(frozen=True)
class Incident:
    """A metric that left its range.

    Args:
        metric: which, and by which range.
        subject: of what; empty for the whole server.
        began: when the first value in a row was out of the range.
        ended: when one was within it again, or the subject was gone; None where it lasts.
        worst: the value that was farthest out.
        words: what was seen behind it.
        critical: whether it stands in the way of GO.
        than: what it is and was before, where that is why.
    """

    metric: Metric
    subject: str
    began: datetime.datetime
    ended: datetime.datetime | None
    worst: float
    words: tuple[str, ...] = ()
    critical: bool = True
    than: str = ""


@dataclass
class Judged:
    """A metric and what came of it.

    Args:
        points: its values, by subject.
        reason: why it was not judged; empty where it was.
    """

    metric: Metric
    points: Mapping[str, Sequence[Point]]
    incidents: list[Incident] = field(default_factory=list)
    reason: str = ""

    @property
    def title(self) -> str:
        """What the metric tells."""
        title = TITLES.get(self.metric.name, "a metric of the project")
        return f"{title}, per minute" if is_rate(self.metric) else title


@dataclass
class Judgement:
    """What a series came to.

    Args:
        samples: how many.
        begin, end: the times of the first and the last one.
        metrics: what came of each metric.
        gaps: the times that nobody saw.
        notes: what a reader should know besides.
    """

    samples: int
    begin: datetime.datetime
    end: datetime.datetime
    metrics: list[Judged]
    gaps: list[tuple[datetime.datetime, datetime.datetime]]
    notes: list[str] = field(default_factory=list)

    @property
    def incidents(self) -> list[Incident]:
        """All incidents, the critical ones first, each kind by its time."""
        found = [incident for judged in self.metrics for incident in judged.incidents]
        return sorted(found, key=lambda one: (not one.critical, one.began, one.metric.name, one.subject))

    @property
    def unjudged(self) -> list[Judged]:
        """What could not be judged and should have been."""
        return [judged for judged in self.metrics if judged.reason and judged.metric.must_have_data]

    @property
    def unseen_share(self) -> float:
        """The share of the whole time that nobody saw."""
        seconds = sum((b - a).total_seconds() for a, b in self.gaps)
        return seconds / ((self.end - self.begin).total_seconds() or 1.0)


def judge(
    samples: Sequence[Sample], metrics: Sequence[Metric], farthest: datetime.timedelta | None = FARTHEST
) -> Judgement:
    """Judges samples, of which there is at least one.

    Args:
        farthest: how far apart samples are at most that leave nothing unseen between them; None for any.
    """
    notes = [f"the server was started at {started}" for started in find_restarts(samples)]
    return Judgement(
        samples=len(samples),
        begin=samples[0].at,
        end=samples[-1].at,
        metrics=[_judge_metric(samples, metric) for metric in metrics],
        gaps=find_gaps(samples, farthest),
        notes=notes,
    )


def find_lasting(samples: Sequence[Sample], metrics: Sequence[Metric]) -> list[Incident]:
    """The incidents that last at the last sample, by no more samples than each metric needs for that."""
    found = []
    for metric in metrics:
        needed = samples[_find_first_needed(samples, metric) :]
        found += [one for one in _judge_metric(needed, metric).incidents if one.ended is None]
    return found


def _find_first_needed(samples: Sequence[Sample], metric: Metric) -> int:
    """The place of the sample from which on a metric has as many values as a finding takes, and some to spare.

    What began with earlier ones has been said.
    """
    family, _ = split_name(metric)
    missing = metric.failures + _SPARE
    farthest = datetime.timedelta(seconds=missing * max(metric.interval, _SELDOM))
    last = None
    for place in range(len(samples) - 1, -1, -1):
        sample = samples[place]
        if family in sample.values and (last is None or (last - sample.at).total_seconds() >= metric.interval):
            last = sample.at
            missing -= 1
        if not missing or samples[-1].at - sample.at > farthest:
            return place
    return 0


def _judge_metric(samples: Sequence[Sample], metric: Metric) -> Judged:
    found = read_points(samples, metric)
    judged = Judged(metric, found.by_subject, reason=_find_hindrance(samples, metric, found.possible))
    for subject, points in found.by_subject.items():
        judged.incidents += _find_incidents(samples, metric, subject, points, found.readings)
    return judged


def _find_hindrance(samples: Sequence[Sample], metric: Metric, possible: int) -> str:
    """Why a metric cannot be judged; empty where it can be."""
    family, column = split_name(metric)
    reasons = [
        reason for sample in samples for name in (family, f"{family}.{column}") if (reason := sample.unseen.get(name))
    ]
    read = sum(family in sample.values for sample in samples)
    if reasons and len(reasons) >= (read if possible else 0):
        return reasons[-1]
    if not read:
        return "not asked for (--checks-every)" if family == CHECKS else "the server has no such thing"
    if possible < metric.failures:
        return f"too seldom read: {possible} value{'s' * (possible != 1)}, want {metric.failures}"
    return ""


def is_outside(metric: Metric, value: float) -> bool:
    """Whether a value is out of the range of its metric."""
    return (metric.max is not None and value > metric.max) or (metric.min is not None and value < metric.min)


def _find_incidents(
    samples: Sequence[Sample],
    metric: Metric,
    subject: str,
    points: Sequence[Point],
    readings: Sequence[datetime.datetime],
) -> list[Incident]:
    found: list[Incident] = []
    run: list[Point] = []
    for point in (*points, None):
        if point is not None and is_outside(metric, point.value):
            run.append(point)
            continue
        if len(run) >= metric.failures:
            # Where no value follows, the next reading without the subject is the end of it.
            later = [at for at in readings if at > run[-1].at]
            ended = point.begin if point is not None else (later[0] if later else None)
            found.append(_describe(samples, metric, subject, run, ended))
        run = []
    return found


def _describe(
    samples: Sequence[Sample], metric: Metric, subject: str, run: Sequence[Point], ended: datetime.datetime | None
) -> Incident:
    worst = max(run, key=lambda point: abs(point.value - (metric.max if metric.max is not None else metric.min or 0)))
    family, _ = split_name(metric)
    # What was seen when it was worst, or as soon after as there were words.
    said = [sample for sample in samples if run[0].begin <= sample.at <= run[-1].at and sample.words.get(family)]
    said.sort(key=lambda sample: abs((sample.at - worst.at).total_seconds()))
    words = tuple(said[0].words[family]) if said else ()
    # Of several subjects each has its own words, where they name it.
    words = tuple(one for one in words if subject and one.startswith(f"{subject}: ")) or words
    if metric.name == "server.reachable":
        words = tuple(dict.fromkeys(s.lost for s in samples if s.lost and run[0].at <= s.at <= run[-1].at))[:3]
    return Incident(metric, subject, run[0].begin, ended, worst.value, words, metric.critical)
