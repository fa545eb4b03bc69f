"""How checks judge: what the user chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Options:
    """What the user chose about how checks judge.

    Args:
        cutover: rows created or updated after this time owe less; `infinity` when nothing has moved on.
        read_only: leave out the checks that write (and roll back).
        allow_empty: a statement that had no row to look at is still a success.
        show_values: evidence shows values as they are.
        evidence_rows: how many wrong rows evidence shows.
        budgets: milliseconds that replace the budget of a plan check, by its number.
    """

    cutover: str = "infinity"
    read_only: bool = False
    allow_empty: bool = False
    show_values: bool = False
    evidence_rows: int = 5
    budgets: Mapping[int, float] = field(default_factory=dict)
