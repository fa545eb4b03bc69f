"""What the values of a column follow from, and how that is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.diff.value_texts import family, is_whole
from postmigration.trace.reading import Field, Row

Pairs = Sequence[tuple[Row, Row]]
Value = str | None

# From how many different values on it is no accident that two columns hold the same.
ENOUGH = 3
# In how many of the rows what is said must hold to be worth saying.
MAJORITY = 0.6
# So many rows are looked at first.
QUICK = 40


@dataclass(frozen=True)
class Explanation:
    """What the values of a column follow from.

    Args:
        sql: over a row `r` of before.
        words: the same for people.
        fits, of: in how many rows of the sample it holds.
        fields: of what it is made.
        damaged: most of the values are others, all in the same way.
        certain: how little an accident can be behind it; more is better.
    """

    sql: str
    words: str
    fits: int
    of: int
    fields: tuple[Field, ...] = ()
    certain: float = 0
    damaged: bool = False

    @property
    def is_likely(self) -> bool:
        """Whether it is what must hold, for all that a sample tells."""
        return self.damaged or self.share >= MAJORITY

    @property
    def share(self) -> float:
        """In what part of the sample it holds."""
        return self.fits / self.of if self.of else 0.0


def write_literal(text: Value) -> str:
    """A text as SQL."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def is_code(texts: Sequence[str]) -> bool:
    """Whether values are so long and so different that no other column holds them by accident."""
    return len(set(texts)) >= ENOUGH and min(map(len, texts)) >= 12


def split_number(text: str) -> tuple[str, str, str] | None:
    """A text as what stands before a number, the number, and what stands behind it."""
    match = re.fullmatch(r"(.*?)(0|[1-9]\d*)(\D*)", text, re.DOTALL)
    return None if match is None else (match[1], match[2], match[3])


def can_be_key(root: str) -> bool:
    """Whether rows are told apart by values of a type."""
    return is_whole(root) or family(root) == "text" or root == "numeric"
