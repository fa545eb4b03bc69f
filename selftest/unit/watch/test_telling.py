import datetime
from dataclasses import replace

import pytest

from postmigration.model.migration import Metric
from postmigration.watch.judging import Incident, Judged, Judgement
from postmigration.watch.telling import (
    conclude_watch,
    describe_all,
    describe_incident,
    describe_range,
    name_incident,
    show_duration,
    show_number,
    show_period,
    show_time,
)

NOON = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
WAITING = Metric(name="locks.waiting", max=5, fix="look")
INCIDENT = Incident(WAITING, "", NOON, None, 9, ("session 7 waits",))
ENDED = replace(INCIDENT, ended=NOON + HOUR)
TOLD = replace(INCIDENT, critical=False)


def judgement(*incidents: Incident, reason: str = "", gap: float = 0) -> Judgement:
    gaps = [(NOON, NOON + gap * HOUR)] if gap else []
    return Judgement(60, NOON, NOON + HOUR, [Judged(WAITING, {}, list(incidents), reason)], gaps, ["a note"])


def test_a_time_is_shown_in_utc() -> None:
    east = NOON.astimezone(datetime.timezone(2 * HOUR))
    assert show_time(east) == "2026-11-02 12:00:00"
    assert show_time(east, day=False) == "12:00:00"


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (None, "since 2026-11-02 12:00:00"),
        (NOON + HOUR, "2026-11-02 12:00:00 to 13:00:00"),
        (NOON + 24 * HOUR, "2026-11-02 12:00:00 to 2026-11-03 12:00:00"),
    ],
)
def test_a_period_names_each_day_once(ended: datetime.datetime | None, words: str) -> None:
    assert show_period(NOON, ended) == words


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (5.0, "5"), (0.12345, "0.123"), (1234.5, "1,234"), (-2_000_000, "-2,000,000")]
)
def test_a_number_is_as_exact_as_somebody_wants_to_know(value: float, text: str) -> None:
    assert show_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3_600, "1 h"), (90_061, "1 d 1 h")]
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


def test_an_incident_says_how_far_out_of_its_range_a_metric_was() -> None:
    assert describe_range(INCIDENT) == "9 (max 5)"
    assert describe_range(replace(INCIDENT, metric=Metric(name="a", sql="SELECT 1", counter=True, min=1, max=2))) == (
        "9 per minute (min 1, max 2)"
    )
    assert describe_range(replace(INCIDENT, than="3 and was 1")) == "3 and was 1"
    assert name_incident(INCIDENT) == "locks.waiting"
    assert name_incident(replace(INCIDENT, subject="public.stay")) == "locks.waiting of public.stay"


def test_an_incident_is_told_with_who_is_behind_it_and_what_to_do() -> None:
    assert describe_incident(ENDED) == [
        "✘ locks.waiting: 9 (max 5), 2026-11-02 12:00:00 to 13:00:00",
        "    session 7 waits",
        "    fix: look",
    ]
    assert describe_incident(TOLD)[0].startswith("⚠ locks.waiting")


def test_all_that_was_found_and_not_seen_is_told() -> None:
    lines = describe_all(judgement(INCIDENT, reason="no\ndata", gap=0.5))
    assert lines[-3:] == [
        "○ locks.waiting was not judged: no\\ndata",
        "did not see 2026-11-02 12:00:00 to 12:30:00",
        "a note",
    ]
    assert lines[:3] == describe_incident(INCIDENT)


@pytest.mark.parametrize(
    ("found", "lasting", "word", "status", "words"),
    [
        (judgement(), False, "GO", 0, "1 metric judged over 1 h from 2026-11-02 12:00:00 UTC, 60 samples, shop"),
        (judgement(INCIDENT), False, "NO-GO", 1, "1 finding: locks.waiting since 2026-11-02 12:00:00; "),
        (judgement(TOLD), False, "GO", 0, "1 warning,"),
        (judgement(ENDED), False, "NO-GO", 1, "1 finding: locks.waiting 2026-11-02 12:00:00 to 13:00:00;"),
        (judgement(ENDED), True, "GO", 0, "1 finding ended,"),
        (judgement(reason="no data"), False, "PARTIAL", 4, "1 of 1 metrics not judged: locks.waiting;"),
        (judgement(gap=0.25), False, "GO", 0, "did not see 2026-11-02 12:00:00 to 12:15:00; shop"),
        (judgement(gap=0.75), False, "PARTIAL", 4, ", more than half of it; shop"),
    ],
)
def test_the_verdict_is_over_all_that_was_watched(
    found: Judgement, lasting: bool, word: str, status: int, words: str
) -> None:
    verdict = conclude_watch(found, "shop", lasting=lasting)
    assert (verdict.word, verdict.status) == (word, status)
    assert words in verdict.sentence
