"""Which rows of before a change is about, as a condition on one of their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from postmigration.diff.value_texts import family
from postmigration.trace.reading import Field, Row
from postmigration.trace.values.explanation import write_literal

# A column of more values does not divide rows into kinds.
_MOST_VALUES = 12
_ROWS_PER_VALUE = 3


@dataclass(frozen=True)
class Condition:
    """Which rows a change is about.

    Args:
        sql: over a row `r`.
        wrong: how many rows of the sample it does not fit.
    """

    sql: str
    wrong: int


def find_condition(inside: Sequence[Row], outside: Sequence[Row], fields: Sequence[Field]) -> Condition:
    """The condition that holds for rows inside, and not outside; `true` where no column tells them apart.

    Args:
        inside, outside: rows of a sample.
        fields: what can tell them apart.
    """
    if not outside:
        return Condition("true", 0)
    found = [Condition("true", len(outside))]
    for field in fields:
        if not field.own:
            continue
        found += _by_emptiness(inside, outside, field)
        if family(field.root) in ("text", "boolean", "number"):
            found += _by_values(inside, outside, field)
    best = min(found, key=lambda condition: condition.wrong)
    # One that is wrong for many says no more than that rows are missing.
    return best if best.wrong <= 0.35 * len(inside) and best.wrong <= 0.6 * len(outside) else found[0]


def _by_emptiness(inside: Sequence[Row], outside: Sequence[Row], field: Field) -> list[Condition]:
    filled = sum(row[field.name] is not None for row in inside)
    others = sum(row[field.name] is not None for row in outside)
    found = []
    if filled and others < len(outside):
        found.append(Condition(f"{field.sql} IS NOT NULL", len(inside) - filled + others))
    if filled < len(inside) and others:
        found.append(Condition(f"{field.sql} IS NULL", filled + len(outside) - others))
    return found


def _by_values(inside: Sequence[Row], outside: Sequence[Row], field: Field) -> list[Condition]:
    within = Counter(row[field.name] for row in inside)
    without = Counter(row[field.name] for row in outside)
    values = within.keys() | without.keys()
    if not 2 <= len(values) <= _MOST_VALUES or len(inside) + len(outside) < _ROWS_PER_VALUE * len(values):
        return []
    chosen = [value for value in values if within[value] > without[value]]
    if None in chosen or not chosen or len(chosen) == len(values):
        return []
    wrong = sum(without[value] if value in chosen else within[value] for value in values)
    texts = sorted(value for value in chosen if value is not None)
    return [Condition(_write(field, texts), wrong)]


def _write(field: Field, values: Sequence[str]) -> str:
    if field.root == "boolean":
        return field.sql if values == ["t"] else f"NOT {field.sql}"
    literals = [value if family(field.root) == "number" else write_literal(value) for value in values]
    return f"{field.sql} = {literals[0]}" if len(literals) == 1 else f"{field.sql} IN ({', '.join(literals)})"
