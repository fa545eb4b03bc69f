"""Expressions of SQL as they can be compared, however a server has come to write them."""

from __future__ import annotations

import re

# A dump that is restored has these casts in other places: ANY ((ARRAY['a'::varchar])::text[]), ANY (ARRAY['a'::text]).
_CASTS = re.compile(r"::(?:character varying|bpchar|varchar|text|name)(?:\(\d+\))?(?:\[\])?")
_LITERAL = r"'(?:[^']|'')*'"
_ATOM = re.compile(rf"(?<![\w\"\]])\((-?[\w.]+|\"[^\"]+\"|{_LITERAL}|ARRAY\[[^\[\]()]*\])\)")
_DOUBLE = re.compile(r"\(\(([^()]*)\)\)")
_QUALIFIED = re.compile(r"(?<![\w\".])(?:\w+|\"[^\"]+\")\.(?=[\w\"])(?!\d)")
_TOKENS = re.compile(rf"{_LITERAL}|\"[^\"]+\"|[\w.]+|[^\s\w()]")


def normalize(text: str) -> str:
    """An expression without casts between text types and without parentheses that group nothing."""
    text = re.sub(r"\s+", " ", _CASTS.sub("", text)).strip()
    size = -1
    while size != len(text):
        size = len(text)
        text = _DOUBLE.sub(r"(\1)", _ATOM.sub(r"\1", text))
    return text


def words_of(text: str) -> list[str]:
    """The words of a query in an order of their own, without qualifiers: what every version writes alike."""
    return sorted(_TOKENS.findall(_QUALIFIED.sub("", re.sub(r"::[\w ]+", "", normalize(text)))))


def same_text(was: str, now: str, *, alike: bool = True) -> bool:
    """Whether two expressions are the same.

    Args:
        alike: both servers write the same expression alike: they are of one version.
    """
    return was == now or normalize(was) == normalize(now) or (not alike and words_of(was) == words_of(now))


def excerpt(was: str, now: str, room: int = 60) -> tuple[str, str]:
    """The parts of two texts in which they differ, with little around."""
    was, now = (re.sub(r"\s+", " ", text).strip() for text in (was, now))
    if len(was) <= 2 * room and len(now) <= 2 * room:
        return was, now
    start = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    first = max(0, start - room // 3)

    def cut(text: str) -> str:
        return f"{'…' * (first > 0)}{text[first : start + room]}{'…' * (start + room < len(text))}"

    return cut(was), cut(now)
