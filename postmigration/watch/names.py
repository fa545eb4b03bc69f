"""What Prometheus calls a metric, and the expressions that ask it for what is judged."""

from __future__ import annotations

from postmigration.model.migration import Metric
from postmigration.watch.points import COUNTERS, SHARES, is_rate, split_name
from postmigration.watch.sampling import DECLARED

# Over so many seconds a counter's growth is asked for, and over so many that of a size.
_RATE, _GROWTH = 120, 600
_MINUTE = 60


def exposed_name(name: str, *, total: bool = True) -> str:
    """The name of a metric in Prometheus.

    Args:
        total: with the ending that it gives to counters.
    """
    ending = "_total" if total and name in COUNTERS else ""
    return f"postmigration_{name.replace('.', '_')}{ending}"


def express(metric: Metric) -> str:
    """The expression for the value of a metric that is judged."""
    family, column = split_name(metric)
    share = None if metric.own else SHARES.get(metric.name)
    if share is not None:
        window = max(_RATE, 2 * round(metric.interval))
        whole = " + ".join(f"increase({exposed_name(f'{family}.{one}')}[{window}s])" for one in share.whole)
        part = f"increase({exposed_name(f'{family}.{share.part}')}[{window}s])"
        return f"{part} / (({whole}) >= {share.least:g})"
    name = f'{exposed_name(DECLARED)}{{name="{_quote(column)}"}}' if family == DECLARED else exposed_name(metric.name)
    if metric.growth:
        return f"deriv({name}[{max(_GROWTH, 2 * round(metric.interval))}s]) * {_MINUTE}"
    if is_rate(metric):
        return f"rate({name}[{max(_RATE, 2 * round(metric.interval))}s]) * {_MINUTE}"
    return name


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
