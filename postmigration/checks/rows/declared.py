"""The changes that a migration declares of tables and rows, by the table that each is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from postmigration.checks.contents.tables import Name, Relation
from postmigration.model.changes import (
    Change,
    ChangedObject,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    HistoryTable,
    Ignored,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)


@dataclass
class TableChanges:
    """What is declared of one table.

    Args:
        columns: for each renamed column, as it is called now, its name before; `renames`: what declares that.
        gone, new: the columns that are dropped and added.
        derived: for each column what its values must be, in order.
        repointed: for each column that refers to what a parent became, the columns that referred to it.
        retyped: the columns that have another type, and say the same.
        free: for each column in which rows its values may be any.
        grows: which rows may be new; `shrinks`: which may be gone.
        moves: the rows that come from other tables.
    """

    columns: dict[str, str] = field(default_factory=dict)
    renames: dict[str, RenamedColumn] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    derived: dict[str, list[DerivedValue | Retyped]] = field(default_factory=dict)
    repointed: dict[str, list[RepointedReference]] = field(default_factory=dict)
    retyped: set[str] = field(default_factory=set)
    free: dict[str, list[MayChange]] = field(default_factory=dict)
    grows: list[Grows | HistoryTable] = field(default_factory=list)
    shrinks: list[Shrinks] = field(default_factory=list)
    moves: list[MovedRows] = field(default_factory=list)

    @property
    def changes_rows(self) -> bool:
        """Whether its rows are not those of before as they are."""
        parts = (self.columns, self.derived, self.repointed, self.free, self.grows, self.shrinks, self.moves)
        return any(parts)

    @property
    def references(self) -> list[RepointedReference]:
        """The references that lead to what their parents became."""
        return [change for those in self.repointed.values() for change in those]

    @property
    def listed(self) -> list[Change]:
        """All that is declared of its rows."""
        derived = [change for those in self.derived.values() for change in those]
        free = [change for those in self.free.values() for change in those]
        return [*self.moves, *derived, *self.references, *free, *self.grows, *self.shrinks]


class Declared:
    """The changes that a migration declares.

    Args:
        changes: all of them.

    Attributes:
        renamed: for each renamed table its name now.
        gone: the tables that are dropped, as they were called before.
        new: the tables that are added.
        ignored: the tables whose rows are not compared.
        new_ids: the ids that are new.
        tables: what is declared of each table, as it is called now.
    """

    def __init__(self, changes: Sequence[Change] = ()) -> None:
        self.changes = changes
        self.renamed: dict[Name, Name] = {
            (change.schema, change.table): (change.to_schema or change.schema, change.to)
            for change in changes
            if isinstance(change, RenamedTable)
        }
        self.gone: dict[Name, GoneTable] = {}
        self.new: set[Name] = set()
        self.ignored: set[Name] = set()
        self.new_ids = [change for change in changes if isinstance(change, NewIds)]
        self.tables: dict[Name, TableChanges] = {}
        for change in changes:
            self._take(change)

    def of(self, name: Name) -> TableChanges:
        """What is declared of a table, as it is called now."""
        return self.tables.setdefault(name, TableChanges())

    def _take(self, change: Change) -> None:
        if isinstance(change, ChangedObject | RenamedTable | NewIds):
            return
        name = self.renamed.get((change.schema, change.table), (change.schema, change.table))
        match change:
            case GoneTable():
                self.gone[change.schema, change.table] = change
            case NewTable():
                self.new.add(name)
            case Ignored():
                self.ignored.add(name)
            case GoneColumn(column=column):
                self.of(name).gone.add(column)
            case NewColumn(column=column):
                self.of(name).new.add(column)
            case RenamedColumn(column=column, to=to):
                self.of(name).columns[to] = column
                self.of(name).renames[to] = change
            case MovedRows(to=to):
                self.of((change.to_schema or change.schema, to)).moves.append(change)
            case RepointedReference(column=column, to=to):
                self.of(name).repointed.setdefault(to or column, []).append(change)
            case DerivedValue(column=column):
                self.of(name).derived.setdefault(column, []).append(change)
            case Retyped(column=column, value=value):
                if value:
                    self.of(name).derived.setdefault(column, []).append(change)
                else:
                    self.of(name).retyped.add(column)
            case MayChange(column=column):
                self.of(name).free.setdefault(column, []).append(change)
            case Grows() | HistoryTable():
                self.of(name).grows.append(change)
            case Shrinks():
                self.of(name).shrinks.append(change)

    def rename(self, before: Mapping[Name, Relation]) -> dict[Name, Relation]:
        """The tables of before by what they are called now; each still tells its own name."""
        return {
            self.renamed.get(name, name): replace(
                relation, parents=tuple(self.renamed.get(parent, parent) for parent in relation.parents)
            )
            for name, relation in before.items()
        }

    def identify(self, move: MovedRows) -> tuple[str, ...]:
        """By which columns the rows are known that a move brings, where their ids are new; else none."""
        name = (move.to_schema or move.schema, move.to)
        return next((change.by for change in self.new_ids if (change.schema, change.table) == name), ())

    def moves_from(self, name: Name) -> list[MovedRows]:
        """What brings rows of a table of before elsewhere."""
        moves = [change for change in self.changes if isinstance(change, MovedRows)]
        return [move for move in moves if (move.schema, move.table) == name]

    def moves_through(self, change: RepointedReference) -> list[MovedRows]:
        """What brought the rows of a parent to where a reference leads now."""
        parent = (change.parent_schema or change.schema, change.parent)
        return [move for move in self.moves_from(parent) if move.to == change.through]
