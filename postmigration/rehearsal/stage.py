"""The stage of a rehearsal: what is rehearsed, on which server, and the account of what was done."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from postmigration.diff.database_diff import Source
from postmigration.model.migration import Migration
from postmigration.postgres.throwaway import Server
from postmigration.rehearsal import psql
from postmigration.rehearsal.states import State, state
from postmigration.rehearsal.steps import Check, Outcome, Slow, Step


@dataclass(frozen=True)
class Plan:
    """What is rehearsed, and how.

    Args:
        migration: the migration whose checks judge the result.
        root: its directory; None where there is no project.
        scripts: what migrates, in this order.
        rollback: what takes it back; none where that is not rehearsed.
        selective: what takes the rows back once the migrated application was used.
        schema: the schema of the application's tables.
        report: where the suite writes its own report.
        timeout: seconds for one script.
        slow: seconds from which on it is told what a statement locks.
        show_values: show what errors say in full.
    """

    migration: Migration
    root: Path | None
    scripts: Sequence[Path]
    rollback: Sequence[Path]
    selective: Sequence[Path]
    schema: str
    report: Path
    timeout: float
    slow: float = 1.0
    show_values: bool = False


class SuperuserNeeded(Exception):
    """A script was refused what only a superuser may do: it is rehearsed as one."""


@dataclass
class Stage:
    """The server on which it is rehearsed, and the clock.

    Args:
        user: to whom the state before belongs, and as whom everything is done; empty for the superuser.
        plan: what is rehearsed.
        server: a throw-away server with the database `before`.
        tell: told of each step when it has ended.
    """

    plan: Plan
    server: Server
    tell: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    user: str = ""

    def source(self, database: str) -> Source:
        """One of its databases."""
        return Source(self.conninfo(database), database)

    def conninfo(self, database: str) -> str:
        """The connection string of one of its databases, as whom everything is done."""
        return self.server.conninfo(database, self.user)

    def state(self, database: str) -> State:
        """The state in which one of its databases is."""
        return state(self.source(database), self.plan.schema)

    @contextmanager
    def copy(self, template: str, name: str) -> Iterator[str]:
        """A copy of a database, until it was looked at."""
        self.create(template, name)
        try:
            yield name
        finally:
            self.server.drop(name)

    def create(self, template: str, name: str) -> None:
        """Creates a database as a copy of another one, which belongs to the same role."""
        self.server.create(name, template=template)
        if self.user:
            with self.server.connect("postgres") as connection:
                connection.execute(f'ALTER DATABASE "{name}" OWNER TO "{self.user}"'.encode())

    def record_end(self, step: Step) -> None:
        """Takes down a step."""
        self.steps.append(step)
        self.tell(step)

    def run(self, database: str, scripts: Sequence[Path]) -> list[psql.ScriptRun]:
        """Runs scripts one after the other, whatever becomes of them.

        Raises:
            SuperuserNeeded: it is done as somebody else, and one of them was refused a privilege.
        """
        plan, found = self.plan, []
        for script in scripts:
            run = psql.run(
                self.server,
                database,
                script,
                timeout=plan.timeout,
                slow=plan.slow,
                show_values=plan.show_values,
                user=self.user,
            )
            refused = [statement for statement in run.failed if statement.privileged]
            if self.user and refused:
                raise SuperuserNeeded(f"{refused[0].place}: {refused[0].error}: {refused[0].text}")
            found.append(run)
        return found


def of_script(run: psql.ScriptRun) -> Check:
    """What became of a script, statement by statement."""
    name = run.script.name
    count = f"{len(run.statements):,} statement{'' if len(run.statements) == 1 else 's'}"
    if run.succeeded:
        details = []
        if run.commits:
            times = "once" if run.commits == 1 else f"{run.commits:,} times"
            details.append(
                f"it is not one transaction: {times} it makes changes final on the way, which an error "
                "behind that does not undo"
            )
        return Check(f"{name}: {count}, all succeeded, {run.seconds:.1f} s", "passed", tuple(details))
    if not run.statements and not run.refused:
        return Check(f"{name}: it holds no statement", "failed")
    errors = len(run.failed) + len(run.refused)
    details = [f"{found.place}: {found.error}: {found.text}" for found in run.failed] + list(run.refused)
    if run.after_the_first_error and run.status == 0:
        details.append(
            f"psql went on after the first error, sent {run.after_the_first_error:,} more statements and ended with "
            "status 0: run it with -v ON_ERROR_STOP=1"
        )
    if run.said:
        details.append(f"nevertheless it said ›{run.said[:200]}‹")
    limit = 20
    if len(details) > limit:
        details = [*details[: limit - 2], f"and {len(details) - limit:,} more", *details[-2:]]
    return Check(f"{name}: {errors:,} of {count} failed", "failed", tuple(details))


def step_of(
    title: str,
    stage: Stage,
    started: float,
    runs: Sequence[psql.ScriptRun],
    checks: Sequence[Check],
    *,
    done: float | None = None,
    judging: bool = False,
) -> Step:
    """A step that has ended.

    Args:
        started, done: the clock when it began, and when what it does was done; None where that is this moment.
        runs: the scripts that it ran.
        judging: it does nothing but judge.
    """
    now = time.monotonic()
    done = done or now
    slow = [
        Slow(statement.text, statement.seconds, tuple(statement.seen.describe() if statement.seen else ()))
        for statement in itertools.chain.from_iterable(run.statements for run in runs)
        if statement.seconds is not None and statement.seconds >= stage.plan.slow
    ]
    return Step(
        title,
        started=started - stage.began,
        seconds=0.0 if judging else done - started,
        judged=now - started if judging else now - done,
        checks=tuple(checks),
        rows=sum(run.rows for run in runs) if runs else None,
        slow=tuple(slow),
    )


def leave_out(title: str, stage: Stage, why: str) -> Step:
    """A step that nobody has asked for."""
    outcome: Outcome = "left out"
    return Step(title, time.monotonic() - stage.began, 0.0, 0.0, (Check(why, outcome),))
