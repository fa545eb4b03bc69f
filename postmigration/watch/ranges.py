"""Which metrics are judged, and by which ranges: those that are built in, and those of the project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.model.nearest import name_nearest
from postmigration.watch.points import GAUGES, TITLES

_FILE = Path(__file__).parent / "ranges.toml"


class _Ranges(msgspec.Struct, forbid_unknown_fields=True):
    metric: tuple[Metric, ...]


def choose_metrics(declared: Sequence[Metric] = ()) -> list[Metric]:
    """All metrics that are judged; what a project declares stands for the built-in one of the same name.

    Raises:
        CannotJudge: a project declares what cannot be meant: one line.
    """
    chosen = {metric.name: metric for metric in msgspec.toml.decode(_FILE.read_bytes(), type=_Ranges).metric}
    named: set[str] = set()
    for metric in declared:
        title = f"[[metric]] {metric.name}"
        if metric.name in named:
            raise CannotJudge(f"{title}: declared twice: want one entry for each name")
        if metric.sql and metric.promql:
            raise CannotJudge(f"{title}: it has sql and promql: want one of them")
        if metric.own and metric.name in TITLES:
            word = "sql" if metric.sql else "promql"
            raise CannotJudge(f"{title}: there is a built-in metric of this name: leave out {word}, or choose another")
        if not metric.own and metric.name not in TITLES:
            near = name_nearest(metric.name, TITLES)
            raise CannotJudge(f"{title}: there is no built-in metric of this name{near}, and no sql or promql")
        if not metric.own and metric.counter:
            raise CannotJudge(
                f"{title}: counter is for metrics with sql or promql: a built-in one is known to be one or not"
            )
        if not metric.own and metric.growth and metric.name not in GAUGES:
            raise CannotJudge(f"{title}: growth is for what goes up and down: this is a counter already")
        if metric.min is not None and metric.max is not None and metric.min > metric.max:
            raise CannotJudge(f"{title}: min {metric.min:g} is more than max {metric.max:g}")
        named.add(metric.name)
        chosen[metric.name] = metric
    return list(chosen.values())
