"""The whole suite on a copy, run as a user runs it: the project's, or the built-in checks where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from postmigration.model.verdict import GO, NO_GO
from postmigration.rehearsal.steps import Check, Outcome

# Findings of a check that are told; the report has all.
_FINDINGS = 3


def judge(
    root: Path | None, target: str, baseline: str, schema: str, report: Path, *, show_values: bool
) -> list[Check]:
    """Judges a migrated copy against the state before.

    Args:
        root: the directory of the migration and its checks; None where there are none.
        target, baseline: the connection strings of both; they hold no secret.
        schema: where the tables stand.
        show_values: show personal data in its report.
        report: where the suite writes its own report; its other forms stand beside it.
    """
    arguments = [
        *("-p", "no:cacheprovider", f"--db-url={target}", f"--baseline={baseline}", f"--schema={schema}"),
        # The rehearsal leaves the record, and says in it what became of this.
        *(f"--html={report}", "--no-record"),
        *(["--show-values"] if show_values else []),
    ]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "POSTMIGRATION_", "PG"))}
    program = ["pytest"] if root is not None else ["postmigration", "check"]
    if root is None:
        # Nothing is imported of a directory that is no project.
        kept["PYTHONSAFEPATH"] = "1"
    done = subprocess.run(  # noqa: S603 # this Python, and options of ours
        [sys.executable, "-m", *program, *arguments],
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
    if outcome == "failed":
        checks += _list_failed(json.loads(report.with_suffix(".json").read_text(encoding="utf-8")))
    return checks


def _list_failed(told: dict[str, Any]) -> list[Check]:
    """The checks that failed or were not judged, with the beginning of what was found."""
    found = []
    for check in told["checks"]:
        number = "" if check["plan"] is None else f"check {check['plan']}, "
        name = f"{number}{check['group']}: {check['title']}"
        if check["outcome"] == "failed":
            blockers = [finding for finding in check["findings"] if finding["severity"] == "blocker"]
            words = (f"{f['wrong']:,} of {f['examined']:,}: {f['statement']}" for f in blockers[:_FINDINGS])
            found.append(Check(name, "failed", tuple(words)))
        elif check["outcome"] == "not judged":
            found.append(Check(f"{name}: {check['reason']}", "not judged"))
    return found
