"""A watch beside a series of before: what is more or less than at the same hour of the week, and since when."""

from __future__ import annotations

import datetime
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.judging import Incident, Judged, Judgement
from postmigration.watch.points import Point, is_rate, read_points
from postmigration.watch.series import Sample
from postmigration.watch.telling import show_number

# Values of one minute are one: those that stand closer together are not independent of each other.
_BUCKET = 60
# Of fewer on either side nothing is said.
_LEAST = 20
# What a difference must be to be told: beyond chance for all that is compared, nearly never the other way round, and
# large enough to matter.
_CHANCE, _EFFECT, _FACTOR = 0.001, 0.6, 1.5
_UNUSED_FOR = datetime.timedelta(hours=24)


@dataclass(frozen=True)
class _Bucket:
    at: datetime.datetime
    value: float

    @property
    def hour(self) -> tuple[int, int]:
        """The hour of the week."""
        return self.at.weekday(), self.at.hour


@dataclass(frozen=True)
class _Window:
    """An hour of the watch, and what it is compared with."""

    subject: str
    now: Sequence[_Bucket]
    before: Sequence[float]
    same_hour: bool


def require_scipy() -> None:
    """Makes sure that series can be compared.

    Raises:
        CannotJudge: the library that does so is not installed.
    """
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        raise CannotJudge("--before needs scipy, which is not installed: pip install 'postmigration[watch]'") from None


def compare(judgement: Judgement, samples: Sequence[Sample], before: Sequence[Sample]) -> None:
    """Adds to a judgement what differs from a series of before.

    Args:
        judgement: what the samples came to by their ranges.
        samples: those of the watch.
        before: those that were recorded before.
    """
    windows: list[tuple[Judged, list[_Window]]] = []
    for judged in judgement.metrics:
        if judged.metric.compare == "none":
            continue
        earlier = _by_key(judged.metric, read_points(before, judged.metric).by_subject)
        found = list(_divide(judged, earlier))
        windows.append((judged, found))
        if not found and not judged.reason and judged.metric.must_have_data:
            judged.reason = f"not compared with before: it needs {_LEAST} minutes of one hour, now and before"
    tests = sum(len(found) for _, found in windows)
    for judged, found in windows:
        for _, of_subject in groupby(found, key=lambda window: window.subject):
            judged.incidents += _find_incidents(judged.metric, list(of_subject), tests)
    judgement.notes += _find_unused(samples, before)


def _by_key(metric: Metric, points: Mapping[str, Sequence[Point]]) -> dict[str, list[_Bucket]]:
    return {_key(metric, subject): list(_fill(found)) for subject, found in points.items()}


def _key(metric: Metric, subject: str) -> str:
    """What a subject is called on any server: the number of a statement is another one after a restore."""
    return subject.partition(" ")[2] if metric.name.startswith("statements.") else subject


def _fill(points: Sequence[Point]) -> Iterator[_Bucket]:
    finite = (point for point in points if math.isfinite(point.value))
    for minute, some in groupby(finite, key=lambda point: int(point.at.timestamp()) // _BUCKET):
        at = datetime.datetime.fromtimestamp(minute * _BUCKET, datetime.UTC)
        yield _Bucket(at, statistics.fmean(point.value for point in some))


def _divide(judged: Judged, earlier: Mapping[str, Sequence[_Bucket]]) -> Iterator[_Window]:
    """The hours of the watch of which there is enough, now and before."""
    for subject, points in judged.points.items():
        known = earlier.get(_key(judged.metric, subject), ())
        if len(known) < _LEAST:
            continue
        for _, some in groupby(_fill(points), key=lambda bucket: (bucket.at.date(), bucket.at.hour)):
            now = list(some)
            if len(now) < _LEAST:
                continue
            alike = [bucket.value for bucket in known if bucket.hour == now[0].hour]
            same = len(alike) >= _LEAST
            yield _Window(subject, now, alike if same else [bucket.value for bucket in known], same)


def _find_incidents(metric: Metric, windows: Sequence[_Window], tests: int) -> list[Incident]:
    """What is more, or less, than before in hours of one subject; hours that follow each other are one incident."""
    found: list[Incident] = []
    last = windows[-1]
    for window in windows:
        factor = _find_factor(metric, window, tests)
        if factor is None:
            continue
        hour = window.now[0].at.replace(minute=0)
        ended = None if window is last else hour + datetime.timedelta(hours=1)
        incident = _describe(metric, window, factor, ended)
        if found and found[-1].ended == hour:
            worse = max(found[-1], incident, key=lambda one: one.worst if metric.compare == "more" else -one.worst)
            found[-1] = replace(
                worse, began=found[-1].began, ended=ended, critical=found[-1].critical or incident.critical
            )
        else:
            found.append(incident)
    return found


def _find_factor(metric: Metric, window: _Window, tests: int) -> float | None:
    """How many times as much, or as little, there is now; None where that may be chance or is next to nothing."""
    values = [bucket.value for bucket in window.now]
    now, before = statistics.median(values), statistics.median(window.before)
    high, low = (now, before) if metric.compare == "more" else (before, now)
    factor = high / low if low > 0 else math.inf if high > 0 else 0.0
    if factor < _FACTOR:
        return None
    from scipy.stats import mannwhitneyu

    direction = "greater" if metric.compare == "more" else "less"
    statistic, chance = mannwhitneyu(values, window.before, alternative=direction, method="asymptotic")
    # The rank-biserial correlation: 1 where every value of now is beyond every one of before.
    effect = abs(2 * float(statistic) / (len(values) * len(window.before)) - 1)
    return factor if float(chance) * tests < _CHANCE and effect >= _EFFECT else None


def _describe(metric: Metric, window: _Window, factor: float, ended: datetime.datetime | None) -> Incident:
    now = statistics.median(bucket.value for bucket in window.now)
    unit = " per minute" if is_rate(metric) else ""
    when = "at the same hour of the week before" if window.same_hour else "before"
    return Incident(
        metric=metric,
        subject=window.subject,
        began=_find_begin(metric, window),
        ended=ended,
        worst=now,
        critical=metric.critical_factor is not None and factor >= metric.critical_factor,
        than=f"{show_number(now)}{unit}, {show_number(statistics.median(window.before))}{unit} {when}",
    )


def _find_begin(metric: Metric, window: _Window) -> datetime.datetime:
    """When it began within its hour: after this minute, the values are rather those of now than those of before."""
    middle = (statistics.median(bucket.value for bucket in window.now) + statistics.median(window.before)) / 2
    more = metric.compare == "more"
    # Single values on the other side are noise: it began after the longest beginning that is mostly as before.
    begin, score, best = 0, 0, 0
    for n, bucket in enumerate(window.now):
        score += 1 if (bucket.value < middle) == more and bucket.value != middle else -1
        if score > best:
            begin, best = n + 1, score
    return window.now[min(begin, len(window.now) - 1)].at


def _find_unused(samples: Sequence[Sample], before: Sequence[Sample]) -> list[str]:
    """The indexes that are new and that nobody has used for long enough."""
    now = [sample for sample in samples if "indexes" in sample.values]
    then = [sample for sample in before if "indexes" in sample.values]
    if not now or not then or now[-1].at - now[0].at < _UNUSED_FOR:
        return []
    known = {subject for sample in then for subject in sample.values["indexes"]}
    first, last = now[0].values["indexes"], now[-1].values["indexes"]
    unused = sorted(
        name for name, row in last.items() if name not in known and name in first and row["uses"] == first[name]["uses"]
    )
    return [f"index {name} is new, and nobody has used it" for name in unused]
