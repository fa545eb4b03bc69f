"""What a fleet leaves for its readers: a page, an object for programs, a JUnit file, and a report of each database."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import junitparser
import msgspec

from postmigration.fleet.common_causes import Common
from postmigration.fleet.outcome import Judged, Outcome
from postmigration.fleet.placeholders import name_directory
from postmigration.fleet.telling import mark
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.verdict import GO, INTERRUPTED, NO_GO, Verdict
from postmigration.report import places
from postmigration.report.formats import rendering
from postmigration.report.unfinished import make_legal

# What a report consists of: its own files, and a directory of evidence.
_FILE = re.compile(r"([\w-]+/)?[\w-]+(\.[\w-]+)+")
_RECORDS = "records"
# Names of databases that a cause lists on the page.
NAMES = 40


class Report(msgspec.Struct, frozen=True):
    """What there is to be told.

    Args:
        name: what the fleet is called.
        verdict: what it comes to.
        finished: whether the run has come to its end.
        total: how many databases there are.
        outcomes: what was judged, in the order in which the databases are named.
        causes: what is wrong, each cause once.
        facts: how they were judged.
    """

    name: str
    verdict: Verdict
    finished: bool
    total: int
    outcomes: Sequence[Outcome]
    causes: Sequence[Common]
    facts: Mapping[str, str]


def write(report: Report, page: Path) -> None:
    """Writes the page, and beside it the object and the JUnit file.

    Raises:
        CannotJudge: they cannot be written there.
    """
    told = msgspec.json.format(msgspec.json.encode(as_object(report, page)), indent=2).decode() + "\n"
    places.replace(
        {
            page: render_page(report, page),
            page.with_suffix(".json"): told,
            page.with_suffix(".xml"): render_junit(report),
        },
        report.verdict.line,
    )


def keep_report(judged: Judged, page: Path) -> None:
    """Replaces the report of one database by a new one; the records of its runs stay.

    Raises:
        OSError: it cannot be written.
        CannotJudge: a worker has sent something that is no report.
    """
    directory = locate_report(page, judged.outcome.name)
    directory.parent.mkdir(parents=True, exist_ok=True)
    new = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(new, ignore_errors=True)
    for name, content in judged.files.items():
        if not _FILE.fullmatch(name):
            raise CannotJudge(f"the worker that judged {judged.outcome.name} sent a file called {name!r}")
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_bytes(content)
    if (records := directory / _RECORDS).is_dir():
        (new / _RECORDS).mkdir(parents=True, exist_ok=True)
        for record in records.iterdir():
            record.rename(new / _RECORDS / record.name)
    shutil.rmtree(directory, ignore_errors=True)
    if new.is_dir():
        new.rename(directory)


def locate_report(page: Path, name: str) -> Path:
    """The directory of the report of a database."""
    return page.with_suffix("") / name_directory(name)


def render_page(report: Report, page: Path) -> str:
    """The page: one file that works offline, without a script."""

    def sort(outcome: Outcome) -> tuple[int, int]:
        return (0 if outcome.status == NO_GO else 1, -len(outcome.causes))

    return rendering.render(
        "fleet.html",
        fleet=report,
        attention=sorted((each for each in report.outcomes if not each.go), key=sort),
        going=[each for each in report.outcomes if each.go],
        mark=mark,
        link=lambda outcome: _link(page, outcome.name),
        names=NAMES,
        show=escape,
        css=(rendering.DIRECTORY / "report.css").read_text(encoding="utf-8"),
    )


def _link(page: Path, name: str) -> str:
    """Where the page of a database lies, as seen from the page of the fleet."""
    return quote(f"{page.stem}/{name_directory(name)}/validation.html")


def as_object(report: Report, page: Path) -> dict[str, object]:
    """The fleet as JSON types; all of its databases may go live only when `go` is true."""
    return {
        "schema_version": 1,
        "finished": report.finished,
        "go": report.finished and report.verdict.go,
        "status": report.verdict.status,
        "verdict": report.verdict.line,
        "fleet": report.name,
        "facts": report.facts,
        "counts": {
            "databases": report.total,
            "go": sum(each.go for each in report.outcomes),
            "no_go": sum(each.status == NO_GO for each in report.outcomes),
            "not_judged": sum(not each.judged for each in report.outcomes) + report.total - len(report.outcomes),
        },
        "causes": [
            {
                "words": common.words,
                "remedy": common.remedy,
                "count": len(common.databases),
                "judged": common.judged,
                "databases": common.databases,
            }
            for common in report.causes
        ],
        "databases": [
            {
                "name": each.name,
                "go": each.go,
                "word": each.word,
                "status": each.status,
                "sentence": each.sentence,
                "database": each.database,
                "started": each.started,
                "seconds": each.seconds,
                "rows_examined": each.rows,
                "warnings": each.warnings,
                "causes": [cause.words for cause in each.causes],
                "report": f"{page.stem}/{name_directory(each.name)}" if each.report else "",
            }
            for each in report.outcomes
        ],
    }


def render_junit(report: Report) -> str:
    """The fleet as JUnit XML: a case for each database."""
    suite = junitparser.TestSuite(make_legal(f"fleet {report.name}"))
    for name, value in {"verdict": report.verdict.line, **report.facts}.items():
        suite.add_property(name, make_legal(value))
    cases = [_make_case(each) for each in report.outcomes]
    if lacking := report.total - len(report.outcomes):
        case = junitparser.TestCase(name=f"{lacking:,} databases not come to", classname="fleet")
        case.result = junitparser.Error("the run was interrupted, or goes on")
        cases.append(case)
    suite.add_testcases(cases)
    suites = junitparser.JUnitXml(suite.name)
    suites.add_testsuite(suite)
    suites.update_statistics()
    content = suites.tostring()
    return content.decode("utf-8") if isinstance(content, bytes) else str(content)


def _make_case(outcome: Outcome) -> junitparser.TestCase:
    case = junitparser.TestCase(name=make_legal(outcome.name), classname="fleet")
    case.time = outcome.seconds
    line = make_legal(f"{outcome.word}: {outcome.sentence}")
    if outcome.go:
        case.system_out = line
        return case
    if outcome.status == GO:
        result: junitparser.junitparser.FinalResult = junitparser.Skipped(line)
    elif outcome.status == NO_GO:
        result = junitparser.Failure(line, "NO-GO")
    else:
        result = junitparser.Error(line, "INTERRUPTED" if outcome.status == INTERRUPTED else "ERROR")
    result.text = make_legal("\n".join(cause.words for cause in outcome.causes))
    case.result = result
    return case
