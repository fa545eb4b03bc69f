"""A metric is drawn over the time: its range, what was out of it, and what nobody saw."""

import datetime

from postmigration.model.migration import Metric
from postmigration.watch.charts import HEIGHT, WIDTH, Chart, draw
from postmigration.watch.judging import Incident, Judged, Judgement
from postmigration.watch.points import Point

BEGIN = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)
METRIC = Metric(name="connections.share", max=80)


def _at(minutes: float) -> datetime.datetime:
    return BEGIN + datetime.timedelta(minutes=minutes)


def _points(*values: float) -> list[Point]:
    return [Point(_at(10 * n), _at(10 * n), value) for n, value in enumerate(values)]


def _draw(*judged: Judged, gaps: tuple[tuple[float, float], ...] = ()) -> list[Chart]:
    return draw(Judgement(4, BEGIN, _at(30), list(judged), [(_at(a), _at(b)) for a, b in gaps]))


def test_values_stand_between_the_edges() -> None:
    (chart,) = _draw(Judged(METRIC, {"": _points(0, 100, 50, 25)}))
    (line,) = chart.lines
    assert line.parts == (f"0.0,{HEIGHT} 240.0,0.0 480.0,60.0 {WIDTH},90.0",)
    assert line.numbers == ("25", "0", "37.5", "100")
    assert (chart.bottom, chart.top) == ("0", "100")
    assert [round(limit) for limit in chart.limits] == [24]


def test_a_limit_that_is_far_away_is_not_drawn() -> None:
    (chart,) = _draw(Judged(METRIC, {"": _points(1, 2)}))
    assert (chart.limits, chart.top) == ((), "2")


def test_what_is_wrong_comes_first_and_is_marked() -> None:
    incident = Incident(METRIC, "b", _at(10), _at(20), 99.0)
    calm = Judged(Metric(name="calm"), {"": _points(1)})
    bad = Judged(METRIC, {name: _points(90, 90) for name in "abcde"}, [incident])
    first, second = _draw(calm, Judged(Metric(name="nothing"), {"": []}), bad, gaps=((20, 25),))
    assert (first.judged, second.judged) == (bad, calm)
    assert [line.subject for line in first.lines] == ["b", "a", "c", "d"]
    assert first.others == 1
    assert [(shade.kind, shade.start, shade.width) for shade in first.shades] == [
        ("gap", 480.0, 120.0),
        ("out", 240.0, 240.0),
    ]


def test_a_line_ends_where_nobody_saw() -> None:
    (chart,) = _draw(Judged(METRIC, {"": _points(1, 1, 1, 1)}), gaps=((10, 20),))
    assert [part.count(",") for part in chart.lines[0].parts] == [2, 2]


def test_of_many_values_the_worst_are_drawn() -> None:
    points = [Point(_at(n / 40), _at(n / 40), 100.0 if n == 601 else 1.0) for n in range(1_200)]
    (chart,) = _draw(Judged(METRIC, {"": points}))
    places = chart.lines[0].parts[0].split()
    assert len(places) == 240
    assert sum(place.endswith(",0.0") for place in places) == 1
