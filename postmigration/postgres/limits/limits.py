"""How long one statement may take."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from postmigration.postgres.limits.deadline import Deadline


@dataclass(frozen=True)
class Limits:
    """How long one statement may take, and wait for a lock, in milliseconds; and when the run ends that asks.

    Args:
        jobs: how many connections read a large table together.
    """

    statement_timeout: int = 300_000
    lock_timeout: int = 2_000
    deadline: Deadline | None = field(default=None, compare=False, repr=False)
    jobs: int = 1

    @property
    def statement_left(self) -> int:
        """How long a statement may take that begins now."""
        if self.deadline is None:
            return self.statement_timeout
        # Zero is no limit at all.
        return max(1, math.ceil(min(self.statement_timeout, self.deadline.left * 1_000)))
