"""What a comparison is of that goes on after a crash: the same tables of the same databases, none of them set back."""

from __future__ import annotations

from importlib.metadata import version

import msgspec
import sqlalchemy as sa

from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server


class Side(msgspec.Struct, frozen=True):
    """Which database a side is, also after its server was started again.

    A standby and a clone have the identifiers of their primary, but not its address; a server that was promoted, or
    restored to an earlier time, is on another timeline.

    Args:
        place: where it is reached.
        system, oid: the identifiers of the server and of the database.
        timeline: that of its log.
        reached: how far its log was written; None where it does not say so, as a standby's.
    """

    place: str
    system: str | None
    oid: str
    timeline: int | None
    reached: int | None


class Bound(msgspec.Struct, frozen=True):
    """What a comparison is of.

    Args:
        version: the suite's.
        schema, tables: what is compared; no table where all are.
    """

    version: str
    schema: str
    tables: tuple[str, ...]
    before: Side
    after: Side


def bind(before: Snapshot, after: Snapshot, tables: tuple[str, ...]) -> Bound:
    """What a comparison of two databases is of.

    Args:
        tables: those that the user named.

    Raises:
        sa.exc.DBAPIError: a server refused.
    """
    sides = describe_side(before), describe_side(after)
    return Bound(version("postmigration"), after.database.schema, tuple(sorted(tables)), *sides)


def describe_side(snapshot: Snapshot) -> Side:
    """Which database a snapshot is of.

    Raises:
        sa.exc.DBAPIError: the server refused.
    """
    this = server(snapshot, baseline=True)
    system, oid, _ = this.identity
    # Nothing is lost of what was flushed. A standby that is started again may be behind what it has shown.
    reached = "pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')"
    return Side(
        this.label.rpartition("@")[2],
        system,
        oid,
        _ask(snapshot, "SELECT timeline_id FROM pg_control_checkpoint()"),
        None if this.in_recovery else _ask(snapshot, f"SELECT CAST({reached} AS bigint)"),
    )


def _ask(snapshot: Snapshot, sql: str) -> int | None:
    """A number that a server tells, or None: some hosts forbid the functions that tell it."""
    try:
        return int(snapshot.scalar(sql))
    except sa.exc.DBAPIError:
        return None


def tell_apart(was: Bound, now: Bound) -> str:
    """What two comparisons differ in, in words; empty where what one has done is done for the other."""
    if was.version != now.version:
        return f"postmigration was {was.version} and is {now.version}"
    if was.schema != now.schema:
        return f"it was of schema {was.schema} and is of {now.schema}"
    if was.tables != now.tables:
        of = (", ".join(tables) or "all tables" for tables in (was.tables, now.tables))
        return "it was of {} and is of {}".format(*of)
    for name in ("before", "after"):
        if words := tell_sides_apart(getattr(was, name), getattr(now, name)):
            return f"the database {name} {words}"
    return ""


def tell_sides_apart(was: Side, now: Side) -> str:
    """Why a database is not the one of then, or not as far as it was, in words; empty where it is."""
    if was.place != now.place:
        return f"was {was.place} and is {now.place}"
    if (was.system, was.oid) != (now.system, now.oid):
        return f"is another one at the same address, {now.place}"
    if was.timeline != now.timeline:
        return f"was promoted or restored since (its timeline was {was.timeline} and is {now.timeline})"
    if was.reached is not None and now.reached is not None and now.reached < was.reached:
        return "was set back since: its log ends before what was read then"
    return ""


def advance(was: Bound, before: Side, after: Side) -> Bound:
    """The same comparison, of databases that have come as far as these."""
    return msgspec.structs.replace(was, before=_further(was.before, before), after=_further(was.after, after))


def _further(was: Side, now: Side) -> Side:
    return now if (now.reached or 0) > (was.reached or 0) else was
