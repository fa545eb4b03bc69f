"""The options of the command line: what each means, and what a run makes of them."""

from __future__ import annotations

import contextlib
import math
import os
from argparse import Namespace
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from postmigration.checks.migration_files.find import refuse_none
from postmigration.checks.workload import file as workload_file
from postmigration.deployment.recording import Recording, begin_recording
from postmigration.gate.running import pace
from postmigration.gate.running.durations import read_recheck, read_timestamp
from postmigration.gate.session import Request
from postmigration.model import waivers
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import RecordedCommand
from postmigration.model.settings import Options
from postmigration.postgres import embedded
from postmigration.postgres.limits.limits import Limits
from postmigration.postgres.scratch.base_backup import divide
from postmigration.postgres.scratch.choice import refuse_unknown

# Environment variables that stand for options: most keep a password off the command line.
_ENVIRONMENT = {
    "db_url": "POSTMIGRATION_DB_URL",
    "baseline": "POSTMIGRATION_BASELINE",
    "authenticator_url": "POSTMIGRATION_AUTHENTICATOR_URL",
    "scratch": "POSTMIGRATION_SCRATCH",
    "record_dir": "POSTMIGRATION_RECORD_DIR",
}


# The options that take the address of a database; no other may hold one.
ADDRESSES = frozenset({"db_url", "baseline", "authenticator_url", "scratch"})

# PostgreSQL's limit for a timeout.
_LONGEST = 2_147_483
# More would take the connections that a server has for its application.
_MOST_JOBS = 64

# pytest-django has an option of this name, and ends pytest where somebody else has it too.
SHORT_FOR_MIGRATION_FILES = () if find_spec("pytest_django") else ("--migrations",)


def declare(add: Callable[..., object]) -> None:
    """Declares all options; each is described here (of the pace in `pace`) and in the README's table.

    Args:
        add: takes what `argparse.ArgumentParser.add_argument` takes.
    """
    declare_database(add, otherwise="a demonstration", schema="append")
    declare_jobs(add)
    declare_baseline(add)
    add(
        "--backup",
        action="append",
        default=[],
        metavar="FILE",
        help="a backup that must hold the state before (repeat it for several files of one backup)",
    )
    add(
        "--cutover",
        metavar="TIMESTAMP",
        help="when the migrated application went live; later rows are held to fewer rules",
    )
    add("--waivers", metavar="FILE", help="accepted differences, each with reason, owner and expiry date (TOML)")
    add(
        "--as",
        action="append",
        default=[],
        dest="people",
        metavar="USER",
        help="judge as this user, by id, and as no other",
    )
    add(
        "--authenticator-url",
        metavar="URL",
        help="judge people through this login, the API's own (or $POSTMIGRATION_AUTHENTICATOR_URL)",
    )
    add("--read-only", action="store_true", help="leave out the checks that write and roll back")
    add("--allow-empty", action="store_true", help="a check that finds no rows to examine passes")
    add("--allow-partial", action="store_true", help="exit 0 although checks were left out or not judged")
    add(
        "--deep",
        action="store_true",
        help="for postmigration check: also read tables and indexes above 1 GB in full",
    )
    add(
        "--migration-files",
        *SHORT_FOR_MIGRATION_FILES,
        dest="migrations",
        action="append",
        default=[],
        metavar="DIR",
        help="hold the ledger of Alembic, Django, Flyway, Prisma, Supabase, golang-migrate, dbmate or Rails against "
        "the migration files in this directory (repeat it for several); default: those that lie in the project where "
        "their tool expects them",
    )
    add(
        "--workload",
        metavar="FILE",
        help="the statements of the application that must still run, as postmigration workload wrote them; default: "
        "those in pg_stat_statements of a running state before",
    )
    add(
        "--plan-budget",
        type=float,
        default=math.inf,
        metavar="FACTOR",
        help="a statement of the application whose cost, as the planner estimates it, grew more than so many times is "
        "NO-GO; default: a warning from 5 times on",
    )
    add("--budget", action="append", default=[], metavar="N=MS", help="milliseconds for the query of plan check N")
    pace.declare(add)
    declare_recheck(add)
    declare_scratch(add)
    add(
        "--prove",
        action="store_true",
        help="first prove that each check catches planted faults, in copies of the demonstration world",
    )
    declare_world(add)
    declare_record(add)


def declare_record(add: Callable[..., object]) -> None:
    """Declares what the record says that a run leaves for the deployment plan, and where it is left."""
    add(
        "--environment",
        default="",
        metavar="NAME",
        help="where the database stands in the deployment plan, like staging or production: the record of the run says "
        "so",
    )
    add(
        "--record-dir",
        metavar="DIR",
        help="where the record of the run is left (or $POSTMIGRATION_RECORD_DIR); default: records/ beside the report, "
        "reports/records/ where there is none",
    )
    add("--no-record", action="store_true", help="leave no record: the deployment plan will not know of the run")


def begin_record(option: Namespace, command: RecordedCommand, root: Path, page: Path | None = None) -> Recording:
    """Begins the record of a run.

    Args:
        root: the project's directory, or else the current one.
        page: the report that the run will write.

    Raises:
        CannotJudge: an option has no such value, or nothing can be written where the user wants the record.
    """
    named = _choose(option.record_dir, "record_dir")
    if option.no_record:
        if option.record_dir is not None:
            raise CannotJudge("--record-dir and --no-record contradict each other: leave one out")
        return Recording(command, option.environment, root, root, wanted=False)
    if named is not None and not named.strip():
        raise CannotJudge("--record-dir= is empty: want a directory (or $POSTMIGRATION_RECORD_DIR; or --no-record)")
    beside = page.absolute().parent if page is not None else Path.cwd() / "reports"
    directory = beside / "records" if named is None else Path(named).absolute()
    recording = begin_recording(command, root, directory, option.environment, named=named is not None)
    recording.page = page
    return recording


def declare_scratch(add: Callable[..., object]) -> None:
    """Declares where copies live."""
    add(
        "--scratch",
        metavar="WHERE",
        help="where dumps are restored and copies are kept (or $POSTMIGRATION_SCRATCH): embedded, system or system:15 "
        "(an installed PostgreSQL, started for it), or the URL of a server; default: embedded, or system if the "
        "embedded one lacks what the dump needs",
    )


def declare_world(add: Callable[..., object]) -> None:
    """Declares which demonstration world is built, and on which server."""
    add("--world-seed", type=int, default=1, metavar="N", help="seed of the demonstration world (%(default)s)")
    add(
        "--world-size",
        type=int,
        default=200,
        metavar="N",
        help="number of customer contacts in the demonstration world (%(default)s)",
    )
    declare_embedded(add)


def declare_database(add: Callable[..., object], *, otherwise: str = "", schema: str = "store") -> None:
    """Declares how a database is reached.

    Args:
        otherwise: what is done where none is named; an error where it is empty.
        schema: `append` where several may be named.
    """
    default = f"; default: {otherwise}" if otherwise else ""
    add("--db-url", metavar="URL", help="the database to judge (or $POSTMIGRATION_DB_URL)" + default)
    declare_limits(add, schema=schema)


def declare_limits(add: Callable[..., object], *, schema: str = "store") -> None:
    """Declares which schema is read, and how long that may take."""
    default = "public" if schema == "store" else None
    add(
        "--schema",
        action=schema,
        default=default,
        metavar="NAME",
        help="the schema of the application's tables (public); for postmigration check: only these schemas (repeat "
        "it), by default all",
    )
    seconds = {"type": int, "metavar": "SECONDS"}
    add("--statement-timeout", default=300, help="time limit for one statement (%(default)s)", **seconds)
    add("--lock-timeout", default=2, help="time limit for waiting for a lock (%(default)s)", **seconds)


def declare_jobs(add: Callable[..., object]) -> None:
    """Declares how many connections read at the same time."""
    add("--jobs", type=int, default=1, metavar="N", help="connections reading a table of 64 MB or more (%(default)s)")


def declare_baseline(add: Callable[..., object]) -> None:
    """Declares what a database is compared with, and how a difference is shown."""
    add(
        "--baseline",
        action="append",
        metavar="URL|FILE",
        help="the state before (or $POSTMIGRATION_BASELINE): a URL, a pg_dump file (repeat it for several files of one "
        "backup), the directory of a base backup, a fingerprint",
    )
    declare_evidence(add)


def declare_recheck(add: Callable[..., object]) -> None:
    """Declares how often rows are read again."""
    add(
        "--recheck",
        metavar="N[@TIME]",
        help="read rows again that differ between two running databases, up to N times, each after a pause of TIME "
        "(3@10s; 2 s where none is given)",
    )


def declare_checkpoint(add: Callable[..., object]) -> None:
    """Declares the file by which a comparison goes on that was broken off."""
    add("--checkpoint", metavar="FILE", help="for compare: keep here what is done, and go on from it after a crash")


def declare_evidence(add: Callable[..., object]) -> None:
    """Declares how differences are shown."""
    add("--show-values", action="store_true", help="show personal data in evidence instead of masking it")
    add("--evidence-rows", type=int, default=5, metavar="N", help="wrong rows shown per finding (%(default)s)")


def declare_embedded(add: Callable[..., object]) -> None:
    """Declares which server is started."""
    add(
        "--embedded-version",
        type=int,
        choices=embedded.VERSIONS,
        default=embedded.VERSIONS[-1],
        help="PostgreSQL version of the embedded server (%(default)s)",
    )


def choose_baseline(option: Namespace) -> list[str]:
    """What the user named as the state before, in the order given; the empty text is a choice too, and a wrong one."""
    named: list[str] | None = option.baseline
    variable = os.environ.get(_ENVIRONMENT["baseline"])
    return named if named is not None else [] if variable is None else [variable]


def choose_target(option: Namespace) -> str | None:
    """The URL that the option or its environment variable names; the empty text is a choice too, and a wrong one."""
    return _choose(option.db_url, "db_url")


def choose_scratch(option: Namespace) -> str | None:
    """Where copies are to live, as the option or its environment variable says.

    Raises:
        CannotJudge: neither can be meant.
    """
    asked = _choose(option.scratch, "scratch")
    refuse_unknown(asked)
    return asked


def _choose(url: str | None, name: str) -> str | None:
    return os.environ.get(_ENVIRONMENT[name]) if url is None else url


def limits(option: Namespace) -> Limits:
    """The timeouts that the user chose, and how many connections read.

    Raises:
        CannotJudge: PostgreSQL knows no such timeout, or nobody would read.
    """
    if not all(1 <= seconds <= _LONGEST for seconds in (option.statement_timeout, option.lock_timeout)):
        raise CannotJudge(f"--statement-timeout and --lock-timeout: want seconds, 1 to {_LONGEST}")
    # Commands that read no large table do not have it.
    if not 1 <= (jobs := getattr(option, "jobs", 1)) <= _MOST_JOBS:
        raise CannotJudge(f"--jobs={jobs}: want 1 to {_MOST_JOBS}")
    return Limits(option.statement_timeout * 1_000, option.lock_timeout * 1_000, jobs=jobs)


def request(option: Namespace) -> Request:
    """What the user asked to be judged.

    Raises:
        CannotJudge: an option has no such value.
    """
    if option.world_size < 1:
        raise CannotJudge(f"--world-size={option.world_size}: want 1 or more")
    for text in option.backup:
        if not text.strip() or not (Path(text).exists() or divide(text)):
            raise CannotJudge(f"--backup={text}: no such file (want one that pg_dump wrote)")
    return Request(
        db_url=choose_target(option),
        baseline=tuple(choose_baseline(option)),
        backup=tuple(Path(text).resolve() for text in option.backup),
        schema=option.schema[0] if option.schema else "public",
        schemas=tuple(option.schema or ()),
        limits=limits(option),
        world_seed=option.world_seed,
        world_size=option.world_size,
        embedded_version=option.embedded_version,
        authenticator_url=_choose(option.authenticator_url, "authenticator_url"),
        scratch=choose_scratch(option),
    )


def judging(option: Namespace, plan_checks: int, project: Path | None = None) -> Options:
    """What the user chose about how checks judge.

    Args:
        option: what the user chose.
        plan_checks: how many checks the plan has.
        project: where migration files are looked for that nobody has named; None for nowhere.

    Raises:
        CannotJudge: an option has no such value.
    """
    return Options(
        cutover=read_timestamp(option.cutover),
        read_only=option.read_only,
        allow_empty=option.allow_empty,
        show_values=option.show_values,
        deep=option.deep,
        evidence_rows=_at_least_one("--evidence-rows", option.evidence_rows),
        people=tuple(option.people),
        waivers=() if option.waivers is None else waivers.read(Path(option.waivers)),
        budgets=dict(_budget(text, plan_checks) for text in option.budget),
        migrations=[_find_migrations(text) for text in option.migrations] or ([project] if project else []),
        migrations_named=bool(option.migrations),
        recheck=read_recheck(option.recheck),
        workload=None if option.workload is None else _find_workload(option.workload),
        plan_budget=_factor("--plan-budget", option.plan_budget),
    )


def _find_migrations(text: str) -> Path:
    if not text.strip() or not Path(text).is_dir():
        raise CannotJudge(f"--migration-files={text}: no such directory (want the one that holds the migration files)")
    refuse_none(Path(text))
    return Path(text)


def _find_workload(text: str) -> Path:
    workload_file.read(Path(text))
    return Path(text).resolve()


def _budget(text: str, plan_checks: int) -> tuple[int, float]:
    number, _, limit = text.partition("=")
    with contextlib.suppress(ValueError):
        if 1 <= int(number) <= plan_checks and 0 < float(limit) < math.inf:
            return int(number), float(limit)
    raise CannotJudge(f"--budget={text}: want the number of a plan check and milliseconds, like 17=100")


def _factor(name: str, factor: float) -> float:
    if not factor >= 1:
        raise CannotJudge(f"{name}={factor:g}: want how many times the cost of before is allowed, 1 or more, like 10")
    return factor


def _at_least_one(name: str, number: int) -> int:
    if number < 1:
        raise CannotJudge(f"{name}={number}: want 1 or more")
    return number
