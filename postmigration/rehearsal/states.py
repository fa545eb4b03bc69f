"""Whether a database is in the state in which another one was: the same objects, the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from postmigration.diff.database_diff import Source, diff_schemas, schemas
from postmigration.diff.table_diff import TableComparison
from postmigration.model.evidence import show_value
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schema_objects import Objects, differing, objects
from postmigration.rehearsal.steps import Check, Outcome

_MOST = 50
# So many sequences are asked in one statement.
_AT_ONCE = 200
# A materialized view that had no data and has some now has lost nothing: a backup is restored like that.
_FILLED = (("populated", str(False), str(True)),)
# Statements that name their columns do not see it.
_ORDER = {"position"}


@dataclass(frozen=True)
class State:
    """A database as it is, or was, at one moment.

    Args:
        source: where its rows are.
        objects: every object of its schema and every role of its server.
        sequences: where each sequence stands, by its name.
    """

    source: Source
    objects: Objects
    sequences: Mapping[str, Position]


@dataclass(frozen=True)
class Position:
    """Where a sequence stands.

    Args:
        following: the value that it gives next.
        increment: what it counts by.
    """

    following: int
    increment: int

    def precedes(self, other: Position) -> bool:
        """Whether it gives values again that it had given when it stood there."""
        return (other.following - self.following) * other.increment > 0


def state(source: Source, schema: str) -> State:
    """The state in which a database is now; its rows are only looked at when states are compared."""
    with ExitStack() as cleanup:
        snapshot = source.snapshot(cleanup, schema)
        return State(source, objects(snapshot), _positions(snapshot))


def _positions(snapshot: Snapshot) -> dict[str, Position]:
    """Where every sequence stands, read from itself: of one that was reset the view of all sequences tells nothing."""
    sequences = snapshot.rows(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqincrement AS increment FROM pg_sequence s "
        "JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname !~ '^pg_' ORDER BY 1"
    )
    found = {}
    for start in range(0, len(sequences), _AT_ONCE):
        some = sequences[start : start + _AT_ONCE]
        queries = [f"SELECT {n} AS place, last_value AS value, is_called FROM {row.name}" for n, row in enumerate(some)]
        for row in snapshot.rows(" UNION ALL ".join(queries)):
            step = int(some[row.place].increment)
            found[str(some[row.place].name)] = Position(int(row.value) + step * row.is_called, step)
    return found


def same_state(
    before: State, after: State, schema: str, *, otherwise: Outcome = "failed", any_order: bool = False
) -> list[Check]:
    """Whether one state is the other.

    Args:
        before, after: the state that is wanted, and the one that is found.
        schema: the schema whose tables are named without it.
        otherwise: the outcome where they differ.
        any_order: columns may stand in another order: one that was dropped comes back as the last.
    """
    return [
        same_objects(before, after, otherwise=otherwise, any_order=any_order),
        same_rows(before, after, schema, otherwise=otherwise),
    ]


def same_objects(before: State, after: State, *, otherwise: Outcome = "failed", any_order: bool = False) -> Check:
    """Whether every object is as it was, and nothing is left."""
    found = [difference for difference in differing(before.objects, after.objects) if difference.properties != _FILLED]
    moved = [difference for difference in found if any_order and {name for name, *_ in difference.properties} == _ORDER]
    found = [difference for difference in found if difference not in moved]
    details = [show_value(str(difference), plain=True) for difference in found]
    for name, was in before.sequences.items():
        # It may have counted on; counting back, it would give the same numbers again.
        if (now := after.sequences.get(name, was)).precedes(was):
            what = f"sequence {show_value(name, plain=True)} has gone back"
            details.append(f"{what}: it gives {now.following:,} next, where it gave {was.following:,}")
    if not details:
        order = [
            f"{show_value(str(difference.name), plain=True)} stands elsewhere in its table" for difference in moved
        ]
        return Check(f"the schema is the same: {len(before.objects):,} objects", "passed", _few(order))
    counts = ", ".join(
        f"{number} {kind}" for kind in ("lost", "left", "changed") if (number := sum(d.kind == kind for d in found))
    )
    return Check(f"the schema is not the same: {counts or 'sequences'}", otherwise, _few(details))


def same_rows(before: State, after: State, schema: str, *, otherwise: Outcome = "failed") -> Check:
    """Whether every row of every table is as it was."""
    found = compare(before.source, after.source, schema)
    unjudged = [result for result in found if result.reason]
    different = [result for result in found if not result.reason and not result.equal]
    rows = sum(result.rows.want_rows for result in found if result.rows is not None)
    details = _few([describe(result) for result in different])
    if different:
        return Check(f"the rows are not the same: {', '.join(r.table for r in different)}", otherwise, details)
    if unjudged:
        why = tuple(f"{result.table}: {result.reason}" for result in unjudged)
        return Check("the rows could not all be compared", "not judged", why)
    return Check(f"the rows are the same: {rows:,} in {len(found)} tables", "passed")


def compare(before: Source, after: Source, schema: str, keep: int = 5) -> list[TableComparison]:
    """Compares all tables of all schemas."""
    with ExitStack() as cleanup:
        sides = [side.snapshot(cleanup, schema) for side in (before, after)]
        names = dict.fromkeys([schema, *(name for side in sides for name in schemas(side))])
    return diff_schemas(before, after, list(names), main=schema, keep=keep)


def describe(result: TableComparison) -> str:
    """What a table differs in: how many rows, and the keys of the first of them."""
    assert result.rows is not None
    counts = [f"{number:,} {kind}" for kind, number in result.rows.counts.items() if number]
    plain = set(result.key) <= result.plain
    some = [
        f"{difference.kind} {', '.join(show_value(value, plain=plain) for value in difference.key)}"
        + (f" ({', '.join(result.columns[i] for i in difference.columns())})" if _both(difference) else "")
        for difference in result.rows.differences[:3]
    ]
    return ": ".join([result.table, ", ".join([*result.problems, *counts]), *filter(None, ["; ".join(some)])])


def _both(difference: object) -> bool:
    return getattr(difference, "want", None) is not None and getattr(difference, "have", None) is not None


def _few(details: Sequence[str]) -> tuple[str, ...]:
    more = len(details) - _MOST
    return (*details[:_MOST], *([f"and {more:,} more"] if more > 0 else []))
