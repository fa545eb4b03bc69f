"""One run: which databases are judged and compared, opened, identified and found fit to be judged."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from postmigration.access.login import open_login
from postmigration.access.principals import Population, population
from postmigration.access.role_rights import describe_powers
from postmigration.checks.assertions import Target
from postmigration.checks.baseline import Before
from postmigration.checks.declarations import refuse_mistakes
from postmigration.diff import fingerprint_file
from postmigration.diff.database_diff import Source
from postmigration.diff.fingerprint import Fingerprint
from postmigration.diff.fingerprint_fit import hashes_otherwise, unfit
from postmigration.gate.baseline_source import Baseline, locate, refuse_recheck
from postmigration.gate.fitness import choose_schemas, refuse_empty, refuse_unfit
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.migration import Migration, declares_none
from postmigration.model.settings import Options
from postmigration.model.sqltext import quoted
from postmigration.model.waivers import Waiver
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.dsn import conninfo
from postmigration.postgres.identity import Server, server
from postmigration.postgres.limits.deadline import interrupt
from postmigration.postgres.limits.limits import Limits
from postmigration.postgres.refusals import describe_refusal
from postmigration.postgres.shadows import avoid_lying_indexes, find_shadows, refuse_shadows
from postmigration.postgres.throwaway import Server as ThrowAway

if TYPE_CHECKING:
    from postmigration.backups.verification import Verification


@dataclass(frozen=True)
class Request:
    """What the user asked to be judged.

    Args:
        db_url: the database to judge; None for the demonstration world.
        baseline: the state before the migration: nothing, a URL, the files of a backup, or a fingerprint.
        backup: the files of a backup that must hold the state before.
        authenticator_url: the login of the API, through which people are judged, or None.
        schema: where the tables stand.
        schemas: those that are compared where the project declares no tables; empty for all.
        limits: timeouts.
        world_seed, world_size: which demonstration world, and how many customer contacts it has.
        embedded_version: the PostgreSQL of the demonstration world.
        scratch: where copies live, as the user named it; None for a server that has what they need.
    """

    db_url: str | None = field(repr=False)
    baseline: tuple[str, ...] = field(repr=False)
    backup: tuple[Path, ...]
    schema: str
    limits: Limits
    world_seed: int
    world_size: int
    embedded_version: int
    authenticator_url: str | None = field(default=None, repr=False)
    schemas: tuple[str, ...] = ()
    scratch: str | None = field(default=None, repr=False)


@dataclass
class Run:
    """The open databases of one run, and what is known of them.

    `powers` and `baseline_powers` say as whom code of the databases could do more than the database holds; they are
    empty for a role that cannot, and for servers of our own. `schemas` are compared, `left_out` are other ones.
    """

    request: Request
    migration: Migration
    options: Options
    target: Snapshot
    writer: Database
    server: Server
    baseline: Snapshot | None
    baseline_server: Server | None
    fingerprint: Fingerprint | None
    origin: Baseline | None
    demonstration: str
    excused: dict[str, int]
    powers: str
    baseline_powers: str
    login: Snapshot | None
    schemas: Sequence[str]
    left_out: Sequence[str]
    shared: dict[str, Any] = field(repr=False)
    cleanup: contextlib.ExitStack = field(repr=False)

    @functools.cached_property
    def population(self) -> Population:
        """The people as whom the target is tried.

        Raises:
            NotJudged: nobody can be tried here.
        """
        if not self.migration.people.strip():
            raise NotJudged("the migration declares no people as whom to try it")
        writing = not (self.options.read_only or self.server.in_recovery)
        found = population(
            self.target,
            self.migration.people,
            self.migration.invent,
            only=self.options.people,
            writing=writing,
            everybody=self.migration.everybody,
            login=self.login,
        )
        for snapshot in {found.snapshot, found.real}:
            self.cleanup.callback(snapshot.close)
        return found

    @functools.cached_property
    def backup(self) -> Verification:
        """The backup, restored and compared with the state before, as far as that was named.

        Raises:
            CannotJudge: it cannot be read to its end, or not restored here.
        """
        # Only a run with a backup needs what reads one.
        from postmigration.backups.open_scratch import verify_where_it_fits

        against: Source | Fingerprint | None = self.fingerprint
        if self.origin is not None and self.baseline is not None:
            limits, steered = self.request.limits, not self.origin.restored
            against = Source(self.origin.conninfo, "--baseline", limits, steered)
        request = self.request
        with contextlib.ExitStack() as cleanup, interrupt(request.limits.deadline, "while the backup was restored"):
            return verify_where_it_fits(
                request.backup,
                against,
                request.scratch,
                cleanup,
                judged=_list_judged(self.shared),
                schema=request.schema,
                migration=self.migration,
            )

    def view(self) -> Target:
        """The target as one check sees it, with evidence of its own."""
        unrestored = () if self.origin is None else self.origin.unrestored
        started = self.origin is not None and self.origin.physical
        ours = self.origin is not None and self.origin.restored and not started
        scratch = self.baseline.database if self.baseline is not None and ours else None
        return Target(
            self.target,
            writer=self.writer,
            server=self.server,
            before=Before(self.baseline, self.fingerprint, unrestored, scratch, started=started),
            population=lambda: self.population,
            migration=self.migration,
            options=self.options,
            schemas=self.schemas,
        )

    def share(self) -> dict[str, Any]:
        """What another process needs to see the same instant of the same databases."""
        snapshots = [None if s is None else s.export() for s in (self.target, self.baseline)]
        return {**self.shared, "snapshots": snapshots}


def open_session(request: Request, options: Options, migration: Migration, joined: dict[str, Any] | None = None) -> Run:
    """Opens what the user asked for and makes sure that it can be judged.

    Args:
        request: what to judge.
        options: how to judge it.
        migration: what is validated.
        joined: what another process of the same run shares with this one.

    Raises:
        CannotJudge: one line that says what is in the way and what to do.
    """
    with contextlib.ExitStack() as cleanup:
        first = joined is None
        if joined is None:
            with embedded.in_room():
                joined = _locate(request, migration, cleanup)
        snapshots = joined.get("snapshots", [None, None])
        demonstration = joined["demonstration"]
        target_database = Database(
            joined["target"],
            option="--db-url",
            schema=request.schema,
            limits=request.limits,
            steered=not demonstration,
        )
        target = _snapshot(target_database, snapshots[0], cleanup)
        identified = server(target)
        excused: dict[str, int] = {}
        if migration.tables:
            refuse_unfit(target, migration, options)
            excused = _without_shadows(target, options)
        else:
            avoid_lying_indexes(target)
        _check(options.accepted, target)
        _expect_known(options.people, migration, target)
        baseline = baseline_server = fingerprint = None
        origin: Baseline | None = joined["baseline"] and Baseline(**joined["baseline"])
        if options.recheck is not None and not demonstration:
            refuse_recheck(origin)
        if origin is not None and origin.fingerprint:
            fingerprint = fingerprint_file.read(Path(origin.fingerprint))
            # Where no project declares what may change, tables and columns that are lost are findings.
            fits = unfit(fingerprint, target, migration) if migration.tables else hashes_otherwise(fingerprint, target)
            if reason := fits:
                raise CannotJudge(f"the fingerprint of --baseline does not fit: {reason}")
        elif origin is not None:
            baseline_database = Database(
                origin.conninfo,
                option="--baseline",
                schema=request.schema,
                limits=request.limits,
                steered=not origin.restored,
            )
            baseline = _snapshot(baseline_database, snapshots[1], cleanup)
            baseline_server = server(baseline, baseline=True)
            if baseline_server.identity == identified.identity:
                raise CannotJudge(
                    "--baseline names the same running database as --db-url: it cannot be its own state before; "
                    "name a copy that was taken before the migration"
                )
            if migration.tables:
                refuse_unfit(baseline, migration, options)
                for name, times in _without_shadows(baseline, options).items():
                    excused[name] += times
            else:
                avoid_lying_indexes(baseline)
        schemas, left_out = [request.schema], list[str]()
        if not migration.tables:
            schemas, left_out = choose_schemas(request.schemas, target, baseline)
        if first and not (migration.tables or options.allow_empty or _holds_rows(fingerprint)):
            refuse_empty(schemas, target, baseline)
        if first:
            if request.scratch is not None:
                from postmigration.backups.open_scratch import refuse_shared

                refuse_shared(request.scratch, _list_judged(joined))
            refuse_mistakes(migration, target, baseline, fingerprint)
        return Run(
            request=request,
            migration=migration,
            options=options,
            target=target,
            writer=target_database,
            server=identified,
            baseline=baseline,
            baseline_server=baseline_server,
            fingerprint=fingerprint,
            origin=origin,
            demonstration=demonstration,
            excused=excused,
            powers="" if demonstration else describe_powers(target),
            login=_login(request, target, identified, cleanup),
            schemas=schemas,
            left_out=left_out,
            baseline_powers=describe_powers(baseline) if baseline and origin and not origin.restored else "",
            shared=joined,
            cleanup=cleanup.pop_all(),
        )


def _holds_rows(fingerprint: Fingerprint | None) -> bool:
    """Whether there were rows that the target may have lost."""
    return fingerprint is not None and any(table.rows for table in fingerprint.tables.values())


def _login(request: Request, target: Snapshot, identified: Server, cleanup: contextlib.ExitStack) -> Snapshot | None:
    """The same instant of the target through the login of the API, if that was named."""
    if request.authenticator_url is None:
        return None
    address = conninfo(request.authenticator_url, "--authenticator-url")
    database = Database(address, option="--authenticator-url", schema=request.schema, limits=request.limits)
    cleanup.callback(database.close)
    snapshot = open_login(database, target, identified)
    cleanup.callback(snapshot.close)
    return snapshot


def _expect_known(people: Sequence[str], migration: Migration, target: Snapshot) -> None:
    """Makes sure that the users who were named are there."""
    if people and not migration.people.strip():
        raise CannotJudge(f"--as={people[0]}: the migration declares no people, so that nobody can be tried")
    there = (
        {str(row.id) for row in target.rows(migration.people, target.application, ids=list(people))}
        if people
        else set()
    )
    if absent := [name for name in people if name not in there]:
        raise CannotJudge(f"--as={absent[0]}: the database has no user with this id")


def _without_shadows(snapshot: Snapshot, options: Options) -> dict[str, int]:
    """Makes sure that no object of the database is taken for PostgreSQL's own, but for those that are accepted.

    Returns:
        How many each waiver accepts, by its name.
    """
    avoid_lying_indexes(snapshot)
    shadows = find_shadows(snapshot)
    accepted = {waiver.object: waiver.name for waiver in options.accepted if waiver.object}
    refuse_shadows(snapshot.database, shadows, accepted)
    return {name: sum(shadow.object == object_ for shadow in shadows) for object_, name in accepted.items()}


def _check(waivers: Sequence[Waiver], target: Snapshot) -> None:
    """Makes sure that the conditions of waivers can be asked."""
    for waiver in waivers:
        if waiver.table:
            table = quoted(waiver.table)
            # In parentheses and without them: what is right both ways is one expression.
            for condition in (f"(\n{waiver.condition}\n)", waiver.condition):
                try:
                    target.rows(f"EXPLAIN SELECT FROM {table} WHERE {condition}", target.application)
                except sa.exc.DBAPIError as error:
                    raise CannotJudge(f"{waiver.name} cannot be applied: {describe_refusal(error)}") from None


def _locate(request: Request, migration: Migration, cleanup: contextlib.ExitStack) -> dict[str, Any]:
    """The connection strings of the target and the baseline; without a target, a demonstration world is built."""
    if request.db_url is not None:
        address = conninfo(request.db_url, "--db-url")
        origin = locate(request.baseline, cleanup, scratch=request.scratch, judged={"--db-url": address})
        return {"target": address, "baseline": origin and asdict(origin), "demonstration": ""}
    if request.baseline:
        raise CannotJudge("--baseline is given without --db-url: name the migrated database too")
    from postmigration.backups.open_scratch import open_scratch

    throwaway = open_scratch(request.scratch, cleanup, version=request.embedded_version).server
    legacy, migrated = demonstration_world(throwaway, migration, seed=request.world_seed, size=request.world_size)
    return {
        "target": throwaway.conninfo(migrated),
        "baseline": asdict(Baseline(throwaway.conninfo(legacy), restored=True)),
        "demonstration": f"demonstration world, seed {request.world_seed}, size {request.world_size}",
    }


def _list_judged(joined: dict[str, Any]) -> dict[str, str]:
    """The databases that are no copies, by the options that name them."""
    origin = joined["baseline"]
    sides = {} if joined["demonstration"] else {"--db-url": joined["target"]}
    return sides | (
        {"--baseline": origin["conninfo"]} if origin and origin["conninfo"] and not origin["restored"] else {}
    )


def demonstration_world(
    throwaway: ThrowAway, migration: Migration, *, seed: int, size: int, ending: str = ""
) -> tuple[str, str]:
    """Builds a seeded world, keeps it, and migrates a copy of it.

    Returns:
        The names of the database before and of the one after the migration.
    """
    if not callable(migration.load) or migration.load is declares_none:
        raise CannotJudge(
            "the migration declares no load, so that no demonstration world can be made: name a database (--db-url)"
        )
    legacy, migrated = f"legacy{ending}", f"migrated{ending}"
    throwaway.create(legacy)
    with throwaway.connect(legacy) as connection:
        for script in migration.legacy_scripts:
            embedded.run_script(connection, script)
        migration.load(connection, seed=seed, size=size)
    throwaway.create(migrated, template=legacy)
    with throwaway.connect(migrated) as connection:
        for script in migration.scripts:
            embedded.run_script(connection, script)
    return legacy, migrated


def _snapshot(database: Database, snapshot_id: str | None, cleanup: contextlib.ExitStack) -> Snapshot:
    cleanup.callback(database.close)
    snapshot = Snapshot(database, snapshot_id)
    cleanup.callback(snapshot.close)
    return snapshot
