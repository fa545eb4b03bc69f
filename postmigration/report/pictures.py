"""What people would rather look at than read: bars and matrices, made of what the checks show beside their findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from postmigration.evidence import Picture
from postmigration.report.record import Record

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

    def __bool__(self) -> bool:
        return bool(self.parity or self.latency or self.access or self.coverage)


def pictures(record: Record) -> Pictures:
    """The pictures of what a run has looked at."""
    access = _seen(_rows(record, "access"))
    work = [
        Matrix(
            overview.title,
            overview.columns[1:],
            tuple(
                (row[0], tuple((cell, "wrong" if cell.endswith("✘") else "") for cell in row[1:]))
                for row in overview.rows
            ),
        )
        for result in record.results
        for overview in result.evidence.overviews
        if overview.picture == "work"
    ]
    return Pictures(
        parity=[_compared(row) for row in _rows(record, "parity")],
        latency=_timed(list(_rows(record, "latency"))),
        access=[*access, *work],
        coverage=list(_rows(record, "coverage")),
    )


def _rows(record: Record, picture: Picture) -> Iterable[tuple[str, ...]]:
    for result in record.results:
        for overview in result.evidence.overviews:
            if overview.picture == picture:
                yield from overview.rows


def _compared(row: tuple[str, ...]) -> Bar:
    table, _, *texts = row
    kinds: tuple[Kind, ...] = ("equal", "missing", "changed", "extra")
    numbers = dict(zip(kinds, (_number(text) for text in texts), strict=True))
    total = sum(numbers.values()) or 1
    parts, start = [], 0.0
    for kind, number in numbers.items():
        # What is wrong is drawn wide enough to be seen, however little of the table it is.
        width = max(WIDTH * number / total, 4.0) if number else 0.0
        parts.append(Part(kind, min(start, WIDTH - width), width))
        start += width
    wrong = any(number for kind, number in numbers.items() if kind != "equal")
    return Bar((table,), tuple(parts), {}, tuple(row[1:]), wrong)


def _timed(rows: Sequence[tuple[str, ...]]) -> list[Bar]:
    bars = []
    for query, who, now, budget, before in rows:
        taken, allowed, then = (float(text) if text else 0.0 for text in (now, budget, before))
        # As far as it matters: the budget stands at two thirds, and what is far beyond it ends with the picture.
        scale = WIDTH / (1.5 * allowed)
        marks = {"budget": allowed * scale} | ({"before": min(then * scale, WIDTH)} if before else {})
        kind: Kind = "over" if taken > allowed else "within"
        part = Part(kind, 0.0, min(max(taken * scale, 1.0), WIDTH))
        bars.append(Bar((query, who), (part,), marks, (now, budget, before), taken > allowed))
    return bars


def _seen(rows: Iterable[tuple[str, ...]]) -> list[Matrix]:
    cells: dict[str, dict[str, tuple[str, str]]] = {}
    tables: dict[str, None] = {}
    for who, table, may, sees, wrong in rows:
        tables[table] = None
        words = f"{sees} of {may}" + (f", {wrong}" if wrong else "")
        cells.setdefault(who, {})[table] = (words, "wrong" if wrong else "nothing" if sees == "0" else "")
    if not cells:
        return []
    filled = ((who, tuple(seen.get(table, ("", "")) for table in tables)) for who, seen in cells.items())
    return [Matrix("who sees how many of the rows that they may see", tuple(tables), tuple(filled))]


def _number(text: str) -> int:
    return int(text.replace(",", "") or 0)
