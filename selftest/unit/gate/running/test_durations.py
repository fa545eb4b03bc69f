"""Times are read as people write them, and nothing else is taken for one."""

import pytest

from postmigration.gate.running.durations import read_recheck, read_seconds
from postmigration.model.comparison import Recheck
from postmigration.model.errors import CannotJudge


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3_600), ("1h30m", 5_400), ("0s", 0)])
def test_a_duration_has_units(text: str, seconds: float) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1s", "10 m", "1e9h", "٣s"])
def test_what_has_none_is_no_duration(text: str) -> None:
    assert read_seconds(text) is None


@pytest.mark.parametrize(("text", "meant"), [("3", Recheck(3, 2)), ("1@0s", Recheck(1, 0)), ("9@1m", Recheck(9, 60))])
def test_it_says_how_often_and_after_which_pause(text: str, meant: Recheck) -> None:
    assert read_recheck(text) == meant


@pytest.mark.parametrize("text", ["", "0", "-1", "101", "x", "3@", "3@x", "@3s", "3@2h", "٣"])
def test_another_is_refused(text: str) -> None:
    with pytest.raises(CannotJudge, match="want how many times, 1 to 100, and a pause of 1h at most, like 3 or 3@10s"):
        read_recheck(text)
