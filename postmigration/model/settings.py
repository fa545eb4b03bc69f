"""How checks judge: what the user chose."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postmigration.model.comparison import Recheck
from postmigration.model.waivers import Waiver


@dataclass(frozen=True)
class Options:
    """What the user chose about how checks judge.

    Args:
        cutover: rows created or updated after this time owe less; `infinity` when nothing has moved on.
        read_only: leave out the checks that write (and roll back).
        allow_empty: a statement that had no row to look at is still a success.
        show_values: evidence shows values as they are.
        deep: tables and indexes above 1 GB are read whole, too.
        evidence_rows: how many wrong rows evidence shows.
        listed_rows: how many it holds, for the files beside the report.
        people: the ids of the users as whom it is tried; empty for some of each kind.
        waivers: differences that are accepted.
        budgets: milliseconds that replace the budget of a plan check, by its number.
        migrations: directories in which the files of migration tools may lie.
        migrations_named: the user has named them: that they hold some is known.
        workload: the file of what the application has sent to the state before.
        recheck: how rows that differ are read again, where two databases are compared that are written to.
        plan_budget: how many times its estimated cost of before a statement of it may cost.
    """

    cutover: str = "infinity"
    read_only: bool = False
    allow_empty: bool = False
    show_values: bool = False
    deep: bool = False
    evidence_rows: int = 5
    listed_rows: int = 10_000
    people: Sequence[str] = ()
    waivers: Sequence[Waiver] = ()
    budgets: Mapping[int, float] = field(default_factory=dict)
    migrations: Sequence[Path] = ()
    migrations_named: bool = False
    workload: Path | None = None
    recheck: Recheck | None = None
    plan_budget: float = math.inf

    @property
    def accepted(self) -> list[Waiver]:
        """The waivers that have not expired."""
        return [waiver for waiver in self.waivers if not waiver.has_expired(today())]


def today() -> datetime.date:
    """The date by which waivers expire, the same in all processes of a run wherever they are."""
    return datetime.datetime.now(datetime.UTC).date()
