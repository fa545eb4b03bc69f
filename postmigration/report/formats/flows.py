"""Draws where tables and columns went: what there was to the left, what there is to the right, lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# The units of the SVG: between which x the lines run, and how high a row is.
WIDTH, LEFT, RIGHT, ROW = 720, 214, 430, 38
_NAME, _NOTE = 28, 42
_THICK = 3.0
# Of more columns than these no picture is made: the table beneath has them.
_MOST_LINES = 80

Kind = Literal["whole", "part", "open"]


@dataclass(frozen=True)
class Flow:
    """Where a table or a column went.

    Args:
        sources: what there was; empty where nothing is known.
        target: what there is; empty where it is gone.
        how: what became of it, in words; empty where it is the same.
        fits, of: how many rows are as they must be, of how many; 0 of 0 where they were not counted.
        misfit: what does not fit, in words.
    """

    sources: tuple[str, ...]
    target: str
    how: str = ""
    fits: int = 0
    of: int = 0
    misfit: str = ""

    @property
    def kind(self) -> Kind:
        """Whether all rows fit, or some, or they were not counted."""
        if self.fits < self.of or self.misfit:
            return "part"
        return "whole" if self.of else "open"

    @property
    def figures(self) -> str:
        """How many rows fit, in words."""
        if not self.of:
            return ""
        return (
            f"{self.fits:,} of {self.of:,}" if self.fits < self.of else f"all {self.of:,}" if self.of > 1 else "1 of 1"
        )

    @property
    def words(self) -> str:
        """All of it, for who does not see the picture."""
        source = ", ".join(self.sources) or "nothing of before"
        parts = [self.how] * bool(self.how) + ([f"{self.figures} rows"] if self.of else []) + [self.misfit]
        return f"{source} to {self.target or 'nowhere'}: {'; '.join(part for part in parts if part) or 'not counted'}"


@dataclass(frozen=True)
class Label:
    """A name beside the lines.

    Args:
        name, note: what is written, and in small letters beneath it.
        full: all of it, where that is cut.
        y: at which height.
        bad: something does not fit there.
        lone: no line begins or ends there.
    """

    name: str
    note: str
    full: str
    y: int
    bad: bool = False
    lone: bool = False


@dataclass(frozen=True)
class Line:
    """A line from what there was to what there is.

    Args:
        path: its course.
        kind: see `Flow`; `width`: how thick it is.
        words: what it says.
    """

    path: str
    kind: Kind
    width: float
    words: str


@dataclass(frozen=True)
class Chart:
    """A picture, and the table that says the same.

    Args:
        title: what it shows; `note`: what else is known of it.
        flows: the rows of the table.
        lefts, rights: the names on both sides.
        lines: what is between them.
        height: how high it is.
    """

    title: str
    note: str
    flows: Sequence[Flow]
    lefts: Sequence[Label]
    rights: Sequence[Label]
    lines: Sequence[Line]
    height: int

    @property
    def bad(self) -> bool:
        """Whether something does not fit."""
        return any(flow.kind == "part" or flow.misfit for flow in self.flows)


def draw(title: str, flows: Sequence[Flow], note: str = "") -> Chart:
    """Draws where tables or columns went."""
    drawn = flows[:_MOST_LINES]
    lefts = list(dict.fromkeys(source for flow in drawn for source in flow.sources))
    rights = list(dict.fromkeys(flow.target for flow in drawn if flow.target))
    lines = []
    for flow in drawn:
        for source in flow.sources:
            if flow.target:
                path = _bend(_height(lefts.index(source)), _height(rights.index(flow.target)))
                share = flow.fits / flow.of if flow.of else 1.0
                width = {"whole": _THICK, "part": max(1.0, (_THICK - 1.0) * share), "open": 1.0}[flow.kind]
                lines.append(Line(path, flow.kind, round(width, 1), flow.words))
    return Chart(
        title,
        note,
        flows,
        [_label_source(name, n, drawn) for n, name in enumerate(lefts)],
        [_label_target(name, n, drawn) for n, name in enumerate(rights)],
        # What does not fit is drawn last: above the others.
        sorted(lines, key=lambda line: line.kind == "part"),
        max(len(lefts), len(rights)) * ROW,
    )


def _label_source(name: str, row: int, flows: Sequence[Flow]) -> Label:
    mine = [flow for flow in flows if name in flow.sources]
    lost = [flow for flow in mine if not flow.target]
    note = "; ".join(dict.fromkeys(flow.misfit or flow.how or "gone" for flow in lost))
    full = "; ".join(flow.words for flow in mine)
    lone = len(lost) == len(mine)
    return Label(_cut(name, _NAME), _cut(note, _NAME + 4), full, _height(row), any(flow.misfit for flow in lost), lone)


def _label_target(name: str, row: int, flows: Sequence[Flow]) -> Label:
    mine = [flow for flow in flows if flow.target == name]
    notes = dict.fromkeys(" · ".join(part for part in (flow.figures, flow.misfit, flow.how) if part) for flow in mine)
    note = "; ".join(note for note in notes if note)
    full = "; ".join(flow.words for flow in mine)
    bad, lone = any(flow.kind == "part" or flow.misfit for flow in mine), not any(flow.sources for flow in mine)
    return Label(_cut(name, _NAME + 4), _cut(note, _NOTE), full, _height(row), bad, lone)


def _height(row: int) -> int:
    return row * ROW + ROW // 2


def _bend(first: int, second: int) -> str:
    middle = (LEFT + RIGHT) // 2
    return f"M{LEFT} {first}C{middle} {first} {middle} {second} {RIGHT} {second}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
