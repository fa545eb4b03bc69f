"""Where the reports go, and what stands there until a run has come to its verdict."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from postmigration.report import as_json, as_junit, changes, rendering
from postmigration.report.record import when

# What a directory of evidence may hold for it to be ours to empty.
_OURS = re.compile(r"[a-z0-9-]+\.csv")


class Files(NamedTuple):
    """The files of one report.

    Args:
        html: for people.
        junit: for the pages on which pipelines show tests.
        json: for programs.
        summary: Markdown, for a pull request or the summary of a job.
        evidence: a directory for what is too long for the others.
    """

    html: Path
    junit: Path
    json: Path
    summary: Path
    evidence: Path


def prepared(config: pytest.Config, started: datetime.datetime) -> tuple[Files, changes.Last | None]:
    """Chooses where the reports go and puts something there that says that the run did not finish.

    A run that dies must not leave the green report of an earlier one in place.

    Returns:
        The files, and what the last run came to.

    Raises:
        pytest.UsageError: a report cannot be written.
    """
    option = config.option
    for plugin, name, file in (("html", "htmlpath", "validation.html"), ("junitxml", "xmlpath", "validation.xml")):
        if not hasattr(option, name):
            raise pytest.UsageError(
                f"the report needs pytest's plugin {plugin}: do not switch it off with -p no:{plugin}"
            )
        named = Path(os.path.expandvars(getattr(option, name) or config.rootpath / "reports" / file))
        setattr(option, name, str(named.expanduser().absolute()))
    html, junit = Path(option.htmlpath), Path(option.xmlpath)
    stem = html.stem
    files = Files(
        html,
        junit,
        html.with_suffix(".json"),
        html.with_name("summary.md" if stem == "validation" else f"{stem}.md"),
        html.with_name("evidence" if stem == "validation" else f"{stem}-evidence"),
    )
    if len(set(files)) < len(files):
        raise pytest.UsageError(f"--html={html} and --junit-xml={junit} would overwrite each other")
    last = changes.last(files.json)
    sentence = f"It was started at {when(started)} and has not come to a verdict. Run it again."
    contents = {
        files.html: rendering.rendered("unfinished.html", sentence=sentence),
        files.junit: as_junit.unfinished(sentence),
        files.json: json.dumps(as_json.unfinished(started, last), indent=2) + "\n",
        files.summary: f"# NO-GO: this validation did not finish\n\n{sentence}\n",
    }
    for path, content in contents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        except OSError as error:
            raise pytest.UsageError(
                f"the report cannot be written to {path} ({error.strerror}): name another with --html or --junit-xml"
            ) from None
    if files.evidence.is_dir() and all(_OURS.fullmatch(path.name) for path in files.evidence.iterdir()):
        shutil.rmtree(files.evidence)
    # pytest's own writer of JUnit knows tests; ours knows checks.
    option.xmlpath = None
    option.self_contained_html = True
    option.css = [*option.css, str(rendering.DIRECTORY / "report.css")]
    return files, last
