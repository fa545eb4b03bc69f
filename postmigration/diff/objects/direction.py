"""Whether a property became weaker, stronger, or merely another one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from postmigration.diff.objects.rules import Direction
from postmigration.diff.objects.spelling import same_text

NONE = "none"
# What accepts all values of what stands before it.
_WIDER: Sequence[Sequence[str]] = (
    ("smallint", "integer", "bigint", "numeric"),
    ("real", "double precision"),
    ("character varying", "text"),
    ("character", "text"),
    ("json", "jsonb"),
    ("date", "timestamp without time zone"),
)
# Types that keep apart what a plain text would let through, or that carry more than what they would become.
_MORE_THAN = {
    "timestamp with time zone": ("timestamp without time zone", "date"),
    "timestamp without time zone": ("date",),
    "numeric": ("double precision", "real", "integer", "bigint", "smallint"),
    "jsonb": ("json", "text", "character varying"),
    "json": ("text", "character varying"),
    "uuid": ("text", "character varying"),
    "inet": ("text", "character varying"),
    "date": ("text", "character varying"),
}
# Calls that give the same, whatever they are called.
_SAME_CALLS = (
    (re.compile(r"^(?:now\(\)|CURRENT_TIMESTAMP|transaction_timestamp\(\))$"), "now()"),
    (re.compile(r"^(?:[\w\"]+\.)?(?:gen_random_uuid|uuid_generate_v4)\(\)$"), "gen_random_uuid()"),
)


def find_direction(order: Sequence[str] | str, was: str, now: str, *, alike: bool) -> Direction | None:
    """Tells the direction of a change; None where both are the same.

    Args:
        order: see `postmigration.diff.objects.rules.Property`.
        was, now: the value before and afterwards; `none` for none.
        alike: both servers write the same expression alike.
    """
    if was == now:
        return None
    if order == "text":
        return _of_texts(was, now, alike=alike)
    if order == "names":
        before, after = (set() if text == NONE else set(text.split(", ")) for text in (was, now))
        return "weaker" if before - after else "stronger" if after - before else None
    if order == "labels":
        return _of_labels(was, now)
    if order == "type":
        return _of_types(was, now)
    ranks: Mapping[str, int] = {value: rank for rank, values in enumerate(order) for value in values.split("|")}
    if was not in ranks or now not in ranks or ranks[was] == ranks[now]:
        return "other"
    return "weaker" if ranks[now] < ranks[was] else "stronger"


def _of_texts(was: str, now: str, *, alike: bool) -> Direction | None:
    if NONE in (was, now):
        return "weaker" if now == NONE else "stronger"
    if same_text(was, now, alike=alike):
        return None
    return None if _canonical_name(was) == _canonical_name(now) else "other"


def _canonical_name(expression: str) -> str:
    """An expression by the name that it has among those that give the same."""
    for pattern, name in _SAME_CALLS:
        if pattern.match(expression):
            return name
    return expression


def _of_labels(was: str, now: str) -> Direction | None:
    """The labels of an enum: none may be gone, and none stand before another than it did."""
    before, after = (json.loads(text) if text != NONE else [] for text in (was, now))
    kept = [label for label in after if label in before]
    return "stronger" if kept == before else "weaker" if set(before) - set(after) else "other"


def _of_types(was: str, now: str) -> Direction:
    """Types of a column: a wider one takes all values of the other, a weaker one takes what the other refused."""
    (base, size), (new, room) = _parts(was), _parts(now)
    if base == new:
        return "stronger" if _fits(base, size, room) else "weaker"
    for family in _WIDER:
        if base in family and new in family:
            wider = family.index(new) > family.index(base) and not (new in ("numeric", "character varying") and room)
            return "stronger" if wider else "weaker"
    return "weaker" if new in _MORE_THAN.get(base, ()) else "other"


def _parts(type_: str) -> tuple[str, tuple[int, ...]]:
    sizes = re.search(r"\(([\d, -]+)\)", type_)
    bare = re.sub(r"\([\d, -]+\)", "", type_)
    return bare, tuple(int(n) for n in sizes[1].split(",")) if sizes else ()


def _fits(base: str, size: Sequence[int], room: Sequence[int]) -> bool:
    """Whether values of one size fit into another size of the same type."""
    if not room:
        return True
    if not size:
        return False
    if base.startswith("numeric"):
        (digits, scale), (more, places) = ((*s, 0)[:2] for s in (size, room))
        return places >= scale and more - places >= digits - scale
    return room[0] >= size[0]
