"""What stands in the place of a report until a run has come to its verdict, and for good where it comes to none.

It is written before anything else is imported, and so needs nothing but Python.
"""

from __future__ import annotations

import datetime
import html
import json
import re
from pathlib import Path
from typing import Any

from postmigration.model.files import replace_all
from postmigration.report.places import Files, clear

SCHEMA_VERSION = 1
NAME = "post-migration validation"
HEADING = "NO-GO: this validation did not finish"
# What XML 1.0 cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_HTML = f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Unfinished validation</title>
<h1>{HEADING}</h1>
<p>%s</p>
</html>
"""
_COUNTS = 'tests="1" failures="0" errors="1" skipped="0" time="0"'
_JUNIT = f"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="{NAME}" {_COUNTS}>
<testsuite name="{NAME}" {_COUNTS}>
<testcase name="the validation comes to a verdict" classname="unfinished">
<error message="{HEADING}">%s</error>
</testcase>
</testsuite>
</testsuites>
"""


def write_unfinished(files: Files, started: datetime.datetime, reason: str = "") -> None:
    """Replaces an older report.

    Args:
        started: when the run was started.
        reason: why it came to no verdict, where that is known.

    Raises:
        OSError: one of the files cannot be written.
    """
    last = read_last(files.json)
    ended = f"came to no verdict: {reason}" if reason else "has not come to a verdict. Run it again."
    sentence = f"It was started at {started.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC and {ended}"
    known = {"schema_version": SCHEMA_VERSION, "finished": False, "started": started.isoformat(timespec="milliseconds")}
    for path in files[:-1]:
        path.parent.mkdir(parents=True, exist_ok=True)
    replace_all(
        {
            files.html: _HTML % html.escape(sentence),
            files.junit: _JUNIT % html.escape(make_legal(sentence)),
            files.json: json.dumps({**known, "reason": reason, "last": last}, indent=2) + "\n",
            files.summary: f"# {HEADING}\n\n{html.escape(sentence, quote=False)}\n",
        }
    )
    clear(files.evidence)


def read_last(file: Path) -> dict[str, Any] | None:
    """What the last finished run came to that a validation.json tells of; None where there is none."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["schema_version"] != SCHEMA_VERSION:
            return None
        if told["finished"]:
            outcomes = {check["id"]: check["outcome"] for check in told["checks"]}
            database, judged, word = told["database"], told["ended"], told["verdict"]["word"]
        else:
            before = told["last"] or {}
            database, judged, word = before["database"], before["judged"], before["verdict"]
            outcomes = dict(before["outcomes"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Whatever else stands there is no report of ours, and is overwritten as the user asked.
        return None
    return {"database": database, "judged": judged, "verdict": word, "outcomes": outcomes}


def make_legal(content: str) -> str:
    """Replaces what XML cannot hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", content)
