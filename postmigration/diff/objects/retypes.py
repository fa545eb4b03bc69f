"""Columns that have other types, with what follows their types."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.renames import FOREIGN_KEY, IDENTIFIER, OWNED, Column, bare, find_names, list_filled
from postmigration.diff.objects.spelling import normalize
from postmigration.postgres.schema_objects import ObjectName, Objects

_CAST = re.compile(
    rf"::{IDENTIFIER}(?:\.{IDENTIFIER})?(?: varying| precision| with(?:out)? time zone)?(?:\([\d, ]+\))?(?:\[\])*"
)
_NUMBER = re.compile(r"'(-?[\d.]+)'")
_TRUTH = {"0": "false", "1": "true"}
_INTEGERS = ("smallint", "integer", "bigint")
_SAID = ("definition", "using", "check", "default", "generated", "sql body")


def change_types(before: Objects, after: Objects, columns: Sequence[Column]) -> Objects:
    """The objects with the types of some columns, and of what follows them, as they are afterwards."""
    found = dict(before)
    names = {(n.schema, n.table, n.name): n for n in before if n.kind == "column"}
    theirs = {(n.schema, n.table, n.name): f for n, f in after.items() if n.kind == "column"}
    waiting, changed = list(columns), set[Column]()
    while waiting:
        column = waiting.pop()
        name, now = names.get(column), theirs.get(column)
        if name is None or now is None or column in changed or found[name]["type"] == now["type"]:
            continue
        old = found[name]["type"]
        found[name] = _retype(found[name], now)
        changed.add(column)
        if now["type"] not in _INTEGERS:
            for sequence in [n for n, f in found.items() if n not in after and column in list_filled(n, f)]:
                del found[sequence]
        waiting += [
            follower
            for follower in _followers(column, before)
            if follower in theirs and follower in names and theirs[follower]["type"] == now["type"]
            and found[names[follower]]["type"] in (old, now["type"])
        ]  # fmt: skip
    return {name: _strip_types(name, facts, after, changed) for name, facts in found.items()} if changed else found


def _retype(was: Facts, now: Facts) -> Facts:
    facts = {**was, "type": now["type"]}
    for key in ("~checked", "collation", "storage", "compression"):
        facts.pop(key, None)
        if key in now:
            facts[key] = now[key]
    if now["type"] not in _INTEGERS:
        # Only whole numbers can be counted.
        facts.pop("identity", None)
        if facts.get("default", "").startswith("nextval("):
            del facts["default"]
            if "default" in now:
                facts["default"] = now["default"]
    if _say_the_same(facts.get("default", ""), now.get("default", "")):
        facts["default"] = now["default"]
    return facts


def _say_the_same(was: str, now: str) -> bool:
    """Whether two defaults are the same constant, as their types write it: `0` and `false`, `'5'::text` and `5`."""
    one, other = (_TRUTH.get(text, text) for text in (_CAST.sub("", side).strip("'") for side in (was, now)))
    return bool(was and now) and one == other


def _followers(column: Column, objects: Objects) -> Iterator[Column]:
    """The columns whose types are that of another one: of views, and of foreign keys."""
    for name, facts in objects.items():
        if name.kind == "constraint" and (found := FOREIGN_KEY.match(facts.get("definition", ""))):
            if (bare(found["schema"]), bare(found["table"])) == column[:2]:
                pairs = zip(*(map(bare, re.findall(IDENTIFIER, found[s])) for s in ("ours", "theirs")), strict=True)
                yield from ((name.schema, name.table, ours) for ours, theirs in pairs if theirs == column[2])
        elif name.kind in ("view", "materialized view"):
            used = {tuple(map(bare, parts)) for parts in OWNED.findall(facts.get("refers to", ""))}
            if column in used:
                yield from (
                    (n.schema, n.table, n.name)
                    for n in objects
                    if n.kind == "column" and (n.schema, n.table) == (name.schema, name.name)
                )


def _strip_types(name: ObjectName, facts: Facts, after: Objects, columns: Collection[Column]) -> Facts:
    """An object with its texts as they are afterwards, where only casts of columns of other types tell them apart."""
    now = after.get(name)
    said = {key: facts[key] for key in _SAID if now is not None and key in facts and facts[key] != now.get(key)}
    if now is None or not said:
        return facts
    named = find_names(" ".join(said.values()))
    own = (name.schema, name.table)
    concerned = any((table in named or (schema, table) == own) and column in named for schema, table, column in columns)
    if not concerned and (*own, name.name) not in columns:
        return facts
    same = {key: now[key] for key, text in said.items() if key in now and _is_same_value(text, now[key])}
    return {**facts, **same}


def _is_same_value(was: str, now: str) -> bool:
    return without_casts(was) == without_casts(now)


def without_casts(text: str) -> str:
    """An expression without its casts, and with numbers as numbers."""
    return normalize(_NUMBER.sub(r"\1", _CAST.sub("", text)))
