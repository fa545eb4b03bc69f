"""The objects of before as the declared changes of a migration leave them: what there must be afterwards."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.diff.objects.renames import (
    FOREIGN_KEY,
    IDENTIFIER,
    Column,
    Renames,
    Table,
    bare,
    find_names,
    list_filled,
    list_tables,
)
from postmigration.diff.objects.retypes import change_types
from postmigration.model.changes import (
    Change,
    GoneColumn,
    GoneTable,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
)
from postmigration.model.sqltext import quoted
from postmigration.postgres.schema_objects import ObjectName, Objects


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
    types = spread(_list_types(changes, renames), after)
    expected = _drop_types(before, change_types(expected, after, types), after)
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
    columns, children = {}, list_children(before)
    for change in changes:
        if isinstance(change, RenamedColumn):
            now = tables.get((change.schema, change.table), (change.schema, change.table))
            if (*now, change.to) in ours and (*now, change.column) not in other_columns:
                for table in ((change.schema, change.table), *children.get((change.schema, change.table), ())):
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


def list_children(objects: Objects) -> Mapping[Table, set[Table]]:
    """The partitions of each table, and what inherits from it: a change of a column is one of theirs."""
    written = {facts["~on"]: (name.schema, name.name) for name, facts in objects.items() if name.kind in RELATIONS}
    found: dict[Table, set[Table]] = defaultdict(set)
    for facts in objects.values():
        for parent in _name_parents(facts):
            if parent in written:
                found[written[parent]].add(written[facts["~on"]])
    for table in list(found):
        waiting = [*found[table]]
        while waiting:
            more = found.get(waiting.pop(), set()) - found[table]
            found[table] |= more
            waiting += more
    return found


def spread(columns: Iterable[Column], objects: Objects) -> list[Column]:
    """Some columns, and the same ones of the partitions of their tables and of what inherits from these."""
    children = list_children(objects)
    return [
        (*table, column)
        for schema, name, column in columns
        for table in ((schema, name), *children.get((schema, name), ()))
    ]


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
            or any(column[:2] in gone for column in list_filled(name, facts))
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
    gone = set(spread(gone, before))
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


def _drop_types(before: Objects, expected: Objects, after: Objects) -> Objects:
    """The objects without types that are dropped, of which no column is left that had one."""
    used, left = list_used_types(before).keys(), list_used_types(expected).keys()
    gone = {
        name
        for name, facts in expected.items()
        if name.kind == "type" and name not in after and facts["~on"] in used - left
    }
    said = {f"comment on {name}" for name in gone}
    return {name: facts for name, facts in expected.items() if name not in gone and str(name) not in said}


def list_used_types(objects: Objects) -> Mapping[str, list[Column]]:
    """The types of columns of tables, those of the elements of arrays too, each with the columns of it."""
    found: dict[str, list[Column]] = defaultdict(list)
    for name, facts in objects.items():
        if name.kind == "column" and facts["of"].startswith("table "):
            found[facts["type"].removesuffix("[]")].append((name.schema, name.table, name.name))
    return found


def uses_of(name: ObjectName, facts: Facts) -> Iterator[Column]:
    """The columns without which an object cannot be."""
    if name.kind in ("column", "grant") and name.table:
        yield name.schema, name.table, name.name
    elif name.kind == "constraint":
        for column in facts.get("columns", "").split(", "):
            yield name.schema, name.table, column
        if found := FOREIGN_KEY.match(facts.get("definition", "")):
            for column in re.findall(IDENTIFIER, found["theirs"]):
                yield bare(found["schema"]), bare(found["table"]), bare(column)
    elif name.kind in ("index", "statistics"):
        for column in find_names(facts.get("definition", "")):
            yield name.schema, name.table, column
    yield from list_filled(name, facts)


def _lead_to(name: ObjectName, facts: Facts) -> Iterator[Table]:
    """The table that a foreign key refers to."""
    if name.kind == "constraint" and (found := FOREIGN_KEY.match(facts.get("definition", ""))):
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
    made: set[tuple[str, str, str]] = set()
    for change in changes:
        if not isinstance(change, RepointedReference):
            continue
        for name, facts in before.items():
            if (name.kind, name.schema, name.table) != ("constraint", change.schema, change.table):
                continue
            still = (name.schema, name.table, facts.get("definition")) in here
            definition = None if still else _repoint(facts, change, find_through(change, changes), after)
            if definition is not None and (name.schema, name.table, definition) in made:
                # Where two columns became one, one foreign key holds for what both referred to.
                del found[name]
            elif definition is not None:
                made.add((name.schema, name.table, definition))
                columns = [
                    change.to or change.column if c == change.column else c for c in facts["columns"].split(", ")
                ]
                sql = facts["~sql"].replace(facts["definition"], definition)
                found[name] = {**facts, "definition": definition, "columns": ", ".join(columns), "~sql": sql}
    return found


def _repoint(facts: Facts, change: RepointedReference, through: Table, after: Objects) -> str | None:
    """The definition of the foreign key that a re-pointed reference must have; None for another constraint."""
    parts = FOREIGN_KEY.match(facts.get("definition", ""))
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
        elif isinstance(change, NewIds):
            # What ids are that follow from nothing of before is as new as they are.
            yield change.schema, change.table, change.column


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
