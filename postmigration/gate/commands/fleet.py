"""The command `postmigration fleet`: judges many databases, and says which of them may go live."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from postmigration.fleet.addresses import holds_password
from postmigration.fleet.common_causes import find_common
from postmigration.fleet.executors import judge_on_worker, work_here, work_on_cluster
from postmigration.fleet.fleet_file import read_fleet
from postmigration.fleet.judging import judge
from postmigration.fleet.outcome import Judged, Outcome, Task
from postmigration.fleet.page import Report, keep_report, write
from postmigration.fleet.running import judge_all
from postmigration.fleet.state import State
from postmigration.fleet.tasks import list_tasks
from postmigration.fleet.telling import conclude_fleet, describe_causes, describe_outcome
from postmigration.gate.commands.console import console
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.verdict import INTERRUPTED, Verdict
from postmigration.report.ending import conclude
from postmigration.report.places import Claim


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "fleet",
        help="judge many databases, and say which of them may go live",
        description="Judges each database that a file names (tenants, shards, regions) by the same declaration, each "
        "in a process of its own, and writes one page, one JSON and one JUnit file for all. A run that was "
        "interrupted, or could not judge some, goes on where it ended.",
        epilog="exit status: 0 all GO, 1 any NO-GO, otherwise 3 an error of ours, 4 any not judged; 2 interrupted",
    )
    parser.add_argument("file", type=Path, metavar="fleet.toml", help="which databases, and how they are judged")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help=f"databases at the same time on this machine ({_count_jobs()})"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="judge on the workers of this Dask cluster, tls://… or tcp:// on this machine (needs the extra [cluster])",
    )
    parser.add_argument(
        "--again",
        nargs="?",
        const="*",
        metavar="NAME",
        help="judge all again, or those whose name fits this pattern, also where the run goes on",
    )
    parser.add_argument(
        "--html", type=Path, default=Path("reports/fleet.html"), metavar="FILE", help="the report (%(default)s)"
    )
    parser.set_defaults(run=_run)


def _count_jobs() -> int:
    return os.cpu_count() or 1


def _run(option: Namespace) -> int:
    if option.jobs is not None and option.jobs < 1:
        raise CannotJudge(f"--jobs={option.jobs}: want 1 or more")
    if option.jobs is not None and option.cluster is not None:
        raise CannotJudge("--jobs is for this machine: with --cluster its workers say how many they judge at a time")
    page: Path = option.html.absolute()
    file = read_fleet(option.file)
    tasks = list_tasks(file, option.file)
    where: AbstractContextManager[Any]
    if option.cluster is None:
        where, worker, words = work_here(jobs := option.jobs or _count_jobs()), judge, f"this machine, {jobs} at a time"
    else:
        _refuse_passwords(tasks)
        where, worker, words = work_on_cluster(option.cluster), judge_on_worker, f"the Dask cluster {option.cluster}"
    how = f"the project {file.project}" if file.project else "postmigration check"
    facts = {"judged by": f"{how}, postmigration {tasks[0].suite}", "on": words}
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        claim = Claim(page)
    except OSError as error:
        raise CannotJudge(
            f"the report cannot be written to {page} ({error.strerror}): name another with --html"
        ) from None
    try:
        with where as executor:
            fleet = _Fleet(file.name, tasks, facts, page, option.again)
            try:
                with fleet.progress:
                    judge_all(executor, worker, fleet.waiting, fleet.keep)
            except KeyboardInterrupt:
                verdict = fleet.write(finished=False)
                conclude(verdict, ())
                return INTERRUPTED
            verdict = fleet.write(finished=True)
    finally:
        claim.release()
    conclude(verdict, (), describe_causes(find_common(fleet.outcomes), len(tasks)))
    return verdict.status


def _refuse_passwords(tasks: list[Task]) -> None:
    """Makes sure that no password is sent to a scheduler, which holds and shows what it is sent."""
    for task in tasks:
        for address, field in ((task.target, "url"), (task.baseline, "baseline")):
            if address is not None and holds_password(address):
                raise CannotJudge(
                    f"--cluster: {field} of {task.name} holds a password, which the scheduler would hold too: name a "
                    "variable or a file that each worker has (password_variable, password_file, url_variable)"
                )


class _Fleet:
    """Keeps each outcome, prints its line, and writes the page.

    Args:
        name: what the fleet is called.
        tasks: its databases.
        facts: how they are judged.
        page: where the report stands.
        again: a pattern of names; those are judged again.
    """

    def __init__(self, name: str, tasks: list[Task], facts: Mapping[str, str], page: Path, again: str | None) -> None:
        self._name, self._tasks, self._page, self._facts = name, tasks, page, dict(facts)
        self._state = State(page.with_suffix(".state.jsonl"))
        self._found: dict[str, Outcome] = {}
        if again != "*":
            kept = self._state.read(tasks)
            self._found = {n: each for n, each in kept.items() if again is None or not fnmatchcase(n, again)}
        if again not in (None, "*") and not any(fnmatchcase(task.name, again) for task in tasks):
            raise CannotJudge(f"--again={again}: no database of the fleet is called so")
        self._earlier = tuple(self._found.values())
        self.waiting = [task for task in tasks if task.name not in self._found]
        self._screen = console()
        self.progress = Progress(
            TextColumn("judged"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._screen,
            transient=True,
            disable=not self._screen.is_terminal,
        )
        self._bar = self.progress.add_task("", total=len(self.waiting))
        self._facts["begun"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        if self._earlier:
            first = min(each.started for each in self._earlier)
            known = f"{len(self._earlier):,} of {len(tasks):,}"
            self._facts["continued"] = f"{known} had been judged, the first at {first}"
            self._screen.print(Text(f"continued: {self._facts['continued']} (--again judges all)"))
        try:
            self._state.begin(self._found.values())
        except OSError as error:
            raise CannotJudge(f"nothing can be written beside {page}: {error.strerror}") from None
        self._write(Verdict("UNFINISHED", "this run goes on, or was killed", INTERRUPTED), finished=False)

    @property
    def outcomes(self) -> list[Outcome]:
        """What was judged so far, in the order in which the databases are named."""
        return [self._found[task.name] for task in self._tasks if task.name in self._found]

    def keep(self, judged: Judged) -> None:
        """Keeps what one database came to."""
        try:
            keep_report(judged, self._page)
            self._state.add(judged.outcome)
        except OSError as error:
            name = escape(judged.outcome.name)
            raise CannotJudge(f"the report of {name} cannot be written beside {self._page}: {error.strerror}") from None
        self._found[judged.outcome.name] = judged.outcome
        line = describe_outcome(judged.outcome, len(self._found), len(self._tasks))
        self._screen.print(Text(line), soft_wrap=True)
        self.progress.update(self._bar, advance=1)

    def write(self, *, finished: bool) -> Verdict:
        """Writes the page, and gives what it says."""
        subject = f"fleet {escape(self._name)}, {self._page}"
        total = len(self._tasks)
        verdict = conclude_fleet(self.outcomes, total, subject, earlier=self._earlier, finished=finished)
        self._write(verdict, finished=finished)
        if finished and all(each.judged for each in self.outcomes):
            self._state.end()
        return verdict

    def _write(self, verdict: Verdict, *, finished: bool) -> None:
        outcomes = self.outcomes
        write(
            Report(self._name, verdict, finished, len(self._tasks), outcomes, find_common(outcomes), self._facts),
            self._page,
        )
