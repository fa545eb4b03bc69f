"""What a trace found, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postmigration.model.changes import Change, RenamedTable


@dataclass(frozen=True)
class Flow:
    """Where the values of a new column come from.

    Args:
        target: the column that holds them now.
        source: what they follow from, for people; empty where nothing of before explains them.
        sql: the same over a row `r` of before.
        rows: how many of `of` rows hold what follows.
        misfit: what does not fit, in words.
        declared: it is part of the change that is offered.
    """

    target: str
    source: str
    sql: str
    rows: int
    of: int
    misfit: str = ""
    declared: bool = True

    @property
    def figures(self) -> str:
        """How many rows fit, in words."""
        return f"{self.rows:,} of {self.of:,}"


@dataclass(frozen=True)
class Found:
    """One change that was found.

    Args:
        change: the declaration of it, without a reason; None where it is only told.
        subject: what it is about, for people.
        figures: how many rows it concerns, in words.
        flows: for each column of its rows where the values come from.
        misfits: what does not fit, in words.
        group: what it belongs to: changes that have one reason have one group.
        rows: of how many rows of before how many are there; 0 of 0 where it is about no rows.
        unused: the columns of a table that is gone of which no column of now holds the values.
    """

    change: Change | None
    subject: str
    figures: str = ""
    flows: Sequence[Flow] = ()
    misfits: Sequence[str] = ()
    group: str = ""
    rows: tuple[int, int] = (0, 0)
    unused: Sequence[str] = ()


@dataclass
class Trace:
    """All that was found.

    Args:
        found: the changes.
        same: how many tables hold what they held, and have the same columns.
        rows: how many rows each side has.
        notes: what was sampled, and what could not be read.
        invented: the tables of now that have rows which nothing of before explains.
    """

    found: list[Found] = field(default_factory=list)
    same: int = 0
    rows: tuple[int, int] = (0, 0)
    notes: list[str] = field(default_factory=list)
    invented: set[tuple[str, str]] = field(default_factory=set)

    @property
    def changes(self) -> list[Change]:
        """The declarations, without reasons."""
        return [found.change for found in self.found if found.change is not None]

    @property
    def renamed(self) -> set[tuple[str, str]]:
        """The tables that have another name, as they are called now."""
        return {(c.to_schema or c.schema, c.to) for c in self.changes if isinstance(c, RenamedTable)}
