"""Whether a database is in the state in which another one was: the same objects, the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from postmigration.compare import TableComparison
from postmigration.contents import Source, compared_schemas, schemas
from postmigration.evidence import shown
from postmigration.objects import Objects, differing, objects
from postmigration.rehearsal.steps import Check, Outcome

_MOST = 50


@dataclass(frozen=True)
class State:
    """A database as it is, or was, at one moment.

    Args:
        source: where its rows are.
        objects: every object of its schema and every role of its server.
        sequences: the last value of each sequence, by its name.
    """

    source: Source
    objects: Objects
    sequences: Mapping[str, int]


def state(source: Source, schema: str) -> State:
    """The state in which a database is now; its rows are only looked at when states are compared."""
    with ExitStack() as cleanup:
        snapshot = source.snapshot(cleanup, schema)
        found = snapshot.rows(
            "SELECT format('%I.%I', schemaname, sequencename) AS name, last_value AS value FROM pg_sequences "
            "WHERE last_value IS NOT NULL AND schemaname !~ '^pg_'"
        )
        return State(source, objects(snapshot), {row.name: int(row.value) for row in found})


def same_state(before: State, after: State, schema: str, *, otherwise: Outcome = "failed") -> list[Check]:
    """Whether one state is the other.

    Args:
        before, after: the state that is wanted, and the one that is found.
        schema: the schema whose tables are named without it.
        otherwise: the outcome where they differ.
    """
    return [same_objects(before, after, otherwise=otherwise), same_rows(before, after, schema, otherwise=otherwise)]


def same_objects(before: State, after: State, *, otherwise: Outcome = "failed") -> Check:
    """Whether every object is as it was, and nothing is left."""
    found = differing(before.objects, after.objects)
    details = [shown(str(difference), plain=True) for difference in found]
    for name, value in before.sequences.items():
        # It may have counted on; counting back, it would give the same numbers again.
        if after.sequences.get(name, value) < value:
            details.append(f"sequence {name} has gone back from {value:,} to {after.sequences[name]:,}")
    if not details:
        return Check(f"the schema is the same: {len(before.objects):,} objects", "passed")
    counts = ", ".join(
        f"{number} {kind}" for kind in ("lost", "left", "changed") if (number := sum(d.kind == kind for d in found))
    )
    return Check(f"the schema is not the same: {counts or 'sequences'}", otherwise, _few(details))


def same_rows(before: State, after: State, schema: str, *, otherwise: Outcome = "failed") -> Check:
    """Whether every row of every table is as it was."""
    found = compared(before.source, after.source, schema)
    unjudged = [result for result in found if result.reason]
    different = [result for result in found if not result.reason and not result.equal]
    rows = sum(result.rows.want_rows for result in found if result.rows is not None)
    details = _few([worded(result) for result in different])
    if different:
        return Check(f"the rows are not the same: {', '.join(r.table for r in different)}", otherwise, details)
    if unjudged:
        why = tuple(f"{result.table}: {result.reason}" for result in unjudged)
        return Check("the rows could not all be compared", "not judged", why)
    return Check(f"the rows are the same: {rows:,} in {len(found)} tables", "passed")


def compared(before: Source, after: Source, schema: str, keep: int = 5) -> list[TableComparison]:
    """Compares all tables of all schemas."""
    with ExitStack() as cleanup:
        sides = [side.snapshot(cleanup, schema) for side in (before, after)]
        names = dict.fromkeys([schema, *(name for side in sides for name in schemas(side))])
    return compared_schemas(before, after, list(names), main=schema, keep=keep)


def worded(result: TableComparison) -> str:
    """What a table differs in: how many rows, and the keys of the first of them."""
    assert result.rows is not None
    counts = [f"{number:,} {kind}" for kind, number in result.rows.counts.items() if number]
    plain = set(result.key) <= result.plain
    some = [
        f"{difference.kind} {', '.join(shown(value, plain=plain) for value in difference.key)}"
        + (f" ({', '.join(result.columns[i] for i in difference.columns())})" if _both(difference) else "")
        for difference in result.rows.differences[:3]
    ]
    return ": ".join([result.table, ", ".join([*result.problems, *counts]), *filter(None, ["; ".join(some)])])


def _both(difference: object) -> bool:
    return getattr(difference, "want", None) is not None and getattr(difference, "have", None) is not None


def _few(details: Sequence[str]) -> tuple[str, ...]:
    more = len(details) - _MOST
    return (*details[:_MOST], *([f"and {more:,} more"] if more > 0 else []))
