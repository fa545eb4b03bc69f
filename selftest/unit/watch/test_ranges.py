import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.families import FAMILIES
from postmigration.watch.points import TITLES
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.rows import rechecks


def test_the_built_in_ranges_are_of_what_is_read() -> None:
    names = {metric.name for metric in choose_metrics()}
    assert names <= TITLES.keys()
    read = {f"{family.name}.{column}" for family in FAMILIES for column in (*family.gauges, *family.counters)}
    made = {"server.reachable", "database.rollback_share", "database.cache_share", "statements.mean_ms"}
    assert names - read == made | rechecks.TITLES.keys()
    for metric in choose_metrics():
        assert metric.fix or metric.compare != "none", metric.name


def test_a_project_replaces_a_range_and_adds_metrics() -> None:
    declared = [Metric(name="locks.waiting", max=1), Metric(name="errors", sql="SELECT 1", max=0)]
    chosen = {metric.name: metric for metric in choose_metrics(declared)}
    assert chosen["locks.waiting"] == declared[0]
    assert list(chosen)[-1] == "errors"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            [Metric(name="locks.wating")],
            r"no built-in metric of this name \(did you mean locks.waiting\?\), and no sql",
        ),
        ([Metric(name="locks.waiting", sql="SELECT 1")], "there is a built-in metric of this name"),
        ([Metric(name="errors", sql="SELECT 1", promql="up")], "it has sql and promql: want one of them"),
        ([Metric(name="errors", sql="SELECT 1")] * 2, "declared twice"),
        ([Metric(name="locks.waiting", counter=True)], "counter is for metrics with sql"),
        ([Metric(name="database.deadlocks", growth=True)], "growth is for what goes up and down"),
        ([Metric(name="errors", sql="SELECT 1", min=2, max=1)], "min 2 is more than max 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(declared: list[Metric], words: str) -> None:
    with pytest.raises(CannotJudge, match=words):
        choose_metrics(declared)
