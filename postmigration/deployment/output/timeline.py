"""How long the parts of a plan take: planned and measured, on one axis from a second to weeks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from postmigration.deployment.evaluation import Item
from postmigration.deployment.records.clocks import show_seconds

WIDTH = 1_000.0
# From a second to four weeks: what is measured in seconds is planned in hours.
_LONGEST = 4 * 7 * 86_400.0
TICKS = (("1 s", 1), ("1 min", 60), ("1 h", 3_600), ("1 day", 86_400), ("1 week", 604_800))


class Bar(NamedTuple):
    """One row of the timeline.

    Args:
        item: the point of the plan.
        planned: where its planned duration begins and how wide it is.
        measured: how wide its measured duration is; None where it was not measured.
        over: it took longer than planned.
        words: the same in words.
    """

    item: Item
    planned: tuple[float, float]
    measured: float | None
    over: bool
    words: str


def draw(items: Sequence[Item]) -> list[Bar]:
    """The rows of the timeline, in the order of the plan: of what has a planned duration."""
    return [_draw(item, item.criterion.hours) for item in items if item.criterion.hours is not None]


def place(seconds: float) -> float:
    """Where a duration stands on the axis."""
    return round(math.log(min(max(seconds, 1), _LONGEST)) / math.log(_LONGEST) * WIDTH, 1)


def _draw(item: Item, hours: tuple[float, float]) -> Bar:
    least, most = (number * 3_600 for number in hours)
    planned = (place(least), max(place(most) - place(least), 4.0))
    over = item.seconds is not None and item.seconds > most
    words = f"planned {show_seconds(least)}" + (f" to {show_seconds(most)}" if most > least else "")
    words += f", measured {show_seconds(item.seconds)}" if item.seconds is not None else ", not measured"
    return Bar(item, planned, place(item.seconds) if item.seconds is not None else None, over, words)
