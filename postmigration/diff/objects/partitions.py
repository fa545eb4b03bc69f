"""Keys that a partitioned table took before and refuses now."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.postgres.schema_objects import Objects

_LITERAL = r"'(?:[^']|'')*'|[\w.+-]+"
_RANGE = re.compile(r"FOR VALUES FROM \((.*)\) TO \((.*)\)", re.DOTALL)
_LIST = re.compile(r"FOR VALUES IN \((.*)\)", re.DOTALL)
_HASH = re.compile(r"FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)")
_DEFAULT = "DEFAULT"

# Orders the values of a partition key as the server does: the types of its columns, and the values.
Sort = Callable[[tuple[str, ...], list[tuple[str, ...]]], list[tuple[str, ...]]]


def compare_bounds(before: Objects, after: Objects, sort: Sort | None) -> Iterator[Difference]:
    """Compares what the partitions of each table take together; another layout that takes the same is no difference.

    Args:
        sort: orders values of a partition key; ranges are not compared without it.
    """
    sides = [_bounds(side) for side in (before, after)]
    tables = {facts["~on"]: (name, facts) for name, facts in after.items() if "partition key" in facts}
    for table, was in sorted(sides[0].items()):
        if table not in tables or _DEFAULT in sides[1].get(table, ()):
            continue
        name, facts = tables[table]
        now = sides[1].get(table, {})
        if set(was) == set(now):
            continue
        refused = f"keys for which it had a default partition ({was[_DEFAULT]})" if _DEFAULT in was else None
        types = _types(facts, table, after)
        if refused is None:
            refused = _find_refused([*was], [*now], types, sort)
        if refused:
            words = f"{name} refuses {refused}: they were taken before, and no partition takes them now"
            lost = [bound for bound in was if bound not in now]
            repair = "\n".join(f"CREATE TABLE {was[bound]} PARTITION OF {table} {bound};" for bound in lost)
            yield Difference("inheritance", "blocker", words, name, "keys refused", repair=repair)


def _bounds(objects: Objects) -> Mapping[str, dict[str, str]]:
    """For each partitioned table the bounds of its partitions, with what each is called."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for facts in objects.values():
        if "partition bound" in facts and facts.get("detach pending") != "True":
            found[facts.get("partition of", "")][facts["partition bound"]] = facts["~on"]
    return found


def _types(facts: Facts, table: str, objects: Objects) -> tuple[str, ...]:
    """The types of the columns of a partition key; none where one is an expression."""
    key = facts["partition key"].partition("(")[2].rpartition(")")[0]
    types = {f["~id"]: f["type"] for n, f in objects.items() if n.kind == "column" and f.get("~on") == table}
    found = [
        types.get(re.sub(r"\s+(?:COLLATE )?\S+$", "", part.strip()), types.get(part.strip())) for part in key.split(",")
    ]
    return tuple(type_ for type_ in found if type_) if all(found) else ()


def _find_refused(was: Collection[str], now: Collection[str], types: tuple[str, ...], sort: Sort | None) -> str | None:
    bounds = [*was, *now]
    if all(_HASH.match(bound) for bound in bounds):
        remainders = _remainders(was, now)
        return f"{len(remainders):,} of its hash values" if remainders else None
    if all(_LIST.match(bound) for bound in bounds):
        values = _values(was) - _values(now)
        return f"the keys {', '.join(sorted(values)[:5])}" if values else None
    if sort is not None and types and all(_RANGE.match(bound) for bound in bounds):
        return _find_uncovered(was, now, types, sort)
    return None


def _remainders(was: Collection[str], now: Collection[str]) -> set[int]:
    pairs = [[tuple(map(int, found.groups())) for b in side if (found := _HASH.match(b))] for side in (was, now)]
    whole = math.lcm(*(modulus for side in pairs for modulus, _ in side)) if pairs[0] else 1
    taken = [{r for modulus, remainder in side for r in range(remainder, whole, modulus)} for side in pairs]
    return taken[0] - taken[1]


def _values(bounds: Collection[str]) -> set[str]:
    return {value for bound in bounds if (found := _LIST.match(bound)) for value in re.findall(_LITERAL, found[1])}


def _find_uncovered(was: Collection[str], now: Collection[str], types: tuple[str, ...], sort: Sort) -> str | None:
    """The first range that only the partitions of before took."""
    ranges = [[_ends(bound) for bound in side] for side in (was, now)]
    if any(len(end) != len(types) for side in ranges for pair in side for end in pair):
        return None
    ends = sort(types, list({end for side in ranges for pair in side for end in pair}))
    place = {end: number for number, end in enumerate(ends)}
    before, after = ({n for low, high in side for n in range(place[low], place[high])} for side in ranges)
    missing = sorted(before - after)
    if not missing:
        return None
    low, high = ends[missing[0]], ends[missing[0] + 1]
    return f"keys from ({', '.join(low)}) to ({', '.join(high)})"


def _ends(bound: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = _RANGE.match(bound)
    assert found is not None
    return tuple(re.findall(_LITERAL, found[1])), tuple(re.findall(_LITERAL, found[2]))
