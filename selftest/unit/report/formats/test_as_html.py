"""The page for people needs no network, runs nothing but its own scripts, and escapes what databases hold."""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytest_metadata.plugin import metadata_key

from postmigration.model.evidence import Finding
from postmigration.report.formats.as_csv import list_files
from postmigration.report.formats.as_html import HtmlReport, complete, configure_page, page
from postmigration.report.places import Files, choose
from postmigration.report.validation import Validation
from selftest.unit.results import make_result, make_validation

LIVE = '"><script>alert(1)</script>'
FILES = choose(Path("/r/validation.html"), Path("/r/validation.xml"))
FOUND = Finding(f"rows are missing {LIVE}", 1, 9, ("id",), ((LIVE,),))
VALIDATION = make_validation([make_result("failed", 1, FOUND), make_result("passed", 2), make_result("passed", None)])


def _render(validation: Validation) -> str:
    return page(validation, list_files(validation, FILES.evidence), FILES)


def test_a_page_shows_verdict_checks_and_evidence() -> None:
    shown = _render(VALIDATION)
    for words in (
        "1 of 2 checks failed",
        "Check 1",
        "✘ Failed: 1",
        "rows are missing",
        'id="check-01"',
        "validation.json",
    ):
        assert words in shown
    assert LIVE not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_further_checks_are_told_in_short_where_the_page_gets_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    validation = make_validation([make_result("failed", n, FOUND) for n in (1, 2, 3)])
    whole = _render(validation)
    monkeypatch.setattr("postmigration.report.formats.as_html._LONGEST", 1)
    short = _render(validation)
    assert len(short) < len(whole)
    assert 'id="check-03"' in short


def test_nothing_but_its_scripts_may_run() -> None:
    written = (
        f"<html><head><title>post-migration validation</title></head><script>a</script><script>{LIVE[2:]}"
        '<button onclick="location.reload()"></button><script>b</script></html>'
    )
    whole = complete(written, "GO: <b>")
    assert whole.startswith('<html lang="en"><head><meta http-equiv="Content-Security-Policy" content="default-src')
    # The SHA-256 of `a` and of `b`.
    assert "script-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='" in whole
    assert "'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='" in whole
    assert "<title>GO: &lt;b&gt;</title>" in whole.replace(' id="head-title"', "")
    assert "location.reload" not in whole
    assert "script-src 'none'" in complete("<html><head></head></html>", "x")


def test_pytest_html_writes_beside_the_report_and_pytest_no_junit() -> None:
    option = argparse.Namespace(xmlpath="x.xml", htmlpath="/r/validation.html", css=["mine.css"])
    configure_page(cast(pytest.Config, SimpleNamespace(option=option)), FILES)
    assert option.xmlpath is None
    assert Path(option.htmlpath).name == ".validation.html.partial"
    assert option.self_contained_html is True
    assert [Path(name).name for name in option.css] == ["mine.css", "report.css"]


class _Writer:
    """Writes a page where pytest-html does."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def pytest_sessionfinish(self, session: Any) -> None:
        path = self.files.html.with_name(f".{self.files.html.name}.partial")
        path.write_text("<html><head><title>post-migration validation</title></head></html>")


def _make_report(files: Files, *writers: _Writer) -> HtmlReport:
    stash = pytest.Stash()
    stash[metadata_key] = {"Python": "3.11"}
    config = SimpleNamespace(stash=stash, pluginmanager=pytest.PytestPluginManager())
    report = HtmlReport(cast(pytest.Config, config), lambda: VALIDATION, files)
    assert stash[metadata_key] == {}
    report._writers += writers
    return report


def test_the_page_stands_where_pytest_html_has_room_for_it(tmp_path: Path) -> None:
    report = _make_report(FILES)
    prefix, cells, named = list[str](), ["a test"], SimpleNamespace(title="x")
    report.pytest_html_report_title(named)
    report.pytest_html_results_table_row(cells)
    report.pytest_html_results_summary(prefix)
    assert (named.title, cells) == ("post-migration validation", [])
    assert "1 of 2 checks failed" in prefix[0]


def test_what_pytest_html_wrote_is_completed_and_not_left_beside(tmp_path: Path) -> None:
    files = choose(tmp_path / "validation.html", tmp_path / "validation.xml")
    written = _make_report(files, _Writer(files)).write(cast(pytest.Session, None))
    assert "<title>NO-GO: post-migration validation</title>" in written
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_room_the_page_is_named(tmp_path: Path) -> None:
    files = choose(tmp_path / "validation.html", tmp_path / "validation.xml")
    with pytest.raises(OSError, match="No such file") as error:
        _make_report(files).write(cast(pytest.Session, None))
    assert error.value.filename == str(files.html)
