"""Functions with the rights of a superuser that read for the roles of an API what those may not read themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.diff.objects.privileges import PUBLIC, State
from postmigration.postgres.schema_objects import ObjectName, Objects

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_SOURCE = re.compile(rf"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?({_NAME})(?:\s*\.\s*({_NAME}))?", re.IGNORECASE)
# What such a function gives back may be whole rows.
_ROWS = re.compile(r"^(?:SETOF|TABLE|record|jsonb?|xml)\b", re.IGNORECASE)


def find_definers(
    before: tuple[Objects, State] | None, after: tuple[Objects, State], roles: Collection[str]
) -> Iterator[Difference]:
    """Finds functions that run as a superuser, may be called by a role of an API, and read what it may not.

    Args:
        before: the objects of the baseline; None where there is none.
        after: those of the target.
        roles: the roles of an API.
    """
    known = set() if before is None else {(str(name), role, on) for name, role, on, _ in _openings(*before, roles)}
    found: dict[ObjectName, dict[str, set[str]]] = {}
    inherited: set[ObjectName] = set()
    for name, role, on, table in _openings(*after, roles):
        if (str(name), role, on) in known:
            inherited.add(name)
        else:
            found.setdefault(name, {}).setdefault(role, set()).add(str(table))
    for name, told in found.items():
        tables = " and ".join(sorted(set().union(*told.values())))
        words = f"{name} runs as a superuser, and shows {' and '.join(sorted(told))} what is in {tables}"
        repair = f"ALTER ROUTINE {after[0][name]['~on']} OWNER TO …; -- a role that may read no more than it has to"
        yield Difference("definers", "warning", f"{words}, which they may not read", name, "definer", repair=repair)
    for name in inherited - found.keys():
        words = f"{name} runs as a superuser, and shows what its callers may not read; it was so before"
        yield Difference("definers", "told", words, name, "definer inherited")


def _openings(
    objects: Objects, state: State, roles: Collection[str]
) -> Iterator[tuple[ObjectName, str, str, ObjectName]]:
    """Each such function with a role that may call it, and a table that it may not read, also as GRANT calls it."""
    tables: dict[str, list[tuple[str, ObjectName, Facts]]] = {}
    for on, (name, facts) in state.things.items():
        if name.kind in RELATIONS:
            tables.setdefault(name.name, []).append((on, name, facts))
    there = [role for role in roles if role in state.roles]
    for name, facts in objects.items():
        if name.kind != "function" or facts.get("security definer") != "True" or "trigger" in facts.get("returns", ""):
            continue
        if state.roles.get(facts.get("owner", ""), {}).get("rolsuper") != "True":
            continue
        called = f"ROUTINE {facts['~on']}"
        callers = [r for r in there if state.holds((called, "", r, "EXECUTE")) and state.reaches(r, name.schema)]
        for role in callers:
            for on, table, its in _read(facts, tables):
                secured = its.get("row-level security") == "True" and _ROWS.match(facts.get("returns", ""))
                if secured or not any(state.holds((on, "", reader, "SELECT")) for reader in (role, PUBLIC)):
                    yield name, role, on, table


def _read(
    facts: Facts, tables: dict[str, list[tuple[str, ObjectName, Facts]]]
) -> Iterator[tuple[str, ObjectName, Facts]]:
    """The tables that a function reads, as far as its text tells."""
    path = {_bare(part) for part in facts.get("search_path", "").split(",")}
    found = set()
    for first, second in _SOURCE.findall(facts.get("body") or facts.get("sql body", "")):
        schema, table = (_bare(first), _bare(second)) if second else ("", _bare(first))
        for on, name, its in tables.get(table, ()):
            fits = name.schema == schema if schema else name.schema in path or "search_path" not in facts
            if fits and on not in found:
                found.add(on)
                yield on, name, its


def _bare(name: str) -> str:
    name = name.strip()
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
