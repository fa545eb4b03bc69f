"""What is too long for a page, as files beside it: all wrong rows of a finding, all findings of a check, long SQL."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from postmigration.report.diagnosis.causes import Cause, diagnose
from postmigration.report.diagnosis.handling import annotate
from postmigration.report.validation import Validation, anchor

# Findings of a check of which the report tells all; more are in a file.
MOST_FINDINGS = 25
# SQL of more lines or characters is a file, too: so many causes have one.
SQL_LINES, _SQL, _REPAIRS = 14, 2_800, 20
# Where parts of a repair may be run, beside the database that was judged.
_ELSEWHERE = ("on the baseline", "in a shell")
# What a spreadsheet would take for a formula, unless it is a number.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,e+-]*")


class Listed(NamedTuple):
    """The files that were written, each relative to the report.

    Args:
        rows: the file of the rows of a finding, by the id of its check and its place among the findings.
        findings: the file of all findings of a check, by its id.
        repairs: the file of the SQL that repairs a cause, by that SQL.
    """

    rows: dict[tuple[str, int], str]
    findings: dict[str, str]
    repairs: dict[str, str]


def list_files(validation: Validation, directory: Path) -> Listed:
    """The files that are needed.

    Args:
        validation: what the run came to.
        directory: where they go.
    """
    known = Listed({}, {}, {})
    for result in validation.results:
        findings = result.evidence.findings
        for i, finding in enumerate(findings[:MOST_FINDINGS]):
            if len(finding.rows) > validation.evidence_rows:
                known.rows[result.nodeid, i] = f"{directory.name}/{anchor(result)}-{i + 1}.csv"
        if len(findings) > MOST_FINDINGS:
            known.findings[result.nodeid] = f"{directory.name}/{anchor(result)}-findings.csv"
    for number, cause in _list_repairs(validation):
        known.repairs[cause.repair] = f"{directory.name}/repair-{number}.sql"
    return known


def is_long(repair: str) -> bool:
    """Whether SQL is longer than somebody reads in a comment on a pull request."""
    return len(repair.splitlines()) > SQL_LINES or len(repair) > _SQL


def _list_repairs(validation: Validation) -> list[tuple[int, Cause]]:
    """The causes whose SQL is long, with their numbers."""
    causes = list(enumerate(diagnose(validation)[:_REPAIRS], 1))
    return [(number, cause) for number, cause in causes if is_long(cause.repair)]


def write(validation: Validation, directory: Path) -> Listed:
    """Writes the files that are needed, and says which.

    Args:
        validation: what the run came to.
        directory: where they go; it is made when there is something to write.
    """
    known = list_files(validation, directory)
    for result in validation.results:
        findings = result.evidence.findings
        for i, finding in enumerate(findings):
            if file := known.rows.get((result.nodeid, i)):
                _write(directory.parent / file, finding.columns, finding.rows)
        if file := known.findings.get(result.nodeid):
            rows = [(f.severity, str(f.wrong), str(f.examined), f.statement, f.before) for f in findings]
            columns = ("severity", "wrong", "examined", "statement", "before the migration")
            _write(directory.parent / file, columns, rows)
    for _, cause in _list_repairs(validation):
        script = directory.parent / known.repairs[cause.repair]
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f"{_warn(cause.repair)}{annotate(cause.repair)}\n", encoding="utf-8")
    return known


def _warn(repair: str) -> str:
    """What whoever runs a file must know first: some of its parts are not for the database that was judged."""
    elsewhere = [place for place in _ELSEWHERE if f"-- {place}" in repair]
    return (
        f"-- not to be run at once: its comments say what is run {' and what '.join(elsewhere)}\n" if elsewhere else ""
    )


def _write(file: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # With a byte order mark, without which spreadsheets guess another encoding.
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(map(_harmless, columns))
        writer.writerows([map(_harmless, row) for row in rows])


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
