"""The rehearsal itself: the migration, the judgement, the second run, and each way back."""

from __future__ import annotations

import subprocess
import time

import psycopg

from postmigration.backups.restore import restore
from postmigration.backups.restore_log import said
from postmigration.model.errors import CannotJudge
from postmigration.postgres import embedded, temporary
from postmigration.postgres.throwaway import Server
from postmigration.rehearsal import later, suite
from postmigration.rehearsal.stage import Stage, leave_out, of_script, step_of
from postmigration.rehearsal.states import State, same_objects, same_rows, same_state
from postmigration.rehearsal.steps import Check, Step


def rehearse(stage: Stage) -> list[Step]:
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
    stage.create("before", "migrated")
    started = time.monotonic()
    runs = stage.run("migrated", stage.plan.scripts)
    checks = [of_script(run) for run in runs]
    stage.record_end(step_of("the migration", stage, started, runs, checks))


def judge(stage: Stage) -> None:
    """Judges the migrated copy with the whole suite."""
    started = time.monotonic()
    plan = stage.plan
    target, baseline = (stage.conninfo(name) for name in ("migrated", "before"))
    checks = suite.judge(plan.root, target, baseline, plan.schema, plan.report, show_values=plan.show_values)
    stage.record_end(step_of("the migrated copy, judged", stage, started, [], checks, judging=True))


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
        stage.record_end(step_of("the migration, a second time", stage, started, runs, checks, done=done))


def roll_back(stage: Stage, before: State) -> None:
    """Takes all of the migration back: the state must be the one before."""
    title = "the rollback, at once"
    if not stage.plan.rollback:
        stage.record_end(leave_out(title, stage, "no rollback scripts were named (--rollback)"))
        return
    with stage.copy("migrated", "back") as name:
        started = time.monotonic()
        runs = stage.run(name, stage.plan.rollback)
        done = time.monotonic()
        checks = [*map(of_script, runs), *same_state(before, stage.state(name), stage.plan.schema, any_order=True)]
        stage.record_end(step_of(title, stage, started, runs, checks, done=done))


def roll_back_after_use(stage: Stage) -> None:
    """Takes the rows back once the migrated application was used: what was there before must be whole."""
    title = "the selective rollback, after use"
    if not stage.plan.selective:
        stage.record_end(leave_out(title, stage, "no rollback scripts were named (--selective, --rollback)"))
        return
    plan = stage.plan
    if not plan.migration.later.is_file():
        stage.record_end(leave_out(title, stage, "the migration declares nothing that people write later"))
        return
    with stage.copy("migrated", "used") as used:
        started = time.monotonic()
        try:
            with stage.server.connect(used, stage.user) as connection:
                embedded.run_script(connection, plan.migration.later)
        except psycopg.Error as error:
            why = f"what people write afterwards is refused: {said(error)}"
            stage.record_end(step_of(title, stage, started, [], [Check(why, "not judged")]))
            return
        with stage.copy(used, "selective") as name:
            started = time.monotonic()
            runs = stage.run(name, plan.selective)
            done = time.monotonic()
            sides = [stage.source(database) for database in ("before", "migrated", used, name)]
            checks = [*map(of_script, runs), *later.checks(plan.migration, plan.schema, *sides)]
            stage.record_end(step_of(title, stage, started, runs, checks, done=done))


def restore_backup(stage: Stage, before: State) -> None:
    """The backup as a way back: into an empty database, and over the migrated one."""
    plan, server = stage.plan, stage.server
    started = time.monotonic()
    with temporary.directory() as scratch:
        backup = scratch / "before.dump"
        _program(server, "pg_dump", "--format=custom", f"--file={backup}", f"--dbname={server.conninfo('before')}")
        size = backup.stat().st_size
        dumped = time.monotonic() - started
        note = Check(f"a backup was taken with pg_dump in {dumped:.1f} s: {size:,} bytes", "passed")
        started = time.monotonic()
        restored = restore([backup], server, "restored", owner=stage.user or server.superuser)
        done = time.monotonic()
        checks = [note, *same_state(before, stage.state("restored"), plan.schema)]
        if restored.unrestored:
            checks.append(Check("not all could be restored", "failed", tuple(map(str, restored.unrestored))))
        stage.record_end(step_of("the backup, restored into an empty database", stage, started, [], checks, done=done))
        server.drop("restored")
        with stage.copy("migrated", "over") as name:
            started = time.monotonic()
            complaints = _program(
                server, "pg_restore", "--clean", "--if-exists", f"--dbname={stage.conninfo(name)}", str(backup)
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
            stage.record_end(step_of(title, stage, started, [], checks, done=done))


def _program(server: Server, program: str, *arguments: str) -> list[str]:
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
