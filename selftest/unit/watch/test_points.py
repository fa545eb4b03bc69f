import datetime
from collections.abc import Mapping

import pytest

from postmigration.model.migration import Metric
from postmigration.watch.points import Point, find_gaps, find_restarts, is_rate, read_points, split_name
from postmigration.watch.series import Sample

NOON = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)


def at(minute: float) -> datetime.datetime:
    return NOON + datetime.timedelta(minutes=minute)


def write(family: str, *rows: Mapping[str, Mapping[str, float]], apart: float = 1) -> list[Sample]:
    """Samples of one family, each some minutes after the one before."""
    return [Sample(at=at(n * apart), values={family: row}) for n, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("metric", "names", "rate"),
    [
        (Metric(name="locks.waiting"), ("locks", "waiting"), False),
        (Metric(name="database.deadlocks"), ("database", "deadlocks"), True),
        (Metric(name="sizes.bytes", growth=True), ("sizes", "bytes"), True),
        (Metric(name="shop.errors", sql="SELECT 1"), ("declared", "shop.errors"), False),
        (Metric(name="errors", sql="SELECT 1", counter=True), ("declared", "errors"), True),
    ],
)
def test_a_metric_is_a_column_of_a_family(metric: Metric, names: tuple[str, str], rate: bool) -> None:
    assert split_name(metric) == names
    assert is_rate(metric) is rate


def test_what_goes_up_and_down_is_judged_as_it_is() -> None:
    samples = write("locks", {"": {"waiting": 1}}, {}, {"": {"waiting": 3}, "other": {"granted": 9}})
    points = read_points(samples, Metric(name="locks.waiting"))
    assert points.by_subject == {"": [Point(at(0), at(0), 1), Point(at(2), at(2), 3)]}
    assert (points.possible, points.readings) == (3, [at(0), at(1), at(2)])


def test_a_counter_is_judged_by_what_it_grows_by_in_a_minute() -> None:
    samples = write("database", *({"": {"deadlocks": n}} for n in (4, 8, 2, 3)), apart=2)
    points = read_points(samples, Metric(name="database.deadlocks"))
    # Where it went back, the server has reset it.
    assert points.by_subject == {"": [Point(at(0), at(2), 2), Point(at(4), at(6), 0.5)]}
    assert points.possible == 3


def test_what_grows_may_also_shrink() -> None:
    samples = write("declared", *({"": {"queue": n}} for n in (5, 2)))
    points = read_points(samples, Metric(name="queue", sql="SELECT 1", growth=True))
    assert points.by_subject == {"": [Point(at(0), at(1), -3)]}


def test_a_share_is_made_of_what_two_counters_grew_by() -> None:
    rows = [{"": {"commits": c, "rollbacks": r}} for c, r in ((0, 0), (150, 50), (151, 51))]
    points = read_points(write("database", *rows), Metric(name="database.rollback_share"))
    # Of so few transactions nothing is said.
    assert points.by_subject == {"": [Point(at(0), at(1), 0.25)]}


def test_values_are_no_closer_to_each_other_than_the_interval() -> None:
    samples = write("locks", *({"": {"waiting": n}} for n in range(6)))
    points = read_points(samples, Metric(name="locks.waiting", interval=120))
    assert [point.value for point in points.by_subject[""]] == [0, 2, 4]


def test_the_times_that_nobody_saw_are_found() -> None:
    samples = [Sample(at=at(minute)) for minute in (0, 1, 2, 9, 10)]
    assert find_gaps(samples) == [(at(2), at(9))]
    assert find_gaps([*samples, Sample(at=at(11), lost="gone")]) == [(at(2), at(9)), (at(10), at(11))]
    assert find_gaps(samples[:1]) == []


def test_a_restart_is_told_by_when_the_server_started() -> None:
    started = ["", "12:00", "12:00", "12:30"]
    samples = [Sample(at=at(n), started=when) for n, when in enumerate(started)]
    assert find_restarts(samples) == ["12:30"]
