"""The rehearsal itself: the state before, the migration, the judgement, the second run, and each way back."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from postmigration import embedded
from postmigration.backups.ledger import said
from postmigration.backups.restored import restore
from postmigration.contents import Source
from postmigration.errors import CannotJudge
from postmigration.migration import Migration
from postmigration.rehearsal import later, psql, suite
from postmigration.rehearsal.states import State, same_objects, same_rows, same_state, state
from postmigration.rehearsal.steps import Check, Outcome, Slow, Step


@dataclass(frozen=True)
class Plan:
    """What is rehearsed, and how.

    Args:
        migration: the migration whose checks judge the result.
        root: its directory.
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
    root: Path
    scripts: Sequence[Path]
    rollback: Sequence[Path]
    selective: Sequence[Path]
    schema: str
    report: Path
    timeout: float
    slow: float = 1.0
    show_values: bool = False


@dataclass
class Stage:
    """The server on which it is rehearsed, and the clock.

    Args:
        plan: what is rehearsed.
        server: a throw-away server with the database `before`.
        tell: told of each step when it has ended.
    """

    plan: Plan
    server: embedded.Server
    tell: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def source(self, database: str) -> Source:
        """One of its databases."""
        return Source(self.server.conninfo(database), database)

    def state(self, database: str) -> State:
        """The state in which one of its databases is."""
        return state(self.source(database), self.plan.schema)

    @contextmanager
    def copy(self, template: str, name: str) -> Iterator[str]:
        """A copy of a database, until it was looked at."""
        self.server.create(name, template=template)
        yield name
        self.server.drop(name)

    def ended(self, step: Step) -> None:
        """Takes down a step."""
        self.steps.append(step)
        self.tell(step)

    def run(self, database: str, scripts: Sequence[Path]) -> list[psql.ScriptRun]:
        """Runs scripts one after the other, whatever becomes of them."""
        plan = self.plan
        return [
            psql.run(self.server, database, script, timeout=plan.timeout, slow=plan.slow, show_values=plan.show_values)
            for script in scripts
        ]


def rehearsed(stage: Stage) -> list[Step]:
    """Rehearses a plan on a server that holds the state before as the database `before`."""
    before = stage.state("before")
    migrate(stage)
    judge(stage)
    again(stage)
    roll_back(stage, before)
    roll_back_after_use(stage)
    restore_backup(stage, before)
    return stage.steps


def migrate(stage: Stage) -> None:
    """Applies the migration to a copy of the state before, which stays as the database `migrated`."""
    stage.server.create("migrated", template="before")
    started = time.monotonic()
    runs = stage.run("migrated", stage.plan.scripts)
    checks = [of_script(run) for run in runs]
    stage.ended(_step("the migration", stage, started, runs, checks))


def judge(stage: Stage) -> None:
    """Judges the migrated copy with the whole suite."""
    started = time.monotonic()
    plan = stage.plan
    target, baseline = (stage.server.conninfo(name) for name in ("migrated", "before"))
    checks = suite.judged(plan.root, target, baseline, plan.schema, plan.report)
    stage.ended(_step("the migrated copy, judged", stage, started, [], checks, judging=True))


def again(stage: Stage) -> None:
    """Applies the migration a second time: it must change nothing, or refuse and change nothing."""
    with stage.copy("migrated", "again") as name:
        was = stage.state("migrated")
        started = time.monotonic()
        runs = stage.run(name, stage.plan.scripts)
        checks = []
        for run in runs:
            errors = [f"{statement.place}: {statement.error}" for statement in run.failed] + list(run.refused)
            words = f"it refuses: {errors[0]}" if errors else f"{len(run.statements)} statements, all succeeded"
            if run.status is None:
                checks.append(Check(f"{run.script.name}: {run.refused[-1]}", "failed"))
            else:
                checks.append(Check(f"{run.script.name}: {words}", "passed"))
        done = time.monotonic()
        unchanged = same_state(was, stage.state(name), stage.plan.schema)
        checks += [
            check
            if check.outcome == "passed"
            else Check(f"a second time: {check.statement}", check.outcome, check.details)
            for check in unchanged
        ]
        stage.ended(_step("the migration, a second time", stage, started, runs, checks, done=done))


def roll_back(stage: Stage, before: State) -> None:
    """Takes all of the migration back: the state must be the one before."""
    title = "the rollback, at once"
    if not stage.plan.rollback:
        stage.ended(_left_out(title, stage, "no rollback scripts were named (--rollback)"))
        return
    with stage.copy("migrated", "back") as name:
        started = time.monotonic()
        runs = stage.run(name, stage.plan.rollback)
        done = time.monotonic()
        checks = [*map(of_script, runs), *same_state(before, stage.state(name), stage.plan.schema)]
        stage.ended(_step(title, stage, started, runs, checks, done=done))


def roll_back_after_use(stage: Stage) -> None:
    """Takes the rows back once the migrated application was used: what was there before must be whole."""
    title = "the selective rollback, after use"
    if not stage.plan.selective:
        stage.ended(_left_out(title, stage, "no rollback scripts were named (--selective, --rollback)"))
        return
    plan = stage.plan
    with stage.copy("migrated", "used") as used:
        started = time.monotonic()
        try:
            with stage.server.connect(used) as connection:
                embedded.run_script(connection, plan.migration.later)
        except psycopg.Error as error:
            why = f"what people write afterwards is refused: {said(error)}"
            stage.ended(_step(title, stage, started, [], [Check(why, "not judged")]))
            return
        with stage.copy(used, "selective") as name:
            started = time.monotonic()
            runs = stage.run(name, plan.selective)
            done = time.monotonic()
            sides = [stage.source(database) for database in ("before", "migrated", used, name)]
            checks = [*map(of_script, runs), *later.checks(plan.migration, plan.schema, *sides)]
            stage.ended(_step(title, stage, started, runs, checks, done=done))


def restore_backup(stage: Stage, before: State) -> None:
    """The backup as a way back: into an empty database, and over the migrated one."""
    plan, server = stage.plan, stage.server
    backup = plan.report.parent / ".rehearsal.dump"
    started = time.monotonic()
    try:
        _program(server, "pg_dump", "--format=custom", f"--file={backup}", f"--dbname={server.conninfo('before')}")
        size = backup.stat().st_size
        dumped = time.monotonic() - started
        note = Check(f"a backup was taken with pg_dump in {dumped:.1f} s: {size:,} bytes", "passed")
        started = time.monotonic()
        restored = restore([backup], server, "restored")
        done = time.monotonic()
        checks = [note, *same_state(before, stage.state("restored"), plan.schema)]
        if restored.unrestored:
            checks.append(Check("not all could be restored", "failed", restored.unrestored))
        stage.ended(_step("the backup, restored into an empty database", stage, started, [], checks, done=done))
        server.drop("restored")
        with stage.copy("migrated", "over") as name:
            started = time.monotonic()
            complaints = _program(
                server, "pg_restore", "--clean", "--if-exists", f"--dbname={server.conninfo(name)}", str(backup)
            )
            done = time.monotonic()
            after = stage.state(name)
            checks = [
                Check(f"pg_restore --clean --if-exists: {len(complaints)} errors", "warned", tuple(complaints[:10]))
                if complaints
                else Check("pg_restore --clean --if-exists succeeded", "passed"),
                same_objects(before, after, otherwise="warned"),
                same_rows(before, after, plan.schema, otherwise="warned"),
            ]
            title = "the backup, restored over the migrated database"
            stage.ended(_step(title, stage, started, [], checks, done=done))
    finally:
        backup.unlink(missing_ok=True)


def _program(server: embedded.Server, program: str, *arguments: str) -> list[str]:
    """Runs a program of PostgreSQL; gives the errors of which it complains, each on one line."""
    done = subprocess.run(  # noqa: S603 # a program of PostgreSQL
        [server.binaries / program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line.partition("error: ")[2] for line in done.stderr.splitlines() if "error: " in line]
    if done.returncode and program == "pg_dump":
        raise CannotJudge(f"the copy cannot be dumped: {errors[0] if errors else done.stderr[:200]}")
    return [" ".join(error.split()).removeprefix("could not execute query: ERROR: ") for error in errors]


def of_script(run: psql.ScriptRun) -> Check:
    """What became of a script, statement by statement."""
    name = run.script.name
    count = f"{len(run.statements):,} statement{'' if len(run.statements) == 1 else 's'}"
    if run.succeeded:
        details = []
        if run.commits:
            details.append(
                f"it is not one transaction: {run.commits:,} times it makes changes final on the way, which an error "
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


def _step(
    title: str,
    stage: Stage,
    started: float,
    runs: Sequence[psql.ScriptRun],
    checks: Sequence[Check],
    *,
    done: float | None = None,
    judging: bool = False,
) -> Step:
    now = time.monotonic()
    done = done or now
    slow = [
        Slow(statement.text, statement.seconds, tuple(statement.seen.worded() if statement.seen else ()))
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


def _left_out(title: str, stage: Stage, why: str) -> Step:
    outcome: Outcome = "left out"
    return Step(title, time.monotonic() - stage.began, 0.0, 0.0, (Check(why, outcome),))
