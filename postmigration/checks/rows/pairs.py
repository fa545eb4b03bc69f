"""How a table is read on both sides so that its rows can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from postmigration.checks.contents.tables import Relation
from postmigration.checks.rows import retyped
from postmigration.checks.rows.declared import TableChanges
from postmigration.diff.hashing import Hashing, Method, hashing
from postmigration.diff.row_sets import RowSet
from postmigration.model.comparison import Part, within
from postmigration.model.sqltext import quoted


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
        marks: of the rows of each side, conditions that say how a difference of a row is taken (see `RowSet`).
        changes: what a migration declares of it; None where it must hold what it held.
        is_new: the table was not there before; `was` is the first of those that its rows come from.
        parts: the query of each side for some pages of its table; None where that is not the same for all together.
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
    marks: tuple[Mapping[str, str], Mapping[str, str]] = field(default_factory=lambda: ({}, {}))
    changes: TableChanges | None = None
    is_new: bool = False
    parts: tuple[Part | None, Part | None] = (None, None)

    @property
    def title(self) -> str:
        """What it is called."""
        return self.now.title

    @property
    def sides_roots(self) -> tuple[dict[str, str], dict[str, str]]:
        """The types beneath the domains of what is compared, on each side."""
        sides = (self.was if self.changes is None else self.now, self.now)
        was, now = ({name: side.columns[name].root for name in self.columns} for side in sides)
        return was, now

    def row_set(self, side: int) -> RowSet:
        """The rows of one side."""
        key = len(self.key) or len(self.columns)
        return RowSet(self.sql[side], self.columns, key, self.marks[side], part=self.parts[side], keyed=bool(self.key))

    def hashing(self, method: Method, secret: int) -> Hashing:
        """How its rows are hashed alike on both sides."""
        return hashing(*self.types, method, secret)

    def describe_retyped(self, name: str) -> str:
        """How a column's type changed, in words."""
        return f"{name} was {self.was.columns[name].type} and is {self.now.columns[name].type}"


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
    sql, types, parts = [], [], []
    for i, side in enumerate((was, now)):
        values, roots = [], {}
        for name, how in written.items():
            value = side.columns[name].over("r")
            roots[name] = side.columns[name].root if how is None else "text"
            values.append(f"{value if how is None else how[i].replace('{0}', value)} AS {quoted(name)}")
        sources = [side, *(table for table in attached if i == 0 and set(columns) <= table.columns.keys())]
        selects = [f"SELECT {', '.join(values)} FROM {'ONLY ' * only}{source.sql} r" for source in sources]
        sql.append("\nUNION ALL\n".join(selects))
        in_pages = "\nUNION ALL\n".join(f"{select} WHERE {within('r')}" for select in selects)
        parts.append(Part(tuple(source.sql for source in sources), in_pages, only))
        types.append(roots)
    changed = tuple(name for name in columns if was.columns[name].root_type != now.columns[name].root_type)
    return Pair(
        was,
        now,
        only,
        columns,
        key,
        (types[0], types[1]),
        (sql[0], sql[1]),
        changed,
        pages,
        parts=(parts[0], parts[1]),
    )


def _choose_key(was: Relation, now: Relation, common: Collection[str]) -> tuple[str, ...]:
    """The key that both sides have, else that of one of them whose columns both have, else none."""
    still = {frozenset(key) for key in now.keys}
    mine = [key for key in was.keys if set(key) <= set(common)]
    both = [key for key in mine if frozenset(key) in still]
    theirs = [key for key in now.keys if set(key) <= set(common)]
    return next(iter([*both, *mine, *theirs]), ())
