"""Two row sets, compared row by row and value by value, in constant memory.

Both sides are read in the order of their key and merged. Every value travels as the text that its type's output
function writes under pinned settings, so that nothing is rounded, folded or forgiven: NULL is not the empty text,
42 is not 42.00, microseconds and the order of array elements count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = Sequence[Any]

# A row that is missing or extra has no value that differs.
_NO_VALUES = ("–", "–")


@dataclass(frozen=True)
class Difference:
    """One row that is not the same on both sides; `want` and `have` are whole rows, key first, or None."""

    kind: Literal["missing", "extra", "changed"]
    key: tuple[Any, ...]
    want: Row | None
    have: Row | None


def differences(
    want: Iterable[Row], have: Iterable[Row], *, key: int, same: Callable[[Row, Row], bool]
) -> Iterator[Difference]:
    """What distinguishes two sequences of rows.

    Args:
        want, have: rows in ascending order of their first `key` values. Rows of one key are paired in the order in
            which they come, so that a doubled row is an extra one.
        key: how many leading values identify a row.
        same: whether two rows of one key are the same.
    """
    wanted, held = iter(want), iter(have)
    w, h = next(wanted, None), next(held, None)
    while w is not None or h is not None:
        w_key = None if w is None else _order(w, key)
        h_key = None if h is None else _order(h, key)
        if h_key is None or (w_key is not None and w_key < h_key):
            assert w is not None
            yield Difference("missing", tuple(w[:key]), w, None)
            w = next(wanted, None)
        elif w_key is None or h_key < w_key:
            assert h is not None
            yield Difference("extra", tuple(h[:key]), None, h)
            h = next(held, None)
        else:
            assert w is not None
            assert h is not None
            if not same(w, h):
                yield Difference("changed", tuple(w[:key]), w, h)
            w, h = next(wanted, None), next(held, None)


def in_key_order(sql: str, columns: Sequence[str], *, key: int) -> str:
    """The query with every column as text and its rows in the order that `differences` expects.

    Args:
        sql: a query.
        columns: its columns, the key's first, as identifiers that are quoted where they need it.
        key: how many leading columns identify a row.
    """
    # A cast to text would lose the blanks of char(n); concat() calls the type's output function.
    as_text = ", ".join(f"CASE WHEN {c} IS NOT NULL THEN concat({c}) END AS {c}" for c in columns)
    order = ", ".join(f'{position} COLLATE "C" NULLS FIRST' for position in _expressions(columns[:key]))
    return f"SELECT {as_text} FROM ({sql}) AS side ORDER BY {order}"


def _expressions(columns: Sequence[str]) -> list[str]:
    return [f"(CASE WHEN side.{column} IS NOT NULL THEN concat(side.{column}) END)" for column in columns]


def _order(row: Row, key: int) -> tuple[tuple[bool, bytes], ...]:
    # The server orders text under COLLATE "C" by its bytes; NULL comes first on both sides.
    return tuple((value is not None, b"" if value is None else str(value).encode()) for value in row[:key])


class Tally:
    """Counts the differences between two streams of rows and keeps the first few."""

    def __init__(self, columns: Sequence[str], flags: Sequence[str], keep: int, ignore: Collection[str]) -> None:
        self.columns = columns
        self.flags = flags
        self.keep = keep
        self.ignore = ignore
        self.wanted = self.wrong = self.since = self.ignored = 0
        self.rows: list[tuple[Any, ...]] = []

    def take(self, want: Iterator[Row], have: Iterator[Row], key: int) -> None:
        """Reads both streams to their end."""
        width = len(self.columns)

        def counted() -> Iterator[Row]:
            for row in want:
                self.wanted += 1
                yield row

        for difference in differences(counted(), have, key=key, same=self._same):
            flags = dict(zip(self.flags, (difference.have or ())[width:], strict=False))
            if flags.get("postmigration_settled") == "f":
                self.since += 1
            elif difference.kind in self.ignore or (
                difference.kind == "extra" and flags.get("postmigration_growth") == "t"
            ):
                self.ignored += 1
            else:
                self.wrong += 1
                if len(self.rows) < self.keep:
                    self.rows += self._evidence(difference, key)

    @property
    def examined(self) -> int:
        """How many rows were looked at; what only the target has counts when the baseline has nothing."""
        return self.wanted or self.wrong + self.since + self.ignored

    def _same(self, want: Row, have: Row) -> bool:
        return want[: len(self.columns)] == have[: len(self.columns)] or not self._changed(want, have)

    def _changed(self, want: Row, have: Row) -> list[int]:
        width = len(self.columns)
        free = set(str(want[width]).split(",")) if len(want) > width and want[width] else set()
        return [i for i in range(width) if want[i] != have[i] and self.columns[i] not in free]

    def _evidence(self, difference: Difference, key: int) -> list[tuple[Any, ...]]:
        if difference.want is None or difference.have is None:
            return [(*difference.key, difference.kind, "", *_NO_VALUES)]
        return [
            (*difference.key, difference.kind, self.columns[i], difference.want[i], difference.have[i])
            for i in self._changed(difference.want, difference.have)
        ]
