"""The tables of a comparison that goes on, and what is left of each."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from postmigration.diff.resuming.checkpoint import Checkpoint, Progress
from postmigration.diff.resuming.key_ranges import (
    ALL,
    KeyColumn,
    KeyRange,
    Shape,
    find_common_type,
    find_key_column,
    is_large,
    read_shapes,
)
from postmigration.diff.row_sets import Difference
from postmigration.diff.scope import Relation
from postmigration.model.errors import CannotJudge
from postmigration.postgres import catalog
from postmigration.postgres.connection import Snapshot


@dataclass
class Table:
    """A table on its way.

    Args:
        was, now: what the catalogs of each side say of it.
        shapes: what it is like on each side.
        column: the one by which it is divided; None where it is read at once.
        together: all connections read it together.
        gaps: what is left to begin.
        inherited: the keys of rows that differ, as the file had them, and how many rows these are some of.
        anew: what the file had of it does not count any more.
        running: how many of its ranges are being read.
        differences, plain: what was found in this run.
        reason: why it cannot be compared.
    """

    was: catalog.Table
    now: catalog.Table
    shapes: tuple[Shape, Shape]
    column: KeyColumn | None
    together: bool
    gaps: list[KeyRange] = field(default_factory=lambda: [ALL])
    inherited: tuple[tuple[str, ...], ...] = ()
    found_before: int = 0
    anew: bool = False
    running: int = 0
    differences: list[Difference] = field(default_factory=list)
    plain: frozenset[str] = frozenset()
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.was.name

    @property
    def key_types(self) -> list[str]:
        """The type of each column of its key, where a key may be kept and finds its row again; none otherwise."""
        key = self.was.key if self.was.exists and set(self.was.key) <= set(self.now.columns) else ()
        types = [find_common_type(column, self.was, self.now) for column in key]
        return types if all(types) else []


def find_tables(before: Snapshot, after: Snapshot, names: Sequence[Relation], checkpoint: Checkpoint) -> list[Table]:
    """The tables, and how far each is.

    Raises:
        CannotJudge: the definition of one is not that of then.
    """
    shapes = [read_shapes(side, [relation.name for relation in names]) for side in (before, after)]
    tables = []
    for name in (relation.name for relation in names):
        was, now = (catalog.table(side, name, expressions=False) for side in (before, after))
        its = shapes[0][name], shapes[1][name]
        definition = _hash(was.key, *(shape.definition for shape in its))
        files = _hash(*(shape.file for shape in its))
        there = checkpoint.tables.get(name)
        if there is not None and there.definition != definition:
            raise CannotJudge(
                f"--checkpoint={checkpoint.path}: table {name} was defined anew since (its columns, types or key), so "
                "that what was read of it does not count: remove the file to begin anew"
            )
        # What a crash of its server empties is not known to be what was read before.
        anew = there is not None and (there.files != files or any(shape.unlogged for shape in its))
        if there is None or anew:
            there = checkpoint.tables[name] = Progress(definition=definition, files=files)
        large = is_large(name, (before, after)) if was.exists and now.exists else False
        divided = any(each.first is not None or each.end is not None for each in there.ranges)
        column = find_key_column((before, after), (was, now), its) if large or divided else None
        table = Table(was, now, its, column, together=large and column is None and before.database.limits.jobs > 1)
        table.anew = anew or (divided and column is None)
        if table.anew:
            there.ranges = []
        if column is not None:
            table.gaps = column.find_gaps(there.ranges)
        elif there.ranges:
            table.gaps = []
        table.inherited = tuple(key for each in there.ranges for key in each.keys)
        table.found_before = sum(sum(each.counts.values()) for each in there.ranges)
        tables.append(table)
    for name in checkpoint.tables.keys() - {table.name for table in tables}:
        raise CannotJudge(f"--checkpoint={checkpoint.path}: table {name} is gone since: remove the file to begin anew")
    return tables


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
