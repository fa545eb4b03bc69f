"""The page in a real browser: what it says, that everybody can use it, and that nothing of a database is live."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from fixtures import MIGRATION
from postmigration.model.evidence import Evidence, Finding
from postmigration.model.verdict import Result, verdict
from postmigration.postgres import embedded
from postmigration.report import places
from postmigration.report.formats import as_csv, as_html
from postmigration.report.validation import Validation
from selftest import showcase
from selftest.browser import CHROMIUM, chromium, expect_usable, needed
from selftest.tiers import few

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None and not needed(), reason="there is no Chromium here (with CI set, that would be an error)"
    ),
    pytest.mark.xdist_group("pages"),
]
WORLDS = ("red", "migrated", "hostile")


class Pages(dict[str, Path]):
    """The pages of real runs, each judged when it is asked for."""

    def __init__(self, server: embedded.Server, directory: Path) -> None:
        super().__init__()
        self._server = server
        self._directory = directory

    def __missing__(self, world: str) -> Path:
        self[world] = showcase.judged(self._server, world, self._directory)
        return self[world]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The pages of real runs, by the world that was judged."""
    with showcase.server() as server:
        yield Pages(server, tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is missing: apt-get install chromium"
    with chromium() as browser:
        yield browser


class Tab:
    """A tab, and what it complained of or asked for."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(path.as_uri())

    def shown(self) -> int:
        return self.page.locator(".check:visible").count()


Opened = Callable[..., Tab]


@pytest.fixture
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[Opened]:
    """Opens the page of a world."""
    contexts = []

    def tab(world: str, **options: Any) -> Tab:
        contexts.append(browser.new_context(**options))
        return Tab(contexts[-1].new_page(), pages[world])

    yield tab
    for context in contexts:
        context.close()


@pytest.mark.full
def test_what_is_read_first_can_be_used_by_everybody(opened: Opened) -> None:
    page = opened("red", viewport={"width": 360, "height": 800}).page
    page.locator(".check:visible .query summary").first.click()
    expect_usable(page)


# Axe takes its time where all is open: each colour scheme and each width once, and the rest at night.
_ONCE = {("red", "light", 360), ("migrated", "dark", 1280)}


@pytest.mark.parametrize(
    ("world", "scheme", "width"),
    [
        pytest.param(*case, marks=pytest.mark.full if case in _ONCE else pytest.mark.nightly)
        for case in itertools.product(WORLDS, ("light", "dark"), (360, 1280))
    ],
)
def test_everybody_can_use_it(opened: Opened, world: str, scheme: str, width: int) -> None:
    page = opened(world, color_scheme=scheme, viewport={"width": width, "height": 800}).page
    page.locator("#open-all").click()
    page.locator(".query").evaluate_all("all => all.forEach(details => { details.open = true })")
    expect_usable(page)


@pytest.mark.full
@pytest.mark.parametrize("world", few(WORLDS))
def test_it_needs_nothing_else_and_complains_of_nothing(opened: Opened, pages: dict[str, Path], world: str) -> None:
    tab = opened(world)
    assert tab.complaints == []
    assert [url.partition("?")[0] for url in tab.asked] == [pages[world].as_uri()]
    assert tab.page.locator("html").get_attribute("lang") == "en"
    assert pages[world].stat().st_size < 500_000


@pytest.mark.full
@pytest.mark.parametrize("world", few(WORLDS))
@pytest.mark.parametrize("width", [360, 794])
def test_it_fits_a_phone_and_a_sheet_of_paper(opened: Opened, world: str, width: int) -> None:
    tab = opened(world, viewport={"width": width, "height": 700})
    if width > 400:
        tab.page.emulate_media(media="print")
    tab.page.locator(".check details").evaluate_all("all => all.forEach(details => { details.open = true })")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    if width > 400:
        assert not tab.page.locator("#filter").is_visible()
        assert tab.page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_what_is_wrong_is_read_on_the_first_screen(opened: Opened) -> None:
    page = opened("red", viewport={"width": 1280, "height": 720}).page
    assert page.locator(".verdict .word").inner_text() == "✘ NO-GO"
    causes = page.locator(".causes li")
    words = causes.all_inner_texts()
    # The worst first: a lost row, hidden ones with what cannot be done for it, and the same row in two checks.
    for n, parts in enumerate(
        (
            ("1 of 111 rows of documents is missing", "Repair"),
            ("do not see", "rows of organizations", "policies", "And 4 more"),
            ("projects whose customer organization", "check 7", "check 9"),
        )
    ):
        assert [part for part in parts if part not in words[n]] == []
        box = causes.nth(n).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 720
    assert page.locator(".causes a[href='#check-16']").count() == 1
    facts, first = page.locator(".facts").bounding_box(), causes.first.bounding_box()
    assert facts is not None
    assert first is not None
    assert facts["y"] > first["y"]


@pytest.mark.full
def test_the_first_screen_says_what_was_judged_and_what_it_came_to(opened: Opened) -> None:
    for world, word in (("migrated", "✔ GO"), ("red", "✘ NO-GO")):
        tab = opened(world, viewport={"width": 1280, "height": 800})
        assert tab.page.locator(".verdict .word").inner_text() == word
        facts = tab.page.locator(".facts").inner_text()
        for fact in (f"/{world}, PostgreSQL", "as role postgres", "snapshot", "/legacy", "postmigration 0", "rows by"):
            assert fact in facts
        assert tab.page.locator(".matrix").first.locator("tr").count() == 10
        assert tab.page.locator(".matrix").first.locator(".chip").count() == 29
        assert tab.page.locator(".causes").count() == (world == "red")
        for first in (".verdict", ".business", ".facts") if world == "migrated" else (".verdict",):
            box = tab.page.locator(first).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] < 800


def test_a_failed_check_tells_all_that_somebody_needs(opened: Opened) -> None:
    check = opened("red").page.locator("#check-16")
    words = check.inner_text()
    for part in (
        "projects whose customer organization does not exist",
        "What it means.",
        "Likely causes.",
        "What to do.",
        "The state before the migration",
        "customer_organization_id",
    ):
        assert part in words
    page = opened("red").page
    page.locator("details.shelf > summary").first.click()
    passed = page.locator("details.shelf .check.passed").first
    passed.locator("summary").first.click()
    assert "Established over" in passed.inner_text()


def test_what_failed_comes_first_and_what_passed_is_folded(opened: Opened) -> None:
    page = opened("red").page
    outcomes = page.locator(".check").evaluate_all("all => all.map(check => check.dataset.outcome)")
    order = ("failed", "not judged", "passed", "not applicable")
    assert outcomes == sorted(outcomes, key=order.index)
    assert len(set(outcomes)) > 2
    assert set(page.locator(".check:visible").evaluate_all("all => all.map(c => c.dataset.outcome)")) == {"failed"} | {
        # Of what passed only that has to be looked at which warns.
        check
        for check in ["passed"]
        if page.locator(".check.passed:visible .outcome", has_text="⚠").count()
    }
    assert page.locator(".shelf > h3").first.inner_text() == f"✘ Failed: {outcomes.count('failed')}"
    # Right under the banner, what the business asks for.
    sections = page.locator("main > section, main > div, main > dl").evaluate_all("all => all.map(e => e.className)")
    assert sections.index("business") < sections.index("facts")
    assert "✘ not met" in page.locator(".business").inner_text()
    assert page.locator(".business h2").inner_text() == MIGRATION.criteria[0].section


@pytest.mark.full
def test_chips_beyond_the_plan_have_names_and_warnings_their_sign(opened: Opened) -> None:
    page = opened("red").page
    beyond = page.locator(".matrix").nth(1)
    assert beyond.locator(".chip.failed", has_text="everybody sees what is theirs: organizations").count() == 1
    signed = page.locator(".matrix .chip", has_text="⚠")
    assert signed.count() == page.locator(".check .outcome", has_text="⚠").count() > 0
    assert all(len(text) > 3 for text in beyond.locator(".chip").all_inner_texts())
    # What needs attention says what it is, also of the plan, and no two chips say the same.
    shown = page.locator(".matrix .chip.failed span[aria-hidden]").all_inner_texts()
    assert len(set(shown)) == len(shown) > 4
    assert "✘ 5 Customer organizations exist" in shown
    assert max(map(len, shown)) < 50


@pytest.mark.full
def test_words_that_not_everybody_knows_are_explained_in_place(opened: Opened) -> None:
    page = opened("red").page
    assert "catalogs" in (page.locator(".examined[title]").first.get_attribute("title") or "")
    page.locator(".words summary").click()
    assert {"facts", "waived", "cut-over", "masked", "not judged"} <= set(page.locator(".words dt").all_inner_texts())


@pytest.mark.full
def test_the_query_can_be_copied(opened: Opened) -> None:
    tab = opened("red", permissions=["clipboard-read", "clipboard-write"])
    query = tab.page.locator("#check-16 .query").first
    query.locator("summary").click()
    query.locator(".copy").click()
    query.locator(".copy", has_text="Copied").wait_for()
    assert tab.page.evaluate("navigator.clipboard.readText()") == query.locator("pre").text_content()


@pytest.mark.full
def test_checks_are_found_by_group_outcome_severity_and_words(opened: Opened) -> None:
    tab = opened("red")
    everything = tab.page.locator(".check").count()
    assert everything > 90 > tab.shown()
    tab.page.select_option("#filter-outcome", "failed")
    failed = tab.shown()
    assert failed == tab.page.locator(".check.failed").count() > 4
    assert tab.page.locator("#filter-count").inner_text() == f"{failed} of {everything} checks"
    tab.page.select_option("#filter-group", "Data Quality")
    assert tab.shown() == 1
    tab.page.select_option("#filter-outcome", "passed")
    # What is looked for is seen, where it was folded too.
    assert tab.shown() == 1
    tab.page.get_by_role("button", name="Reset").click()
    expect(tab.page.locator(".check:not([hidden])")).to_have_count(everything)
    tab.page.select_option("#filter-severity", "warning")
    assert 0 < tab.shown() < 5
    tab.page.select_option("#filter-severity", "")
    tab.page.fill("#filter-text", "DOES NOT EXIST")
    assert 0 < tab.shown() < failed
    tab.page.fill("#filter-text", "getCustomerOrganizations returns")
    assert tab.shown() == 1


@pytest.mark.full
def test_it_can_be_used_without_a_mouse(opened: Opened) -> None:
    tab = opened("red")
    keys = tab.page.keyboard
    keys.press("j")
    keys.press("j")
    # The next failure, whatever passed between them.
    assert tab.page.evaluate("document.activeElement.closest('.check').id") == "check-07"
    keys.press("Enter")
    assert tab.page.locator("#check-07 > details").get_attribute("open") is None
    keys.press("k")
    assert tab.page.evaluate("document.activeElement.closest('.check').id") == "check-05"
    keys.press("/")
    keys.type("jk")
    assert tab.page.input_value("#filter-text") == "jk"
    keys.press("Escape")
    expect(tab.page.locator("#filter-text")).to_have_value("")
    tab.page.locator(".chip", has_text="29").first.focus()
    keys.press("Enter")
    expect(tab.page.locator("#check-29:focus, #check-29 :focus")).to_have_count(1)


@pytest.mark.full
def test_it_says_all_without_a_script(opened: Opened) -> None:
    tab = opened("red", java_script_enabled=False)
    assert tab.page.locator(".verdict .word").inner_text() == "✘ NO-GO"
    assert tab.page.locator("#check-16 .finding table").is_visible()
    assert not tab.page.locator("#filter").is_visible()
    assert not tab.page.locator(".copy").first.is_visible()


@pytest.mark.full
def test_each_point_of_the_plan_is_decided_or_left_to_a_person(opened: Opened) -> None:
    rows = opened("red").page.locator(".criteria tbody tr")
    assert rows.count() == len(MIGRATION.criteria)
    cells = (rows.locator(name).all_inner_texts() for name in ("td:first-child", ".decision"))
    decisions = dict(zip(*cells, strict=True))
    assert decisions["All 29 validation checks pass on the migrated database."] == "✘ not met"
    assert decisions["The timed queries stay within their budgets, for staff as well."] == "✔ met"
    assert decisions["The backup is complete and was restored once."] == "○ not judged"
    assert decisions["Support knows what the new pages look like, and whom to call."] == "☐ for a person"
    assert rows.locator("a[href='#check-05']").count() > 2


@pytest.mark.full
def test_pictures_show_what_differs(opened: Opened) -> None:
    tab = opened("red")
    assert tab.page.locator("figure").count() >= 5
    documents = tab.page.locator(".picture tr.bad", has_text="documents")
    assert documents.locator("rect.missing").count() == 1
    assert tab.page.locator(".access td.wrong, .access td.nothing").count() > 0
    assert tab.page.locator("svg[role=img]").count() == tab.page.locator("svg[aria-label]").count() > 20
    assert opened("migrated").page.locator("rect.missing, rect.changed, rect.over, td.wrong").count() == 0


@pytest.mark.full
def test_a_hostile_world_cannot_play_with_the_page(opened: Opened, pages: dict[str, Path]) -> None:
    tab = opened("hostile")
    assert tab.page.title() == "NO-GO: post-migration validation"
    assert tab.complaints == []
    assert tab.page.locator("img, iframe, object, embed, .check script").count() == 0
    assert tab.page.locator("h1:visible").all_inner_texts() == [f"Validation of the {MIGRATION.name}"]
    text = tab.page.locator("main").text_content() or ""
    for name in showcase.HOSTILE[:5]:
        assert name in text
    assert "{{ 7 * 7 }}" in text
    written = pages["hostile"].read_text()
    assert not any(mark in written for mark in "\a\x1b\u202e\u200f\u2066")
    assert len(max(tab.page.locator(".finding td").all_text_contents(), key=len)) < 400
    # And were something live after all, the page's policy would not run it.
    tab.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    tab.page.wait_for_timeout(100)
    assert tab.page.title() == "NO-GO: post-migration validation"
    assert any("Content Security Policy" in complaint for complaint in tab.complaints)


@pytest.mark.full
def test_thousands_of_findings_stay_a_page_that_opens_at_once(browser: Browser, tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    rows = tuple((str(i), "x" * 300) for i in range(6))
    query = "SELECT id, name FROM somewhere WHERE something IS WRONG " * 30
    findings = [Finding(f"finding {i} of a kind " * 5, 9, 10, ("id", "name"), rows, query) for i in range(100)]
    evidence = Evidence(10, findings=findings)
    one = Result("tests/t.py::test_0", None, "more", "check 0", "A.", "B.", "failed", evidence=evidence)
    # A database of 5,000 tables, of which 3,000 have a finding, of a check that tells of all of them.
    many = Evidence(10, findings=[Finding(f"public.table_{i}: 3 rows are gone", 3, 9) for i in range(3_000)])
    for i in range(5_000):
        many.show_rows(f"table_{i}", 9, {"missing": 3 * (i < 3_000), "extra": 0, "changed": 0})
    many.show(
        "scope", ("relation", "compared", "how"), [(f"t_{i}", "all rows", "hash") for i in range(5_000)], "coverage"
    )
    numbers = range(1, 30)
    results = [replace(one, nodeid=f"tests/t.py::test_{n}", plan=n, title=f"check {n}") for n in numbers]
    results.append(replace(one, title="rows", evidence=many))
    come_to = verdict(results, plan_checks=29, subject="db")
    validation = Validation(MIGRATION, come_to, "db", {}, [], results, [], now, now)
    assert sum(len(result.evidence.findings) for result in results) == 5_900
    path = tmp_path / "validation.html"
    where = places.Files(path, *(tmp_path / name for name in ("x.xml", "x.json", "x.md", "evidence")))
    page = as_html.page(validation, as_csv.write(validation, where.evidence), where)
    path.write_text(as_html.complete(f"<!DOCTYPE html><html><head></head><body>{page}</body></html>", ""))
    assert path.stat().st_size < 5_000_000
    assert len(list(where.evidence.glob("*-findings.csv"))) == 30
    tab = Tab(browser.new_page(), path)
    try:
        assert tab.shown() == 30
        # So few that a browser has them at once.
        assert tab.page.evaluate("document.getElementsByTagName('*').length") < 40_000
        tab.page.fill("#filter-text", "check 17")
        assert 1 <= tab.shown() <= 2
        # A table is found among thousands, and nothing else is shown of its check's list.
        tab.page.fill("#filter-text", "public.table_2987:")
        assert tab.shown() == 1
        assert tab.page.locator(".more li:visible").all_inner_texts() == ["3 of 9: public.table_2987: 3 rows are gone"]
        assert tab.page.locator("figure tbody tr").count() < 1_000
    finally:
        tab.page.close()
