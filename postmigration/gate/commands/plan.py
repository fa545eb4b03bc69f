"""The command `postmigration plan`: whether a phase of the deployment may begin, by records and signatures."""

from __future__ import annotations

import datetime
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from postmigration.deployment.binding import Wanted, find_database, find_source
from postmigration.deployment.commit import find_commit
from postmigration.deployment.evaluation import PHASES_ASKED, Evidence, Plan, evaluate, group, name_items
from postmigration.deployment.evidence import bind
from postmigration.deployment.output import page
from postmigration.deployment.plan_file import NAME as PLAN
from postmigration.deployment.plan_file import read_deployment, refuse_unclear
from postmigration.deployment.records.clocks import find_drift
from postmigration.deployment.records.record import Database, Record
from postmigration.deployment.records.store import read_key, read_records
from postmigration.deployment.signoffs import NAME as SIGNOFFS
from postmigration.deployment.signoffs import read_signoffs
from postmigration.deployment.subject import hash_declarations, hash_scripts, identify
from postmigration.gate import options
from postmigration.gate.commands.sides import open_snapshot
from postmigration.gate.project import is_project, list_check_names, project
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import escape
from postmigration.model.migration import Criterion
from postmigration.model.nearest import name_nearest
from postmigration.postgres.identity import server
from postmigration.report.ending import conclude

_RECORDED = Path("reports/records")
_SHOWN = 20


def declare(add_parser: Callable[..., Any]) -> None:
    """Declares the command and its options."""
    parser = add_parser(
        "plan",
        help="tell whether a phase of the deployment may begin, by the records of commands and what people signed",
        description="Judges each point of the deployment plan by the records that commands left, and by signatures "
        "where only a person can tell; says what is in the way, who does it and by when, and which way back is proven.",
        epilog="exit status: 0 READY TO PROCEED, 1 NOT READY, 2 interrupted, 4 could not be judged",
    )
    parser.add_argument(
        "--phase",
        choices=PHASES_ASKED,
        default="production",
        help="which phase is to begin: all points of the phases before it must be met; done: all (%(default)s)",
    )
    parser.add_argument(
        "--records",
        type=Path,
        action="append",
        metavar="DIR",
        help=f"where commands left their records; repeat it for those of other jobs ({_RECORDED})",
    )
    parser.add_argument(
        "--signoffs", type=Path, metavar="FILE", help=f"what people signed ({SIGNOFFS}, where there is one)"
    )
    parser.add_argument(
        "--same-commit", action="store_true", help="a record of another commit of the project does not count either"
    )
    options.declare_database(parser.add_argument, otherwise="the database of the newest record")
    html = Path("reports/deployment.html")
    parser.add_argument("--html", type=Path, default=html, metavar="FILE", help="the page (%(default)s)")
    parser.set_defaults(run=_run)


def _run(option: Namespace) -> int:
    root = Path.cwd()
    if not is_project(root):
        raise CannotJudge(f"{root} is no project: run it where pyproject.toml has [tool.postmigration]")
    page.write_unfinished(option.html)
    plan = _evaluate(option, root)
    page.write(plan, option.html)
    for line in _list_reasons(plan):
        print(escape(line))
    conclude(plan.verdict, ())
    return plan.verdict.status


def _evaluate(option: Namespace, root: Path) -> Plan:
    migration, checks = project(root)
    file = read_deployment(root / PLAN)
    items = (*migration.criteria, *file.item)
    refuse_unclear(items, str(root))
    now = datetime.datetime.now(datetime.UTC)
    signoffs = read_signoffs(_find_signoffs(option), {item.name: item.text for item in items}, now)
    records = read_records(option.records or [_RECORDED], read_key(), now=now)
    everything = [stored.record for stored in records.stored]
    wanted = Wanted(
        now=now,
        suite=version("postmigration"),
        scripts=hash_scripts(root, migration),
        declarations=hash_declarations(root),
        commit=find_commit(root) if option.same_commit else "",
        records=everything,
    )
    named, drift = _find_database(option)
    environment = "staging" if option.phase in ("staging", "preparation") else "production"
    databases = {} if named is None else {environment: named}
    sources = databases if option.phase == "production" else {}
    evidence = Evidence(
        stored=records.stored,
        refusals=[
            *drift,
            *_find_unknown(items, migration.plan_checks, list_check_names(root, checks), everything),
            *(f"{refusal.path}: {refusal.reason}" for refusal in records.refusals),
        ],
        find_misfits=bind(wanted, databases, sources),
        signoffs=signoffs,
        window=file.window,
        now=now,
        database=_name_database(named, environment, everything),
    )
    return evaluate(migration.name, items, option.phase, evidence)


def _find_unknown(
    items: Sequence[Criterion], plan_checks: int, names: Collection[str], records: Sequence[Record]
) -> Iterator[str]:
    """Points that name a check that there is not: beside a record that proves them nobody would miss it.

    Args:
        plan_checks: how many numbered checks the project has.
        names: its functions and families of checks.
        records: in which others may have been, that are made as they run.
    """
    ran = {
        check.nodeid.rpartition("::")[2].removeprefix("test_").partition("[")[0]: check
        for record in records
        for check in record.checks
    }
    numbers = {check.plan for record in records for check in record.checks} | {*range(1, plan_checks + 1)}
    known = {*names, *ran, *(check.group for check in ran.values())}
    for item in items:
        for name in item.decided_by:
            if isinstance(name, int) and name not in numbers:
                yield f"{item.name} is decided by check {name} of the plan, which has {plan_checks}"
            elif isinstance(name, str) and name.partition("[")[0] not in known:
                yield f"{item.name} is decided by {name}, and no check is called so{name_nearest(name, known)}"


def _find_signoffs(option: Namespace) -> Path:
    """The file of signatures.

    Raises:
        CannotJudge: one was named that is not there.
    """
    if option.signoffs is None:
        return Path(SIGNOFFS)
    if not option.signoffs.exists():
        raise CannotJudge(f"--signoffs={option.signoffs}: no such file")
    return Path(option.signoffs)


def _find_database(option: Namespace) -> tuple[Database | None, Sequence[str]]:
    """The database that was named, and why its clock and ours cannot both be right.

    It is that of staging as long as that is to be migrated, and of production then.
    """
    url = options.choose_target(option)
    if url is None:
        return None, ()
    with ExitStack() as cleanup:
        snapshot = open_snapshot(option, cleanup, url, "--db-url")
        there = snapshot.scalar("SELECT pg_catalog.clock_timestamp()")
        drift = list(find_drift(datetime.datetime.now(datetime.UTC), there))
        return identify(server(snapshot)), drift


def _name_database(named: Database | None, environment: str, records: Sequence[Record]) -> str:
    """Which database the plan is judged of, for a reader who knows which one it should be."""
    if named is None:
        newest = find_database(records, environment)
        here = [record for record in records if record.environment == environment]
        known = [source for record in here if (source := find_source(record, records))]
        named = newest.database if newest is not None else known[-1] if known else None
    return f"{environment} is {named.label}" if named is not None else f"no record names the database of {environment}"


def _list_reasons(plan: Plan) -> list[str]:
    """What is in the way, a line each, and where the page is."""
    lines = [f"✘ {problem}" for problem in plan.problems]
    for reasons, items in group(plan.blocking).items():
        lines.append(f"{page.MARKS[items[0].state]} {'; '.join(reasons)}: {name_items(items)}")
    shown = lines[:_SHOWN]
    return [*shown, f"and {len(lines) - _SHOWN} more: see the page"] if len(lines) > _SHOWN else shown
