"""What can stand in the way of a judgement."""

from __future__ import annotations

from enum import StrEnum


class CannotJudge(Exception):
    """The run cannot be judged as it was called: one clear line for the user, exit status 4."""


class Incomplete(CannotJudge):
    """A backup can be read to its end, and is none: it holds no tables, or no rows."""


class Unrestorable(CannotJudge):
    """A backup needs something that the server into which it is restored has not."""


class UnsafeToJudge(CannotJudge):
    """The database holds something that could decide the verdict, or run code with our rights; the run ends there."""


class Hindrance(StrEnum):
    """What kept a check from being judged, where what would make it judged is known."""

    READ_ONLY = "read only"
    STANDBY = "standby"
    EMPTY = "empty"
    LOCK = "lock"
    TIME = "time"
    CONNECTION = "connection"
    PRIVILEGE = "privilege"
    CUT_SHORT = "cut short"
    BUSY = "busy"


# Those for which a run did not come to a check, and how it is said of one that was not begun.
NOT_BEGUN = "not begun: "
UNREACHED = frozenset({Hindrance.CUT_SHORT, Hindrance.BUSY})


class NotJudged(Exception):
    """One check could not be judged; its message is the reason, and the check is not a success.

    Args:
        reason: why.
        by: what kept it from being judged; None where nothing general is known of it.
    """

    def __init__(self, reason: str, by: Hindrance | None = None) -> None:
        super().__init__(reason)
        self.by = by


class NotApplicable(Exception):
    """Neither side has what a check is about; its message says so. It is counted, and in nobody's way.

    Args:
        reason: what neither side has.
        not_held: what a dump or a base backup does not tell of the state before, where that is why.
    """

    def __init__(self, reason: str, not_held: str = "") -> None:
        super().__init__(reason)
        self.not_held = not_held


class NeedsBaseline(NotJudged):
    """A check compares with the state before the migration, and none was named."""

    def __init__(self, reason: str = "it compares with the state before: name it with --baseline") -> None:
        super().__init__(reason)
