"""What a plan leaves for its readers: a page that everybody can use, a summary and an object that say the same."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from postmigration.deployment.evaluation import Plan
from postmigration.deployment.output.page import find_report, write, write_unfinished
from postmigration.deployment.records.store import Stored
from postmigration.model.errors import CannotJudge
from selftest.browser import CHROMIUM, chromium, expect_usable, needed
from selftest.deployment.plans import ACCEPTED, NOW, PLAN, READY, STAGED, judge, rehearse
from selftest.deployment.records import GO, make
from selftest.deployment.reference import AFTER, BEFORE, DURING, deploy, sign

LIVE = "<script>alert(1)</script> *b* [x](http://evil)\x1b[2J"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and not needed():
        pytest.skip("there is no Chromium here (with CI set, that would be an error)")
    assert CHROMIUM, "Chromium is missing: apt-get install chromium"
    with chromium() as browser:
        yield browser


def bad() -> Plan:
    """A plan that is not ready, of records and signatures by somebody who means no good."""
    evil = make(20, word=f"NO-GO {LIVE}", sentence=LIVE, status=1, weakened=(LIVE,), report="javascript:alert(1)")
    signed = [replace(ACCEPTED, who=LIVE, words=LIVE)]
    return judge([*READY, evil], signed, refusals=[f"records/{LIVE}.json: is no record"])


PLANS: dict[str, Callable[[], Plan]] = {
    "bad": bad,
    "ready": lambda: deploy(BEFORE, sign("preparation"), "production", 3),
    "done": lambda: deploy((*BEFORE, *DURING, *AFTER), sign(), "done", 60),
}


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("bad", 360, "light"),
        ("bad", 1280, "dark"),
        ("ready", 1280, "light"),
        ("done", 360, "dark"),
    ],
)
def test_everybody_can_use_it(browser: Browser, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    path = tmp_path / "deployment.html"
    write(PLANS[name](), path)
    page = browser.new_page(viewport={"width": width, "height": 720}, color_scheme=scheme)  # type: ignore[arg-type]
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.goto(path.as_uri())
    # axe is a script of its own, which the page's policy does not concern.
    expect_usable(page)
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Whoever opens it sees first how it stands, and what is in the way.
    first, *_ = page.locator("h2").all()
    assert first.get_attribute("id") == ("blocks" if name == "bad" else "where")
    box = page.locator(".plan a[href^='#item-']" if name == "bad" else "#where").first.bounding_box()
    assert box is not None
    assert box["y"] < 720
    assert page.locator("script, iframe, img").count() == 0
    page.close()


def test_what_others_wrote_is_text_and_nothing_else(tmp_path: Path) -> None:
    write(bad(), tmp_path / "deployment.html")
    page, summary = ((tmp_path / f"deployment.{kind}").read_text() for kind in ("html", "md"))
    assert "<script" not in page
    assert "javascript:" not in re.sub(r">[^<]*<", "><", page)
    assert "\x1b" not in page + summary
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in summary
    assert "[x](" not in summary


def test_page_summary_and_object_say_the_same(tmp_path: Path) -> None:
    write(judge([record for record in READY if record is not STAGED]), tmp_path / "deployment.html")
    page, summary = ((tmp_path / f"deployment.{kind}").read_text() for kind in ("html", "md"))
    found = json.loads((tmp_path / "deployment.json").read_text())
    assert '<p class="word">NOT READY</p>' in page
    assert summary.startswith(
        "## NOT READY: because 2 of 6 points are not met: no record of pytest on staging (validated"
    )
    assert (found["ready"], found["finished"], found["status"]) == (False, True, 1)
    states = {item["id"]: (item["state"], item["required"], item["reasons"]) for item in found["items"]}
    assert states["validated"] == ("open", True, ["no record of pytest on staging"])
    assert states["live"][1] is False
    assert page.count("no record of pytest on staging") >= 2
    assert "no record of pytest on staging" in summary
    assert [way["proven"] for way in found["ways_back"]] == [True] * 3
    write(judge(), tmp_path / "deployment.html")
    assert json.loads((tmp_path / "deployment.json").read_text())["ready"] is True


def test_what_is_to_be_signed_is_there_to_be_copied(tmp_path: Path) -> None:
    write(judge(signed=[]), tmp_path / "deployment.html")
    page, summary = ((tmp_path / f"deployment.{kind}").read_text() for kind in ("html", "md"))
    assert "To sign: 1 entry for signoffs.toml" in page
    assert "item = &#34;accepted&#34;\ntext = &#34;Users accepted it.&#34;\nwho = &#34;&#34;\n" in page
    assert '    [[signoff]]\n    item = "accepted"\n    text = "Users accepted it."\n    who = ""\n' in summary
    write(judge(), tmp_path / "deployment.html")
    assert "To sign" not in (tmp_path / "deployment.html").read_text()
    found = json.loads((tmp_path / "deployment.json").read_text())
    signed = next(item["signed"] for item in found["items"] if item["id"] == "accepted")
    assert signed["text"] == "Users accepted it."


def test_what_dies_leaves_nothing_that_says_ready(tmp_path: Path) -> None:
    write(judge(), tmp_path / "deployment.html")
    write_unfinished(tmp_path / "deployment.html")
    assert json.loads((tmp_path / "deployment.json").read_text()) == {
        "schema_version": 1, "finished": False, "ready": False
    }  # fmt: skip
    for kind in ("html", "md"):
        text = (tmp_path / f"deployment.{kind}").read_text()
        assert "NOT READY: this judgement of the plan did not finish" in text
        assert "READY TO PROCEED" not in text


def test_a_page_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotJudge, match=r"the plan cannot be written to .*name another with --html; found: READY TO"):
        write(judge(), tmp_path / "file" / "deployment.html")


def test_it_leads_to_the_reports_of_its_records_and_nowhere_else(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    (reports / "records").mkdir(parents=True)
    (reports / "a report.html").write_text("one")
    (tmp_path / "outside.html").write_text("one")
    (reports / "link.html").symlink_to(tmp_path / "outside.html")
    digest = hashlib.sha256(b"one").hexdigest()

    def find(report: str, sha256: str = digest) -> tuple[str, str]:
        stored = Stored(reports / "records" / "gate-1.json", replace(GO, report=report, report_sha256=sha256))
        return find_report(stored, reports / "deployment.html")

    assert find("../a report.html") == ("a%20report.html", "")
    assert find("../a report.html", "0" * 64) == ("", "its report was replaced since")
    assert find("../a report.html", "") == ("a%20report.html", "")
    assert find("../none.html", "") == find("../none.html") == ("", "its report is not here")
    for elsewhere in ("../../outside.html", "../link.html", "javascript:alert(1)", "gate-1.json/../../../x.html"):
        assert find(elsewhere)[0] == ""
    assert find("") == ("", "no report")


def test_the_timeline_shows_what_was_planned_and_what_was_measured(tmp_path: Path) -> None:
    slow = rehearse(-300, ended=NOW)
    write(judge([*READY, slow], plan=PLAN), tmp_path / "deployment.html")
    page = (tmp_path / "deployment.html").read_text()
    assert "planned 0.0 s to 1 h, measured 15 h" in page
    assert 'class="measured over"' in page
    write(judge(), tmp_path / "deployment.html")
    page = (tmp_path / "deployment.html").read_text()
    assert "planned 0.0 s to 1 h, measured 5 min" in page
    assert "<li>the migration: ShareRowExclusive: orders (58.0 s)</li>" in page
    assert 'class="measured over"' not in page
