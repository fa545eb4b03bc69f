"""What people read: the HTML report, the text of a failure, and the line that says what was judged."""

from __future__ import annotations

import datetime
import io
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe
import pytest
import pytest_html
from pytest_metadata.plugin import metadata_key
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from postmigration.database import Server
from postmigration.fingerprint import Fingerprint, identity
from postmigration.run import Run
from postmigration.verdict import Result

if TYPE_CHECKING:
    from postmigration.plugin import Judgement

_TEMPLATES = Path(__file__).parent / "templates"
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters["thousands"] = "{:,}".format


def prepare(config: pytest.Config) -> None:
    """Chooses where the reports go and puts a page there that says that the run did not finish.

    A run that dies must not leave the green report of an earlier one in place.

    Raises:
        pytest.UsageError: a report cannot be written.
    """
    option = config.option
    unfinished = _ENVIRONMENT.get_template("unfinished.html").render(started=_now())
    for plugin, name, file, content in (
        ("html", "htmlpath", "validation.html", unfinished),
        ("junitxml", "xmlpath", "validation.xml", ""),
    ):
        if not hasattr(option, name):
            raise pytest.UsageError(
                f"the report needs pytest's plugin {plugin}: do not switch it off with -p no:{plugin}"
            )
        setattr(option, name, getattr(option, name) or str(config.rootpath / "reports" / file))
        path = Path(getattr(option, name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(
                f"the report cannot be written to {path} ({error.strerror}): name another with --html or --junit-xml"
            ) from None
    option.self_contained_html = True
    option.css = [*option.css, str(_TEMPLATES / "report.css")]


def subject(config: pytest.Config, run: Run) -> dict[str, str]:
    """What is judged, against what, and what weakens the gate: the header of the terminal and of the report."""
    server = run.server
    place = f"{run.demonstration} (embedded)" if run.demonstration else server.label
    facts = {
        "judging": f"{place}, PostgreSQL {server.version}, {'standby' if server.in_recovery else 'primary'}, "
        f"as role {server.role}, schema {run.target.database.schema}",
        "snapshot": run.target.taken_at,
    }
    if run.baseline_server is not None:
        same = "its state before the migration" if run.demonstration else run.baseline_server.label
        if run.origin is not None and run.origin.facts:
            same = "the backup below, in an embedded server"
        facts["baseline"] = f"{same}, PostgreSQL {run.baseline_server.version}"
    elif run.fingerprint is not None:
        facts["baseline"] = _of_fingerprint(run.fingerprint, server)
    else:
        facts["baseline"] = "none: what was there before is not compared (--baseline)"
    if run.origin is not None and run.origin.facts:
        facts["restored from"] = "; ".join(run.origin.facts)
    facts["backup"] = (
        ", ".join(file.name for file in run.request.backup)
        or "none: whether one holds the state before is not judged (--backup)"
    )
    if run.options.cutover != "infinity":
        facts["cut-over"] = run.options.cutover
    weak = [f"--{name.replace('_', '-')}" for name in _WEAKENING if getattr(config.option, name)]
    weak += [f"--budget {text}" for text in config.option.budget]
    if weak:
        facts["weakened by"] = ", ".join(weak)
    return facts


def _of_fingerprint(fingerprint: Fingerprint, judged: Server) -> str:
    """What stands for the state before, and whether it is of the database that is judged."""
    elsewhere = "" if fingerprint.identity == identity(judged) else ", on another server or of another database"
    rows = sum(table.rows for table in fingerprint.tables.values())
    return (
        f"fingerprint of {fingerprint.database}, taken {fingerprint.taken_at}{elsewhere}, PostgreSQL "
        f"{fingerprint.version}, {len(fingerprint.tables)} tables, {rows:,} rows"
    )


_WEAKENING = ("waivers", "read_only", "allow_empty", "allow_partial", "keyword", "markexpr", "deselect")


def summary(config: pytest.Config, run: Run) -> str:
    """Which database was judged and where the report is, for the end of the verdict's line."""
    report = Path(config.option.htmlpath)
    shown = report.relative_to(Path.cwd()) if report.is_relative_to(Path.cwd()) else report
    name = "embedded" if run.demonstration else run.server.label
    return f"{name} (PostgreSQL {run.server.version}), {shown}"


def text(result: Result) -> str:
    """A failed check as plain text, for the terminal and for JUnit."""
    console = Console(file=io.StringIO(), width=120, color_system=None)
    number = "" if result.plan is None else f"check {result.plan}, "
    console.print(Text(f"{number}{result.group}: {result.title}"))
    if result.sentence != result.title:
        console.print(Text(result.sentence))
    for finding in result.evidence.findings:
        console.print()
        console.print(Text(f"{finding.severity}: {finding.wrong:,} of {finding.examined:,}: {finding.statement}"))
        if finding.rows:
            table = Table(box=None, pad_edge=False)
            for column in finding.columns:
                table.add_column(Text(column), overflow="fold")
            for row in finding.rows:
                table.add_row(*map(Text, row))
            console.print(Padding(table, (0, 0, 0, 4)))
        if finding.query:
            # As it stands, for psql: a line that is wrapped would end a comment too early.
            console.file.write(f"\n{textwrap.indent(finding.query, ' ' * 4)};\n")
    if result.meaning:
        console.print()
        console.print(Text(result.meaning))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


class HtmlReport:
    """Tells pytest-html what to show of a judgement. All that comes from a database is escaped by the templates."""

    def __init__(self, config: pytest.Config, run: Run, judgement: Judgement) -> None:
        self.config = config
        self.run = run
        self.judgement = judgement
        config.stash[metadata_key].clear()

    def pytest_html_report_title(self, report: Any) -> None:
        """Names the report after the migration."""
        report.title = str(markupsafe.escape(f"Validation of the {self.judgement.migration.name}"))
        report.outcomes["skipped"]["label"] = "Not judged"

    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Puts the verdict, what was judged and the plan's matrix on top."""
        results = sorted(self.judgement.results.values(), key=lambda result: result.plan or 1_000)
        groups: dict[str, list[Result]] = {}
        for result in results:
            groups.setdefault(result.group, []).append(result)
        prefix.append(
            _ENVIRONMENT.get_template("summary.html").render(
                verdict=self.judgement.verdict,
                facts={**subject(self.config, self.run), "judged": _now()},
                plan={name: members for name, members in groups.items() if members[0].plan is not None},
                beyond={name: members for name, members in groups.items() if members[0].plan is None},
            )
        )

    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """The columns of the table of checks."""
        cells[:] = [
            '<th class="sortable" data-column-type="result" hidden>Result</th>',
            '<th class="sortable" data-column-type="outcome">Outcome</th>',
            '<th class="sortable" data-column-type="number">#</th>',
            '<th class="sortable" data-column-type="check">Check</th>',
            '<th class="sortable" data-column-type="group">Group</th>',
            '<th class="sortable" data-column-type="examined">Examined</th>',
            '<th class="sortable" data-column-type="time">Time</th>',
        ]

    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """One check."""
        result = _result(report)
        if result is not None:
            cells[:] = _ENVIRONMENT.get_template("row.html").render(result=result).strip().split("\n")
        else:
            # What is no check at all: a file that could not be read.
            cells[0] = cells[0].replace("<td", "<td hidden", 1)
            cells[1:] = [
                '<td class="col-outcome">‼ broke down</td><td></td>',
                f'<td class="col-check">{markupsafe.escape(report.nodeid)}</td>',
                "<td></td><td></td><td></td>",
            ]

    def pytest_html_results_table_html(self, report: Any, data: list[str]) -> None:
        """Leaves the raw log to checks that broke down; the evidence is shown instead of it."""
        result = _result(report)
        if result is not None and result.outcome != "broken":
            data.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Attaches the evidence before pytest-html takes the report."""
        result = _result(report)
        if result is not None:
            details = _ENVIRONMENT.get_template("evidence.html").render(result=result)
            report.extras = [*getattr(report, "extras", []), pytest_html.extras.html(details)]


def _result(report: Any) -> Result | None:
    facts = getattr(report, "postmigration", None)
    return None if facts is None else Result.from_dict(facts)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
