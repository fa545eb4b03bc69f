"""All that rows were protected by and are no longer, since they moved to another table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.moved.access import compare_grants, compare_policies, compare_switches
from postmigration.diff.objects.moved.defaults import compare_defaults
from postmigration.diff.objects.moved.moves import read_moves
from postmigration.diff.objects.moved.rules import compare_children, compare_rules
from postmigration.diff.objects.privileges import read_state
from postmigration.model.changes import Change, MovedRows
from postmigration.postgres.schema_objects import Objects


@dataclass(frozen=True)
class Declared:
    """What is needed to follow rows into other tables.

    Args:
        before: the objects of before as they were.
        changes: what is declared.
    """

    before: Objects
    changes: Sequence[Change]


def compare_moved(
    declared: Declared, after: Objects, schemas: Collection[str], *, privileges: bool
) -> Iterator[Difference]:
    """Compares what protected rows with what protects them in the tables to which they moved.

    Args:
        after: the objects of the database.
        schemas: which are compared.
        privileges: both states hold who may do what.
    """
    if not any(isinstance(change, MovedRows) for change in declared.changes):
        return
    moves = read_moves(declared.before, after, declared.changes)
    states = read_state(declared.before, ()), read_state(after, ())
    found: dict[tuple[str, str], Difference] = {}
    pairs = {(move.source, move.target): move for move in moves.all if move.target[0] in schemas}
    for move in pairs.values():
        for one in (*compare_switches(moves, move), *compare_policies(moves, move)):
            found.setdefault((one.statement, one.name), one)
        if privileges:
            for one in compare_grants(moves, move, states):
                found.setdefault((one.what, one.name), one)
    rules = (*compare_rules(moves), *compare_defaults(moves, declared.changes))
    for one in (*rules, *compare_children(moves, declared.changes)):
        found.setdefault((one.statement, one.name), one)
    yield from found.values()
