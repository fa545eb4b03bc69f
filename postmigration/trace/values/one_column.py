"""Values that follow from one column: the same, in another spelling, scaled, or with something around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher

from postmigration.checks.contents.tables import Column
from postmigration.diff.value_texts import agree, family, normalize, normalize_all, write_number
from postmigration.trace.reading import Field
from postmigration.trace.values.explanation import ENOUGH, QUICK, Explanation, Pairs, Value, write_literal


def explain_by_one(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """The explanations by one column, in whatever form it holds the values."""
    have = [new[target.name] for _, new in pairs]
    different = len(set(have) - {None})
    new = normalize_all(have, target.root, target.root)
    for field in fields:
        if not agree(field.root, target.root):
            continue
        values = [old[field.name] for old, _ in pairs]
        same_name = field.own and field.name == target.name
        near = SequenceMatcher(None, field.name.lower(), target.name.lower()).ratio() + (
            2 if same_name else 0.5 * field.own
        )
        for rule in _rules(values, new, field, target):
            if _count(list(map(rule.apply, values[:QUICK])), new[:QUICK]) < 0.3 * min(QUICK, len(new)):
                continue
            want = list(map(rule.apply, values))
            fits = _count(want, new)
            hits = {a for a, b in zip(want, new, strict=True) if a == b and a is not None}
            if not hits or (len(hits) < min(ENOUGH, max(2, different)) and not same_name):
                continue
            if len(hits) < ENOUGH and not same_name and different < ENOUGH and len(pairs) < 10:
                continue
            certain = near + rule.certain + min(len(hits), 50) / 10
            yield Explanation(rule.sql, f"{field.name}{rule.words}", fits, len(pairs), (field,), certain)


@dataclass(frozen=True)
class _Rule:
    sql: str
    words: str
    apply: Callable[[Value], Value]
    certain: float = 0


def _rules(values: Sequence[Value], new: Sequence[Value], field: Field, target: Column) -> Iterator[_Rule]:
    mine, theirs = family(field.root), family(target.root)
    yield _Rule(field.sql, "", lambda text: normalize(text, field.root, target.root), 2)
    if theirs == "text" and mine in ("text", "number"):
        affix = _find_affix(values, new)
        if affix is not None:
            before, after = affix
            parts = [write_literal(before)] * bool(before) + [field.sql] + [write_literal(after)] * bool(after)
            words = (f" behind {before!r}" if before else "") + (f" before {after!r}" if after else "")
            yield _Rule(" || ".join(parts), words, lambda text: None if text is None else before + text + after, 0.4)
    if mine == theirs == "text":
        yield _Rule(f"lower({field.text})", " in lower case", lambda text: text and text.lower())
        yield _Rule(f"upper({field.text})", " in upper case", lambda text: text and text.upper())
        yield _Rule(f"btrim({field.text})", " trimmed", lambda text: text and text.strip(" "))
        words = " trimmed, in lower case"
        yield _Rule(f"lower(btrim({field.text}))", words, lambda text: text and text.strip(" ").lower())
    if mine == theirs == "number" and (scale := _find_scale(values, new)) is not None:
        yield scale_rule(field, scale)
    if mine == theirs and None in values:
        filled = {b for a, b in zip(values, new, strict=True) if a is None}
        if len(filled) == 1 and (other := filled.pop()) is not None:
            literal = other if mine == "number" else write_literal(other)
            words = f", {literal} where it is NULL"
            default = other
            yield _Rule(
                f"coalesce({field.sql}, {literal})",
                words,
                lambda text: default if text is None else normalize(text, field.root, target.root),
                0.5,
            )


def scale_rule(field: Field, power: int) -> _Rule:
    """A number times a power of ten."""
    factor = Decimal(10) ** power
    sql = f"{field.sql} * {10**power}" if power > 0 else f"{field.sql} / {10**-power}.0"
    words = f" times {10**power:,}" if power > 0 else f" / {10**-power:,}"
    return _Rule(sql, words, lambda text: None if text is None else write_number(str(Decimal(text) * factor)))


def _count(want: Sequence[Value], have: Sequence[Value]) -> int:
    return sum(a == b for a, b in zip(want, have, strict=True))


def _find_affix(values: Sequence[Value], new: Sequence[Value]) -> tuple[str, str] | None:
    """What stands before and behind the old text in most new ones."""
    counted: Counter[tuple[str, str]] = Counter()
    for old, now in zip(values[: 4 * QUICK], new[: 4 * QUICK], strict=True):
        if old and now and len(now) > len(old) and (at := now.rfind(old)) >= 0:
            counted[now[:at], now[at + len(old) :]] += 1
    affix, times = counted.most_common(1)[0] if counted else (("", ""), 0)
    return affix if times >= ENOUGH else None


def _find_scale(values: Sequence[Value], new: Sequence[Value]) -> int | None:
    for old, now in zip(values, new, strict=True):
        try:
            first, second = Decimal(old or "0"), Decimal(now or "0")
        except ArithmeticError:
            return None
        if first and second and first.is_finite() and second.is_finite():
            power = (second / first).adjusted()
            fits = second / first == Decimal(10) ** power
            return power if fits and power else None
    return None
