"""Until a run has its verdict, the place of its report says that it did not finish."""

import datetime
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from postmigration.report.places import Files, choose
from postmigration.report.unfinished import HEADING, make_legal, read_last, write_unfinished

NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
FINISHED = {
    "schema_version": 1,
    "finished": True,
    "database": "h/shop",
    "ended": "2026-11-27T12:00:00",
    "verdict": {"word": "GO"},
    "checks": [{"id": "a", "outcome": "passed"}],
}
LAST = {"database": "h/shop", "judged": "2026-11-27T12:00:00", "verdict": "GO", "outcomes": {"a": "passed"}}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return choose(tmp_path / "reports" / "validation.html", tmp_path / "junit" / "validation.xml")


def test_no_older_report_is_left(files: Files) -> None:
    files.evidence.mkdir(parents=True)
    (files.evidence / "check-01-1.csv").write_text("old")
    files.html.write_text("GO")
    write_unfinished(files, NOON)
    assert not files.evidence.exists()
    sentence = "It was started at 2026-11-28 12:00:00 UTC and has not come to a verdict. Run it again."
    for path in (files.html, files.summary):
        assert HEADING in path.read_text()
        assert sentence in path.read_text()
    (error,) = ElementTree.parse(files.junit).getroot().iter("error")
    assert (error.get("message"), error.text) == (HEADING, sentence)
    told = json.loads(files.json.read_text())
    assert (told["finished"], told["last"], told["reason"]) == (False, None, "")


def test_what_ended_it_is_text_and_nothing_else(files: Files) -> None:
    write_unfinished(files, NOON, "<b>&\x1b")
    assert "came to no verdict: &lt;b&gt;&amp;" in files.html.read_text()
    (error,) = ElementTree.parse(files.junit).getroot().iter("error")
    assert (error.text or "").endswith("came to no verdict: <b>&\N{REPLACEMENT CHARACTER}")


def test_the_last_verdict_outlives_runs_that_did_not_finish(files: Files) -> None:
    files.json.parent.mkdir()
    files.json.write_text(json.dumps(FINISHED))
    for _ in range(2):
        write_unfinished(files, NOON)
        assert read_last(files.json) == LAST


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 9}', '{"schema_version": 1, "finished": true}'])
def test_what_is_no_report_tells_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert read_last(tmp_path / "x.json") is None
    assert read_last(tmp_path / "gone.json") is None


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert make_legal("a\tb\n\x00\x1b\ud800é🙂") == "a\tb\n" + "\N{REPLACEMENT CHARACTER}" * 3 + "é🙂"
