"""The whole suite on a copy, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree  # what it reads, pytest wrote a moment ago
from pathlib import Path

from postmigration.rehearsal.steps import Check, Outcome
from postmigration.verdict import GO, NO_GO


def judged(root: Path, target: str, baseline: str, schema: str, report: Path, *, show_values: bool) -> list[Check]:
    """Judges a migrated copy against the state before.

    Args:
        root: the directory of the migration and its checks.
        target, baseline: the connection strings of both; they hold no secret.
        schema: where the tables stand.
        show_values: show personal data in its report.
        report: where the suite writes its own report; its JUnit file stands beside it.
    """
    junit = report.with_suffix(".xml")
    arguments = [
        *("-p", "no:cacheprovider", f"--db-url={target}", f"--baseline={baseline}", f"--schema={schema}"),
        *(f"--html={report}", f"--junit-xml={junit}"),
        *(["--show-values"] if show_values else []),
    ]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "POSTMIGRATION_", "PG"))}
    done = subprocess.run(  # noqa: S603 # this Python, and options of ours
        [sys.executable, "-m", "pytest", *arguments],
        cwd=root,
        env=kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    outcome: Outcome = {GO: "passed", NO_GO: "failed"}.get(done.returncode, "not judged")  # type: ignore[assignment]
    # Ended by a signal it has not come to a verdict, whatever it has said.
    checks = [Check(f"the suite says {last}", outcome, (f"its report is {report}",))]
    return checks + (_failed(junit) if outcome == "failed" else [])


def _failed(junit: Path) -> list[Check]:
    """The checks that failed or were not judged, with the beginning of what they say."""
    found = []
    for case in ElementTree.parse(junit).getroot().iter("testcase"):  # noqa: S314 # as above
        failure = case.find("failure")
        if failure is not None:
            text = [line.strip() for line in (failure.text or failure.get("message") or "").splitlines()]
            text = list(filter(None, text))
            first = [line for line in text if line.startswith("blocker:")]
            found.append(Check(text[0] if text else case.get("name", ""), "failed", tuple(first[:3])))
        skipped = case.find("skipped")
        if skipped is not None:
            name = case.get("name", "").removeprefix("test_").replace("_", " ")
            found.append(Check(f"{name}: {skipped.get('message', 'not judged')}", "not judged"))
    return found
