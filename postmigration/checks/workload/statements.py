"""What an application sends to its database: statements without constants, and how each fared where it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# SQLSTATEs after which nothing is known: a resource, an operator, a lock, a timeout.
_HINDERED = ("25", "53", "54", "55P03", "57", "58")


@dataclass(frozen=True)
class Refusal:
    """Why the server takes no statement.

    Args:
        state: its SQLSTATE; empty where it was not asked.
        message: what it says, or why it was not asked.
        position: the character of the text that is meant, from 1; 0 for none.
    """

    state: str
    message: str
    position: int = 0

    @property
    def hinders(self) -> bool:
        """Whether it tells nothing of the statement."""
        return not self.state or self.state.startswith(_HINDERED)


@dataclass(frozen=True)
class Plan:
    """What the planner means to do for a statement, whatever its parameters are.

    Args:
        cost: its own estimate.
        whole: what reading each table costs that is read whole.
        indexed: the tables of which an index is used.
    """

    cost: float
    whole: Mapping[str, float] = field(default_factory=dict)
    indexed: Sequence[str] = ()


@dataclass(frozen=True)
class Attempt:
    """What became of a statement that was parsed and planned, and not run.

    Args:
        path: the search_path under which it was parsed; the last that was tried where it was not.
        own: that is what is set for its role, and was not guessed.
        refused: why it cannot be parsed.
        columns: the name and the type of each column that it returns.
        plan: how it would be done.
        unplanned: why that is not known.
    """

    path: str = ""
    own: bool = False
    refused: Refusal | None = None
    columns: Sequence[tuple[str, str]] = ()
    plan: Plan | None = None
    unplanned: Refusal | None = None


@dataclass(frozen=True)
class Statement:
    """A statement that was sent.

    Args:
        text: it, with parameters for all constants.
        role: who sent it.
        calls: how often; `milliseconds`: how long all of that took, `mean` one; `rows`: how many it gave or changed.
        before: how it fared in the database in which it was sent; None where nobody tried.
    """

    text: str
    role: str
    calls: int = 1
    milliseconds: float = 0
    mean: float = 0
    rows: int = 0
    before: Attempt | None = None


@dataclass(frozen=True)
class Workload:
    """What was sent to a database.

    Args:
        database: its name, and its server.
        taken_at: when it was read.
        statements: the most costly first.
        left_out: how many statements were left out, by why.
    """

    database: str
    taken_at: str
    statements: Sequence[Statement]
    left_out: Mapping[str, int] = field(default_factory=dict)
