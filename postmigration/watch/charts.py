"""Charts of what was watched: lines over the time, the range, what was out of it and what nobody saw."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.watch.judging import Judged, Judgement
from postmigration.watch.points import Point
from postmigration.watch.telling import show_number

# The units of a chart's SVG.
WIDTH, HEIGHT = 720.0, 120.0
# So many lines can be told from one another, and so many points of one be seen.
_LINES, _POINTS = 4, 240
_NARROWEST = 2.0


@dataclass(frozen=True)
class Line:
    """The values of one subject.

    Args:
        subject: of what; empty for the whole server.
        parts: the points of each stretch that was seen, as SVG takes them.
        numbers: the last value, the least, the median and the most, as text.
    """

    subject: str
    parts: tuple[str, ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Shade:
    """A stretch of time that is marked: what is out of the range, or what nobody saw."""

    kind: str
    start: float
    width: float


@dataclass(frozen=True)
class Chart:
    """A metric, drawn.

    Args:
        judged: the metric.
        top: the value at the upper edge, as text; the lower edge is zero, or less.
        bottom: the value at the lower edge.
        lines: those of its subjects that are worst.
        others: how many other subjects it has.
        limits: where the range ends.
        shades: what is marked.
    """

    judged: Judged
    top: str
    bottom: str
    lines: tuple[Line, ...]
    others: int
    limits: tuple[float, ...]
    shades: tuple[Shade, ...]


def draw(judgement: Judgement) -> list[Chart]:
    """The charts of all metrics that have values, those with findings first."""
    drawn = [judged for judged in judgement.metrics if any(judged.points.values())]
    drawn.sort(key=lambda judged: (not judged.incidents, not any(one.critical for one in judged.incidents)))
    return [_Frame(judgement, judged).draw() for judged in drawn]


class _Frame:
    """Where the values of a metric stand in its chart."""

    def __init__(self, judgement: Judgement, judged: Judged) -> None:
        self._judged = judged
        self._judgement = judgement
        self._seconds = (judgement.end - judgement.begin).total_seconds() or 1.0
        values = [point.value for points in judged.points.values() for point in points]
        limits = [limit for limit in (judged.metric.min, judged.metric.max) if limit is not None]
        self._bottom = min(0.0, *values)
        # A limit that is far away would leave nothing of the line to be seen.
        near = [limit for limit in limits if limit <= 3 * max(values)]
        self._top = max([*values, *near, self._bottom + 1e-9])
        self._limits = near

    def draw(self) -> Chart:
        """Draws it."""
        judged = self._judged
        bad = {one.subject for one in judged.incidents}
        subjects = [subject for subject, points in judged.points.items() if points]
        subjects.sort(key=lambda name: (name not in bad, -max(point.value for point in judged.points[name]), name))
        lines = [self._line(subject, judged.points[subject]) for subject in subjects[:_LINES]]
        end = self._judgement.end
        shades = [self._shade("gap", a, b) for a, b in self._judgement.gaps]
        shades += [self._shade("out", one.began, one.ended or end) for one in judged.incidents]
        return Chart(
            judged=judged,
            top=show_number(self._top),
            bottom=show_number(self._bottom),
            lines=tuple(lines),
            others=len(subjects) - len(lines),
            limits=tuple(round(self._y(limit), 1) for limit in self._limits),
            shades=tuple(shades),
        )

    def _x(self, at: datetime.datetime) -> float:
        return WIDTH * (at - self._judgement.begin).total_seconds() / self._seconds

    def _y(self, value: float) -> float:
        return HEIGHT * (1 - (value - self._bottom) / (self._top - self._bottom))

    def _shade(self, kind: str, begin: datetime.datetime, end: datetime.datetime) -> Shade:
        start = max(0.0, self._x(begin))
        width = max(_NARROWEST, min(WIDTH, self._x(end)) - start)
        return Shade(kind, round(min(start, WIDTH - width), 1), round(width, 1))

    def _line(self, subject: str, points: Sequence[Point]) -> Line:
        parts: list[list[Point]] = [[]]
        for point in points:
            if parts[-1] and any(parts[-1][-1].at <= a and point.at >= b for a, b in self._judgement.gaps):
                parts.append([])
            parts[-1].append(point)
        values = [point.value for point in points]
        numbers = (values[-1], min(values), statistics.median(values), max(values))
        return Line(subject, tuple(map(self._path, parts)), tuple(map(show_number, numbers)))

    def _path(self, points: Sequence[Point]) -> str:
        """The points of a stretch; of many that stand close together, the one that matters."""
        metric = self._judged.metric
        worst = min if metric.min is not None and metric.max is None else max
        size = -(-len(points) // _POINTS)
        chosen = [worst(points[n : n + size], key=lambda point: point.value) for n in range(0, len(points), size)]
        places = [f"{self._x(point.at):.1f},{self._y(point.value):.1f}" for point in chosen]
        if len(places) == 1:
            x, _, y = places[0].partition(",")
            places.append(f"{min(WIDTH, float(x) + _NARROWEST):.1f},{y}")
        return " ".join(places)
