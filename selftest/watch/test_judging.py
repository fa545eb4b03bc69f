"""How a series is judged: by samples that are written down here, without a server."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

import pytest

from postmigration.model.migration import Metric
from postmigration.watch.judging import Incident, find_lasting, judge
from postmigration.watch.points import is_rate, read_points
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


# A metric of each kind, and how far apart its values are read, in minutes.
SELDOM = [
    (Metric(name="locks.waiting", max=5, failures=3), 1),
    (Metric(name="locks.waiting", max=5, failures=2, interval=60), 1),
    (Metric(name="database.deadlocks", max=5, failures=1, interval=60), 1),
    (Metric(name="sizes.bytes", growth=True, max=5, failures=2, interval=300), 5),
    (Metric(name="checks.wrong", max=5, failures=1), 30),
]


@pytest.mark.parametrize(("metric", "apart"), SELDOM, ids=lambda what: getattr(what, "name", str(what)))
def test_what_lasts_is_known_by_few_samples(metric: Metric, apart: int) -> None:
    values = itertools.accumulate(itertools.cycle([1, 0, 2, 900, 900, 900, 900, 900, 0, 0, 0]))
    numbers = (
        [0, 9, 0, 9, 9, 9, 9, 9, 9, 0, 0] * 3
        if metric.max and not is_rate(metric)
        else [next(values) for _ in range(33)]
    )
    read = {sample.at: sample.values for sample in write(metric.name, [float(n) for n in numbers], apart=apart)}
    lasting = []
    samples: list[Sample] = []
    for minute in range(33 * apart):
        samples.append(Sample(at=at(minute), values=read.get(at(minute), {})))
        found = [one.subject for one in find_lasting(samples, [metric])]
        assert found == [one.subject for one in find(samples, metric) if one.ended is None]
        lasting.append(bool(found))
    assert {True, False} == set(lasting)
    # It is no more than is needed, however long it was watched.
    for sample in samples[: -(metric.failures + 2) * max(apart, int(metric.interval // 60) or 1) - apart]:
        samples[samples.index(sample)] = Sample(at=sample.at, values={"nothing": {}})
    assert [one.ended for one in find_lasting(samples, [metric])] == [None] * lasting[-1]


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


def test_samples_that_are_hours_apart_see_nothing_between_them() -> None:
    samples = [Sample(at=at(720 * n), values={"locks": {"": {"waiting": 0}}}) for n in range(5)]
    judgement = judge(samples, [WAITING])
    assert (len(judgement.gaps), conclude_watch(judgement, "db").status) == (4, 4)
    # Whoever looks at what is so now and then knows how often.
    judgement = judge(samples, [WAITING], None)
    assert (judgement.gaps, conclude_watch(judgement, "db").status) == ([], 0)
    quarters = [Sample(at=at(15 * n), values={"locks": {"": {"waiting": 0}}}) for n in range(5)]
    assert judge(quarters, [WAITING]).gaps == []
    late = [Sample(at=at(15.01 * n), values={"locks": {"": {"waiting": 0}}}) for n in range(5)]
    assert judge(late, [WAITING]).gaps == []
    assert len(judge([Sample(at=at(16 * n)) for n in range(3)], []).gaps) == 2


def test_checks_that_nobody_asked_for_are_not_said_to_be_missing_on_the_server() -> None:
    (judged,) = judge(write("locks.waiting", [0, 0]), [Metric(name="checks.wrong", must_have_data=False)]).metrics
    assert judged.reason == "not asked for (--checks-every)"


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


def test_why_something_was_not_judged_plays_with_no_screen() -> None:
    judgement = judge([Sample(at=at(n), unseen={"locks": "\x1b[31mno\n"}) for n in range(5)], [WAITING])
    judgement.notes.append("\x1b[31m")
    assert describe_all(judgement) == ["○ locks.waiting was not judged: \\x1b[31mno\\n", "\\x1b[31m"]


def test_what_is_not_critical_is_told_and_does_not_stand_in_the_way() -> None:
    samples = write("locks.waiting", [9, 9, 9])
    for critical, status, mark in ((True, 1, "✘"), (False, 0, "⚠")):
        judgement = judge(samples, [Metric(name="locks.waiting", max=5, critical=critical, fix="look")])
        assert conclude_watch(judgement, "db").status == status
        assert describe_all(judgement) == [
            f"{mark} locks.waiting: 9 (max 5), since 2026-11-02 12:00:00",
            "    fix: look",
        ]
