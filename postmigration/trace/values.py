"""How the values of a column follow from rows of before, as a sample of pairs of rows shows it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher

from postmigration.checks.contents.tables import Column
from postmigration.diff.value_texts import (
    agree,
    family,
    find_main_damage,
    is_whole,
    normalize,
    normalize_all,
    write_number,
)
from postmigration.trace.reading import Field, Row

Pairs = Sequence[tuple[Row, Row]]
Value = str | None

# From how many different values on it is no accident that two columns hold the same.
_ENOUGH = 3
# In how many of the rows what is said must hold to be worth saying.
MAJORITY = 0.6
_QUICK = 40
_MOST_CASES = 12


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


def explain(pairs: Pairs, fields: Sequence[Field], target: Column) -> Explanation | None:
    """What the values of a column follow from; None where nothing explains most of them.

    Args:
        pairs: rows of before, each with what became of it.
        fields: what a row of before has.
        target: the column of the row of now.
    """
    if not pairs:
        return None
    found = list(_explain_by_field(pairs, fields, target))
    constant = _explain_constant(pairs, target)
    if constant is not None:
        found.append(constant)
    best = max(found, key=_rank, default=None)
    if best is not None and best.share == 1:
        return best
    found += [*_explain_by_two(pairs, fields, target), *_explain_by_cases(pairs, fields, target)]
    best = max(found, key=_rank, default=None)
    if best is not None and best.share >= MAJORITY:
        return best
    return _find_damaged(pairs, fields, target)


def _rank(found: Explanation) -> tuple[bool, float, float]:
    return found.share == 1, round(found.share, 1), found.certain


def _explain_by_field(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
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
            if _count(list(map(rule.apply, values[:_QUICK])), new[:_QUICK]) < 0.3 * min(_QUICK, len(new)):
                continue
            want = list(map(rule.apply, values))
            fits = _count(want, new)
            hits = {a for a, b in zip(want, new, strict=True) if a == b and a is not None}
            if not hits or (len(hits) < min(_ENOUGH, max(2, different)) and not same_name):
                continue
            if len(hits) < _ENOUGH and not same_name and different < _ENOUGH and len(pairs) < 10:
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
    for old, now in zip(values[: 4 * _QUICK], new[: 4 * _QUICK], strict=True):
        if old and now and len(now) > len(old) and (at := now.rfind(old)) >= 0:
            counted[now[:at], now[at + len(old) :]] += 1
    affix, times = counted.most_common(1)[0] if counted else (("", ""), 0)
    return affix if times >= _ENOUGH else None


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


def _explain_constant(pairs: Pairs, target: Column) -> Explanation | None:
    have = {new[target.name] for _, new in pairs}
    if len(have) != 1 or len(pairs) < 2:
        return None
    (value,) = have
    # A moment that is the same in all rows is that of the migration, which is another one each time.
    if value is not None and family(target.root) == "time":
        return None
    if family(target.root) in ("number", "boolean") and value is not None:
        value_sql = {"t": "true", "f": "false"}.get(value, value)
    else:
        value_sql = write_literal(value)
    certain = 1.9 if value is None else 3.4
    return Explanation(value_sql, f"always {value_sql}", len(pairs), len(pairs), (), certain)


def _explain_by_two(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """Two texts with something between them."""
    if family(target.root) != "text":
        return
    texts = [field for field in fields if family(field.root) in ("text", "number") and field.own]
    few = [(old, new) for old, new in pairs if new[target.name]][:_QUICK]
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
            if hits >= _ENOUGH:
                parts = [first.sql, write_literal(glue), second.sql] if glue else [first.text, second.text]
                words = f"{first.name} and {second.name}, {glue!r} between them"
                yield Explanation(" || ".join(parts), words, fits, len(pairs), (first, second), 1)


def _explain_by_cases(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """A few values, each of which became one and the same."""
    have = Counter(new[target.name] for _, new in pairs)
    if not 2 <= len(have) <= _MOST_CASES or family(target.root) == "time":
        return
    for field in fields:
        if family(field.root) not in ("text", "number", "boolean") or not field.own:
            continue
        cases: dict[Value, Counter[Value]] = {}
        for old, new in pairs:
            cases.setdefault(old[field.name], Counter())[new[target.name]] += 1
            if len(cases) > _MOST_CASES:
                break
        if not 2 <= len(cases) <= _MOST_CASES or len(pairs) < 4 * len(cases):
            continue
        chosen = {value: counted.most_common(1)[0][0] for value, counted in cases.items()}
        fits = sum(counted[chosen[value]] for value, counted in cases.items())
        if len(set(chosen.values())) < 2 or fits < 0.95 * len(pairs):
            continue
        words = f"{field.name}, one value for each of its {len(cases)}"
        near = SequenceMatcher(None, field.name.lower(), target.name.lower()).ratio()
        yield Explanation(write_cases(field, target.root, chosen), words, fits, len(pairs), (field,), near - 1)


def explain_codes(pairs: Pairs, field: Field, target: Column, codes: Collection[str]) -> Explanation | None:
    """The code that each code of a column became; None where the database does not list the new ones, and them alone.

    Args:
        pairs, target: as in `explain`; `field`: what the column was.
        codes: the values that the column may hold now, as far as that is declared.
    """
    cases: dict[Value, Counter[Value]] = {}
    for old, new in pairs:
        cases.setdefault(old[field.name], Counter())[new[target.name]] += 1
    chosen = {value: counted.most_common(1)[0][0] for value, counted in cases.items()}
    fits = sum(counted[chosen[value]] for value, counted in cases.items())
    held: dict[Value, Value] = {value: now for value, now in chosen.items() if value is not None}
    if len(held) < 2 or chosen.get(None) is not None or len(set(held.values())) < len(held):
        return None
    if not set(held.values()) <= set(codes) or set(held) <= set(codes) or fits < 0.95 * len(pairs):
        return None
    words = f"{field.name}, one code for each of its {len(held)}"
    return Explanation(write_cases(field, target.root, held), words, fits, len(pairs), (field,))


def write_cases(field: Field, root: str, chosen: Mapping[Value, Value]) -> str:
    """SQL that gives one value for each of another."""

    def literal(text: Value, type_: str) -> str:
        if type_ == "boolean" and text is not None:
            return "true" if text == "t" else "false"
        return text if family(type_) == "number" and text is not None else write_literal(text)

    if field.root == "boolean" and chosen.keys() == {"t", "f"}:
        no, yes = (literal(chosen[text], root) for text in ("f", "t"))
        return f"CASE WHEN {field.sql} THEN {yes} ELSE {no} END"
    empty = [f"WHEN {field.sql} IS NULL THEN {literal(chosen[None], root)}"] if None in chosen else []
    whens = [
        f"WHEN {field.sql} = {literal(value, field.root)} THEN {literal(now, root)}"
        for value, now in sorted(chosen.items(), key=lambda case: case[0] or "")
        if value is not None
    ]
    return f"CASE {' '.join([*empty, *whens])} END"


def _find_damaged(pairs: Pairs, fields: Sequence[Field], target: Column) -> Explanation | None:
    """A column of before that holds the values but for one kind of damage."""
    for field in sorted(fields, key=lambda field: field.name != target.name):
        if not agree(field.root, target.root) or family(field.root) == "boolean":
            continue
        want = [
            (normalize(old[field.name], field.root, target.root), normalize(new[target.name], target.root, target.root))
            for old, new in pairs
        ]
        others = [(a, b) for a, b in want if a != b]
        _, times = find_main_damage(others, field.root, target.root)
        fits = len(pairs) - len(others)
        changed = {a for a, b in want if a is not None}
        usual = field.name == target.name or len(changed) >= _ENOUGH
        same = sum(a == b and a is not None for a, b in want)
        if usual and times and same + times >= 0.8 * sum(a is not None or b is not None for a, b in want):
            return Explanation(field.sql, field.name, fits, len(pairs), (field,), damaged=True)
    return None


def is_code(texts: Sequence[str]) -> bool:
    """Whether values are so long and so different that no other column holds them by accident."""
    return len(set(texts)) >= _ENOUGH and min(map(len, texts)) >= 12


def split_number(text: str) -> tuple[str, str, str] | None:
    """A text as what stands before a number, the number, and what stands behind it."""
    match = re.fullmatch(r"(.*?)(0|[1-9]\d*)(\D*)", text, re.DOTALL)
    return None if match is None else (match[1], match[2], match[3])


def can_be_key(root: str) -> bool:
    """Whether rows are told apart by values of a type."""
    return is_whole(root) or family(root) == "text" or root == "numeric"
