"""The command `postmigration rehearse`: a migration and its ways back, tried on a copy."""

from __future__ import annotations

import json
import os
import subprocess
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rich.console import Console

from postmigration.backups.open_scratch import open_base_backup, open_scratch
from postmigration.backups.restore import restore
from postmigration.deployment.records.record import Database
from postmigration.deployment.records.record import Step as RecordedStep
from postmigration.deployment.subject import identify
from postmigration.diff import fingerprint_file
from postmigration.diff.database_diff import Source
from postmigration.gate import options
from postmigration.gate.baseline_source import is_address
from postmigration.gate.commands.console import console
from postmigration.gate.project import is_project, project
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import show_value
from postmigration.model.migration import Migration, declares_none
from postmigration.postgres import embedded, temporary
from postmigration.postgres.dsn import conninfo, redact
from postmigration.postgres.identity import server as identify_server
from postmigration.postgres.scratch.base_backup import find_path
from postmigration.postgres.scratch.choice import Scratch
from postmigration.postgres.scratch.choice import is_address as is_server
from postmigration.rehearsal import page, psql, scripts
from postmigration.rehearsal.locks import BLOCKS_NOTHING
from postmigration.rehearsal.plan import rehearse
from postmigration.rehearsal.stage import Plan, Stage, SuperuserNeeded
from postmigration.rehearsal.steps import Check, Rehearsal, Step


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "rehearse",
        help="try a migration and its rollbacks on a copy",
        description="Applies a migration to a copy of the state before, judges it, applies it again, takes "
        "it back in each way, and proves what state that leads to. In a project it rehearses the project's "
        "migration, without --baseline on the demonstration world; elsewhere, --migration and --baseline say what. It "
        "never touches the database of --baseline but to read it.",
        epilog="exit status: 0 proven, 1 not proven, 2 interrupted, 4 could not be rehearsed or judged",
    )
    add = parser.add_argument
    add(
        "--baseline",
        action="append",
        metavar="FILE|URL",
        help="the state before (or $POSTMIGRATION_BASELINE): a pg_dump file (repeat it for several files of one "
        "backup), or a base backup or the URL of a database, which are dumped for it",
    )
    add("--migration", action="append", metavar="DIR|FILE", help="the scripts that migrate (may be repeated)")
    add("--rollback", action="append", metavar="DIR|FILE", help="the scripts that take all of it back")
    add("--selective", action="append", metavar="DIR|FILE", help="those that take the rows back (default: --rollback)")
    add("--schema", default="public", metavar="NAME", help="the schema of the application's tables (%(default)s)")
    add("--script-timeout", type=float, default=3_600, metavar="SECONDS", help="for one script (%(default)s)")
    add("--show-values", action="store_true", help="show personal data in messages instead of masking it")
    options.declare_scratch(add)
    options.declare_world(add)
    add("--html", type=Path, default=Path("reports/rehearsal.html"), metavar="FILE", help="the report (%(default)s)")
    add("--json", action="store_true", help="print one JSON object")
    options.declare_record(add)
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    root = Path.cwd() if is_project(Path.cwd()) else None
    migration = project(root)[0] if root is not None else Migration("")
    named = options.choose_baseline(option)
    _refuse_unnamed(option, named, migration, root)
    if option.world_size < 1:
        raise CannotJudge(f"--world-size={option.world_size}: want 1 or more")
    if not option.script_timeout > 0:
        raise CannotJudge(f"--script-timeout={option.script_timeout:g}: want more than 0 seconds")
    asked = _scratch(option)
    own = scripts.found(option.migration, "--migration") if option.migration else []
    back = scripts.found(option.rollback, "--rollback") if option.rollback else []
    some = scripts.found(option.selective, "--selective") if option.selective else []
    reference = not option.migration
    rollback = back or (list(migration.rollback) if reference else [])
    selective = some or back or (list(migration.selective_rollback) if reference else [])
    report: Path = option.html
    recording = option.recording = options.begin_record(option, "rehearse", root or Path.cwd(), report)
    page.write_unfinished(report)
    suite = report.with_name(f"{report.stem}-validation.html").resolve()
    screen = Console(stderr=True, highlight=False) if option.json else console()
    if reference and not (back or some):
        recording.bind(migration)
    else:
        recording.bind_files([*(own or migration.scripts), *rollback, *selective])
    kept = [find_path(text) for text in named if not is_address(text)]
    with recording.keep_backup(kept), embedded.in_room(), ExitStack() as cleanup:
        files = _files(named, cleanup.enter_context(temporary.directory()), cleanup)
        recording.baseline = _identify(named)
        scratch = open_scratch(asked, cleanup, files=files, version=option.embedded_version)
        server = scratch.server
        psql.log_statements(server)
        plan = Plan(
            migration,
            root,
            own or list(migration.scripts),
            rollback,
            selective,
            option.schema,
            suite,
            option.script_timeout,
            show_values=option.show_values,
        )
        stage, before, user = _rehearse(option, plan, files, scratch, lambda step: page.tell(step, screen))
        facts = {
            "scripts": ", ".join(script.name for script in plan.scripts),
            "rollback": ", ".join(script.name for script in rollback) or "none",
            "server": f"{server.label}, thrown away afterwards, {user}",
        }
    recording.refuse_changed_scripts()
    name = f"{migration.name}" if reference else f"scripts in {', '.join(option.migration)}"
    found = Rehearsal(name, {**facts, "state before": before}, stage.steps)
    page.write(found, report, suite)
    recording.demonstration = not named
    recording.steps = list(map(_record_step, found.steps))
    recording.facts = {name: show_value(words, plain=True) for name, words in found.facts.items()}
    recording.conclude(found.line)
    if option.json:
        print(json.dumps(page.as_object(found), ensure_ascii=False))
    else:
        print(f"{found.line}, {report}")
    return found.status


def _refuse_unnamed(option: Namespace, named: Sequence[str], migration: Migration, root: Path | None) -> None:
    """Makes sure that there are scripts, and a state before on which they run."""
    if not option.migration and not migration.scripts:
        where = f"the migration {migration.name} lists no scripts" if root is not None else "this is no project"
        raise CannotJudge(f"which scripts? {where}: name them with --migration=DIR")
    if not named and migration.load is declares_none:
        where = f"the migration {migration.name} declares no load" if root is not None else "this is no project"
        raise CannotJudge(f"which state before? {where}, and there is no demonstration world: name one with --baseline")


def _rehearse(
    option: Namespace, plan: Plan, files: list[Path], scratch: Scratch, tell: Callable[[Step], None]
) -> tuple[Stage, str, str]:
    """Rehearses as the owner of what was restored, or as a superuser where the scripts need one.

    Returns:
        The stage, the state before and as whom it was done, in words.
    """
    server, user, why = scratch.server, scratch.server.owner if files else "", ""
    while True:
        stage = Stage(plan, server, tell, user=user)
        started = time.monotonic()
        before, told = _before(option, files, plan.migration, scratch, user or server.superuser)
        if user:
            psql.let_log(server, user)
        told = (*told, *([f"rehearsed as a superuser, whom the scripts need: {why}"] if why else []))
        step = Step("the state before", 0.0, time.monotonic() - started, 0.0, (Check(before, "passed", told),))
        try:
            stage.record_end(step)
            rehearse(stage)
        except SuperuserNeeded as error:
            user, why = "", str(error)
            for database in ("migrated", "before"):
                server.drop(database)
        else:
            return stage, before, f"as {user}, who is no superuser" if user else "as its superuser"


def _record_step(step: Step) -> RecordedStep:
    """A step as the record holds it: it quotes no statement, and names only locks that stand in somebody's way."""
    return RecordedStep(
        title=step.title,
        outcome=step.outcome,
        seconds=max(step.seconds, 0.0),
        judged=max(step.judged, 0.0),
        locks=tuple(
            f"{show_value(lock, plain=True)} ({slow.seconds:.1f} s)"
            for slow in step.slow
            for lock in slow.locks
            if BLOCKS_NOTHING not in lock
        ),
        rows_lost=step.rows_lost,
    )


def _identify(named: list[str]) -> Database | None:
    """Which database the state before is, where it is one that runs."""
    if len(named) != 1 or not is_address(named[0]):
        return None
    with ExitStack() as cleanup:
        source = Source(conninfo(named[0], "--baseline"), "--baseline", steered=True)
        return identify(identify_server(source.snapshot(cleanup), baseline=True))


def _scratch(option: Namespace) -> str | None:
    """Where it is rehearsed."""
    asked = options.choose_scratch(option)
    if is_server(asked):
        raise CannotJudge(
            "--scratch: a rehearsal changes the settings of its server and reads its log, which is no way to treat one "
            "that is named by a URL: name embedded or system"
        )
    return asked


def _files(named: list[str], scratch: Path, cleanup: ExitStack) -> list[Path]:
    """The files of the state before; a database and a base backup are dumped.

    Args:
        scratch: where to put what is dumped.
        cleanup: ends a server of a base backup.
    """
    if len(named) == 1 and (base := open_base_backup(named[0], cleanup)):
        server, database = base
        return [_dump(server.conninfo(database), scratch / "baseline.dump")]
    if any(is_address(text) or not text.strip() for text in named):
        if len(named) > 1:
            raise CannotJudge("--baseline may be repeated for the files of one backup only, and one is a URL")
        return [_dump(conninfo(named[0], "--baseline"), scratch / "baseline.dump")]
    files = [Path(text) for text in named]
    for file in files:
        if not file.exists():
            raise CannotJudge(f"--baseline: no such file: {file} (want a URL, or a file that pg_dump made)")
        if fingerprint_file.is_fingerprint(file):
            raise CannotJudge(f"--baseline={file} is a fingerprint and holds no rows: name a backup or a database")
    return files


def _before(
    option: Namespace, files: list[Path], migration: Migration, scratch: Scratch, owner: str
) -> tuple[str, tuple[str, ...]]:
    """Builds or restores the state before as the database `before`; tells what it is, and what is to be known of it."""
    server = scratch.server
    if not files:
        server.create("before")
        with server.connect("before") as connection:
            for script in migration.legacy_scripts:
                embedded.run_script(connection, script)
            migration.load(connection, seed=option.world_seed, size=option.world_size)
        return f"demonstration world, seed {option.world_seed}, size {option.world_size}", ()
    restored = restore(files, server, "before", owner=owner, lacking=scratch.lacking)
    because = [scratch.because] if scratch.because else []
    facts = (*restored.facts, *because, *restored.set_aside)
    return f"restored from {', '.join(file.name for file in files)}", facts


def _dump(address: str, file: Path) -> Path:
    """Dumps a database without locking anybody out; its password stays off the command line."""
    parts = conninfo_to_dict(address)
    secret = parts.pop("password", None)
    environment = {**os.environ, **({} if secret is None else {"PGPASSWORD": str(secret)})}
    done = subprocess.run(  # noqa: S603 # a program of PostgreSQL
        [
            embedded.binaries(embedded.VERSIONS[-1]) / "pg_dump",
            "--format=custom",
            "--lock-wait-timeout=10s",
            f"--file={file}",
            f"--dbname={make_conninfo('', **parts)}",
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        cause = redact(done.stderr.replace("pg_dump: error: ", "").strip(), address)
        raise CannotJudge(f"the database of --baseline cannot be dumped: {cause[:300]}")
    return file
