"""What a watch leaves for its readers: the page, the summary and the object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Metric
from postmigration.watch.charts import HEIGHT, WIDTH, draw
from postmigration.watch.judging import Judgement, judge
from postmigration.watch.page import Report, describe_facts, describe_unfinished, write
from postmigration.watch.series import Sample
from postmigration.watch.telling import conclude_watch
from selftest.browser import CHROMIUM, needed, open_on_phone
from selftest.watch.test_judging import at

LIVE = "<script>alert(1)</script> *b* [x](http://evil)"
METRICS = [
    Metric(name="locks.waiting", max=5, fix="look"),
    Metric(name="statements.calls", max=100, critical=False, interval=60, must_have_data=False),
    Metric(name="connections.share", max=0.9),
    Metric(name="slots.lost", max=0, must_have_data=False),
]


def series(waiting: Sequence[float]) -> list[Sample]:
    """Samples with a statement that looks like markup, and a gap after the tenth."""
    return [
        Sample(
            at=at(n if n < 10 else n + 10),
            values={
                "locks": {"": {"waiting": number}},
                "statements": {LIVE: {"calls": 500.0 * n}, **{f"{m} SELECT": {"calls": 1.0 * n} for m in range(6)}},
                "slots": {},
            },
            words={"locks": [f"blocked by {LIVE}"]} if number > 5 else {},
            unseen={"connections": "grant it pg_monitor"},
        )
        for n, number in enumerate(waiting)
    ]


def make(samples: Sequence[Sample]) -> Judgement:
    return judge(samples, METRICS)


def put(judgement: Judgement, path: Path, *, finished: bool = True) -> None:
    verdict = conclude_watch(judgement, "db")
    told = verdict if finished else describe_unfinished(verdict)
    write(Report(judgement, told, finished, describe_facts("db", judgement)), path)


INCIDENT = [0, 0, 0, 9, 9, 9, 9, 0, 0, 0, *[0] * 30]


def test_the_page_says_what_the_terminal_says(tmp_path: Path) -> None:
    put(make(series(INCIDENT)), tmp_path / "watch.html")
    page = (tmp_path / "watch.html").read_text()
    assert '<p class="word">NO-GO</p>' in page
    assert "locks.waiting: 9 (max 5)" in page
    assert "2026-11-02 12:03:00 to 12:07:00 UTC" in page
    assert "connections.share was not judged: grant it pg_monitor" in page
    assert "did not see 2026-11-02 12:09:00 to 12:20:00 UTC" in page
    assert "Support tickets, and what users report otherwise, are not read here" in page
    # What a database says is text and nothing else.
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    summary = (tmp_path / "watch.md").read_text()
    assert summary.startswith("## NO-GO: 1 finding: locks.waiting 2026-11-02 12:03:00 to 12:07:00; ")
    assert "<script" not in summary
    assert "[x]" not in summary
    assert summary.splitlines()[-1].startswith("- for a person: Support tickets, ")


def test_the_object_is_for_programs(tmp_path: Path) -> None:
    put(make(series(INCIDENT)), tmp_path / "watch.html")
    found = json.loads((tmp_path / "watch.json").read_text())
    assert (found["finished"], found["go"], found["status"]) == (True, False, 1)
    locks, _, calls = found["findings"]
    assert (locks["metric"], locks["began"], locks["ended"]) == (
        "locks.waiting",
        "2026-11-02T12:03:00Z",
        "2026-11-02T12:07:00Z",
    )
    assert (calls["subject"], calls["critical"], calls["ended"]) == (LIVE, False, None)
    assert found["unseen"] == [{"begin": "2026-11-02T12:09:00Z", "end": "2026-11-02T12:20:00Z"}]
    assert {metric["name"]: metric["judged"] for metric in found["metrics"]} == {
        "locks.waiting": True,
        "statements.calls": True,
        "connections.share": False,
        "slots.lost": True,
    }


@pytest.mark.parametrize(("finished", "go"), [(True, True), (False, False)])
def test_a_watch_that_goes_on_is_not_go(tmp_path: Path, finished: bool, go: bool) -> None:
    judgement = judge(series([0] * 40), [METRICS[0]])
    put(judgement, tmp_path / "watch.html", finished=finished)
    assert json.loads((tmp_path / "watch.json").read_text())["go"] is go
    word = "GO" if finished else "UNFINISHED"
    assert f'<p class="word">{word}</p>' in (tmp_path / "watch.html").read_text()


def test_a_page_that_cannot_be_written_still_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match=r"name another with --html; what was found: NO-GO: 1 finding"):
        put(make(series(INCIDENT)), tmp_path / "file" / "watch.html")


def test_charts_stay_within_their_frame_and_break_where_nothing_was_seen() -> None:
    judgement = make(series([*INCIDENT, *range(3_000)]))
    charts = {chart.judged.metric.name: chart for chart in draw(judgement)}
    assert next(iter(charts)) == "locks.waiting"
    assert charts["statements.calls"].others == 3
    assert charts["statements.calls"].lines[0].subject == LIVE
    for chart in charts.values():
        for line in chart.lines:
            assert len(line.parts) == 2
            for part in line.parts:
                points = [tuple(map(float, place.split(","))) for place in part.split(" ")]
                assert 2 <= len(points) <= 241
                assert all(0 <= x <= WIDTH and -0.1 <= y <= HEIGHT + 0.1 for x, y in points)
        assert all(shade.start >= 0 and shade.start + shade.width <= WIDTH + 0.1 for shade in chart.shades)
    assert [shade.kind for shade in charts["locks.waiting"].shades] == ["gap", "out", "out"]
    # The peak is there, however many points stand for one.
    ends = charts["locks.waiting"].lines[0].parts[1].rpartition(",")
    assert float(ends[2]) == 0.0


@pytest.mark.full
@pytest.mark.xdist_group("pages")
@pytest.mark.skipif(
    CHROMIUM is None and not needed(), reason="there is no Chromium here (with CI set, that would be an error)"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(tmp_path: Path, scheme: Literal["light", "dark"]) -> None:
    path = tmp_path / "watch.html"
    put(make(series(INCIDENT)), path)
    with open_on_phone(path, scheme) as page:
        assert page.locator(".chart").count() == 2
