"""The page for people: one file, written by pytest-html, that needs neither network nor script to be read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Generator, Mapping
from typing import Any

import markupsafe
import pytest
from pytest_html.basereport import BaseReport
from pytest_metadata.plugin import metadata_key

from postmigration.model.files import partial
from postmigration.model.verdict import Result
from postmigration.report import criteria
from postmigration.report.chips import name_chips
from postmigration.report.diagnosis.causes import diagnose
from postmigration.report.diagnosis.handling import annotate
from postmigration.report.formats import as_csv, pictures, rendering
from postmigration.report.formats.as_text import headings
from postmigration.report.formats.changed_words import list_changes
from postmigration.report.places import Files
from postmigration.report.validation import SYMBOLS, WORDS, Validation, anchor, mark, wanting, when
from postmigration.report.words import GLOSSARY

# Once the evidence is so long, that of further checks is told in short: the page must open at once.
_LONGEST = 3_500_000
# So many causes are told in full, and so many at all: the others are in validation.json.
_FIRST, _MOST = 6, 200
_TITLE = "post-migration validation"
# Of a finding that is told in one line so much is shown.
_LINE = 200
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class HtmlReport:
    """Tells pytest-html what to show of a run. All that comes from a database is escaped by the templates.

    Args:
        config: pytest's.
        validation: gives what the run came to, once it has its verdict.
        files: where the reports go.
    """

    def __init__(self, config: pytest.Config, validation: Callable[[], Validation], files: Files) -> None:
        self._validation = validation
        self._files = files
        self._plugins = config.pluginmanager
        self._writers: list[Any] = []
        config.stash[metadata_key].clear()

    def pytest_html_report_title(self, report: Any) -> None:
        """Names the report; the page has its own heading."""
        report.title = _TITLE

    def pytest_html_results_table_row(self, cells: list[str]) -> None:
        """Leaves no row to the table of tests: the page shows checks."""
        cells.clear()

    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Puts the whole page where pytest-html has room for it."""
        validation = self._validation()
        listed = as_csv.list_files(validation, self._files.evidence)
        prefix.append(page(validation, listed, self._files))

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leaves it to `write` when pytest-html writes; if nothing can be collected, no test will run."""
        try:
            return (yield)
        except BaseException:
            self._take_over()
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Leaves it to `write` when pytest-html writes: before anything is printed that names the report."""
        try:
            return (yield)
        finally:
            self._take_over()

    def _take_over(self) -> None:
        found = [plugin for plugin in self._plugins.get_plugins() if isinstance(plugin, BaseReport)]
        for writer in found:
            self._plugins.unregister(writer)
        self._writers += found

    def write(self, session: pytest.Session) -> str:
        """Has pytest-html write its page beside the report, and gives it completed.

        Raises:
            OSError: there is no room for it.
        """
        path = partial(self._files.html)
        self._take_over()
        try:
            for writer in self._writers:
                writer.pytest_sessionfinish(session)
            written = path.read_text(encoding="utf-8")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._files.html)) from None
        finally:
            path.unlink(missing_ok=True)
        return complete(written, f"{self._validation().verdict.word}: {_TITLE}")


def configure_page(config: pytest.Config, files: Files) -> None:
    """Tells the plugins that come later where pytest-html writes, and that pytest's own JUnit is not wanted.

    Args:
        config: pytest's, before the plugins look at it.
        files: where the report goes.
    """
    option = config.option
    # It knows tests; ours knows checks.
    option.xmlpath = None
    option.htmlpath = str(partial(files.html))
    option.self_contained_html = True
    option.css = [*option.css, str(rendering.DIRECTORY / "report.css")]


def page(validation: Validation, listed: as_csv.Listed, files: Files) -> str:
    """The page without its frame.

    Args:
        validation: what the run came to.
        listed: the files that hold what is too long.
        files: where the reports go.
    """
    checks, room = {}, _LONGEST
    judged = criteria.judge(validation)
    for result in sorted(validation.results, key=lambda r: r.outcome not in ("failed", "broken")):
        checks[result.nodeid] = _check(result, validation, listed, brief=room <= 0)
        room -= len(checks[result.nodeid])
    return rendering.render(
        "report.html",
        validation=validation,
        verdict=validation.verdict,
        checks={nodeid: markupsafe.Markup(check) for nodeid, check in checks.items()},  # noqa: S704
        shelves=validation.shelves(),
        names={result.nodeid: f"check {result.plan}" if result.plan else result.title for result in validation.results},
        chip_names=name_chips(validation.results),
        anchors={result.nodeid: anchor(result) for result in validation.results},
        sections=_sections(judged),
        causes=diagnose(validation),
        listed=listed,
        first=_FIRST,
        most=_MOST,
        pictures=pictures.pictures(validation),
        deciding=lambda ids: sorted(
            (result for result in validation.results if result.nodeid in ids),
            key=lambda result: result.outcome == "passed",
        ),
        symbols=SYMBOLS,
        words=WORDS,
        mark=mark,
        glossary=GLOSSARY,
        ended=when(validation.ended),
        others=[path.name for path in (files.json, files.junit, files.summary)],
        script=markupsafe.Markup((rendering.DIRECTORY / "report.js").read_text(encoding="utf-8")),  # noqa: S704
    )


def complete(written: str, title: str) -> str:
    """The page with what its head lacks: its language, its width on a phone, and that nothing but its scripts may run.

    Args:
        written: what pytest-html wrote.
        title: what the tab of the browser says.
    """
    scripts = _SCRIPT.findall(written)
    # Ours is the first, pytest-html's the last; another one there has no business being there.
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in (scripts[0], scripts[-1])) if scripts else "'none'"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {hashes}"
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
    )
    framed = written.replace("<html>", '<html lang="en">', 1).replace("<head>", f"<head>{head}", 1)
    framed = framed.replace(f">{_TITLE}</title>", f">{markupsafe.escape(title)}</title>", 1)
    # The policy would complain of a button that pytest-html hides once the run has ended.
    return framed.replace(' onclick="location.reload()"', "", 1)


def _check(result: Result, validation: Validation, listed: as_csv.Listed, *, brief: bool) -> str:
    return rendering.render(
        "check.html",
        result=result,
        anchor=anchor(result),
        wanting=wanting,
        words=WORDS,
        mark=mark,
        glossary=GLOSSARY,
        headings=headings,
        annotate=annotate,
        list_changes=list_changes,
        notes=[note for note in result.evidence.notes if note not in result.evidence.inherited],
        inherited=result.evidence.inherited,
        line=_LINE,
        listed=listed,
        most=as_csv.MOST_FINDINGS,
        evidence_rows=validation.evidence_rows,
        baseline=validation.has_baseline,
        brief=brief,
    )


def _sections(judged: list[criteria.Judged]) -> Mapping[str, list[criteria.Judged]]:
    sections: dict[str, list[criteria.Judged]] = {}
    for criterion in judged:
        sections.setdefault(criterion.section, []).append(criterion)
    return sections


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
