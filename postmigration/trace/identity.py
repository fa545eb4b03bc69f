"""Finds ids that are new, and by what the rows are known instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from postmigration.checks.contents.tables import Relation
from postmigration.checks.rows.new_ids import find_alike, write_identity
from postmigration.model.changes import NewIds
from postmigration.trace.computed import Computed
from postmigration.trace.links import RowLink
from postmigration.trace.moves import Move
from postmigration.trace.reading import Side


def find_new_ids(target: Relation, moves: Sequence[Move], after: Side) -> NewIds | str | None:
    """The id of a table that others refer to and nothing of before explains; words where its rows are alike.

    Args:
        target: the table.
        moves: what brings its rows.
        after: the database.
    """
    keys = {tuple(part.column for part in move.link.key) for move in moves}
    if len(keys) != 1:
        return None
    (by,) = keys
    referred = {link.parent_column for those in after.links.values() for link in those if link.parent == target.key}
    for name in target.columns:
        explained = name in by or any(move.columns.get(name) is not None for move in moves)
        if name not in referred or (name,) not in target.keys or explained:
            continue
        alike = find_alike(after.snapshot, target, [target.columns[column].over("r") for column in by])
        if alike:
            return f"{alike:,} of its rows are alike in {', '.join(by)}: what refers to {name} cannot be told apart"
        return NewIds(schema=target.schema, table=target.name, column=name, by=by)
    return None


def write_old_identity(link: RowLink) -> Callable[[str], str]:
    """SQL for what a row of before is known by, over a row of some name."""
    parts, source = [part.source for part in link.key], link.source
    computed = source.values if isinstance(source, Computed) else {}

    def write(row: str) -> str:
        values = [
            computed[part.name].replace("{row}", row) if part.name in computed else source.columns[part.name].over(row)
            for part in parts
        ]
        return write_identity(values, [part.root for part in parts])

    return write
