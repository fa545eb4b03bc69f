"""What values of rows that moved may be, beside what they might be before: constraints, unique indexes, NOT NULL."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.moved.moves import Move, Moves, find_table, select, tell
from postmigration.diff.objects.renames import FOREIGN_KEY, IDENTIFIER, bare, find_names
from postmigration.diff.objects.rules import Level
from postmigration.diff.objects.spelling import excerpt, normalize
from postmigration.model.changes import Change, RepointedReference
from postmigration.postgres.schema_objects import ObjectName

_CAST = re.compile(r"::(?:[a-z]+(?: [a-z]+)*|\"[^\"]+\")(?:\.(?:\w+|\"[^\"]+\"))?(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])?")
_CALLED = re.compile(r"EXECUTE (?:FUNCTION|PROCEDURE) ([^(]+)\(")
_FILLED = re.compile(rf"CHECK \(\({IDENTIFIER} IS NOT NULL\)\)")
_PREDICATE = " WHERE "
_NULLS_ALIKE = "NULLS NOT DISTINCT"


def compare_rules(moves: Moves) -> Iterator[Difference]:
    """Compares the rules of all tables that are gone with those of the tables that took over their rows."""
    for source in moves.heirs:
        own = [move for move in moves.all if move.source == source and not move.stays]
        for move in own:
            for compare in (_compare_columns, _compare_keys, _compare_checks, _compare_triggers):
                yield from compare(moves, move)
        for name, facts in select(moves.before, source, "constraint", "index").items():
            if _is_unique(facts):
                yield from _compare_unique(moves, own, name, facts)
            elif name.kind == "index" and "constraint" not in facts:
                yield from _compare_index(moves, own, name, facts)


def _compare_columns(moves: Moves, move: Move) -> Iterator[Difference]:
    """NOT NULL of the columns that were copied."""
    columns = {n.name: (n, facts) for n, facts in select(moves.after, move.target, "column").items()}
    for old, was in select(moves.before, move.source, "column").items():
        new = columns.get(move.follows.get(old.name, ""))
        if was.get("not null") != "yes" or new is None or new[1].get("not null") == "yes":
            continue
        words = f"{new[0]} may be NULL, and {old}, whose values it holds, might not"
        ruled = ObjectName(f"NOT NULL of {new[0]}", "column", new[0].schema, new[0].name, new[0].table)
        # Rows of another table may have nothing to put there.
        level: Level = "blocker" if move.alone else "told"
        repair = f"ALTER TABLE {new[1]['~on']} ALTER COLUMN {new[1]['~id']} SET NOT NULL;"
        yield tell("constraints", level, words, ruled, "taken over: not null", "yes", "no", repair)


def _is_unique(facts: Facts) -> bool:
    if "kind" in facts:
        return facts["kind"] in ("primary key", "unique")
    return facts.get("unique") == "True" and "constraint" not in facts


def _compare_unique(moves: Moves, own: Sequence[Move], name: ObjectName, facts: Facts) -> Iterator[Difference]:
    """Whether what was unique is so where the rows are, of rows that were split in one of the parts at least."""
    lost: list[tuple[Move, list[str], list[str]]] = []
    filtered = find_names(_predicate(facts))
    kept = False
    for move in own:
        columns = _map(_list_columns(moves, move, name, facts), move.keyed)
        among = [n.name for n in select(moves.before, move.source, "column") if n.name in filtered]
        if columns is None or not move.keyed.keys() >= set(among):
            continue
        if _has_unique(moves, move, columns, facts):
            kept |= move.whole
        else:
            lost.append((move, columns, [*columns, *(move.keyed[column] for column in among)]))
    for move, columns, more in lost:
        if kept and move.whole:
            continue
        target = find_table(moves.after, move.target)[0]
        level: Level = "blocker" if move.alone or _others_are_unique(moves, move, columns) else "warning"
        # Read whether the columns as they are, or with those of a predicate, say the same.
        if ("(" in _terms(facts) or filtered) and _has_unique(moves, move, more, {}):
            level = "warning"
        words = f"{', '.join(columns)} of {target} need not be unique, and {_describe(name, facts)}"
        yield tell("constraints", level, words, _rename(moves, move, name),
                   "taken over: unique")  # fmt: skip


def _compare_index(moves: Moves, own: Sequence[Move], name: ObjectName, facts: Facts) -> Iterator[Difference]:
    """Whether rows are found by the columns of an index where they are; what an expression finds is not known."""
    if "(" in _terms(facts):
        return
    lost: list[tuple[Move, list[str]]] = []
    for move in own:
        columns = _map(_list_leading(_terms(facts)), move.follows)
        if columns is None:
            continue
        there = [_list_leading(_terms(now)) for now in select(moves.after, move.target, "index").values()]
        if any(set(one[: len(columns)]) == set(columns) for one in there):
            return
        lost.append((move, columns))
    for move, columns in lost:
        target = find_table(moves.after, move.target)[0]
        words = f"{name} has no successor on {target}, which took over its rows: no index there is over "
        yield tell("indexes", "warning", words + ", ".join(columns), _rename(moves, move, name),
                   "taken over: index lost")  # fmt: skip


def _list_leading(terms: str) -> list[str]:
    """The columns of an index in their order, up to the first expression."""
    return [bare(found) for found in re.findall(rf"(?:^|, )({IDENTIFIER})", terms.partition("(")[0])]


def _list_columns(moves: Moves, move: Move, name: ObjectName, facts: Facts) -> list[str]:
    """The columns of a constraint or an index."""
    if name.kind == "constraint":
        return facts.get("columns", "").split(", ")
    named = find_names(_terms(facts))
    return [n.name for n in select(moves.before, move.source, "column") if n.name in named]


def _map(columns: Collection[str], known: Mapping[str, str]) -> list[str] | None:
    """The columns of now; None where one of them is not among those that moved."""
    return [known[column] for column in columns] if columns and all(c in known for c in columns) else None


def _terms(facts: Facts) -> str:
    """What an index is over, without its predicate; of a constraint nothing but its columns."""
    if "kind" in facts:
        return ""
    text = facts.get("definition", "").partition(_PREDICATE)[0].partition(" INCLUDE (")[0]
    return text.partition("(")[2].rpartition(")")[0]


def _predicate(facts: Facts) -> str:
    """Which rows an index is over; of a constraint nothing, since that is all."""
    return "" if "kind" in facts else facts.get("definition", "").partition(_PREDICATE)[2]


def _has_unique(moves: Moves, move: Move, columns: Collection[str], facts: Facts) -> bool:
    """Whether no two of the rows have the same values in some columns.

    An expression that is unique makes the columns so that it is over. Where rows of other tables are too, an index
    over a part of the rows counts.
    """
    renames = moves.renames_of(move)
    there = {n.name for n in select(moves.after, move.target, "column")}
    terms = _bare(renames.rewrite(_terms(facts), move.source))
    expression = "(" in _terms(facts)
    where = _bare(renames.rewrite(_predicate(facts), move.source))
    for name, now in select(moves.after, move.target, "constraint", "index").items():
        if not _is_unique(now):
            continue
        over = set(now["columns"].split(", ")) if name.kind == "constraint" else find_names(_terms(now)) & there
        only = _predicate(now)
        if only and _bare(only) != where and move.alone:
            continue
        if _NULLS_ALIKE in facts.get("definition", "") and _NULLS_ALIKE not in now["definition"]:
            continue
        if over and over <= {*columns, *move.constant} and (not expression or _bare(_terms(now)) == terms):
            return True
    return False


def _others_are_unique(moves: Moves, move: Move, columns: Collection[str]) -> bool:
    """Whether the rows of the other tables are unique in the same columns, or have nothing there."""
    others = list(moves.others(move))
    if len({one.source for one in others}) == 0:
        return False
    for one in others:
        back = {new: old for old, new in one.keyed.items()}
        filled = [column for column in columns if column in one.follows.values()]
        if not filled:
            continue
        was = {back[column] for column in columns if column in back}
        unique = [
            set(_list_columns(moves, one, n, f))
            for n, f in select(moves.before, one.source, "constraint", "index").items()
            if _is_unique(f) and _PREDICATE not in f.get("definition", "")
        ]
        if not any(over <= was for over in unique):
            return False
    return True


def _compare_keys(moves: Moves, move: Move) -> Iterator[Difference]:
    """Foreign keys: the same columns must lead to what the parent became."""
    target = find_table(moves.after, move.target)[0]
    there = _read_keys(moves, move)
    for name, facts in select(moves.before, move.source, "constraint").items():
        parts = FOREIGN_KEY.match(facts.get("definition", ""))
        columns = _map(facts.get("columns", "").split(", "), move.keyed)
        if parts is None or columns is None:
            continue
        parents = moves.became((bare(parts["schema"]), bare(parts["table"])))
        if not parents:
            continue
        alike = [one for one in there if set(columns) == one[0]]
        led = [one for one in alike if one[1] in parents]
        renamed = _rename(moves, move, name)
        if not led:
            others = any(c in one.follows.values() for one in moves.others(move) for c in columns) or not (
                move.alone or list(moves.others(move))
            )
            words = (
                f"{', '.join(columns)} of {target} has no foreign key to {' or '.join(sorted(t for _, t in parents))}, "
                f"and {_describe(name, facts)}"
            )
            yield tell("constraints", "warning" if others else "blocker", words, renamed, "taken over: foreign key")
        elif parts["rest"] not in (says := [rest for _, _, rest in led]):
            words = _describe_rest(f"{', '.join(columns)} of {target}", name, parts["rest"], says[0])
            yield tell("constraints", "blocker", words, renamed, "taken over: foreign key changed")


def _describe_rest(columns: str, name: ObjectName, was: str, now: str) -> str:
    """What foreign keys say after the parent: what follows its changes, and when it is checked."""
    said, says = was.strip() or "nothing", now.strip() or "nothing"
    return f"the foreign key of {columns} says {says} after its parent, and {name} said {said}"


def _read_keys(moves: Moves, move: Move) -> list[tuple[set[str], tuple[str, str], str]]:
    """The foreign keys of a target: their columns, the table to which they lead, and what follows it."""
    return [
        ({bare(c) for c in re.findall(IDENTIFIER, p["ours"])}, (bare(p["schema"]), bare(p["table"])), p["rest"])
        for facts in select(moves.after, move.target, "constraint").values()
        if (p := FOREIGN_KEY.match(facts.get("definition", "")))
    ]


def _compare_checks(moves: Moves, move: Move) -> Iterator[Difference]:
    """CHECK and exclusion constraints: what they say of copied columns, and of others whether there is one."""
    target = find_table(moves.after, move.target)[0]
    renames = moves.renames_of(move)
    columns_now = {n.name: facts for n, facts in select(moves.after, move.target, "column").items()}
    columns_was = {n.name: facts for n, facts in select(moves.before, move.source, "column").items()}
    for name, facts in select(moves.before, move.source, "constraint").items():
        names = facts.get("columns", "").split(", ")
        columns = _map(names, move.follows)
        if facts.get("kind") not in ("check", "exclusion") or columns is None:
            continue
        copied = all(column in move.same for column in names)
        expected = _bare(renames.rewrite(facts["definition"], move.source))
        there = {
            other: now["definition"]
            for other, now in select(moves.after, move.target, "constraint").items()
            if now.get("kind") == facts["kind"] and set(columns) <= set(now.get("columns", "").split(", "))
        }
        if any(_bare(text) == expected for text in there.values()) and (copied or _is_of_signs(expected)):
            continue
        if _FILLED.fullmatch(facts["definition"]) and columns_now.get(columns[0], {}).get("not null") == "yes":
            continue
        # Of values of which something else was made it may say nothing.
        derived = not set(names) <= move.keyed.keys()
        shown = _describe(name, facts)
        if there:
            other, text = next(iter(there.items()))
            words = f"{shown}; {other} is {excerpt(text, '')[0]}: read whether it says the same of the rows that moved"
            yield tell("constraints", "warning", words, other, f"taken over: {facts['kind']} changed")
            continue
        typed = [columns_now[c].get("~checked") == "True" for c in columns if c in columns_now]
        typed += [
            columns_was[a].get("type") != columns_now[b].get("type")
            for a, b in zip(names, columns, strict=True)
            if copied and a in columns_was and b in columns_now
        ]
        led = any(set(columns) <= key[0] for key in _read_keys(moves, move))
        level: Level = "warning" if any(typed) or led or derived or not move.alone else "blocker"
        words = f"{target} has no {facts['kind'].upper()} of {', '.join(columns)}, and {shown}"
        yield tell("constraints", level, words, _rename(moves, move, name), f"taken over: {facts['kind']} lost")


def _compare_triggers(moves: Moves, move: Move) -> Iterator[Difference]:
    """Triggers: whether one calls the same function."""
    target = find_table(moves.after, move.target)[0]
    called = {_name_called(now) for now in select(moves.after, move.target, "trigger").values()}
    for name, facts in select(moves.before, move.source, "trigger").items():
        function = _name_called(facts)
        if function and facts.get("~child") != "True" and function not in called:
            words = f"{name} called {function} for the rows that {target} took over, and no trigger there does"
            yield tell("triggers", "warning", words, _rename(moves, move, name), "taken over: trigger lost")


def _name_called(facts: Facts) -> str:
    found = _CALLED.search(facts.get("definition", ""))
    return "" if found is None else found[1]


def compare_children(moves: Moves, changes: Collection[Change]) -> Iterator[Difference]:
    """Compares the foreign keys of tables that stayed and led to one that is gone, whose key its heirs hold.

    Args:
        changes: what is declared: references that are re-pointed are judged as that.
    """
    repointed = {(c.schema, c.table, c.column) for c in changes if isinstance(c, RepointedReference)}
    there = [
        (n, p)
        for n, facts in moves.after.items()
        if n.kind == "constraint" and (p := FOREIGN_KEY.match(facts.get("definition", "")))
    ]
    for name, facts in moves.before.items():
        parts = FOREIGN_KEY.match(facts.get("definition", "")) if name.kind == "constraint" else None
        if parts is None or (name.schema, name.table) in moves.heirs:
            continue
        parent = bare(parts["schema"]), bare(parts["table"])
        keys = [bare(column) for column in re.findall(IDENTIFIER, parts["theirs"])]
        held = [move.target for move in moves.all if move.source == parent and all(key in move.same for key in keys)]
        old = facts.get("columns", "").split(", ")
        if parent not in moves.heirs or not held or any((name.schema, name.table, c) in repointed for c in old):
            continue
        table = moves.renames.rename_table((name.schema, name.table))
        columns = [moves.renames.columns.get((name.schema, name.table, column), column) for column in old]
        if not {n.name for n in select(moves.after, table, "column")}.issuperset(columns):
            continue
        led = [
            p["rest"]
            for n, p in there
            if (n.schema, n.table) == table
            and [bare(c) for c in re.findall(IDENTIFIER, p["ours"])] == columns
            and (bare(p["schema"]), bare(p["table"])) in held
        ]
        where = f"{', '.join(columns)} of {'.'.join(table)}"
        if not led:
            words = (
                f"{where} has no foreign key to {' or '.join(t for _, t in held)}, "
                f"and {_describe(name, facts, 'which led to the rows that it took over')}"
            )
            yield tell("constraints", "blocker", words, name, "taken over: foreign key of a child")
        elif parts["rest"] not in led:
            words = _describe_rest(where, name, parts["rest"], led[0])
            yield tell("constraints", "blocker", words, name, "taken over: foreign key of a child changed")


def _rename(moves: Moves, move: Move, name: ObjectName) -> ObjectName:
    """A constraint, an index or a trigger as it would be called on the target."""
    renamed = next(iter(moves.renames_of(move).rename_all({name: moves.before[name]})))
    return ObjectName(str(renamed), renamed.kind, renamed.schema, renamed.name, renamed.table or move.target[1])


def _describe(name: ObjectName, facts: Facts, whose: str = "whose rows it took over") -> str:
    made = "UNIQUE INDEX" if "kind" not in facts else ""
    return f"{name}, {whose}, was {made}{excerpt(facts['definition'].rstrip(), '')[0]}"


def _bare(text: str) -> str:
    """An expression without casts: what of it can be compared where types differ."""
    return normalize(_CAST.sub("", text))


def _is_of_signs(text: str) -> bool:
    """Whether an expression holds no number but zero, and no text: what a factor leaves true."""
    return "'" not in text and set(re.findall(r"(?<![\w\"])\d[\d.]*", text)) <= {"0"}
