"""A watch beside a series of before: what became more or less is found and timed, and noise is not."""

from __future__ import annotations

import datetime
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from postmigration.gate.commands import cli
from postmigration.gate.commands import watch as command
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.comparison import compare, require_scipy
from postmigration.watch.judging import Judgement, judge
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.running import Clock
from postmigration.watch.series import Sample
from postmigration.watch.telling import conclude_watch, describe_all
from selftest.watch.conftest import BEGIN, Watched

pytest.importorskip("scipy", reason="the extra [watch] is not installed")
WEEK = datetime.timedelta(days=7)
CLIENTS = Metric(name="connections.clients", compare="more", critical_factor=5, must_have_data=False)
Level = Callable[[datetime.datetime], float]


def record(
    begin: datetime.datetime, minutes: int, level: Level, *, seed: int, name: str = "connections.clients"
) -> list[Sample]:
    """A series whose values scatter by a third around a level."""
    chance = random.Random(seed)
    family, _, column = name.partition(".")
    times = [begin + datetime.timedelta(minutes=n) for n in range(minutes)]
    return [Sample(at=at, values={family: {"": {column: level(at) * chance.uniform(2 / 3, 4 / 3)}}}) for at in times]


def beside(now: Sequence[Sample], before: Sequence[Sample], *metrics: Metric) -> Judgement:
    judgement = judge(now, metrics or [CLIENTS])
    compare(judgement, now, before)
    return judgement


def by_day(at: datetime.datetime) -> float:
    """What is usual: ten times as much by day as by night."""
    return 50 if 6 <= at.hour < 20 else 5


@pytest.mark.full
def test_the_same_hour_of_the_week_is_what_counts() -> None:
    before = record(BEGIN - WEEK, 24 * 60, by_day, seed=1)
    assert beside(record(BEGIN, 24 * 60, by_day, seed=2), before).incidents == []

    def later(at: datetime.datetime) -> float:
        return 50 if at.hour == 22 else by_day(at)

    (found,) = beside(record(BEGIN, 24 * 60, later, seed=2), before).incidents
    assert (found.began, found.ended) == (BEGIN.replace(hour=22), BEGIN.replace(hour=23))
    assert found.critical
    assert found.than.endswith(" at the same hour of the week before")


@pytest.mark.full
def test_without_the_same_hour_all_of_before_counts() -> None:
    before = record(BEGIN - datetime.timedelta(hours=30), 120, lambda _: 10, seed=1)
    (found,) = beside(record(BEGIN, 60, lambda _: 30, seed=2), before).incidents
    assert (found.began, found.ended, found.critical) == (BEGIN, None, False)
    assert found.than.endswith(" before")
    assert not found.than.endswith("week before")


@pytest.mark.full
def test_a_change_within_an_hour_is_timed() -> None:
    before = record(BEGIN - WEEK, 180, lambda _: 10, seed=1)
    change = BEGIN + datetime.timedelta(minutes=80)
    (found,) = beside(record(BEGIN, 180, lambda at: 90 if at >= change else 10, seed=2), before).incidents
    assert (found.began, found.ended) == (change, None)


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_finding(seed: int) -> None:
    before = record(BEGIN - WEEK, 600, by_day, seed=seed)
    assert beside(record(BEGIN, 600, by_day, seed=seed + 100), before).incidents == []


def test_what_is_slightly_more_is_no_finding() -> None:
    before = record(BEGIN - WEEK, 600, lambda _: 10, seed=1)
    assert beside(record(BEGIN, 600, lambda _: 13, seed=2), before).incidents == []


def scatter(begin: datetime.datetime, values: Sequence[float], *, subjects: int = 1) -> list[Sample]:
    """A series of these values, one in each minute, of several subjects alike."""
    return [
        Sample(
            at=begin + datetime.timedelta(minutes=n),
            values={"connections": {f"s{subject}": {"clients": value} for subject in range(subjects)}},
        )
        for n, value in enumerate(values)
    ]


@pytest.mark.full
def test_of_much_that_is_compared_some_is_more_by_chance() -> None:
    # Alone the chance is 1 in 6,000; of thirty such it is 1 in 200.
    now, before = [20.0] * 20, [10.0] * 16 + [100.0] * 4
    assert len(beside(scatter(BEGIN, now), scatter(BEGIN - WEEK, before)).incidents) == 1
    many = beside(scatter(BEGIN, now, subjects=30), scatter(BEGIN - WEEK, before, subjects=30))
    assert many.incidents == []


@pytest.mark.parametrize(("others", "number"), [(6, 1), (18, 0)], ids=["seldom", "often"])
def test_what_was_as_much_before_now_and_then_is_no_finding(others: int, number: int) -> None:
    before = scatter(BEGIN - WEEK, [10.0] * (60 - others) + [100.0] * others)
    assert len(beside(scatter(BEGIN, [20.0] * 60), before).incidents) == number


def test_less_is_found_where_less_is_bad_and_only_there() -> None:
    before = record(BEGIN - WEEK, 120, lambda _: 100, seed=1)
    now = record(BEGIN, 120, lambda _: 5, seed=2)
    assert beside(now, before).incidents == []
    fewer = Metric(name="connections.clients", compare="less", critical_factor=10)
    (found,) = beside(now, before, fewer).incidents
    assert (found.began, found.ended, found.critical) == (BEGIN, None, True)
    assert conclude_watch(beside(now, before, fewer), "db").status == 1


def test_gaps_and_values_that_are_none_are_passed_over() -> None:
    before = [sample for sample in record(BEGIN - WEEK, 240, lambda _: 10, seed=1) if sample.at.minute % 7]
    now = record(BEGIN, 240, lambda _: 90, seed=2)
    broken = [
        msgspec.structs.replace(sample, values={"connections": {"": {"clients": float("nan")}}})
        if n % 9 == 0
        else sample
        for n, sample in enumerate(now)
        if n < 60 or n > 150
    ]
    (found, again) = beside(broken, before).incidents
    assert (found.began.hour, again.ended) == (12, None)


def test_too_few_values_are_not_compared_and_no_go() -> None:
    before = record(BEGIN - WEEK, 600, lambda _: 10, seed=1)
    needed = Metric(name="connections.clients", compare="more")
    for now, then in (
        (record(BEGIN, 19, lambda _: 90, seed=2), before),
        (record(BEGIN, 60, by_day, seed=2), before[:9]),
    ):
        judgement = beside(now, then, needed)
        assert judgement.incidents == []
        assert [judged.reason for judged in judgement.unjudged] == [
            "not compared with before: it needs 20 minutes of one hour, now and before"
        ]
        assert conclude_watch(judgement, "db").status == 4


def test_a_statement_is_the_same_whatever_its_number() -> None:
    def statement(number: int, ms: float, begin: datetime.datetime) -> list[Sample]:
        return [
            Sample(
                at=begin + datetime.timedelta(minutes=n),
                values={"statements": {f"{number} SELECT 1": {"calls": 10.0 * n, "ms": ms * 10 * n}}},
            )
            for n in range(40)
        ]

    metric = next(metric for metric in choose_metrics() if metric.name == "statements.mean_ms")
    judgement = beside(statement(7, 60, BEGIN), statement(8, 6, BEGIN - WEEK), metric)
    (found,) = judgement.incidents
    assert (found.subject, found.critical) == ("7 SELECT 1", True)
    assert describe_all(judgement)[0].startswith(
        "✘ statements.mean_ms of 7 SELECT 1: 60, 6 at the same hour of the week before, since 2026-11-02 12:01:00"
    )


def test_a_new_index_that_nobody_uses_is_told() -> None:
    def indexes(**uses: float) -> dict[str, dict[str, dict[str, float]]]:
        return {"indexes": {name: {"uses": number} for name, number in uses.items()}}

    now = [
        Sample(at=BEGIN, values=indexes(old=3, new=0, used=0)),
        Sample(at=BEGIN + datetime.timedelta(hours=25), values=indexes(old=3, new=0, used=9)),
    ]
    judgement = beside(now, [Sample(at=BEGIN - WEEK, values=indexes(old=1))])
    assert judgement.notes == ["index new is new, and nobody has used it"]
    soon = [now[0], msgspec.structs.replace(now[1], at=BEGIN + datetime.timedelta(hours=23))]
    assert beside(soon, [Sample(at=BEGIN - WEEK, values=indexes(old=1))]).notes == []


def test_without_the_library_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(CannotJudge, match=r"--before needs scipy, which is not installed: pip install"):
        require_scipy()


def test_the_command_compares(
    watched: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "CLOCK", Clock(lambda: watched.now))
    before, series = tmp_path / "metrics.jsonl", tmp_path / "series.jsonl"
    asked = ["watch", f"--db-url={watched.conninfo}", f"--html={tmp_path / 'watch.html'}"]
    assert cli.main([*asked, "--record", "--once", f"--series={before}"]) == 0
    asked += ["--once", f"--series={series}", f"--before={before}"]
    assert cli.main(asked) == 4
    for file, samples in (
        (before, record(BEGIN - WEEK, 60, lambda _: 10, seed=1)),
        (series, record(BEGIN, 60, lambda _: 90, seed=2)),
    ):
        with file.open("ab") as lines:
            lines.writelines(msgspec.json.encode(sample) + b"\n" for sample in samples)
    watched.now += datetime.timedelta(minutes=60)
    capsys.readouterr()
    assert cli.main(asked) == 4
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("⚠"))
    assert line.startswith("⚠ connections.clients: ")
    assert line.endswith(" at the same hour of the week before, since 2026-11-02 12:00:00")
    assert cli.main([*asked, f"--before={tmp_path / 'none'}"]) == 4
    assert "none cannot be read: No such file or directory" in capsys.readouterr().err
    assert cli.main([*asked, "--record"]) == 4
    assert "--record compares with nothing: leave out --before" in capsys.readouterr().err
