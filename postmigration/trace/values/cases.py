"""Values each of which became one and the same, of a few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from postmigration.checks.contents.tables import Column
from postmigration.diff.value_texts import family
from postmigration.trace.reading import Field
from postmigration.trace.values.explanation import Explanation, Pairs, Value, write_literal

_MOST_CASES = 12


def explain_by_cases(pairs: Pairs, fields: Sequence[Field], target: Column) -> Iterator[Explanation]:
    """The explanations by a column each value of which became one and the same."""
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
