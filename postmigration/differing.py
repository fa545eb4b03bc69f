"""Rows that differ, as evidence."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence

from postmigration.fingerprint import FingerprintComparison
from postmigration.parity import Difference
from postmigration.sql import quoted


def as_evidence(
    differences: Sequence[Difference], columns: Sequence[str], mask: Callable[[str | None, str], str]
) -> Iterator[tuple[str, ...]]:
    """For each value that differs: the key, the kind of difference, the column, the value wanted and the value found.

    Args:
        mask: shows the value of a column.
    """
    for difference in differences:
        key = [mask(value, name) for name, value in zip(columns, difference.key, strict=False)]
        if difference.want is None or difference.have is None:
            # A row that is missing or extra has no value that differs.
            yield (*key, difference.kind, "", "–", "–")
            continue
        for i in difference.columns():
            values = (mask(side[i], columns[i]) for side in (difference.want, difference.have))
            yield (*key, difference.kind, columns[i], *values)


def bucket_evidence(
    found: FingerprintComparison, key: Sequence[str], mask: Callable[[str | None, str], str]
) -> Iterator[tuple[str, ...]]:
    """For each row in a bucket that differs: its key, the bucket, and how many rows both sides have there.

    Args:
        key: the columns that identify a row.
        mask: shows the value of a column.
    """
    buckets = {bucket.number: bucket for bucket in found.different}
    for number, *values in found.candidates:
        shown = (mask(value, name) for value, name in zip(values, key, strict=True))
        yield (*shown, str(number), f"{buckets[number].want_rows:,}", f"{buckets[number].have_rows:,}")


def of_keys(sql: str, key: Sequence[str], differences: Sequence[Difference], plain: Collection[str]) -> str:
    """The query for those of its rows that differ, or for all where a key may tell of a person.

    Args:
        key: the columns that identify a row.
        plain: columns whose values say nothing of a person.
    """
    if not set(plain).issuperset(key):
        return sql
    keys = sorted({difference.key for difference in differences}, key=str)
    literals = ", ".join(f"({', '.join(map(_literal, values))})" for values in keys)
    names = ", ".join(map(quoted, key))
    return f"SELECT * FROM (\n{inspect.cleandoc(sql)}\n) AS target WHERE ({names}) IN ({literals})"


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
