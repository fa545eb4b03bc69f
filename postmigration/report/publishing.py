"""From the record of a run to all files that are read without a browser."""

from __future__ import annotations

import json
import os

from postmigration.report import as_csv, as_json, as_junit, as_markdown, criteria, github
from postmigration.report.files import Files
from postmigration.report.record import Record


def published(record: Record, files: Files) -> None:
    """Writes what pipelines and programs read, and what is too long for the page.

    Args:
        record: what the run came to.
        files: where each form goes.
    """
    listed = as_csv.written(record, files.evidence)
    summary = as_markdown.written(record, listed)
    files.summary.write_text(summary, encoding="utf-8")
    github.summarized(summary, os.environ)
    files.junit.write_text(as_junit.written(record), encoding="utf-8")
    told = as_json.written(record, listed, criteria.judged(record))
    files.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
