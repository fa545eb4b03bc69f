"""Judges one database in a process of its own, by the command that judges one."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from postmigration.fleet.addresses import is_url, read_baseline, resolve
from postmigration.fleet.outcome import Cause, Judged, Outcome, Task
from postmigration.model.errors import CannotJudge
from postmigration.model.verdict import BROKEN, CANNOT_JUDGE, GO, INTERRUPTED, NO_GO
from postmigration.postgres import temporary
from postmigration.postgres.dsn import redact, redact_secrets
from postmigration.report.formats.json_fields import Finished, Unfinished

# Options of other runs, the addresses of others, the place of other reports, and a summary that is one for all of them.
_NOT_INHERITED = (
    *("PYTEST_", "POSTMIGRATION_DB_URL", "POSTMIGRATION_BASELINE", "POSTMIGRATION_RECORD_DIR"),
    *("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"),
)
# Of a report, what tells where it was written; the page and the record of the run are sealed, and stay as they are.
_PLACED = frozenset({"validation.json", "validation.xml", "summary.md"})
_WORDS = {INTERRUPTED: "INTERRUPTED"}
# Plugins of pytest for unit tests, which each process would import (a third of its time) and none of our checks needs.
_NEEDLESS = ("faker", "hypothesispytest", "playwright", "django")
# Of what a process has printed, what may say why it ended.
_TAIL = 4_000
_RUNNING: set[subprocess.Popen[bytes]] = set()


def judge(task: Task) -> Judged:
    """Judges one database; that it could not be judged is an outcome too.

    Passwords are found here, in the environment and the files of the machine on which this runs, and are handed on in
    the environment of the process that judges.
    """
    started, begun = datetime.datetime.now(datetime.UTC), time.monotonic()

    def tell(word: str, status: int, sentence: str, **more: Any) -> Outcome:
        return Outcome(
            name=task.name,
            word=word,
            status=status,
            sentence=sentence,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - begun, 1),
            digest=task.digest,
            **more,
        )

    try:
        ours = version("postmigration")
        if ours != task.suite:
            raise CannotJudge(f"this worker has postmigration {ours}, and the fleet is judged by {task.suite}")
        addresses = _resolve(task)
        with temporary.directory() as directory:
            status, printed = _run(task, addresses, directory)
            said = _find_last_line(printed, addresses.values())
            files = _collect(directory / "reports")
    except CannotJudge as error:
        words = redact_secrets(str(error))
        return Judged(tell("ERROR", CANNOT_JUDGE, words, causes=(Cause(words),)), {})
    except OSError as error:
        words = f"its process could not be run: {error.strerror}"
        return Judged(tell("ERROR", CANNOT_JUDGE, words, causes=(Cause(words),)), {})
    if status < 0:
        words = f"the process that judged it was killed by signal {-status}"
        return Judged(tell("ERROR", BROKEN, words, causes=(Cause(words),), died=True), files)
    told = _read_verdict(files, status)
    if told is None:
        said = _read_reason(files) or said
        # A verdict that the report does not hold is none.
        words = said if status not in (GO, NO_GO) else f"it ended with status {status} and left no verdict: {said}"
        kept = status if status in (INTERRUPTED, BROKEN) else CANNOT_JUDGE
        return Judged(tell(_WORDS.get(kept, "ERROR"), kept, words, causes=(Cause(words),), report=bool(files)), files)
    return Judged(
        tell(
            told.verdict.word,
            status,
            told.verdict.sentence.replace(", validation.html", ""),
            database=told.database,
            rows=told.rows_examined,
            causes=tuple(
                Cause(cause.words, cause.remedy, next(iter(cause.checks), ""), cause.rows) for cause in told.causes
            ),
            warnings=sum(finding.severity == "warning" for check in told.checks for finding in check.findings),
            report=True,
        ),
        files,
    )


def end_all() -> None:
    """Ends what this process judges; each ends as one that is interrupted."""
    for process in tuple(_RUNNING):
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()


def _resolve(task: Task) -> dict[str, str]:
    """The variables that tell the process which databases to judge."""
    found = {"POSTMIGRATION_DB_URL": resolve(task.target, f"the URL of {task.name}")}
    if task.baseline is not None:
        found["POSTMIGRATION_BASELINE"] = read_baseline(task.baseline, f"the state before of {task.name}")
    return found


def _run(task: Task, addresses: Mapping[str, str], directory: Path) -> tuple[int, str]:
    """Runs the command, and gives its exit status and the end of what it printed."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    program = ["pytest"]
    if not task.project:
        program = ["postmigration", "check", *(f"-pno:{plugin}" for plugin in _NEEDLESS)]
        # Nothing is imported of a directory that is no project.
        kept["PYTHONSAFEPATH"] = "1"
    if not Path(task.directory).is_dir():
        raise CannotJudge(f"there is no directory {task.directory} where the database is to be judged")
    printed = directory / "printed"
    with printed.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 # this Python, and options of the fleet
            [
                *(sys.executable, "-m", "postmigration.fleet.child", *program, "-p", "no:cacheprovider"),
                *(f"--html={directory / 'reports' / 'validation.html'}", *task.options),
                *(f"--baseline={file}" for file in task.files),
            ],
            cwd=task.directory,
            env={**kept, **addresses},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Whoever interrupts the fleet has it end its processes.
            start_new_session=True,
        )
    _RUNNING.add(process)
    try:
        status = process.wait()
    finally:
        _RUNNING.discard(process)
        _end(process)
    return status, printed.read_bytes()[-_TAIL:].decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process, if it still runs, and waits for its end."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    process.wait()


def _find_last_line(printed: str, addresses: Iterable[str]) -> str:
    """The last line that a process printed, without the passwords that it was given."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    words = redact_secrets(lines[-1] if lines else "it said nothing").removeprefix("ERROR: ")
    # A state before may be the name of a file.
    for address in filter(is_url, addresses):
        words = redact(words, address)
    return words


def _collect(directory: Path) -> dict[str, bytes]:
    """The files of a report, with the record of the run."""
    place = f"{directory}{os.sep}".encode()
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            content = path.read_bytes()
            name = path.relative_to(directory).as_posix()
            found[name] = content.replace(place, b"") if name in _PLACED else content
    return found


def _read_verdict(files: Mapping[str, bytes], status: int) -> Finished | None:
    """What validation.json tells; None where it tells of no verdict, or of another one than the exit status."""
    try:
        told = msgspec.json.decode(files["validation.json"], type=Finished)
    except (KeyError, msgspec.DecodeError):
        return None
    return told if told.finished and told.verdict.exit_status == status else None


def _read_reason(files: Mapping[str, bytes]) -> str:
    """Why a run came to no verdict, as far as its report says."""
    try:
        return msgspec.json.decode(files["validation.json"], type=Unfinished).reason
    except (KeyError, msgspec.DecodeError):
        return ""
