"""Opens the two databases that a command names."""

from __future__ import annotations

from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from postmigration.gate import options
from postmigration.gate.baseline_source import is_address, locate
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.dsn import conninfo
from postmigration.postgres.identity import server
from postmigration.postgres.schemas import find_platform, find_schemas
from postmigration.postgres.shadows import find_shadows, refuse_shadows


class Sides(NamedTuple):
    """The two databases that a command reads.

    Args:
        schemas: which are read.
        restored: the state before is a copy of our own, restored from a dump.
    """

    before: Snapshot
    after: Snapshot
    schemas: list[str]
    restored: bool


def open_sides(option: Namespace, cleanup: ExitStack, command: str) -> Sides:
    """Opens the state before and the database.

    Raises:
        CannotJudge: one of them is not named, cannot be reached, or is a fingerprint, which holds no rows.
    """
    named, url, (first, second) = name_sides(option, command)
    if not named:
        raise CannotJudge(f"{first} is missing: name the state before (a URL or a pg_dump file)")
    after = open_snapshot(option, cleanup, url, second)
    judged = {second: conninfo(url or "", second)}
    scratch = options.choose_scratch(option)
    origin = locate(named, cleanup, option=first, scratch=scratch, judged=judged)
    if origin is None or origin.fingerprint:
        raise CannotJudge(f"{first} is a fingerprint, which holds no rows: name a database or a pg_dump file")
    side = Database(origin.conninfo, option=first, limits=options.limits(option), steered=not origin.restored)
    before = _open(side, cleanup)
    if server(before).identity == server(after).identity:
        raise CannotJudge(f"{first} and {second} name the same running database: nothing can have moved")
    schemas = choose_schemas(option, before, after)
    return Sides(before, after, schemas, restored=origin.restored and not origin.physical)


def open_snapshot(
    option: Namespace,
    cleanup: ExitStack,
    url: str | None,
    name: str,
    schema: str = "public",
    *,
    baseline: bool = False,
) -> Snapshot:
    """A snapshot of the database that is judged.

    Args:
        url: the database; `name` is the option that names it.
        schema: in which names without one are looked up.
        baseline: it is the state before, and may be older.

    Raises:
        CannotJudge: it is not named, or cannot be reached.
    """
    if url is None:
        raise CannotJudge(f"{name} is missing: name the database (or $POSTMIGRATION_DB_URL)")
    limits = options.limits(option)
    return _open(Database(conninfo(url, name), option=name, schema=schema, limits=limits), cleanup, baseline=baseline)


def _open(database: Database, cleanup: ExitStack, *, baseline: bool = False) -> Snapshot:
    cleanup.callback(database.close)
    snapshot = Snapshot(database)
    cleanup.callback(snapshot.close)
    server(snapshot, baseline=baseline)
    refuse_shadows(database, find_shadows(snapshot))
    return snapshot


def name_sides(option: Namespace, command: str) -> tuple[list[str], str | None, tuple[str, str]]:
    """The state before, the database, and what each is called in messages."""
    sides = getattr(option, "sides", [])
    if not sides:
        return options.choose_baseline(option), options.choose_target(option), ("--baseline", "--db-url")
    if option.baseline is not None or option.db_url is not None:
        raise CannotJudge(f"two ways to name what is read: write {command} BEFORE AFTER, or --baseline and --db-url")
    if len(sides) != 2:
        raise CannotJudge(
            f"{command} BEFORE AFTER takes two, and {len(sides)} {'is' if len(sides) == 1 else 'are'} given"
        )
    before, after = sides
    if not is_address(after) and Path(after).exists():
        raise CannotJudge(f"AFTER is a file, {after}, and has to be a database: only BEFORE may be one")
    return [before], after, ("BEFORE", "AFTER")


def choose_schemas(option: Namespace, *sides: Snapshot) -> list[str]:
    """The schemas that were named, else those of the application."""
    known = {name: None for side in sides for name in find_schemas(side, find_platform(*sides).schemas)}
    for name in option.schema or ():
        if name not in known:
            raise CannotJudge(f"--schema={name}: neither database has such a schema of the application")
    return list(option.schema or known)
