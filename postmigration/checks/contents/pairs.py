"""Which table of the state before is which table now, and how the two are read so that their rows can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from postmigration.checks.contents import retyped
from postmigration.checks.contents.tables import Name, Relation, children_of, pages_of
from postmigration.diff.hashing import Hashing, Method, hashing
from postmigration.diff.row_sets import RowSet
from postmigration.model.sqltext import quoted
from postmigration.postgres.ledgers import holds_ledger_alone


@dataclass(frozen=True)
class Pair:
    """A table on both sides.

    Args:
        only: its rows are read without those of the tables that inherit from it.
        columns: what is compared, the key's first.
        key: the columns that identify a row; empty where nothing does.
        types: the type of each column beneath its domain, on each side.
        sql: the query for the rows of each side.
        retyped: the columns that have another type now.
        pages: about how large it is.
    """

    was: Relation
    now: Relation
    only: bool
    columns: tuple[str, ...]
    key: tuple[str, ...]
    types: tuple[Mapping[str, str], Mapping[str, str]]
    sql: tuple[str, str]
    retyped: tuple[str, ...]
    pages: int

    @property
    def title(self) -> str:
        """What it is called."""
        return self.now.title

    @property
    def sides_roots(self) -> tuple[dict[str, str], dict[str, str]]:
        """The types beneath the domains of what is compared, on each side."""
        was, now = ({name: side.columns[name].root for name in self.columns} for side in (self.was, self.now))
        return was, now

    def row_set(self, side: int) -> RowSet:
        """The rows of one side."""
        return RowSet(self.sql[side], self.columns, len(self.key) or len(self.columns))

    def hashing(self, method: Method, secret: int) -> Hashing:
        """How its rows are hashed alike on both sides."""
        return hashing(*self.types, method, secret)

    def describe_retyped(self, name: str) -> str:
        """How a column's type changed, in words."""
        return f"{name} was {self.was.columns[name].type} and is {self.now.columns[name].type}"


@dataclass
class Plan:
    """What is compared with what.

    Args:
        pairs: tables of both sides.
        lost, new: tables of one side.
        other: tables that are something else now, in words.
        apart: tables that share no column.
        ledgers: tables in which a tool that migrates keeps its own state.
    """

    pairs: list[Pair] = field(default_factory=list)
    lost: list[Relation] = field(default_factory=list)
    new: list[Relation] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    apart: list[tuple[Relation, Relation]] = field(default_factory=list)
    ledgers: list[Relation] = field(default_factory=list)


_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "r": "a table", "p": "a partitioned table"}


def plan(before: Mapping[Name, Relation], after: Mapping[Name, Relation], zone: str) -> Plan:
    """Finds for each table of either side its like on the other one.

    A partition is read through the table that it is part of, unless it stands alone on one of the sides.

    Args:
        before, after: what the catalogs of each side say.
        zone: in which time zone a time without one is read where it has one now.
    """
    found = Plan()
    children = children_of(before), children_of(after)
    pages = pages_of(after)
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if not any(_stands_alone(side, relations) for side, relations in ((was, before), (now, after))):
            continue
        if any(side is not None and side.extension for side in (was, now)):
            continue
        there = [side for side in (now, was) if side is not None]
        if all(holds_ledger_alone(side.schema, side.name, side.columns) for side in there):
            found.ledgers.append(there[0])
            continue
        if was is None or now is None:
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
    return found


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


def pair_tables(
    was: Relation,
    now: Relation,
    *,
    only: bool,
    zone: str,
    pages: int,
    plain: bool = False,
    attached: Sequence[Relation] = (),
) -> Pair | None:
    """How two tables are compared, in all columns that both have; None where there are none.

    Args:
        only: without the tables that inherit from them.
        zone: see `plan`.
        pages: about how large the table is.
        plain: columns that have another type are compared as text.
        attached: tables that stood alone, and are read through this one now.
    """
    common = [name for name in was.columns if name in now.columns]
    if not common and (was.columns or now.columns):
        return None
    key = _choose_key(was, now, common)
    columns = (*key, *(name for name in common if name not in key))
    written: dict[str, tuple[str, str] | None] = {}
    for name in columns:
        mine, theirs = was.columns[name], now.columns[name]
        written[name] = retyped.write_text(mine, theirs) if plain else retyped.write_values(mine, theirs, zone)
    if any(written.values()):
        # What is generated of a column with other decimals has others, too.
        for name in columns:
            if was.columns[name].generated and now.columns[name].generated and written[name] is None:
                written[name] = retyped.write_generated(was.columns[name], now.columns[name])
    sql, types = [], []
    for i, side in enumerate((was, now)):
        values, roots = [], {}
        for name, how in written.items():
            value = f"r.{quoted(name)}"
            roots[name] = side.columns[name].root if how is None else "text"
            values.append(f"{value if how is None else how[i].replace('{0}', value)} AS {quoted(name)}")
        sources = [side, *(table for table in attached if i == 0 and set(columns) <= table.columns.keys())]
        sql.append(
            "\nUNION ALL\n".join(
                f"SELECT {', '.join(values)} FROM {'ONLY ' * only}{source.sql} r" for source in sources
            )
        )
        types.append(roots)
    changed = tuple(name for name in columns if was.columns[name].root_type != now.columns[name].root_type)
    return Pair(was, now, only, columns, key, (types[0], types[1]), (sql[0], sql[1]), changed, pages)


def _choose_key(was: Relation, now: Relation, common: Collection[str]) -> tuple[str, ...]:
    """The key that both sides have, else that of one of them whose columns both have, else none."""
    still = {frozenset(key) for key in now.keys}
    mine = [key for key in was.keys if set(key) <= set(common)]
    both = [key for key in mine if frozenset(key) in still]
    theirs = [key for key in now.keys if set(key) <= set(common)]
    return next(iter([*both, *mine, *theirs]), ())
