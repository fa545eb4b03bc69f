"""Planned and measured durations on one logarithmic axis."""

import datetime

import pytest

from postmigration.deployment.output.timeline import WIDTH, draw, place
from selftest.deployment.plans import NOW, READY, judge, rehearse


def test_the_axis_is_logarithmic_from_a_second_to_four_weeks() -> None:
    assert [place(seconds) for seconds in (0, 1, 2_419_200, 10**9)] == [0, 0, WIDTH, WIDTH]
    minute, hour, day = place(60), place(3_600), place(86_400)
    assert hour == pytest.approx(2 * minute, abs=0.2)
    assert 0 < minute < hour < day < WIDTH


def test_what_has_a_planned_duration_has_a_row() -> None:
    (bar,) = draw(judge().items)
    assert bar.item.criterion.name == "rehearsed"
    assert bar.words == "planned 0.0 s to 1 h, measured 5 min"
    assert (bar.planned, bar.measured, bar.over) == ((0, place(3_600)), place(300), False)


def test_what_took_longer_than_planned_is_marked() -> None:
    slow = rehearse(-300, ended=NOW - datetime.timedelta(hours=1))
    (bar,) = draw(judge([*READY, slow]).items)
    assert bar.over
    assert bar.words.endswith("measured 14 h")


def test_what_was_not_measured_is_planned_all_the_same() -> None:
    (bar,) = draw(judge([]).items)
    assert (bar.measured, bar.over) == (None, False)
    assert bar.words == "planned 0.0 s to 1 h, not measured"
