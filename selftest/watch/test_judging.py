"""How a series is judged: by samples that are written down here, without a server."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.families import FAMILIES
from postmigration.watch.judging import Incident, judge
from postmigration.watch.points import TITLES, read_points
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.series import Sample
from postmigration.watch.telling import conclude_watch, describe_all
from selftest.watch.conftest import BEGIN


def at(minute: float) -> datetime.datetime:
    return BEGIN + datetime.timedelta(minutes=minute)


def write(name: str, values: Sequence[float | None], *, apart: float = 1, subject: str = "") -> list[Sample]:
    """Samples of one metric, from noon on; where the value is None, its subject is not there."""
    family, _, column = name.partition(".")
    rows = [{} if value is None else {subject: {column: value}} for value in values]
    return [Sample(at=at(n * apart), values={family: row}) for n, row in enumerate(rows)]


def find(samples: Sequence[Sample], metric: Metric) -> list[Incident]:
    return judge(samples, [metric]).incidents


WAITING = Metric(name="locks.waiting", max=5, failures=3)


def test_fewer_failures_in_a_row_are_no_finding() -> None:
    assert find(write("locks.waiting", [9, 9, 0, 9, 9, 0, 5, 5, 5]), WAITING) == []
    (found,) = find(write("locks.waiting", [0, 6, 9, 7, 0, 9]), WAITING)
    assert (found.began, found.ended, found.worst) == (at(1), at(4), 9)


def test_a_finding_lasts_until_a_value_is_within_the_range_again() -> None:
    (found,) = find(write("locks.waiting", [6, 6, 6]), WAITING)
    assert (found.began, found.ended) == (at(0), None)
    (gone,) = find(write("locks.waiting", [6, 6, 6, None]), WAITING)
    assert gone.ended == at(3)


def test_too_little_is_as_wrong_as_too_much() -> None:
    (found,) = find(write("connections.share", [0.5, 0.1, 0.0, 0.1]), Metric(name="connections.share", min=0.2))
    assert (found.began, found.worst) == (at(1), 0.0)
    assert find(write("connections.share", [0.2] * 5), Metric(name="connections.share", min=0.2)) == []


def test_a_counter_is_judged_by_what_it_grows_by_in_a_minute() -> None:
    metric = Metric(name="database.deadlocks", max=3, interval=60, failures=1)
    assert find(write("database.deadlocks", [100, 101, 102, 103], apart=0.5), metric) == []
    (found,) = find(write("database.deadlocks", [100, 100, 108, 108], apart=2), metric)
    assert (found.began, found.ended, found.worst) == (at(2), at(4), 4)


@pytest.mark.parametrize("values", [[900, 905, 2, 4], [900, 905, None, 4, 6]])
def test_a_counter_that_went_back_tells_nothing_of_that_time(values: list[float | None]) -> None:
    metric = Metric(name="database.deadlocks", max=8, failures=1, interval=60)
    assert find(write("database.deadlocks", values), metric) == []
    (points,) = read_points(write("database.deadlocks", values), metric).by_subject.values()
    assert [point.value for point in points] == [5, 2]
    assert find(write("database.deadlocks", [900, 905, 2, 40]), metric)[0].worst == 38


def test_what_grows_may_also_shrink() -> None:
    metric = Metric(name="sizes.bytes", growth=True, max=10, interval=60, failures=1)
    samples = write("sizes.bytes", [100, 50, 55, 80])
    assert [point.value for point in read_points(samples, metric).by_subject[""]] == [-50, 5, 25]
    assert [found.worst for found in find(samples, metric)] == [25]


def test_a_share_of_next_to_nothing_says_nothing() -> None:
    metric = Metric(name="database.rollback_share", max=0.2, failures=1, interval=60)

    def samples(*counts: tuple[int, int]) -> list[Sample]:
        rows = [{"commits": float(commits), "rollbacks": float(rollbacks)} for commits, rollbacks in counts]
        return [Sample(at=at(n), values={"database": {"": row}}) for n, row in enumerate(rows)]

    assert find(samples((0, 0), (10, 50), (1_010, 60)), metric) == []
    (found,) = find(samples((0, 0), (60, 60), (1_060, 60)), metric)
    assert (found.worst, found.began, found.ended) == (0.5, at(0), at(1))


def test_what_was_not_seen_is_said() -> None:
    samples = [Sample(at=at(minute), values={"locks": {"": {"waiting": 0}}}) for minute in (0, 1, 2, 3, 17, 18, 19)]
    judgement = judge(samples, [WAITING])
    assert judgement.gaps == [(at(3), at(17))]
    assert "did not see 2026-11-02 12:03:00 to 12:17:00" in describe_all(judgement)
    verdict = conclude_watch(judgement, "db")
    assert verdict.status == 4
    assert "did not see 2026-11-02 12:03:00 to 12:17:00, more than half of it; db" in verdict.line
    longer = [*samples, *(Sample(at=at(minute), values={"locks": {"": {"waiting": 0}}}) for minute in range(20, 60))]
    assert conclude_watch(judge(longer, [WAITING]), "db").status == 0


def test_a_server_that_is_lost_at_the_end_was_not_seen() -> None:
    samples = [*write("locks.waiting", [0, 0, 0]), Sample(at=at(3), lost="no"), Sample(at=at(9), lost="no")]
    assert judge(samples, [WAITING]).gaps == [(at(2), at(9))]


def test_a_restart_is_told() -> None:
    samples = [Sample(at=at(n), started=started) for n, started in enumerate(("1", "1", "2"))]
    assert judge(samples, []).notes == ["the server was started at 2"]


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (write("locks.waiting", [0, 0]), "too seldom read: 2 values, want 3"),
        ([Sample(at=at(n)) for n in range(5)], "the server has no such thing"),
        ([Sample(at=at(n), unseen={"locks": "it took longer"}) for n in range(5)], "it took longer"),
        (
            [*write("locks.waiting", [0, 0, 0]), *(Sample(at=at(n), unseen={"locks": "why"}) for n in range(3, 9))],
            "why",
        ),
    ],
)
def test_no_data_is_not_a_pass(samples: list[Sample], reason: str) -> None:
    judgement = judge(samples, [WAITING])
    assert [judged.reason for judged in judgement.unjudged] == [reason]
    verdict = conclude_watch(judgement, "db")
    assert verdict.status == 4
    assert verdict.line.startswith("PARTIAL: 1 of 1 metrics not judged: locks.waiting; ")
    optional = Metric(name="locks.waiting", max=5, must_have_data=False)
    assert judge(samples, [optional]).unjudged == []
    # Where nothing at all was judged, there is no GO.
    assert conclude_watch(judge(samples, [optional]), "db").status == 4


def test_what_is_not_critical_is_told_and_does_not_stand_in_the_way() -> None:
    samples = write("locks.waiting", [9, 9, 9])
    for critical, status, mark in ((True, 1, "✘"), (False, 0, "⚠")):
        judgement = judge(samples, [Metric(name="locks.waiting", max=5, critical=critical, fix="look")])
        assert conclude_watch(judgement, "db").status == status
        assert describe_all(judgement) == [
            f"{mark} locks.waiting: 9 (max 5), since 2026-11-02 12:00:00",
            "    fix: look",
        ]


def test_the_built_in_ranges_are_of_what_is_read() -> None:
    names = {metric.name for metric in choose_metrics()}
    assert names <= TITLES.keys()
    read = {f"{family.name}.{column}" for family in FAMILIES for column in (*family.gauges, *family.counters)}
    assert names - read == {"server.reachable", "database.rollback_share", "database.cache_share", "statements.mean_ms"}
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
        ([Metric(name="errors", sql="SELECT 1")] * 2, "declared twice"),
        ([Metric(name="locks.waiting", counter=True)], "counter is for metrics with sql"),
        ([Metric(name="database.deadlocks", growth=True)], "growth is for what goes up and down"),
        ([Metric(name="errors", sql="SELECT 1", min=2, max=1)], "min 2 is more than max 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(declared: list[Metric], words: str) -> None:
    with pytest.raises(CannotJudge, match=words):
        choose_metrics(declared)
