"""Which object of one state is which of the other: by what it is, and only then by its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from postmigration.diff.objects.spelling import normalize
from postmigration.postgres.schema_objects import ObjectName, Objects

# What may stand where a relation of the same name stood.
RELATIONS = ("table", "view", "materialized view", "foreign table")
# What makes two of a kind the same under other names; the table on which they stand is always the same.
_BY_PROPERTIES = {
    "constraint": ("kind", "definition"),
    "index": ("unique", "definition"),
    "trigger": ("definition",),
    "rule": ("definition",),
    "policy": ("permissive", "command", "roles", "using", "check"),
    "statistics": ("definition",),
    "sequence": ("owned by",),
}
# What makes them one that has changed.
_BY_PLACE = {"constraint": ("kind", "columns")}

Facts = Mapping[str, str]


@dataclass(frozen=True)
class Pair:
    """An object in both states, or in one of them.

    Args:
        name: what it is called, before if it was there.
        was, now: its facts; None where it is not there.
        renamed: what it is called afterwards.
    """

    name: ObjectName
    was: Facts | None
    now: Facts | None
    renamed: ObjectName

    @property
    def facts(self) -> Facts:
        """Its facts, afterwards if it is there."""
        return self.was or {} if self.now is None else self.now


def match_objects(before: Objects, after: Objects) -> Iterator[Pair]:
    """Finds for each object of one state the same one of the other; first by all that counts."""
    ways: tuple[Callable[[ObjectName, Facts], object], ...] = (
        lambda name, facts: (name, _properties(name, facts, _BY_PROPERTIES)),
        lambda name, facts: _properties(name, facts, _BY_PROPERTIES),
        lambda name, facts: (name, facts.get("kind") if name.kind == "constraint" else ""),
        lambda name, facts: _properties(name, facts, _BY_PLACE),
        lambda name, facts: ("relation", name.schema, name.name) if name.kind in RELATIONS else None,
    )
    left = dict(before)
    found = dict(after)
    for way in ways:
        there = _group(found, way)
        for key, names in _group(left, way).items():
            for name, other in zip(names, there.get(key, ()), strict=False):
                yield Pair(name, left.pop(name), found.pop(other), other)
    for name, facts in left.items():
        yield Pair(name, facts, None, name)
    for name, facts in found.items():
        yield Pair(name, None, facts, name)


def _properties(name: ObjectName, facts: Facts, by: Mapping[str, Iterable[str]]) -> object:
    if name.kind not in by:
        return None
    values = tuple(normalize(facts.get(key, "")) for key in by[name.kind])
    # A sequence that no column owns is known by its name alone.
    return (name.kind, name.schema, name.table, *values) if any(values) else None


def _group(objects: Objects, way: Callable[[ObjectName, Facts], object]) -> Mapping[object, list[ObjectName]]:
    groups: dict[object, list[ObjectName]] = defaultdict(list)
    for name, facts in objects.items():
        if (key := way(name, facts)) is not None:
            groups[key].append(name)
    return groups
