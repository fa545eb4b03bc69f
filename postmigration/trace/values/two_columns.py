"""Values that follow from two columns: two texts with something between them, or what two numbers come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, permutations

from postmigration.checks.contents.tables import Column
from postmigration.diff.value_texts import family, is_whole
from postmigration.trace.reading import Field
from postmigration.trace.values.explanation import (
    ENOUGH,
    MAJORITY,
    QUICK,
    Explanation,
    Pairs,
    Value,
    write_literal,
)

_NARROW = ("smallint", "integer")
# From how many different results on it is no accident that two of many numbers come to them.
_ENOUGH_SUMS = 2 * ENOUGH


def explain_by_two(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """The explanations by two columns of a row of before."""
    if family(target.root) == "text":
        yield from _explain_by_glue(pairs, fields, target)
    elif _is_exact(target.root):
        yield from _explain_by_sums(pairs, fields, target)


@dataclass(frozen=True)
class _Operation:
    sign: str
    words: str
    apply: Callable[[Decimal, Decimal], Decimal]
    commutes: bool = True

    def of(self, first: Decimal | None, second: Decimal | None) -> Decimal | None:
        """What two numbers come to."""
        return None if first is None or second is None else self.apply(first, second)

    def write(self, first: Field, second: Field, root: str) -> str:
        """The same as SQL, in a type that has room for it."""
        narrow = first.root in _NARROW and second.root in _NARROW and root not in _NARROW
        return f"{first.sql}{f'::{root}' if narrow else ''} {self.sign} {second.sql}"


_OPERATIONS = (
    _Operation("+", "plus", Decimal.__add__),
    _Operation("-", "minus", Decimal.__sub__, commutes=False),
    _Operation("*", "times", Decimal.__mul__),
)


def _explain_by_sums(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    have = [_read(new[target.name]) for _, new in pairs]
    told = [place for place, number in enumerate(have) if number is not None][:QUICK]
    exact = [field for field in fields if field.own and _is_exact(field.root)] if told else []
    read = [(field, [_read(old[field.name]) for old, _ in pairs]) for field in exact]
    # What is the same in all rows is a constant.
    numbers = [(field, values) for field, values in read if len(set(values) - {None}) > 1]
    for operation in _OPERATIONS:
        for (first, a), (second, b) in (combinations if operation.commutes else permutations)(numbers, 2):
            if sum(have[n] == operation.of(a[n], b[n]) for n in told) < MAJORITY * len(told):
                continue
            rows = [(operation.of(x, y), now, now in (x, y)) for x, y, now in zip(a, b, have, strict=True)]
            fits = [(now, follows_alone) for want, now, follows_alone in rows if want == now]
            # Where the other one adds nothing, a column explains it alone.
            telling = {now for now, follows_alone in fits if now is not None and not follows_alone}
            if len(telling) >= _ENOUGH_SUMS:
                words, certain = f"{first.name} {operation.words} {second.name}", 1 + min(len(telling), 50) / 10
                sql = operation.write(first, second, target.root)
                yield Explanation(sql, words, len(fits), len(pairs), (first, second), certain)


def _is_exact(root: str) -> bool:
    """Whether a sum of numbers of a type is the same on every machine."""
    return is_whole(root) or root == "numeric"


def _read(text: Value) -> Decimal | None:
    number = None if text is None else Decimal(text)
    return number if number is not None and number.is_finite() else None


def _explain_by_glue(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """Two texts with something between them."""
    texts = [field for field in fields if family(field.root) in ("text", "number") and field.own]
    few = [(old, new) for old, new in pairs if new[target.name]][:QUICK]
    if not few:
        return
    for first in texts:
        starts = [
            (old, new)
            for old, new in few
            if old[first.name] and (new[target.name] or "").startswith(old[first.name] or "")
        ]
        if len(starts) < MAJORITY * len(few):
            continue
        for second in texts:
            between = Counter(
                text[len(a) : len(text) - len(b)]
                for old, new in starts
                if (a := old[first.name])
                and (b := old[second.name])
                and len(text := new[target.name] or "") >= len(a) + len(b)
                and text.endswith(b)
            )
            if second is first or not between or between.most_common(1)[0][1] < MAJORITY * len(starts):
                continue
            glue = between.most_common(1)[0][0]
            fits = hits = 0
            for old, new in pairs:
                parts_of = (old[first.name], old[second.name])
                want = None if None in parts_of else glue.join(map(str, parts_of))
                fits += want == new[target.name]
                hits += want is not None and want == new[target.name]
            if hits >= ENOUGH:
                parts = [first.sql, write_literal(glue), second.sql] if glue else [first.text, second.text]
                words = f"{first.name} and {second.name}, {glue!r} between them"
                yield Explanation(" || ".join(parts), words, fits, len(pairs), (first, second), 1)
