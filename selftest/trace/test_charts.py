"""What a trace found is drawn: lines with their share, readable by everybody, and nothing of a database is live."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from postmigration.gate.commands import cli
from postmigration.model.changes import GoneTable, MovedRows
from postmigration.postgres import embedded
from postmigration.report.formats.flows import Flow, draw
from postmigration.trace.charts import draw_trace, write_page
from postmigration.trace.findings import Flow as Traced
from postmigration.trace.findings import Found, Trace
from selftest.browser import CHROMIUM, chromium, expect_usable, needed
from selftest.trace.conftest import Follow

HOSTILE = "</text><script>alert('x')</script>\u202e\""
DAMAGE = """
    UPDATE "Offer" SET title = left(title, 6) WHERE id LIKE 'tof_1%';
    DELETE FROM "Series" WHERE id IN ('ser_3', 'ser_6')
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and not needed():
        pytest.skip("there is no Chromium here (with CI set, that would be an error)")
    with chromium() as browser:
        yield browser


def test_a_share_of_rows_is_drawn_unlike_all_of_them() -> None:
    chart = draw(
        "x", [Flow(("a",), "b", fits=60, of=60), Flow(("a",), "c", fits=40, of=60), Flow(("a",), "d"), Flow(("e",), "")]
    )
    kinds = {line.kind: line for line in chart.lines}
    assert kinds["whole"].width > kinds["part"].width > kinds["open"].width
    assert kinds["part"].words == "a to c: 40 of 60 rows"
    assert [(label.name, label.note, label.lone) for label in chart.lefts] == [("a", "", False), ("e", "gone", True)]
    assert [(label.name, label.note, label.bad) for label in chart.rights] == [
        ("b", "all 60", False),
        ("c", "40 of 60", True),
        ("d", "", False),
    ]


def test_a_long_name_is_cut_in_the_picture_only() -> None:
    name = "n" * 63
    chart = draw("x", [Flow((name,), name, fits=1, of=1)])
    assert len(chart.lefts[0].name) < 30
    assert chart.lefts[0].full == chart.flows[0].words == f"{name} to {name}: 1 of 1 rows"


@pytest.mark.full
def test_each_change_is_drawn(follow: Follow) -> None:
    charts = {chart.title: chart for chart in draw_trace(follow(DAMAGE))}
    tables = next(iter(charts.values()))
    assert {(flow.sources, flow.target, flow.figures) for flow in tables.flows} == {
        (("EventType",), "Offer", "all 60"),
        (("EventType",), "Series", "28 of 30"),
        (("EventType",), "Forward", "all 18"),
        (("TeamEvent",), "Offer", "all 40"),
        (("Team",), "Group", "all 8"),
        (("FeatureFlag",), "", ""),
    }
    title = next(flow for flow in charts["TeamEvent to Offer: columns"].flows if flow.target == "title")
    assert title.words == "name to title: 89 of 100 rows; 11 cut at 6 characters"
    (repointed,) = charts["Webhook: columns"].flows
    assert repointed.words == "eventTypeId to offerId: what EventType became; all 60 rows"
    (renamed, gone) = charts["User: columns"].flows
    assert (renamed.words, gone.words) == (
        "name to displayName: another name; all 20 rows",
        "legacyToken to nowhere: gone: it held 10 values",
    )


def test_columns_of_a_gone_table_that_nothing_holds_are_drawn() -> None:
    move = MovedRows(table="a", to="b", key={"id": "r.id"})
    found = [
        Found(move, "a to b", "3 rows", [Traced("id", "id", "r.id", 3, 3)], rows=(3, 3)),
        Found(GoneTable(table="a"), "a", unused=["fax"]),
    ]
    _, columns = draw_trace(Trace(found))
    assert [flow.words for flow in columns.flows] == ["id to id: all 3 rows", "fax to nowhere: gone"]


@pytest.mark.full
@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_read_the_page(follow: Follow, browser: Browser, tmp_path: Path, width: int) -> None:
    page = tmp_path / "trace.html"
    write_page(follow(DAMAGE), page, "Where everything went")
    tab = browser.new_page(viewport={"width": width, "height": 800})
    try:
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        shown, hidden = ("table", "svg.wide") if width < 400 else ("svg.wide", "table")
        assert tab.locator(f".flow {shown}").first.is_visible()
        assert not tab.locator(f".flow {hidden}").first.is_visible()
        assert "2 of 30 rows are lost" in tab.locator("main").inner_text()
        expect_usable(tab)
    finally:
        tab.close()


def test_no_name_of_a_database_is_live(tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    flow = Traced(HOSTILE, HOSTILE, f'r."{HOSTILE}"', 1, 2, HOSTILE)
    move = MovedRows(table=HOSTILE, to="b", key={HOSTILE: f'r."{HOSTILE}"'})
    write_page(Trace([Found(move, f"{HOSTILE} to b", HOSTILE, [flow], [HOSTILE], rows=(1, 2))]), page, HOSTILE)
    text = page.read_text()
    assert "<script" not in text
    assert "alert(&#39;x&#39;)" in text


@pytest.mark.full
def test_the_commands_write_it(
    server: embedded.Server, worlds: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before, after = server.conninfo("trace_before"), server.conninfo("trace_after")
    assert cli.main(["trace", before, after, f"--html={tmp_path / 'seen' / 'trace.html'}"]) == 0
    assert "drawn in " in capfd.readouterr().out
    assert cli.main(["init", f"--db-url={after}", f"--baseline={before}", str(tmp_path / "calendar")]) == 0
    pages = [tmp_path / "seen" / "trace.html", tmp_path / "calendar" / "trace.html"]
    assert all("EventType to Offer: columns" in page.read_text() for page in pages)
    (tmp_path / "file").write_text("")
    assert cli.main(["trace", before, after, f"--html={tmp_path / 'file' / 'trace.html'}"]) == 4
    assert "the page cannot be written to" in capfd.readouterr().err
