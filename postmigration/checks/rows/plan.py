"""Which table of the state before is which table now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from postmigration.checks.contents.tables import Name, Relation, children_of, pages_of, title
from postmigration.checks.rows.declared import Declared
from postmigration.checks.rows.declared_pairs import pair_declared
from postmigration.checks.rows.pairs import Pair, pair_tables
from postmigration.postgres.ledgers import holds_ledger_alone


@dataclass
class Plan:
    """What is compared with what.

    Args:
        pairs: tables of both sides.
        lost, new: tables of one side.
        other: tables that are something else now, in words.
        apart: tables that share no column.
        ledgers: tables in which a tool that migrates keeps its own state.
        gone, added: tables of one side, as a migration declares.
        ignored: what a migration declares that is not compared.
        homeless: tables that rows must have moved to, and that are not there.
    """

    pairs: list[Pair] = field(default_factory=list)
    lost: list[Relation] = field(default_factory=list)
    new: list[Relation] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    apart: list[tuple[Relation, Relation]] = field(default_factory=list)
    ledgers: list[Relation] = field(default_factory=list)
    gone: list[Relation] = field(default_factory=list)
    added: list[Relation] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    homeless: list[Name] = field(default_factory=list)


_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "r": "a table", "p": "a partitioned table"}


def plan(before: Mapping[Name, Relation], after: Mapping[Name, Relation], zone: str, declared: Declared) -> Plan:
    """Finds for each table of either side its like on the other one.

    A partition is read through the table that it is part of, unless it stands alone on one of the sides.

    Args:
        before, after: what the catalogs of each side say.
        zone: in which time zone a time without one is read where it has one now.
        declared: the changes that a migration declares.
    """
    found = Plan()
    of_before = before
    before = declared.rename(before)
    children = children_of(before), children_of(after)
    pages = pages_of(after)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if not any(_stands_alone(side, relations) for side, relations in ((was, before), (now, after))):
            continue
        if any(side is not None and side.extension for side in (was, now)):
            continue
        if _is_declared(found, name, was, now, declared):
            continue
        there = [side for side in (now, was) if side is not None]
        if all(holds_ledger_alone(side.schema, side.name, side.columns) for side in there):
            found.ledgers.append(there[0])
            continue
        changes = declared.tables.get(name)
        if changes is not None and changes.changes_rows and now is not None and now.is_table:
            mine, theirs = (sorted(side.get(name, ())) for side in children)
            only = (was is None or was.kind == "r") and now.kind == "r" and (was is None or mine == theirs)
            size = now.pages if only else pages[name]
            kept = was if was is not None and was.is_table else None
            found.pairs.append(pair_declared(kept, now, changes, declared, of_before, only=only, zone=zone, pages=size))
        elif was is None or now is None:
            _sort_one_sided(found, was, now, (before, after), children)
        elif was.is_table and now.is_table:
            mine, theirs = (sorted(side.get(name, ())) for side in children)
            only = was.kind == now.kind == "r" and mine == theirs
            attached = [
                before[child]
                for child in (() if only else children[1].get(name, ()))
                if child in before and before[child].kind == "r" and not before[child].parents
            ]
            size = now.pages if only else pages[name]
            pair = pair_tables(was, now, only=only, zone=zone, pages=size, attached=attached)
            if pair is None:
                found.apart.append((was, now))
            else:
                found.pairs.append(pair)
        elif was.is_table:
            found.other.append(f"{was.title} was {_KINDS[was.kind]} and is {_KINDS[now.kind]}")
        elif now.is_table:
            found.other.append(f"{now.title} was {_KINDS[was.kind]} and is {_KINDS[now.kind]}")
    moved_to = [name for name, changes in declared.tables.items() if changes.moves]
    found.homeless = [name for name in moved_to if name not in after or not after[name].is_table]
    return found


def _is_declared(found: Plan, name: Name, was: Relation | None, now: Relation | None, declared: Declared) -> bool:
    """Puts a table where it belongs that is declared as a whole: gone, new or ignored."""
    if name in declared.ignored:
        found.ignored.append(title(name))
    elif name in declared.gone and was is not None:
        # One that is still there is told where it is judged whether what was declared happened.
        found.gone.append(was)
    elif name in declared.new and was is None and now is not None:
        changes = declared.tables.get(name)
        if changes is not None and changes.changes_rows:
            return False
        found.added.append(now)
    else:
        return False
    return True


def _sort_one_sided(
    found: Plan,
    was: Relation | None,
    now: Relation | None,
    sides: tuple[Mapping[Name, Relation], Mapping[Name, Relation]],
    children: tuple[Mapping[Name, Collection[Name]], Mapping[Name, Collection[Name]]],
) -> None:
    """Puts a table of one side where it belongs; one whose rows are read through its parent belongs nowhere."""
    mine, relation = (0, was) if was is not None else (1, now)
    if relation is None or not relation.is_table:
        return
    # With other children than on the other side, the parent is read with all of them.
    if any(parent in sides[1 - mine] and parent in sides[mine] for parent in relation.parents):
        return
    (found.lost if mine == 0 else found.new).append(relation)


def _stands_alone(relation: Relation | None, relations: Mapping[Name, Relation]) -> bool:
    if relation is None or not relation.is_table:
        return False
    return not (relation.partition and any(parent in relations for parent in relation.parents))
