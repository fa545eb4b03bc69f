"""What people would rather look at than read: bars and matrices, made of what the checks show beside their findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from postmigration.model.evidence import Overview, Picture
from postmigration.report.formats import flows
from postmigration.report.validation import Validation

# The width of a bar, in the units of its SVG.
WIDTH = 300.0
Kind = Literal["equal", "changed", "missing", "extra", "within", "over"]


@dataclass(frozen=True)
class Part:
    """A part of a bar.

    Args:
        kind: what it stands for, and so its colour.
        start, width: where it is.
    """

    kind: Kind
    start: float
    width: float


@dataclass(frozen=True)
class Bar:
    """A row of a picture: words, the bar, and its numbers.

    Args:
        name: what it is of.
        parts: what is drawn.
        marks: where lines cross it, by what each stands for.
        numbers: the numbers beside it, as text.
        bad: whether something is wrong there.
    """

    name: tuple[str, ...]
    parts: tuple[Part, ...]
    marks: dict[str, float]
    numbers: tuple[str, ...]
    bad: bool


@dataclass(frozen=True)
class Matrix:
    """Who can do or see what.

    Args:
        title: what it shows.
        columns: the names of its columns.
        rows: who, and for each column what is shown and whether it is as it must be.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True)
class Pictures:
    """All pictures of a report; those of which nothing was judged are empty."""

    parity: Sequence[Bar]
    latency: Sequence[Bar]
    access: Sequence[Matrix]
    coverage: Sequence[tuple[str, ...]]
    declared: Sequence[flows.Chart]

    def __bool__(self) -> bool:
        return bool(self.parity or self.latency or self.access or self.coverage)


def pictures(validation: Validation) -> Pictures:
    """The pictures of what a run has looked at."""
    return Pictures(
        # Where something differs comes first: of very many tables not all are drawn.
        parity=sorted(
            (_compare(*row) for overview in _show(validation, "parity") for row in _measure(overview)),
            key=lambda bar: not bar.bad,
        ),
        latency=[_time(*row) for overview in _show(validation, "latency") for row in _measure(overview)],
        access=[
            *_describe_seen(_show(validation, "access")),
            *(_matrix(overview) for overview in _show(validation, "work")),
        ],
        coverage=sorted(
            (row for overview in _show(validation, "coverage") for row in overview.rows),
            key=lambda row: row[1] == "all rows",
        ),
        declared=[_draw(overview) for overview in _show(validation, "flows")],
    )


def _show(validation: Validation, picture: Picture) -> list[Overview]:
    return [
        overview
        for result in validation.results
        for overview in result.evidence.overviews
        if overview.picture == picture
    ]


def _measure(overview: Overview) -> Iterable[tuple[tuple[str, ...], tuple[float | None, ...]]]:
    return zip(overview.rows, overview.figures, strict=True)


def _matrix(overview: Overview) -> Matrix:
    rows = (
        (row[0], tuple((cell, "wrong" if (n, m) in overview.wrong else "") for m, cell in enumerate(row[1:], 1)))
        for n, row in enumerate(overview.rows)
    )
    return Matrix(overview.title, overview.columns[1:], tuple(rows))


def _draw(overview: Overview) -> flows.Chart:
    drawn = []
    for (before, now, _, wrong, how), (rows, fits) in _measure(overview):
        sources, of = tuple(before.split("\n")) if before else (), int(rows or 0)
        if fits is None and of:
            how = " · ".join([f"{of:,} row{'s' * (of != 1)}", *([how] if how else [])])
            of = 0
        drawn.append(flows.Flow(sources, now, how, int(fits or 0), of, wrong))
    return flows.draw(overview.title, drawn)


def _compare(row: tuple[str, ...], figures: tuple[float | None, ...]) -> Bar:
    table = row[0]
    kinds: tuple[Kind, ...] = ("equal", "missing", "changed", "extra")
    numbers = dict(zip(kinds, (number or 0 for number in figures[1:]), strict=True))
    total = sum(numbers.values()) or 1
    parts, start = [], 0.0
    for kind, number in numbers.items():
        # What is wrong is drawn wide enough to be seen, however little of the table it is.
        width = max(WIDTH * number / total, 4.0) if number else 0.0
        parts.append(Part(kind, min(start, WIDTH - width), width))
        start += width
    wrong = any(number for kind, number in numbers.items() if kind != "equal")
    return Bar((table,), tuple(parts), {}, tuple(row[1:]), wrong)


def _time(row: tuple[str, ...], figures: tuple[float | None, ...]) -> Bar:
    query, who, *texts = row
    taken, allowed, then = figures
    taken, allowed = taken or 0.0, allowed or 1.0
    # As far as it matters: the budget stands at two thirds, and what is far beyond it ends with the picture.
    scale = WIDTH / (1.5 * allowed)
    marks = {"budget": allowed * scale} | ({} if then is None else {"before": min(then * scale, WIDTH)})
    kind: Kind = "over" if taken > allowed else "within"
    part = Part(kind, 0.0, min(max(taken * scale, 1.0), WIDTH))
    return Bar((query, who), (part,), marks, tuple(texts), taken > allowed)


def _describe_seen(overviews: Iterable[Overview]) -> list[Matrix]:
    cells: dict[str, dict[str, tuple[str, str]]] = {}
    tables: dict[str, None] = {}
    for (who, table, may, sees, wrong), (rows,) in chain.from_iterable(map(_measure, overviews)):
        tables[table] = None
        words = f"{sees} of {may}" + (f", {wrong}" if wrong else "")
        cells.setdefault(who, {})[table] = (words, "wrong" if wrong else "" if rows else "nothing")
    if not cells:
        return []
    filled = ((who, tuple(seen.get(table, ("", "")) for table in tables)) for who, seen in cells.items())
    return [Matrix("who sees how many of the rows that they may see", tuple(tables), tuple(filled))]
