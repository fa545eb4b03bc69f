"""What is judged, against what, by whom, and what weakens the gate."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

import pytest

from postmigration.backups.verification import Verification
from postmigration.deployment.recording import Recording
from postmigration.deployment.records.clocks import CLOCK, DATABASE_CLOCK, find_drift
from postmigration.deployment.records.record import Check
from postmigration.deployment.subject import identify, look_at, refuse_changes
from postmigration.diff.fingerprint import Fingerprint, identity
from postmigration.gate.baseline_source import is_address
from postmigration.gate.session import Request, Run
from postmigration.model.errors import UNREACHED
from postmigration.model.evidence import escape
from postmigration.model.verdict import BaselineForm
from postmigration.postgres.identity import Server
from postmigration.postgres.schemas import find_platform
from postmigration.postgres.scratch.base_backup import find_path
from postmigration.report.criteria import describe_omitted
from postmigration.report.validation import Validation

_WEAKENING = (
    "waivers",
    "read_only",
    "allow_empty",
    "allow_partial",
    "keyword",
    "markexpr",
    "deselect",
    "ignore",
    "ignore_glob",
    "people",
)
_COMPARED_NOTHING = ("no state before (--baseline)",)
_SHARED = "files of the backup"
_SPELLED = {"keyword": "-k", "markexpr": "-m", "people": "--as"}


def subject(config: pytest.Config, run: Run) -> dict[str, str]:
    """What is judged, against what, and what weakens the gate: the header of the terminal and of all reports."""
    server = run.server
    place = f"{run.demonstration} (embedded)" if run.demonstration else server.label
    facts = {
        "judging": f"{place}, PostgreSQL {server.version}, {'standby' if server.in_recovery else 'primary'}, "
        f"as role {server.role}, {_schemas(run)}",
        "snapshot": run.target.taken_at,
    }
    if run.baseline_server is not None:
        same = "its state before the migration" if run.demonstration else run.baseline_server.label
        if run.origin is not None and run.origin.facts:
            how = "started as" if run.origin.physical else "restored into"
            same = f"the backup below, {how} {run.origin.place}"
        facts["baseline"] = f"{same}, PostgreSQL {run.baseline_server.version}"
    elif run.fingerprint is not None:
        facts["baseline"] = _of_fingerprint(run.fingerprint, server)
    else:
        facts["baseline"] = "none: what was there before is not compared (--baseline)"
    if run.left_out:
        facts["left out"] = f"schemas {', '.join(run.left_out)} (the platform's, or not named with --schema)"
    if run.origin is not None and run.origin.facts:
        facts["restored from"] = "; ".join(run.origin.facts)
    if run.request.backup or run.migration.tables:
        facts["backup"] = (
            ", ".join(file.name for file in run.request.backup)
            or "none: whether one holds the state before is not judged (--backup)"
        )
    if run.options.cutover != "infinity":
        facts["cut-over"] = run.options.cutover
    if (recheck := run.options.recheck) is not None:
        times = f"up to {recheck.times} time{'' if recheck.times == 1 else 's'}"
        facts["live"] = f"rows that differ are read again {times}, each after {recheck.pause:g} s (--recheck)"
    if config.option.max_load is not None:
        longest = config.option.max_wait or "30m"
        facts["max load"] = (
            f"checks wait while others keep a server busier than --max-load={config.option.max_load}, {longest} at most"
        )
    if CLOCK in run.shared:
        facts[CLOCK] = f"{run.shared[CLOCK]}; set it first: a deployment plan refuses the record of this run"
    # The option is pytest's own; the gate takes it at its word.
    if config.option.strict:
        facts["strict"] = "warnings and what is not judged are NO-GO (--strict)"
    if weak := list_weakening(config, run):
        facts["weakened by"] = "; ".join(weak)
    facts["suite"] = f"postmigration {version('postmigration')}"
    # Names of schemas, roles and databases are whatever their owners want.
    return {name: escape(words) for name, words in facts.items()}


def place(run: Run) -> str:
    """Which database is judged, the same for each run on it."""
    return run.demonstration or escape(f"{run.server.label}, {_schemas(run)}")


def _schemas(run: Run) -> str:
    """Which schemas are judged."""
    return f"schema{'' if len(run.schemas) == 1 else 's'} {', '.join(run.schemas)}"


def list_weakening(config: pytest.Config, run: Run | None) -> list[str]:
    """What weakens the gate: options that let something pass that would otherwise not, as they are spelled; superusers.

    Args:
        run: the run, if it came to open its databases.
    """
    chosen = [(name, value) for name in _WEAKENING if (value := getattr(config.option, name, None))]
    spelled = [
        f"{_SPELLED.get(name, '--' + name.replace('_', '-'))}"
        + (f" {value}" if isinstance(value, str) and name != "waivers" else "")
        for name, value in chosen
    ]
    budgets = [f"--budget {text}" for text in config.option.budget]
    return [*spelled, *budgets, *(_superusers(run) if run is not None else ())]


def _superusers(run: Run) -> list[str]:
    remedy = "(`postmigration role` prints SQL for a role with fewer)"
    told = []
    if run.powers:
        told.append(f"judged as {run.powers}: policies, triggers and views ran with its privileges {remedy}")
    if run.baseline_powers:
        told.append(
            f"the state before read as {run.baseline_powers}: its code ran with these privileges"
            + ("" if run.powers else f" {remedy}")
        )
    return told


def summary(config: pytest.Config, run: Run) -> str:
    """Which database was judged and where the report is, for the end of the verdict's line."""
    report = Path(config.option.htmlpath)
    shown = report.relative_to(Path.cwd()) if report.is_relative_to(Path.cwd()) else report
    name = "embedded" if run.demonstration else run.server.label
    return escape(f"{name} (PostgreSQL {run.server.version}), {shown}")


def identify_run(recording: Recording, run: Run) -> None:
    """Binds the record of a run to the databases that it has opened."""
    recording.database = identify(run.server)
    recording.demonstration = bool(run.demonstration)
    there = run.target.scalar("SELECT pg_catalog.clock_timestamp()")
    for drift in find_drift(datetime.datetime.now(datetime.UTC), there):
        recording.facts |= {CLOCK: drift, DATABASE_CLOCK: there.isoformat()}
        run.shared[CLOCK] = drift
    if run.baseline_server is not None and run.origin is not None and not run.origin.restored:
        recording.baseline = identify(run.baseline_server)
    if run.request.schemas and (aside := set(run.left_out) - find_platform(run.target).schemas):
        recording.weakened = [escape(f"--schema: nothing of {', '.join(sorted(aside))}")]


@contextmanager
def keep_files(recording: Recording | None, request: Request) -> Iterator[None]:
    """Binds the record of a run to the files of the state before, which must stay as they are while they are read.

    Raises:
        CannotJudge: one cannot be read, or was changed meanwhile.
    """
    named = [text for text in request.baseline if not is_address(text)]
    paths = [*map(find_path, named), *_list_backup(request)]
    with nullcontext() if recording is None else recording.keep_backup(paths):
        yield


def share_files(run: Run) -> None:
    """Looks at the files of the backup once for all processes of a run: its record is of them as they are now."""
    if _SHARED not in run.shared:
        run.shared[_SHARED] = look_at(_list_backup(run.request))


def read_backup(run: Run) -> Verification:
    """What is found of the backup, whose files must still be those at which the run has looked.

    Raises:
        CannotJudge: it cannot be read to its end, not restored here, or was changed meanwhile.
    """
    share_files(run)
    found = run.backup
    refuse_changes(_list_backup(run.request), run.shared[_SHARED])
    return found


def _list_backup(request: Request) -> list[Path]:
    return [find_path(str(path)) for path in request.backup]


def record(recording: Recording, validation: Validation) -> None:
    """Takes into the record what the run came to."""
    recording.word, recording.sentence = validation.verdict.word, validation.verdict.counts
    recording.weakened = [
        *recording.weakened,
        *validation.weakened,
        *(() if validation.has_baseline else _COMPARED_NOTHING),
    ]
    recording.facts = {**validation.facts, **recording.facts, "examined": f"{validation.examined:,} rows"}
    recording.checks = [
        Check(
            nodeid=escape(result.nodeid),
            plan=result.plan,
            group=escape(result.group),
            title=escape(result.title),
            # What the run did not come to is as if it had not been asked for.
            outcome="left out" if result.by in UNREACHED else result.outcome,
            warned=bool(result.evidence.warnings),
            codes=tuple(dict.fromkeys(finding.code for finding in result.evidence.blockers if finding.code)),
        )
        for result in validation.results
    ]
    recording.checks += [
        Check(
            nodeid=escape(omitted.nodeid),
            plan=omitted.plan,
            group=escape(omitted.group),
            title=escape(omitted.nodeid.rpartition("/")[2]),
            outcome="left out",
        )
        for omitted in describe_omitted(validation)
    ]


def find_baseline_form(run: Run) -> BaselineForm:
    """Which form the state before has; empty where it is a database that is reached, or there is none."""
    if run.fingerprint is not None:
        return "fingerprint"
    if run.origin is not None and run.origin.physical:
        return "base backup"
    return "dump" if run.origin is not None and run.origin.restored else ""


def _of_fingerprint(fingerprint: Fingerprint, judged: Server) -> str:
    """What stands for the state before, and whether it is of the database that is judged."""
    elsewhere = "" if fingerprint.identity == identity(judged) else ", on another server or of another database"
    rows = sum(table.rows for table in fingerprint.tables.values())
    return (
        f"fingerprint of {fingerprint.database}, taken {fingerprint.taken_at}{elsewhere}, PostgreSQL "
        f"{fingerprint.version}, {len(fingerprint.tables)} tables, {rows:,} rows"
    )
