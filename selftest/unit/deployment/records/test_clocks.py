"""How moments and spans are written, and which times of a record cannot be right."""

import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from postmigration.deployment.records.clocks import (
    find_clock_faults,
    find_drift,
    find_latest_end,
    show_seconds,
    show_span,
    show_time,
)
from selftest.deployment.records import NOON, STAGING, make


def test_a_moment_is_shown_in_utc() -> None:
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    assert show_time(datetime.datetime(2026, 3, 1, 4, 59, 59, tzinfo=east)) == "2026-02-28 23:29 UTC"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 min"), (90, "1.5 min"), (3_599, "60 min"), (3_600, "1 h"), (9_000_000, "2,500 h")]
)
def test_a_span_is_shown_in_minutes_or_hours(seconds: float, words: str) -> None:
    assert show_span(datetime.timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (0.4, "0.4 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (90_061, "1 d 1 h"),
        (604_805, "7 d 5 s"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert show_seconds(seconds) == words


def test_two_clocks_differ_by_a_minute_at_most() -> None:
    hour, minute = datetime.timedelta(hours=1), datetime.timedelta(minutes=1)
    assert [*find_drift(NOON, NOON + minute), *find_drift(NOON, NOON - minute)] == []
    (reason,) = find_drift(NOON - hour, NOON)
    assert reason.startswith("it is 2026-11-28 11:00:00 UTC here, and 2026-11-28 12:00:00 UTC at the database: one of")
    assert len(list(find_drift(NOON, NOON - hour))) == 1


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, []),
        (
            {"ended": NOON - datetime.timedelta(seconds=1)},
            ["ended 2026-11-28 11:59:59 UTC, before it started 2026-11-28 12:00:00 UTC: its clock ran back"],
        ),
        ({"ended": NOON + datetime.timedelta(minutes=61)}, []),
        (
            {"facts": {"clock": "it is 10 here"}},
            ["was made while clocks differed: it is 10 here: set them, and run it again"],
        ),
        (
            {"ended": NOON + datetime.timedelta(minutes=61, seconds=1)},
            ["ended 2026-11-28 13:01:01 UTC, and it is 2026-11-28 13:00:00 UTC: the clock here or there is wrong"],
        ),
        (
            {"baseline": replace(STAGING, started="2026-11-28 15:06:01+03")},
            [
                "ended 2026-11-28 12:05:00 UTC, and the server of its state before was started "
                "2026-11-28 12:06:01 UTC: the clock of one of them is wrong, or ran back"
            ],
        ),
        ({"database": replace(STAGING, started="2026-11-28 12:06:00+00")}, []),
        ({"database": replace(STAGING, started="2030-01-01")}, []),
        ({"database": replace(STAGING, started="Sat 28 Nov 2030")}, []),
    ],
    ids=[
        "right",
        "back",
        "a minute ahead",
        "clocks differ",
        "ahead",
        "server",
        "server a minute ahead",
        "no time zone",
        "no date",
    ],
)
def test_times_that_contradict_each_other_are_found(fields: dict[str, Any], faults: list[str]) -> None:
    assert list(find_clock_faults(make(**fields), NOON + datetime.timedelta(hours=1))) == faults


def test_a_record_ended_by_the_later_of_two_clocks_at_the_latest() -> None:
    hour = datetime.timedelta(hours=1)
    there = {"clock of the database": (NOON + hour).isoformat()}
    assert find_latest_end(make()) == NOON + hour / 12
    assert find_latest_end(make(facts=there)) == NOON + hour * 13 / 12
    assert find_latest_end(make(240, facts=there)) == NOON + hour * 49 / 12
    assert find_latest_end(make(facts={"clock of the database": "noon"})) == NOON + hour / 12
