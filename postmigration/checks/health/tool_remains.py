"""What was made for a migration and is still there: schemas, copies of tables, columns and triggers of its tools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from postmigration.checks.contents.examination import Examination, count
from postmigration.checks.health.tool_names import TOOLS, find_base, is_called_a_copy, is_staging
from postmigration.diff.objects.privileges import State, name_target
from postmigration.model.evidence import Subject
from postmigration.model.sqltext import DECISION, as_comment
from postmigration.postgres.schema_objects import ObjectName, Objects

_TABLES = ("table", "materialized view")
_WHO = as_comment(
    "the developer decides whether anybody still needs it, the DBA runs. Risk: nothing brings it back but a backup"
)
# A table with fewer columns may look like another one by chance.
_TELLING_COLUMNS = 3


@dataclass(frozen=True)
class Remains:
    """Something that was left.

    Args:
        name: the object.
        why: what tells that it was left, in words.
        repair: what takes it away.
    """

    name: ObjectName
    why: str
    repair: str


@dataclass(frozen=True)
class Side:
    """The objects of a state, with what is asked of them.

    Args:
        columns: the names of the columns of each table, by its schema and name.
        keyed: the tables with a primary key or another unique one.
    """

    objects: Objects
    tables: Mapping[tuple[str, str], ObjectName] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    keyed: Collection[tuple[str, str]] = frozenset()


def examine(
    before: Objects | None,
    after: Objects,
    schemas: Collection[str],
    *,
    rights: State,
    compared: bool,
    meant: Collection[ObjectName] = (),
    triggers: Collection[str] = (),
) -> Examination:
    """Finds what was left.

    Args:
        before: the objects of the state before; None where there is none that holds them.
        rights: who may do what now.
        compared: who may read a new object is told elsewhere.
        meant: what a migration declares to be new.
        triggers: the kinds of trigger of which it is told elsewhere that they are new.
    """
    found = Examination()
    now, then = _index(after, schemas), None if before is None else _index(before, schemas)
    found.facts = len(now.tables) + len(schemas)
    if not now.tables:
        found.inapplicable = "there is no table on either side"
        return found
    for remains in (one for one in _find(now, then) if one.name not in meant):
        words = f"{remains.name} {remains.why}"
        old = before is not None and remains.name in before
        if old:
            found.notes.append(f"{words}; it was so before")
            continue
        if before is not None and remains.name.kind in triggers:
            continue
        readers = _find_readers(remains.name, rights, now)
        words += f", and {' and '.join(readers)} may read it" if readers else ""
        blocker = bool(readers) and before is not None and not compared
        name = remains.name
        subject = Subject(name.kind, name.schema, name.name, name.name if name.kind in _TABLES else name.table)
        repair = f"{_WHO}\n{DECISION}{remains.repair}"
        found.add(words, blocker=blocker, repair=repair, code="left_over", subject=subject)
    return found


def _index(objects: Objects, schemas: Collection[str]) -> Side:
    tables = {(n.schema, n.name): n for n in objects if n.kind in _TABLES and n.schema in schemas}
    columns = defaultdict(set)
    keyed = set()
    for name, facts in objects.items():
        if name.kind == "column":
            columns[name.schema, name.table].add(name.name)
        elif name.kind == "index" and facts.get("unique") == "True":
            keyed.add((name.schema, name.table))
    return Side(
        {name: facts for name, facts in objects.items() if name.schema in schemas or name.kind == "event trigger"},
        tables,
        {key: frozenset(names) for key, names in columns.items()},
        keyed,
    )


def _find(now: Side, then: Side | None) -> Iterator[Remains]:
    """Everything that looks left, with a schema in the place of what stands in it."""
    schemas = {}
    for name in now.objects:
        if name.kind == "schema" and (why := _judge_schema(name, now, then)):
            number = sum(schema == name.name for schema, _ in now.tables)
            tables = f" ({count(number, 'table')})" if number else ""
            schemas[name.name] = Remains(name, why + tables, f"DROP SCHEMA {now.objects[name]['~on']} CASCADE;")
    yield from schemas.values()
    for name, facts in now.objects.items():
        if name.schema in schemas:
            continue
        on = facts.get("~on", "")
        if name.kind in _TABLES and not facts.get("partition of"):
            if why := _judge_table(name, now, then):
                yield Remains(name, why, f"DROP {name.kind.upper()} {on};")
        elif name.kind == "column" and (tool := _name_tool("columns", name.name)):
            yield Remains(name, f"is a column of {tool}", f"ALTER TABLE {on} DROP COLUMN {facts['~id']};")
        elif name.kind == "trigger" and (tool := _name_tool("triggers", name.name)):
            yield Remains(name, f"is a trigger of {tool}", f"DROP TRIGGER {facts['~id']} ON {on};")
        elif name.kind == "event trigger" and (tool := _name_tool("triggers", name.name)):
            yield Remains(name, f"is one of {tool}", f"DROP EVENT TRIGGER {facts['~id']};")


def _name_tool(what: str, name: str) -> str:
    return next((tool.name for tool in TOOLS if getattr(tool, what).match(name)), "")


def _judge_schema(name: ObjectName, now: Side, then: Side | None) -> str:
    """Why a schema looks left; empty where it does not."""
    if tool := _name_tool("schemas", name.name):
        return f"is one of {tool}"
    if not is_staging(name.name):
        return ""
    if then is not None:
        return "was not there before, and is called as one that serves a migration"
    # Without a state before it tells that the tables stand elsewhere, too.
    inside = [key for key in now.tables if key[0] == name.name]
    mirrored = [key for key in inside if any(other != key and other[1] == key[1] for other in now.tables)]
    return "holds copies of tables of other schemas" if inside and len(mirrored) == len(inside) else ""


def _judge_table(name: ObjectName, now: Side, then: Side | None) -> str:
    """Why a table looks left; empty where it does not."""
    key = (name.schema, name.name)
    if tool := _name_tool("tables", name.name):
        return f"is a table of {tool}"
    mine = now.columns.get(key, frozenset())
    base = find_base(name.name)
    if base:
        places = [side for side in (now, then) if side is not None]
        alike = [
            side.tables[other]
            for side in places
            for other, columns in side.columns.items()
            if other in side.tables and other[1].lower() == base.lower() and 2 * len(mine & columns) >= len(columns)
        ]
        if alike:
            return f"looks like a copy of {alike[0]} that was left"
        if then is not None and is_called_a_copy(name.name):
            return "was not there before, and is called as what a migration leaves"
    if then is None or key in now.keyed or key in then.tables or now.objects[name].get("inherits from"):
        return ""
    for other, columns in then.columns.items():
        if other in then.tables and len(columns) >= _TELLING_COLUMNS and columns <= mine and other in now.tables:
            return f"has all columns of {then.tables[other]} and no key, and was not there before"
    return ""


def _find_readers(name: ObjectName, rights: State, now: Side) -> list[str]:
    """The public and roles of an API that may read something that is left."""
    those = [name] if name.kind in _TABLES else []
    if name.kind == "schema":
        those = [table for (schema, _), table in now.tables.items() if schema == name.name]
    readers = set()
    for table in those:
        on = name_target(table, now.objects[table])
        for other, _, role, privilege in rights.grants:
            if other == on and privilege == "SELECT" and rights.is_stranger(role) and rights.opens(on, privilege):
                readers |= {role} if rights.reaches(role, table.schema) else set()
    return sorted(readers)
