"""When the texts of two values say the same, and what became of one that does not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache

_TEXTS = ("text", "character varying", "character", "name", "enum", "uuid", "citext")
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_TIMES = ("date", "timestamp without time zone", "timestamp with time zone")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?([+-]\d\d(:\d\d)?)?", re.ASCII)


@cache
def family(root: str) -> str:
    """What kind of values a type has: those of one kind can say the same."""
    if root in _TEXTS or root.endswith('"') or "." in root:
        return "text"
    if root in _NUMBERS:
        return "number"
    return "time" if root in _TIMES else root


def is_whole(root: str) -> bool:
    """Whether a type holds whole numbers."""
    return root in ("smallint", "integer", "bigint")


def agree(old: str, new: str) -> bool:
    """Whether values of two types can say the same as they are."""
    return family(old) == family(new) or family(new) == "text" or (family(old) == "text" and family(new) == "number")


def normalize_all(texts: Sequence[str | None], mine: str, target: str) -> list[str | None]:
    """What values of one type are compared as where they must become some of another."""
    if mine != "boolean" and family(target) not in ("number", "time"):
        return list(texts)
    return [normalize(text, mine, target) for text in texts]


def normalize(text: str | None, mine: str, target: str) -> str | None:
    """What a value of one type is compared as where it must become one of another."""
    if text is None:
        return None
    if mine == "boolean":
        return {"t": "true", "f": "false"}.get(text, text)
    if family(target) == "number":
        return write_number(text)
    return _write_time(text) if family(target) == "time" else text


@lru_cache(1 << 16)
def write_number(text: str) -> str:
    """A number without the zeros at its end that say nothing."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return format(number.normalize(), "f") if number.is_finite() else text


def _write_time(text: str) -> str:
    whole = text.removesuffix("+00")
    return f"{whole} 00:00:00" if re.fullmatch(r"\d{4}-\d\d-\d\d", whole) else whole


def describe_damage(pairs: Sequence[tuple[str | None, str | None]], old: str, new: str) -> str:
    """What became of values that are others now, most frequent first: `12 trimmed, 3 NULL now`.

    Args:
        pairs: what each must be and is.
        old, new: the types.
    """
    return ", ".join(f"{n:,} {words}" for words, n in _count(pairs, old, new).most_common(4))


def find_main_damage(pairs: Sequence[tuple[str | None, str | None]], old: str, new: str) -> tuple[str, int]:
    """The kind of damage that most of some values took, and how many; of those that are only others: nothing."""
    counted = _count(pairs, old, new)
    del counted["another value"], counted["NULL now"], counted["a value where none was"]
    return counted.most_common(1)[0] if counted else ("", 0)


def _count(pairs: Sequence[tuple[str | None, str | None]], old: str, new: str) -> Counter[str]:
    """How many values took which damage: of what one may have taken, what most took."""
    left = [_classify(was, now, old, new) for was, now in pairs]
    counted: Counter[str] = Counter()
    while left:
        words, _ = Counter(words for each in left for words in each).most_common(1)[0]
        others = [each for each in left if words not in each]
        counted[words] = len(left) - len(others)
        left = others
    return counted


def _classify(was: str | None, now: str | None, old: str, new: str) -> Sequence[str]:
    if now is None:
        return ["NULL now where the text was empty" if was == "" else "NULL now"]
    if was is None:
        return ["an empty text where it was NULL" if now == "" else "a value where none was"]
    if family(old) == family(new) == "number":
        return [_classify_number(was, now)]
    # A time whose type has become another is compared by its text.
    times = family(old) == family(new) == "time" or bool(_TIME.fullmatch(was) and _TIME.fullmatch(now))
    if times and (found := list(_classify_time(_write_time(was), _write_time(now)))):
        return found
    if family(old) == family(new) == "time":
        return ["another value"]
    return [_classify_text(was, now)]


def _classify_text(was: str, now: str) -> str:
    if now == "":
        return "empty now"
    if was.strip() == now:
        return "trimmed"
    if was.startswith(now) and len(now) >= 3:
        return f"cut at {len(now)} characters"
    if was.lower() == now.lower():
        return "in another case"
    if _misread(was, now) or _misread(now, was):
        return "in another encoding"
    if ("?" in now or "\ufffd" in now) and len(was) == len(now) and not was.isascii():
        return "with characters replaced"
    return "another value"


def _misread(was: str, now: str) -> bool:
    if was.isascii() and now.isascii():
        return False
    for encoding in ("latin-1", "cp1252"):
        try:
            if was.encode().decode(encoding) == now:
                return True
        except UnicodeError:
            continue
    return False


def _classify_number(was: str, now: str) -> str:
    try:
        first, second = Decimal(was), Decimal(now)
    except InvalidOperation:
        return "another value"
    if not (first.is_finite() and second.is_finite()):
        return "another value"
    if first and second and first == -second:
        return "with the other sign"
    if first and second:
        ratio = second / first
        for power in range(1, 7):
            if ratio == Decimal(10) ** power or ratio == Decimal(10) ** -power:
                return f"{'multiplied' if ratio > 1 else 'divided'} by {10**power:,}"
    if first != first.to_integral_value() and second in (first.to_integral_value(), Decimal(int(first))):
        return "without its decimals"
    places = -int(second.as_tuple().exponent)
    if 0 <= places < -int(first.as_tuple().exponent) and abs(first - second) < Decimal(10) ** -places:
        return f"with {places} decimals"
    return "another value"


def _classify_time(was: str, now: str) -> Iterator[str]:
    try:
        first, second = datetime.fromisoformat(was), datetime.fromisoformat(now)
        gap = second - first
    except (ValueError, TypeError):
        # It is no time that Python knows, or one of both has a zone alone.
        return
    if first.replace(microsecond=0) == second and first.microsecond:
        yield "without its fraction of a second"
    elif abs(gap) < timedelta(milliseconds=1):
        yield "off by less than a millisecond" if second.microsecond % 1_000 else "without its microseconds"
    if second == datetime(first.year, first.month, first.day):
        yield "without its time of day"
    minutes = gap / timedelta(minutes=15)
    if minutes == int(minutes) and abs(gap) <= timedelta(hours=26):
        yield f"shifted by {gap.total_seconds() / 3600:+g} hours"
