"""What somebody sees of a table under row-level security, beside what they must see and what they may."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.access.principals import Actor
from postmigration.diff.hashing import hashing, new_secret
from postmigration.diff.row_diff import Comparison, Sides, method
from postmigration.diff.row_sets import Difference, DifferenceKind, RowSet
from postmigration.diff.scan.settings import SCAN
from postmigration.model.errors import Hindrance, NotJudged
from postmigration.model.evidence import Finding, Subject
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import hindrance, refusal

_SECRET = new_secret()


@dataclass(frozen=True)
class Seen:
    """What somebody sees of a table.

    Args:
        rows: how many rows they must or may see.
        hidden: how many they must see and do not.
        leaked: how many they see and may not.
        examples: the first few of both.
        refused: what the server said instead of showing rows; somebody who is refused sees none.
        denied: it refused for want of a privilege, which no policy gives.
    """

    rows: int
    sees: int
    hidden: int
    leaked: int
    examples: tuple[Difference, ...] = ()
    refused: str = ""
    denied: bool = False

    def finding(self, kind: DifferenceKind, statement: str, subject: Subject) -> Finding:
        """The evidence for what is hidden or leaked.

        Args:
            subject: of which table, for whom.
        """
        wrong = self.leaked if kind == "extra" else self.hidden
        keys = tuple((str(example.key[0]),) for example in self.examples if example.kind == kind)
        columns, code = ("id",) if keys else (), "rows_open" if kind == "extra" else "rows_hidden"
        return Finding(statement, wrong, max(wrong, self.rows), columns, keys, code=code, subject=subject)


@dataclass(frozen=True)
class Amount:
    """Some rows: how many, and the sum of the hashes of their keys."""

    rows: int
    total: int


_NONE = Amount(0, 0)


def compare_with_rules(
    everything: Snapshot, people: Snapshot, actor: Actor, table: str, *, may: str, must: str, keep: int
) -> Seen:
    """Compares what somebody sees of a table with what the rules say, in one scan as them.

    Rows are looked into only where they are neither all that somebody may see nor just what they must. What the rules
    say of all for whom they say the same is asked once.

    Args:
        everything: a snapshot that bypasses row-level security.
        people: the snapshot in which the actor exists.
        may, must: conditions on a row `t`: that somebody may see it, and that an internal user must. `:tenant`
            is theirs, and `:internal` whether they are one.
        keep: how many examples to give.

    Raises:
        NotJudged: it took too long, or waited for a lock.
    """
    internal = actor.kind == "internal"
    parameters: dict[str, Any] = {"tenant": actor.tenant and str(actor.tenant), "internal": internal}
    hashed = _hash_key(everything, people, table)
    try:
        allowed, required = _count_owed(everything, table, hashed, may, must, parameters)
    except sa.exc.DBAPIError as error:
        explain(error, actor)
        raise
    if not internal:
        required = _NONE
    try:
        rows = f"SELECT {_amount(hashed)} FROM (SELECT id FROM {quoted(table)}) q"
        found = people.rows(rows, {**SCAN, **people.application, **actor.settings})[0]
        seen = Amount(found.rows, found.total)
    except sa.exc.DBAPIError as error:
        denied = hindrance(error) == Hindrance.PRIVILEGE
        return Seen(allowed.rows, 0, required.rows, 0, refused=explain(error, actor), denied=denied)
    if seen in (allowed, required):
        return Seen(allowed.rows, seen.rows, 0, 0)
    wanted = f"SELECT t.id, {must if internal else 'false'} AS required FROM {quoted(table)} t WHERE {may}"
    application = everything.application
    want = RowSet(wanted, ("id",), 1, {"optional": "q.required IS NOT TRUE"}, settings=application)
    have = RowSet(f"SELECT id FROM {quoted(table)}", ("id",), 1, settings={**application, **actor.settings})
    try:
        wrong = Sides(everything, people, want, have, **parameters).compare(keep=keep)
    except sa.exc.DBAPIError as error:
        denied = hindrance(error) == Hindrance.PRIVILEGE
        return Seen(allowed.rows, 0, required.rows, 0, refused=explain(error, actor), denied=denied)
    return Seen(wrong.want_rows, wrong.have_rows, wrong.counts["missing"], wrong.counts["extra"], wrong.differences)


def _hash_key(everything: Snapshot, people: Snapshot, table: str) -> str:
    """SQL for the hash of the key of a row `q`, by which sums tell rows apart as a comparison of them does."""
    types = everything.types(f"SELECT id FROM {quoted(table)}", everything.application)
    return hashing(types, types, method(everything, people), _SECRET).row(("id",))


def _amount(hashed: str) -> str:
    return f"count(*) AS rows, coalesce(sum({hashed}), 0) AS total"


def _count_owed(
    everything: Snapshot, table: str, hashed: str, may: str, must: str, parameters: Mapping[str, Any]
) -> tuple[Amount, Amount]:
    """What the rules say that somebody may see of a table, and what of that they must see as an internal user."""
    sql = f"""
        SELECT {_amount(hashed)}, count(*) FILTER (WHERE required) AS required,
               coalesce(sum({hashed}) FILTER (WHERE required), 0) AS required_total
        FROM (SELECT t.id, {must} AS required FROM {quoted(table)} t WHERE {may} OFFSET 0) q
    """
    told = {name: value for name, value in parameters.items() if re.search(rf"(?<!:):{name}\b", sql)}
    owed = everything.first(sql, {**SCAN, **everything.application}, **told)
    return Amount(owed.rows, owed.total), Amount(owed.required, owed.required_total)


def count_new(before: Snapshot, people: Snapshot, actor: Actor, table: str) -> int:
    """How many rows of a table somebody sees that they did not see before.

    Args:
        before: a snapshot of the state before, in which the actor exists.
    """
    rows = RowSet(f"SELECT id FROM {quoted(table)}", ("id",), 1, settings={**people.application, **actor.settings})
    try:
        return Sides(before, people, rows, rows).compare(keep=0, ignore=["missing"]).counts["extra"]
    except sa.exc.DBAPIError as error:
        explain(error, actor)
        # Refused before: all that is seen now is new. Refused now: nothing is.
        return count_of(people, actor, table)


def compare_with_baseline(
    before: Snapshot,
    people: Snapshot,
    want: RowSet,
    have: RowSet,
    actor: Actor,
    table: str,
    keep: int,
    ignore: Collection[DifferenceKind],
) -> Comparison:
    """Compares what somebody sees of a table with what they saw before; a query that fails shows no rows.

    Args:
        want, have: the keys of the table as they saw and see them.
        keep: how many differences to give in full.
        ignore: kinds of difference that do not matter.
    """
    try:
        return Sides(before, people, want, have).compare(keep=keep, ignore=ignore)
    except sa.exc.DBAPIError as error:
        explain(error, actor)
        was, now = count_of(before, actor, table), count_of(people, actor, table)
        counts: dict[DifferenceKind, int] = {"missing": max(0, was - now), "extra": max(0, now - was), "changed": 0}
        return Comparison(was, now, {**counts, **dict.fromkeys(ignore, 0)}, 0, {}, ())


def count_of(people: Snapshot, actor: Actor, table: str) -> int:
    """How many rows of a table somebody sees; a query that fails shows none."""
    try:
        return int(people.scalar(f"SELECT count(*) FROM {quoted(table)}", {**people.application, **actor.settings}))
    except sa.exc.DBAPIError as error:
        explain(error, actor)
        return 0


@dataclass(frozen=True)
class Recognized:
    """Whether the database knows who asks.

    Args:
        known: auth.uid() gives their id; true where there is no such function.
        rows: of each table how many rows they see, and no more than are counted; what is refused is not in it.
    """

    known: bool
    rows: Mapping[str, int]


# Enough rows of a table to tell whether somebody sees it.
_SOME = 1_000


def recognize(people: Snapshot, actor: Actor, tables: Sequence[str]) -> Recognized:
    """Asks as somebody who the database takes them for, and of some tables how much they see."""
    identity = "CAST(auth.uid() AS text)" if people.scalar("SELECT to_regprocedure('auth.uid()')") else ":id"

    def ask(what: str) -> Any:
        try:
            return people.scalar(f"SELECT {what}", {**people.application, **actor.settings}, id=actor.id)
        except sa.exc.DBAPIError as error:
            explain(error, actor)
            return None

    rows = {table: ask(f"count(*) FROM (SELECT FROM {quoted(table)} LIMIT {_SOME}) q") for table in tables}
    return Recognized(ask(identity) == actor.id, {table: count for table, count in rows.items() if count is not None})


def explain(error: sa.exc.DBAPIError, actor: Actor) -> str:
    """What the server said to somebody instead of showing rows.

    Raises:
        NotJudged: that tells nothing of what they may see: it took too long, or waited for a lock.
    """
    try:
        return refusal(error, acting=True)
    except NotJudged as unknown:
        raise NotJudged(f"{actor.name}: {unknown}", unknown.by) from None
