"""What a fleet leaves for its readers: the page, the object, the JUnit file, the reports of its databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import junitparser
import pytest
import xmlschema

from postmigration.fleet.common_causes import find_common
from postmigration.fleet.outcome import Judged, Outcome
from postmigration.fleet.page import Report, keep_report, write
from postmigration.fleet.telling import conclude_fleet
from postmigration.model.errors import CannotJudge
from selftest.browser import CHROMIUM, needed, open_on_phone
from selftest.conftest import ROOT
from selftest.fleet.conftest import outcome

LIVE = '"><script>alert(1)</script>&\x1b'
OUTCOMES = [
    outcome("shop_1"),
    outcome("shop_2", 1, "Index a is gone.", f"Policy {LIVE} is gone."),
    outcome(LIVE, 1, "Index a is gone."),
    outcome("../../shop", 4, f"cannot connect {LIVE}"),
    outcome("part", 0, word="PARTIAL"),
    outcome("stopped", 2),
]


def put(path: Path, outcomes: list[Outcome], *, total: int = 0, finished: bool = True) -> None:
    total = total or len(outcomes)
    verdict = conclude_fleet(outcomes, total, "fleet", earlier=(), finished=finished)
    write(Report(f"shops {LIVE}", verdict, finished, total, outcomes, find_common(outcomes), {"on": LIVE}), path)


def test_the_page_says_each_cause_once_and_escapes_what_databases_say(tmp_path: Path) -> None:
    put(path := tmp_path / "fleet.html", OUTCOMES)
    page = path.read_text()
    assert '<p class="word">NO-GO</p>' in page
    assert "<strong>2 of 6</strong>: Index a is gone." in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&amp;\\x1b" in page
    assert "\x1b" not in page
    assert 'href="fleet/shop_1/validation.html"' in page
    # No name of a database leads out of the directory of the reports.
    assert 'href="fleet/%252E.%252F..%252Fshop/validation.html"' in page


def test_the_object_is_for_programs(tmp_path: Path) -> None:
    put(tmp_path / "fleet.html", OUTCOMES, total=8)
    told = json.loads((tmp_path / "fleet.json").read_text())
    assert (told["finished"], told["go"], told["status"]) == (True, False, 1)
    assert told["counts"] == {"databases": 8, "go": 1, "no_go": 2, "not_judged": 4}
    assert told["causes"][0]["words"] == "Index a is gone."
    assert told["causes"][0]["databases"] == ["shop_2", LIVE]
    assert [each["go"] for each in told["databases"]] == [True, False, False, False, False, False]


@pytest.mark.parametrize(("finished", "go"), [(True, True), (False, False)])
def test_a_fleet_that_was_not_finished_is_not_go(tmp_path: Path, finished: bool, go: bool) -> None:
    put(tmp_path / "fleet.html", [outcome("a")], finished=finished)
    assert json.loads((tmp_path / "fleet.json").read_text())["go"] is go


def test_the_junit_file_has_a_case_for_each_database(tmp_path: Path) -> None:
    put(tmp_path / "fleet.html", OUTCOMES, total=8)
    xmlschema.XMLSchema(ROOT / "selftest" / "junit.xsd").validate(tmp_path / "fleet.xml")
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "fleet.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 2, 3, 1)
    assert [case.name for case in suite][-1] == "2 databases not come to"


def test_a_report_replaces_the_one_before_and_records_stay(tmp_path: Path) -> None:
    page, place = tmp_path / "fleet.html", tmp_path / "fleet" / "a"
    files = {"validation.html": b"1", "evidence/x-1.csv": b"2", "records/check-20261102T120000Z.json": b"3"}
    for told in (files, {"validation.html": b"4", "records/check-20261102T120001Z.json": b"5"}, {}):
        keep_report(Judged(outcome("a"), told), page)
        kept = {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}
        assert {name: kept.get(name) for name in told} == told
    assert [name for name in kept if not name.startswith("records/")] == []
    assert kept == {"records/check-20261102T120000Z.json": b"3", "records/check-20261102T120001Z.json": b"5"}
    keep_report(Judged(outcome("b", 4), {}), page)
    assert [path.name for path in place.parent.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["../x.html", "/etc/x.html", "a/../x.html", "evidence/../../x.csv", ".bashrc"])
def test_a_worker_writes_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(CannotJudge, match="the worker that judged a sent a file called"):
        keep_report(Judged(outcome("a"), {name: b""}), tmp_path / "fleet.html")


def test_a_page_that_cannot_be_written_still_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match="name another with --html; what was found: NO-GO: 2 of 6 databases"):
        put(tmp_path / "file" / "fleet.html", OUTCOMES)


@pytest.mark.full
@pytest.mark.xdist_group("pages")
@pytest.mark.skipif(
    CHROMIUM is None and not needed(), reason="there is no Chromium here (with CI set, that would be an error)"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(tmp_path: Path, scheme: Literal["light", "dark"]) -> None:
    put(path := tmp_path / "fleet.html", OUTCOMES)
    with open_on_phone(path, scheme) as page:
        assert page.locator("tbody tr").count() == len(OUTCOMES)
