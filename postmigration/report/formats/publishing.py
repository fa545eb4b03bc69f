"""From a validation to all files that tell of it."""

from __future__ import annotations

import os

from postmigration.model.files import replace_all
from postmigration.report import criteria
from postmigration.report.formats import as_csv, as_json, as_junit, as_markdown, github
from postmigration.report.formats.links import link_check
from postmigration.report.places import Files, clear
from postmigration.report.validation import Validation


def publish(validation: Validation, files: Files, page: str) -> None:
    """Replaces what says that the run did not finish, in all files or, where there is no room for one, in none.

    Args:
        validation: what the run came to.
        files: where each form goes.
        page: the page for people.

    Raises:
        OSError: one of the files cannot be written; its `filename` says which.
    """
    try:
        listed = as_csv.write(validation, files.evidence)
        summary = as_markdown.render(
            validation, lambda anchor: link_check(files.html, anchor, os.environ), listed.repairs
        )
        content = as_json.render(validation, listed, criteria.judge(validation))
        replace_all(
            {
                files.summary: summary,
                files.junit: as_junit.render(validation),
                files.json: content,
                files.html: page,
            }
        )
    except OSError:
        clear(files.evidence)
        raise
    github.add_summary(summary, os.environ)
