"""The objects of before as the declared changes of a migration leave them: what there must be afterwards."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.diff.objects.renames import IDENTIFIER, Column, Renames, Table, bare, find_names, list_tables
from postmigration.diff.objects.spelling import normalize
from postmigration.model.changes import (
    Change,
    GoneColumn,
    GoneTable,
    MovedRows,
    NewColumn,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects

_LIST = rf"{IDENTIFIER}(?:, {IDENTIFIER})*"
_FOREIGN_KEY = re.compile(
    rf"FOREIGN KEY \((?P<ours>{_LIST})\) REFERENCES (?P<schema>{IDENTIFIER})\.(?P<table>{IDENTIFIER})"
    rf"\((?P<theirs>{_LIST})\)(?P<rest>.*)",
    re.DOTALL,
)
_OWNED = re.compile(rf"({IDENTIFIER})\.({IDENTIFIER})\.({IDENTIFIER})")
_CAST = re.compile(
    rf"::{IDENTIFIER}(?:\.{IDENTIFIER})?(?: varying| precision| with(?:out)? time zone)?(?:\([\d, ]+\))?(?:\[\])*"
)
_NUMBER = re.compile(r"'(-?[\d.]+)'")
_TRUTH = {"0": "false", "1": "true"}
_INTEGERS = ("smallint", "integer", "bigint")
_SAID = ("definition", "using", "check", "default", "generated", "sql body")


def expect_objects(before: Objects, after: Objects, changes: Sequence[Change]) -> Objects:
    """What objects there must be afterwards, and what they must say.

    A change that did not happen leaves everything as it was: that it did not is judged elsewhere.

    Args:
        before: the objects of the baseline.
        after: those of the target, which tell how a change was made where it can be made in several ways.
        changes: what is declared.
    """
    if not changes:
        return before
    renames = read_renames(before, after, changes)
    expected = _point_elsewhere(before, after, changes)
    expected = _drop_columns(_drop_tables(expected, after, changes), after, changes)
    expected = renames.rename_all(expected)
    types = [
        (*child, column)
        for *table, column in _list_types(changes, renames)
        for child in find_children(after, (table[0], table[1]))
    ]
    expected = _change_types(expected, after, types)
    return _take_over_texts(expected, after, renames)


def read_renames(before: Objects, after: Objects, changes: Sequence[Change]) -> Renames:
    """The tables and columns that have other names, as far as they really have."""
    known, there = list_tables(before), list_tables(after)
    tables = {
        (change.schema, change.table): (change.to_schema or change.schema, change.to)
        for change in changes
        if isinstance(change, RenamedTable)
    }
    others = there - list_made(changes)
    tables = {was: now for was, now in tables.items() if was in known and now in there and was not in others}
    ours = list_columns(after)
    other_columns = ours - list_made_columns(changes)
    columns = {}
    for change in changes:
        if isinstance(change, RenamedColumn):
            now = tables.get((change.schema, change.table), (change.schema, change.table))
            if (*now, change.to) in ours and (*now, change.column) not in other_columns:
                for table in find_children(before, (change.schema, change.table)):
                    columns[*table, change.column] = change.to
    spelled = {name.name: facts["~id"] for name, facts in after.items() if name.kind in ("column", "constraint")}
    for name, facts in after.items():
        if name.kind in (*RELATIONS, "schema"):
            spelled[name.name] = re.findall(IDENTIFIER, facts["~on"])[-1]
    return Renames(tables, columns, known, spelled)


def list_made(changes: Sequence[Change]) -> set[Table]:
    """The names of tables that are new, or that another one had before: whoever had them is gone from there."""
    new = {(c.schema, c.table) for c in changes if isinstance(c, NewTable)}
    return new | {(c.to_schema or c.schema, c.to) for c in changes if isinstance(c, RenamedTable)}


def list_made_columns(changes: Sequence[Change]) -> set[Column]:
    """The names of columns that are new, or that another one had before, with their tables' names afterwards."""
    tables = {(c.schema, c.table): (c.to_schema or c.schema, c.to) for c in changes if isinstance(c, RenamedTable)}
    new = {(c.schema, c.table, c.column) for c in changes if isinstance(c, NewColumn)}
    renamed = (c for c in changes if isinstance(c, RenamedColumn))
    return new | {(*tables.get((c.schema, c.table), (c.schema, c.table)), c.to) for c in renamed}


def find_children(objects: Objects, table: Table) -> set[Table]:
    """A table with its partitions, and with what inherits from it: a change of a column is one of theirs."""
    written = {facts["~on"]: (name.schema, name.name) for name, facts in objects.items() if name.kind in RELATIONS}
    parents = {
        written[facts["~on"]]: {written.get(parent) for parent in _name_parents(facts)}
        for name, facts in objects.items()
        if name.kind in RELATIONS
    }
    found, size = {table}, 0
    while size != len(found):
        size = len(found)
        found |= {child for child, of in parents.items() if of & found}
    return found


def _name_parents(facts: Facts) -> list[str]:
    return [*facts.get("partition of", "").split(", "), *facts.get("inherits from", "").split(", ")]


def list_columns(objects: Objects) -> set[Column]:
    """The columns of a state."""
    return {(name.schema, name.table, name.name) for name in objects if name.kind == "column"}


def _drop_tables(before: Objects, after: Objects, changes: Sequence[Change]) -> Objects:
    """The objects without tables that are dropped, and without all that stands on them or leads there."""
    there = list_tables(after) - list_made(changes)
    gone = {(change.schema, change.table) for change in changes if isinstance(change, GoneTable)} - there
    if not gone:
        return before
    written = {facts["~on"]: (name.schema, name.name) for name, facts in before.items() if name.kind in RELATIONS}
    parents = {
        (name.schema, name.name): written.get(facts.get("partition of", ""))
        for name, facts in before.items()
        if name.kind in RELATIONS
    }
    size = 0
    while size != len(gone):
        size = len(gone)
        gone |= {table for table, parent in parents.items() if parent in gone and table not in there}
    texts = {f"table {on}" for on, table in written.items() if table in gone}
    return {
        name: facts
        for name, facts in before.items()
        if not (
            (name.kind in RELATIONS and (name.schema, name.name) in gone)
            or (name.table and (name.schema, name.table) in gone)
            or facts.get("of") in texts
            or (name.kind == "comment" and any(str(name).endswith(f" {text}") for text in texts))
            or any(table in gone for table in _lead_to(name, facts))
            or any(column[:2] in gone for column in _fill(name, facts))
        )
    }


def _drop_columns(before: Objects, after: Objects, changes: Sequence[Change]) -> Objects:
    """The objects without columns that are dropped, and without what cannot be without them."""
    renamed = {(c.schema, c.table): (c.to_schema or c.schema, c.to) for c in changes if isinstance(c, RenamedTable)}
    there = list_columns(after) - list_made_columns(changes)
    gone = {
        (c.schema, c.table, c.column)
        for c in changes
        if isinstance(c, GoneColumn)
        and not {(c.schema, c.table, c.column), (*renamed.get((c.schema, c.table), ("", "")), c.column)} & there
    }
    if not gone:
        return before
    gone = {(*child, column) for *table, column in gone for child in find_children(before, (table[0], table[1]))}
    # What is there under its name over other columns is compared as anything else is.
    kept = {str(name) for name in after if name.kind in ("constraint", "index", "statistics")}
    texts = {
        (name.schema, name.table, name.name): f"column {name.name} of {facts['of']}"
        for name, facts in before.items()
        if name.kind == "column"
    }
    said = {f"comment on {texts[column]}" for column in gone if column in texts}
    return {
        name: facts
        for name, facts in before.items()
        if str(name) in kept or not (str(name) in said or any(column in gone for column in uses_of(name, facts)))
    }


def uses_of(name: ObjectName, facts: Facts) -> Iterator[Column]:
    """The columns without which an object cannot be."""
    if name.kind in ("column", "grant") and name.table:
        yield name.schema, name.table, name.name
    elif name.kind == "constraint":
        for column in facts.get("columns", "").split(", "):
            yield name.schema, name.table, column
        if found := _FOREIGN_KEY.match(facts.get("definition", "")):
            for column in re.findall(IDENTIFIER, found["theirs"]):
                yield bare(found["schema"]), bare(found["table"]), bare(column)
    elif name.kind in ("index", "statistics"):
        for column in find_names(facts.get("definition", "")):
            yield name.schema, name.table, column
    yield from _fill(name, facts)


def _fill(name: ObjectName, facts: Facts) -> Iterator[Column]:
    """The column that a sequence belongs to."""
    if name.kind == "sequence" and (found := _OWNED.fullmatch(facts.get("owned by", ""))):
        yield bare(found[1]), bare(found[2]), bare(found[3])


def _lead_to(name: ObjectName, facts: Facts) -> Iterator[Table]:
    """The table that a foreign key refers to."""
    if name.kind == "constraint" and (found := _FOREIGN_KEY.match(facts.get("definition", ""))):
        yield bare(found["schema"]), bare(found["table"])


def find_through(change: RepointedReference, changes: Sequence[Change]) -> Table:
    """The table to which a reference is re-pointed, by its name afterwards."""
    moves = (c for c in changes if isinstance(c, MovedRows) and c.to == change.through)
    schemas = [move.to_schema or move.schema for move in moves]
    return (schemas[0] if schemas else change.schema), change.through


def _point_elsewhere(before: Objects, after: Objects, changes: Sequence[Change]) -> Objects:
    """The objects with the foreign keys that references which are re-pointed must have."""
    found = dict(before)
    here = {(name.schema, name.table, facts.get("definition")) for name, facts in after.items()}
    for change in changes:
        if not isinstance(change, RepointedReference):
            continue
        for name, facts in before.items():
            if (name.kind, name.schema, name.table) != ("constraint", change.schema, change.table):
                continue
            still = (name.schema, name.table, facts.get("definition")) in here
            definition = None if still else _repoint(facts, change, find_through(change, changes), after)
            if definition is not None:
                columns = [
                    change.to or change.column if c == change.column else c for c in facts["columns"].split(", ")
                ]
                sql = facts["~sql"].replace(facts["definition"], definition)
                found[name] = {**facts, "definition": definition, "columns": ", ".join(columns), "~sql": sql}
    return found


def _repoint(facts: Facts, change: RepointedReference, through: Table, after: Objects) -> str | None:
    """The definition of the foreign key that a re-pointed reference must have; None for another constraint."""
    parts = _FOREIGN_KEY.match(facts.get("definition", ""))
    if parts is None or (bare(parts["schema"]), bare(parts["table"])) != (
        change.parent_schema or change.schema,
        change.parent,
    ):
        return None
    ours, theirs = ([*re.findall(IDENTIFIER, parts[side])] for side in ("ours", "theirs"))
    if (change.column, change.parent_column) not in zip(map(bare, ours), map(bare, theirs), strict=True):
        return None
    key = change.through_column or find_key(after, through)
    place = [*map(bare, ours)].index(change.column)
    spelled = {(n.schema, n.table, n.name): f["~id"] for n, f in after.items() if n.kind == "column"}
    written = next((f["~on"] for n, f in after.items() if n.kind in RELATIONS and (n.schema, n.name) == through), "")
    to = change.to or change.column
    ours[place] = next((s for (_, _, name), s in spelled.items() if name == to), quoted(to))
    theirs[place] = spelled.get((*through, key), quoted(key))
    where = written or ".".join(map(quoted, through))
    return f"FOREIGN KEY ({', '.join(ours)}) REFERENCES {where}({', '.join(theirs)}){parts['rest']}"


def find_key(objects: Objects, table: Table) -> str:
    """The column that is the primary key of a table; empty where that is none or several."""
    for name, facts in objects.items():
        if (name.kind, name.schema, name.table, facts.get("kind")) == ("constraint", *table, "primary key"):
            columns = facts["columns"].split(", ")
            return columns[0] if len(columns) == 1 else ""
    return ""


def _list_types(changes: Sequence[Change], renames: Renames) -> Iterator[Column]:
    """The columns that have other types, by their names afterwards."""
    for change in changes:
        in_place = isinstance(change, RepointedReference) and change.to in ("", change.column)
        if isinstance(change, Retyped) or (isinstance(change, RepointedReference) and in_place):
            yield (*renames.rename_table((change.schema, change.table)), change.column)


def _change_types(before: Objects, after: Objects, columns: Sequence[Column]) -> Objects:
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
            for sequence in [n for n, f in found.items() if n not in after and column in _fill(n, f)]:
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
        if name.kind == "constraint" and (found := _FOREIGN_KEY.match(facts.get("definition", ""))):
            if (bare(found["schema"]), bare(found["table"])) == column[:2]:
                pairs = zip(*(map(bare, re.findall(IDENTIFIER, found[s])) for s in ("ours", "theirs")), strict=True)
                yield from ((name.schema, name.table, ours) for ours, theirs in pairs if theirs == column[2])
        elif name.kind in ("view", "materialized view"):
            used = {tuple(map(bare, parts)) for parts in _OWNED.findall(facts.get("refers to", ""))}
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


def _take_over_texts(before: Objects, after: Objects, renames: Renames) -> Objects:
    """Views and bodies of functions say the same where renamed tables and columns alone tell them apart."""
    if not renames.tables and not renames.columns:
        return before
    found: dict[ObjectName, Facts] = {}
    for name, facts in before.items():
        keys = {"view": "definition", "materialized view": "definition", "function": "body"}
        key, now = keys.get(name.kind), after.get(name)
        found[name] = facts
        if key is None or now is None or facts.get(key) == now.get(key) or key not in facts or key not in now:
            continue
        # A view that reads another column of a new name is another one.
        reads = [set(side.get("refers to", "").split(", ")) for side in (facts, now)]
        # The names of before stand in the body, and were put away in the definition.
        if reads[0] == reads[1] and renames.explains(facts[key], now[key]):
            found[name] = {**facts, key: now[key]}
    return found
