"""What filled a column of rows that moved, and must fill it in the table that took them over."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.matching import Facts
from postmigration.diff.objects.moved.moves import Move, Moves, select, tell
from postmigration.diff.objects.renames import FOREIGN_KEY, IDENTIFIER, bare
from postmigration.diff.objects.rules import Level
from postmigration.diff.objects.spelling import excerpt
from postmigration.model.changes import Change, NewIds
from postmigration.model.sqltext import literal
from postmigration.postgres.schema_objects import ObjectName

_NEXT = re.compile(r"nextval\('(?P<sequence>.+)'::regclass\)")
_FILLING = re.compile(r"\bBEFORE INSERT\b.* FOR EACH ROW\b")
_FIRES = ("O", "A")
_INTEGERS = ("smallint", "integer", "bigint")


def compare_defaults(moves: Moves, changes: Sequence[Change]) -> Iterator[Difference]:
    """Compares what fills the columns of tables that are gone with what fills those that took over their values.

    Args:
        changes: what is declared: ids that are known by others are not filled as these were.
    """
    known = {(c.schema, c.table, column) for c in changes if isinstance(c, NewIds) for column in (*c.by, c.column)}
    for move in moves.all:
        if move.stays:
            continue
        there = {n.name: (n, facts) for n, facts in select(moves.after, move.target, "column").items()}
        for old, was in select(moves.before, move.source, "column").items():
            new = there.get(move.same.get(old.name, ""))
            if new is None or not (filled := _describe(was)) or _is_filled(moves, new[1]):
                continue
            counted = _counts(was)
            if counted and new[0].name in _list_keys(moves, move):
                # It holds the number of a row of another table.
                continue
            level: Level = _judge(moves, move, old) if counted and new[1].get("not null") == "yes" else "warning"
            if (*move.target, new[0].name) in known or _may_be_filled(moves, move, old, new[0], counted=counted):
                level = "told"
            words = f"nothing fills {new[0]}, and {old}, whose values it holds, was {filled}"
            if level == "blocker":
                words += f": a row of {move.target[1]} that is inserted without it is refused"
            name = ObjectName(f"default of {new[0]}", "column", new[0].schema, new[0].name, new[0].table)
            was_filled = was.get("identity") or was.get("default") or was["generated"]
            repair = _write_repair(moves, was, new[1])
            yield tell("columns", level, words, name, "taken over: default", was_filled, "none", repair)


def _describe(facts: Facts) -> str:
    """What fills a column, in words; nothing where nothing does."""
    if "identity" in facts:
        return f"an identity, generated {facts['identity']}"
    if "generated" in facts:
        return f"generated as {excerpt(facts['generated'], '')[0]}"
    default = facts.get("default", "NULL")
    return "" if default.partition("::")[0] == "NULL" else f"filled by its default {excerpt(default, '')[0]}"


def _counts(facts: Facts) -> bool:
    """Whether a column fills itself from a sequence."""
    return "identity" in facts or facts.get("default", "").startswith("nextval(")


def _is_filled(moves: Moves, facts: Facts) -> bool:
    """Whether something fills a column of now, if only the default of its domain."""
    domain = f"type {facts.get('type')}"
    return bool(_describe(facts)) or any(
        str(name) == domain and "default" in of for name, of in moves.after.items() if name.kind == "type"
    )


def _list_keys(moves: Moves, move: Move) -> Collection[str]:
    """The columns of the foreign keys of a target."""
    found = (
        FOREIGN_KEY.match(f.get("definition", "")) for f in select(moves.after, move.target, "constraint").values()
    )
    return {bare(column) for parts in found if parts for column in re.findall(IDENTIFIER, parts["ours"])}


def _judge(moves: Moves, move: Move, old: ObjectName) -> Level:
    """How grave it is that nothing counts in a column that may not be NULL: whether anything else was to fill it."""
    column, was_there = move.same[old.name], {n.name for n in select(moves.before, move.target, "column")}
    if move.alone:
        return "blocker"
    if column in was_there:
        return "warning"
    for other in moves.others(move):
        counted = {n.name for n, facts in select(moves.before, other.source, "column").items() if _counts(facts)}
        if column not in {other.same.get(name) for name in counted}:
            return "warning"
    return "blocker"


def _may_be_filled(moves: Moves, move: Move, old: ObjectName, new: ObjectName, *, counted: bool) -> bool:
    """Whether something else may fill a column: a trigger, or for what counts the other part of rows that were split.

    A column that was there before with nothing to fill it needs nothing now.
    """
    if any(
        facts.get("enabled") in _FIRES and _FILLING.search(facts.get("definition", ""))
        for facts in select(moves.after, move.target, "trigger").values()
    ):
        return True
    if any(
        n.name == new.name and not _describe(facts) for n, facts in select(moves.before, move.target, "column").items()
    ):
        return not move.alone
    parts = (one for one in moves.all if one.source == move.source and one.target != move.target and one.whole)
    return counted and any(
        n.name == one.same.get(old.name) and _is_filled(moves, facts)
        for one in parts
        for n, facts in select(moves.after, one.target, "column").items()
    )


def _write_repair(moves: Moves, was: Facts, now: Facts) -> str:
    """What fills the column again, as far as it can be said of the new table."""
    on, column = now["~on"], now["~id"]
    alter = f"ALTER TABLE {on} ALTER COLUMN {column}"
    default = was.get("default", "")
    sequence = _NEXT.fullmatch(default)
    left = sequence is not None and any(str(name) == f"sequence {sequence['sequence']}" for name in moves.after)
    if not _counts(was) or left:
        # What a sequence gives that is there still goes on where it was.
        return f"{alter} SET DEFAULT {default};" if default and (left or was["type"] == now["type"]) else ""
    owned = f"{was['~on']}.{was['~id']}"
    steps = {facts.get("increment", "1") for facts in moves.before.values() if facts.get("owned by") == owned}
    if now["type"] not in _INTEGERS or steps - {"1"}:
        return ""
    name = bare(column)
    lines = [] if now.get("not null") == "yes" else [f"{alter} SET NOT NULL;"]
    lines += [
        f"{alter} ADD GENERATED {was.get('identity', 'by default').upper()} AS IDENTITY;",
        f"SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence({literal(on)}, {literal(name)}), "
        f"(SELECT coalesce(max({column}), 1) FROM {on}));",
    ]
    return "\n".join(lines)
