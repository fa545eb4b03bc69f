"""The report draws what was declared: from where to where, in how many rows, and where it is not so."""

import datetime
from pathlib import Path

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.migration import Migration
from postmigration.model.verdict import Result, Verdict
from postmigration.report.formats import as_csv, as_html, pictures, rendering
from postmigration.report.formats.flows import Chart
from postmigration.report.places import Files
from postmigration.report.validation import Validation
from selftest.browser import CHROMIUM, chromium, expect_usable, needed
from selftest.declared.conftest import Examine

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def judged(found: Examination) -> Validation:
    evidence = Evidence(found.rows, findings=list(found.findings), overviews=list(found.overviews))
    rows = Result("tests/t.py::test_rows", None, "rows", "rows", "A.", "B.", "failed", evidence=evidence)
    return Validation(Migration("stays"), Verdict("NO-GO", "some", 1), "", {}, [], [rows], [], NOW, NOW)


def draw(found: Examination) -> dict[str, Chart]:
    return {chart.title: chart for chart in pictures.pictures(judged(found)).declared}


def write(found: Examination, directory: Path) -> Path:
    path = directory / "validation.html"
    where = Files(path, *(directory / name for name in ("x.xml", "x.json", "x.md", "evidence")))
    validation = judged(found)
    page = as_html.page(validation, as_csv.write(validation, where.evidence), where)
    css = (rendering.DIRECTORY / "report.css").read_text()
    head = f"<!DOCTYPE html><html><head><title>stays</title><style>{css}</style></head>"
    path.write_text(as_html.complete(f"{head}<body>{page}</body></html>", "stays"))
    return path


def test_each_declared_change_is_drawn_with_its_rows(examine: Examine) -> None:
    charts = draw(examine())
    assert [flow.words for flow in charts["Declared changes of tables"].flows] == [
        "Room to Unit: another name; all 12 rows",
        "Booking to Guest: several rows may be one; all 200 rows",
        "Booking to Stay: all 150 rows",
        "Booking to Visit: all 50 rows",
        "Event to Event: rows may be new: 1 row is new",
        "Draft to Draft: rows may be gone: 5 rows are gone",
    ]
    assert [flow.words for flow in charts["Booking to Stay: columns"].flows] == [
        "id to id: 'stay_' || r.id; all 150 rows",
        "eMail to guestEMail: all 150 rows",
        "roomId to unitId: all 150 rows",
        "price to cents: r.price * 100; all 150 rows",
        "note to note: all 150 rows",
        "createdAt to createdAt: all 150 rows",
    ]
    assert [flow.words for flow in charts["Payment: columns"].flows] == [
        "bookingId to stayId: what Booking became; all 150 rows",
        "isRefund to isRefund: another type; all 150 rows",
        "reviewed to reviewed: may change: 50 rows changed",
    ]
    assert [flow.words for flow in charts["Unit: columns"].flows] == [
        "no to number: another name; all 12 rows",
        "beds to large: r.beds > 2; all 12 rows",
    ]
    assert not any(chart.bad for chart in charts.values())


@pytest.mark.parametrize(
    ("fault", "chart", "words"),
    [
        (
            "DELETE FROM \"Visit\" WHERE id > 'visit_8'",
            "Declared changes of tables",
            ["Booking to Visit: 45 of 50 rows; 5 differ"],
        ),
        (
            "UPDATE \"Stay\" SET note = NULL WHERE note = ''",
            "Booking to Stay: columns",
            ["note to note: 120 of 150 rows; 30 differ"],
        ),
        (
            'UPDATE "Payment" SET "stayId" = \'stay_1\' WHERE id IN (5, 6)',
            "Payment: columns",
            ["bookingId to stayId: what Booking became; 148 of 150 rows; 2 differ"],
        ),
        (
            # Of rows that several may have become one of, those that differ are not shared out.
            "UPDATE \"Guest\" SET name = 'Guest' WHERE \"eMail\" = 'guest1@example.org'",
            "Booking to Guest: columns",
            ["guestName to name: 200 rows; 1 of 40 differs"],
        ),
        (
            "INSERT INTO \"Visit\" VALUES ('visit_x', 'guest1@example.org', 'done', now())",
            "Declared changes of tables",
            ["Booking to Visit: all 50 rows; 1 that nothing brings"],
        ),
        (
            'DROP TABLE "Visit"',
            "Declared changes of tables",
            ["Booking to Visit: 0 of 50 rows; there is no such table"],
        ),
    ],
)
def test_what_is_not_as_declared_is_drawn_so(examine: Examine, fault: str, chart: str, words: list[str]) -> None:
    drawn = draw(examine(fault))[chart]
    assert [flow.words for flow in drawn.flows if flow.kind == "part"] == words
    assert [line.words for line in drawn.lines if line.kind == "part"] == words


def test_where_nothing_is_declared_nothing_is_drawn(examine: Examine, tmp_path: Path) -> None:
    found = examine(changes=[])
    assert draw(found) == {}
    assert "What was declared to change" not in write(found, tmp_path).read_text()


def test_no_name_of_a_database_is_live(tmp_path: Path) -> None:
    found = Examination(findings=[Finding("x", 1, 1)])
    rows = [("</text><script>alert('x')</script>", "b", "2", "", "</svg>")]
    evidence = Evidence()
    evidence.show("<b>x", ("before", "now", "rows", "not so", "how"), rows, "flows", figures=[(2, 2)])
    found.overviews = evidence.overviews
    text = write(found, tmp_path).read_text()
    assert "alert('x')" not in text
    assert text.count("alert(&#39;x&#39;)") > 1


@pytest.mark.full
@pytest.mark.parametrize("width", [360, 1280])
def test_everybody_can_read_the_pictures(examine: Examine, tmp_path: Path, width: int) -> None:
    if CHROMIUM is None and not needed():
        pytest.skip("there is no Chromium here (with CI set, that would be an error)")
    page = write(examine("UPDATE \"Stay\" SET note = NULL WHERE note = ''"), tmp_path)
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.goto(page.as_uri())
        shown, hidden = ("table", "svg.wide") if width < 400 else ("svg.wide", "table")
        assert not tab.locator(f".flow {shown}").first.is_visible()
        tab.locator("details.declared > summary").click()
        assert tab.locator(f".flow {shown}").first.is_visible()
        assert not tab.locator(f".flow {hidden}").first.is_visible()
        assert "in 2 of them something is not as declared" in tab.locator("details.declared > summary").inner_text()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        expect_usable(tab)
        # A sheet of paper has no summary to click at.
        tab.locator("details.declared > summary").click()
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.locator(f".flow {shown}").first.is_visible()
