"""A database restored from backup files: every row arrives or is named, and what else was left out is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from postmigration.backups.backup import Backup, identify
from postmigration.backups.restore_log import ELSEWHERE, RestoreLog, said
from postmigration.backups.restore_statements import Restoring
from postmigration.backups.script import Script
from postmigration.backups.standins import Standins
from postmigration.backups.statements import Meaning, Role
from postmigration.model.errors import CannotJudge, Incomplete
from postmigration.model.platform import SUPABASE
from postmigration.postgres import embedded, temporary
from postmigration.postgres.dsn import ignore_environment
from postmigration.postgres.throwaway import Server

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What became of a backup.

    Args:
        files: what each file is, in sentences.
        provided: what stands in for something that the backup does not bring, in sentences.
        notes: what was changed to restore it, and what could not be restored, in sentences.
        set_aside: rows of the platform's tables that the backup does not define, with their number, and what else was
            left out: extensions, grants, owners, comments, ….
        unrestored: the application's objects that could not be restored: checks that need them are not judged.
        orphaned: foreign keys that refer to rows that are not there.
        rows: how many arrived, by the qualified name of their table; tables without rows are not named.
        roles: the backup defines roles.
        schemas: the schemas that it defines, or in which it defines something.
        rowless: tables whose rows no such backup holds.
        standins: what it refers to and does not define, in whose place something of ours stands, by what it is.
    """

    files: tuple[str, ...]
    provided: tuple[str, ...]
    notes: tuple[str, ...]
    set_aside: tuple[str, ...]
    unrestored: tuple[Meaning, ...]
    orphaned: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    roles: bool = False
    schemas: frozenset[str] = frozenset()
    standins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rowless: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[str, ...]:
        """All that the reader should know of it, in sentences."""
        return (*self.files, *self.provided, *self.notes)


def restore(
    files: Sequence[Path], server: Server, database: str, *, owner: str | None = None, lacking: str = ""
) -> Restored:
    """Restores a backup into a new database.

    Args:
        files: the files of one backup, in the order in which they are to be restored.
        server: where to restore it.
        database: the name of the database, which is created.
        owner: whose it is, and as whom what the backup defines runs: by default nobody who is a superuser.
        lacking: what the server is known to lack, and what to do, in words.

    Raises:
        CannotJudge: a file is no whole backup, rows did not arrive, or something that rows need cannot be created; one
            line with the cause and the remedy.
    """
    ledger, described = RestoreLog(remedy=lacking or ELSEWHERE), []
    owner = owner or server.owner
    with embedded.in_room(), ignore_environment(), temporary.directory() as scratch:
        backups = [identify(path, scratch) for path in files]
        server.create_owned(database, owner)
        with server.connect(database) as superuser, server.connect(database, owner) as provider:
            for connection in (superuser, provider):
                # Then every name that the server tells has its schema.
                connection.execute("SET search_path = pg_catalog")
            standins = Standins(provider, superuser, server.mark)
            waiting = []
            for backup in backups:
                with backup.open_sql() as stream, server.connect(database, owner) as connection:
                    script = Script(stream, backup.name)
                    try:
                        waiting.append(Restoring(connection, backup.name, ledger, standins).read(script, server))
                    except CannotJudge:
                        # What the server refused may come of damage, which shows when all of the file was read.
                        while backup.checksum and stream.read(_BLOCK):
                            pass
                        raise
                described.append(backup.describe(script.header))
            standins.complete()
            for backup, later in zip(backups, waiting, strict=True):
                with server.connect(database, owner) as connection:
                    Restoring(connection, backup.name, ledger, standins).run(later)
            rows = _count(provider, ledger)
            _refuse_empty(backups, ledger)
            _refresh(provider, ledger)
            provider.execute("ANALYZE")
            provided = standins.facts()
    unrestored = [f"{what} could not be restored: {why}" for what, why in ledger.unrestored.items()]
    return Restored(
        tuple(described),
        tuple(provided),
        (*ledger.notes, *unrestored, *([lacking] if lacking else [])),
        ledger.list_notes(),
        tuple(ledger.unrestored),
        tuple(ledger.orphaned),
        rows,
        ledger.roles,
        frozenset(ledger.schemas - {""}),
        standins.list_replaced(),
    )


def _count(connection: psycopg.Connection[Any], ledger: RestoreLog) -> dict[str, int]:
    """Makes sure that what arrived is still there, and tells how much of each table."""
    rows = {}
    for oid, loaded in ledger.loaded.items():
        row = connection.execute(
            """
            SELECT oid::regclass::text, relkind = 'p', EXISTS (
                SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e'),
                row_security_active(c.oid)
            FROM pg_class c WHERE oid = %s
            """,
            [oid],
        ).fetchone()
        name, partitioned, brought, filtered = row or ("a table", False, False, False)
        if filtered:
            user = connection.info.user
            raise CannotJudge(
                f"{name} forces its policies on its owner too, so that role {user} does not see all rows on the server "
                f"of --scratch: ALTER ROLE {user} BYPASSRLS, or name a superuser"
            )
        only = "" if partitioned else "ONLY "
        counted = connection.execute(f"SELECT count(*) FROM {only}{name}".encode()).fetchone() if row else None
        have = counted[0] if counted else 0
        # An extension brings rows of its own, and a dump only those that were added to them.
        if have < loaded.rows if brought else have != loaded.rows:
            raise CannotJudge(
                f"the rows of {name} did not all arrive: {loaded.rows:,} are in the backup, {have:,} in the restored "
                f"table; {ELSEWHERE}"
            )
        rows[str(name)] = loaded.rows
    return rows


def _refuse_empty(backups: Sequence[Backup], ledger: RestoreLog) -> None:
    names = ", ".join(backup.name for backup in backups)
    if not ledger.tables:
        raise Incomplete(f"{names} defines no table: name the file with the application's tables too")
    if not sum(loaded.rows for loaded in ledger.loaded.values() if loaded.schema not in SUPABASE.schemas):
        raise Incomplete(
            f"{names} holds a schema and no rows, so there is nothing to compare with: dump again without "
            "--schema-only, by a role that sees all rows"
        )


def _refresh(connection: psycopg.Connection[Any], ledger: RestoreLog) -> None:
    """Fills materialized views: where schema and rows are in different files, neither does."""
    views = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm' AND NOT relispopulated ORDER BY oid"
    for (name,) in connection.execute(views).fetchall():
        try:
            connection.execute(f"REFRESH MATERIALIZED VIEW {name}".encode())
        except psycopg.Error as error:
            ledger.unrestored.setdefault(Meaning(Role.APPLICATION, "materialized view", name), said(error))
        else:
            ledger.notes.append(f"materialized view {name} was refreshed: the backup does not fill it")
