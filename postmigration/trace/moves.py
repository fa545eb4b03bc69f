"""Finds for the rows of a table of now the tables of before that they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from postmigration.checks.contents.tables import Relation
from postmigration.model.changes import MovedRows
from postmigration.model.sqltext import quoted
from postmigration.trace.composite import CompositeFinder
from postmigration.trace.computed import Computed, ComputedFinder
from postmigration.trace.conditions import find_condition
from postmigration.trace.links import LinkFinder, RowLink, is_trustworthy, list_telling_columns
from postmigration.trace.reading import Row, Side
from postmigration.trace.values.explain import explain
from postmigration.trace.values.explanation import Explanation

# A source must bring so many of the rows that nothing else explains.
_LEAST_SHARE = 0.03
_LEAST_ROWS = 3


@dataclass
class Move:
    """Rows of a table of before that became rows of one of now.

    Args:
        link: how a row is found again.
        where: which rows, over a row `r` of before.
        merged: several became one.
        columns: for each column beside the key what its values follow from; None where nothing explains them.
        declared: the columns that can be declared.
        implied: those of them that are NULL since another move names them, and this one does not.
        withheld: why a column that is explained cannot be declared, since another move into the table is in the way.
    """

    link: RowLink
    where: str = "true"
    merged: bool = False
    columns: dict[str, Explanation | None] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    implied: frozenset[str] = frozenset()
    withheld: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Relation:
        """Where the rows were."""
        return self.link.source

    @property
    def target(self) -> Relation:
        """Where they are."""
        return self.link.target

    def list_unexplained(self, was: Relation) -> list[str]:
        """The columns of a table that was there of which a declaration would have to say what the rows hold."""
        said = {*self.declared, *(part.column for part in self.link.key)}
        return [name for name in was.columns if name in self.target.columns and name not in said]

    def list_sql(self) -> list[str]:
        """What the columns of now follow from, and which rows, as far as that is known."""
        found = [explained.sql for explained in self.columns.values() if explained is not None]
        return [self.write(sql) for sql in (self.where, *(part.sql for part in self.link.key), *found)]

    def write(self, sql: str) -> str:
        """Some SQL over a row `r` as it is declared."""
        return self.source.write(sql) if isinstance(self.source, Computed) else sql

    def declare(self) -> MovedRows:
        """The declaration."""
        named = [name for name in self.declared if name not in self.implied]
        columns = {name: self.write(found.sql) for name in named if (found := self.columns[name]) is not None}
        same = self.source.schema == self.target.schema
        return MovedRows(
            schema=self.source.schema,
            table=self.source.name,
            to=self.target.name,
            to_schema="" if same else self.target.schema,
            key={part.column: self.write(part.sql) for part in self.link.key},
            columns=columns,
            where=self.write(self.where),
            merged=self.merged,
        )


class MoveFinder:
    """Finds moves.

    Args:
        before, after: the databases.
        finder: finds rows again.
    """

    def __init__(self, before: Side, after: Side, finder: LinkFinder) -> None:
        self.before, self.after, self.finder = before, after, finder
        self.composite = CompositeFinder(before, after, finder)
        self.computed = ComputedFinder(before, finder)

    def find(self, target: Relation, rows: Sequence[Row], sources: Sequence[Sequence[Relation]]) -> list[Move]:
        """Where rows of a table of now come from.

        Args:
            rows: a sample of those that were not there before.
            sources: the tables of before that they may come from, those first that most likely are.
        """
        links: list[RowLink] = []
        chosen: list[RowLink] = []
        whole = False
        for those in sources:
            links += [link for source in those for link in self._find_links(source, target, rows, rows)]
            chosen = self._choose([link for link in links if not link.is_prose], rows)
            if left := _list_left(chosen, rows):
                # The key of a table that brings the smaller part is seen in the rows that no other one explains.
                known = {link.source.key for link in chosen}
                others = [source for source in those if source.key not in known]
                links += [link for source in others for link in self._find_links(source, target, rows, left)]
                chosen = self._choose(links, rows)
            # Where the first ones explain all, no other table is read; numbers in texts alone may be an accident.
            whole = not _list_left(chosen, rows)
            if whole and all(map(_is_safe, chosen)):
                break
        if not whole:
            if composite := [
                link for source in sources[0] if (link := self.composite.find(source, target, rows)) is not None
            ]:
                chosen = self._choose([*links, *composite], rows)
            elif computed := [
                link for those in sources for one in those for link in self.computed.find(one, target, rows)
            ]:
                chosen = self._choose([*links, *computed], rows)
        moves = [self._describe(link, rows) for link in chosen]
        self._choose_columns(moves)
        return moves

    def _find_links(
        self, source: Relation, target: Relation, rows: Sequence[Row], among: Sequence[Row]
    ) -> list[RowLink]:
        """The links to a table along which rows may have come; `among`: those whose values tell the columns."""
        found = []
        telling = list_telling_columns(target, among)
        for part in self.finder.find_candidates(source, target, among, telling):
            link = self.finder.follow(source, target, [part], rows[:200], quick=True)
            if is_trustworthy(link, alone=True):
                found.append(link)
        return found

    def _choose(self, links: Sequence[RowLink], rows: Sequence[Row]) -> list[RowLink]:
        """The links that explain most rows, each other ones."""
        left = {tuple(row.values()) for row in rows[:200]}
        total, chosen = len(left), []
        order = {link.source.key: n for n, link in reversed(list(enumerate(links)))}
        rest = list(links)
        while rest and len(left) >= min(_LEAST_ROWS, total):
            best = max(rest, key=lambda link: _rank(link, left, total, order[link.source.key]))
            mine = {tuple(now.values()) for _, now in best.pairs}
            rest.remove(best)
            if len(mine & left) >= max(_LEAST_ROWS, _LEAST_SHARE * total) and len(mine & left) >= 0.5 * len(mine):
                alone = not any(other.source.key != best.source.key for other in links)
                if is_trustworthy(best, alone=alone):
                    chosen.append(best)
                    left -= mine
        return chosen

    def _describe(self, quick: RowLink, rows: Sequence[Row]) -> Move:
        """All that a sample tells of a move."""
        link = self.finder.follow(quick.source, quick.target, quick.key, rows)
        fields = self.before.fields(link.source)
        move = Move(link)
        conditions, lone = [], link.lone
        # What is computed may give several values, which no condition can.
        told = [
            field for field in fields if not isinstance(link.source, Computed) or field.name not in link.source.values
        ]
        for part in (part for part in link.key if part.source in told):
            if any(row[part.source.name] is None for row in lone):
                conditions.append(f"{part.source.sql} IS NOT NULL")
                lone = [row for row in lone if row[part.source.name] is not None]
        # A row of before that has the key of another one is not elsewhere.
        condition = find_condition([old for old, _ in link.pairs], lone, told)
        if condition.sql != "true":
            conditions.append(condition.sql)
        move.where = " AND ".join(conditions) or "true"
        if not link.is_unique:
            parts = ", ".join(part.sql for part in link.key)
            sql = f"SELECT count(*) - count(DISTINCT ({parts})) FROM {link.source.sql} r WHERE ({move.where})"
            move.merged = bool(self.before.snapshot.scalar(sql))
        keyed = {part.column for part in link.key}
        for column in link.target.columns.values():
            if column.name not in keyed and not column.generated:
                found = explain(link.pairs, fields, column)
                if found is not None and _is_refused(found, link.source):
                    found = explain(link.pairs, told, column)
                # A number for each row is no value of a few that mean something.
                counted = found is not None and found.sql.startswith("CASE ") and (column.name,) in link.target.keys
                move.columns[column.name] = None if counted else found
        return move

    def _choose_columns(self, moves: Sequence[Move]) -> None:
        """Declares the columns that all moves into a table explain: what one of them does not say would be NULL."""
        keyed = {part.column for move in moves for part in move.link.key}
        for move in moves:
            move.declared = tuple(
                name for name in move.columns if name not in keyed and all(_fits(one, name) for one in moves)
            )
            for name in move.columns:
                if name not in move.declared and _fits(move, name):
                    move.withheld[name] = _say_withheld(move, name, moves)
        empty = [
            {name for name in move.declared if (found := move.columns[name]) is not None and found.sql == "NULL"}
            for move in moves
        ]
        for move, mine in zip(moves, empty, strict=True):
            move.implied = frozenset(name for name in mine if not all(name in those for those in empty))


def _list_left(links: Sequence[RowLink], rows: Sequence[Row]) -> list[Row]:
    """The rows of a sample that no link explains."""
    explained = {tuple(now.values()) for link in links for _, now in link.pairs}
    return [row for row in rows[:200] if tuple(row.values()) not in explained]


def _rank(link: RowLink, left: set[tuple[str | None, ...]], total: int, order: int) -> tuple[float, ...]:
    """How likely it is that rows which nothing explains yet come along a link; a sentence is the last to be a key."""
    mine = {tuple(now.values()) for _, now in link.pairs}
    plain = all(part.is_plain for part in link.key)
    # One that brings little beside others is rather an accident.
    keyed = [names == (part.column,) for part in link.key for names in link.target.keys]
    primary = 2 if any(keyed[:1]) else 1 if any(keyed) else 0
    named = all(part.source.name.lower() == part.column.lower() for part in link.key)
    share = round(len(mine & left) / total * (0.5 + link.score), 1)
    return (not link.is_prose, share, primary, plain, link.is_unique, named, -order)


def _is_safe(link: RowLink) -> bool:
    """Whether each row of before is one of now, and more than its key agrees."""
    return link.is_unique and (link.certain or link.score > 0)


def _is_refused(found: Explanation, source: Relation) -> bool:
    """Whether the server refuses it, since it chooses by what may be several values."""
    if not isinstance(source, Computed) or not source.divides:
        return False
    return found.sql.startswith(("CASE ", "coalesce(")) and any(field.name in source.values for field in found.fields)


def _fits(move: Move, name: str) -> bool:
    """Whether what explains a column is what must hold."""
    found = move.columns.get(name)
    return found is not None and (found.share == 1 if move.merged else found.is_likely)


def _say_withheld(move: Move, name: str, moves: Sequence[Move]) -> str:
    """Why a column that a move explains is not declared, and what to add to have it compared."""
    found = move.columns[name]
    assert found is not None
    value = json.dumps(move.write(found.sql), ensure_ascii=False)
    others = " and ".join(dict.fromkeys(one.source.title for one in moves if not _fits(one, name)))
    remedy = f"add {name} = {value} here, and there what it holds"
    return f"but what the rows of {others} hold in it is not said: not compared; to have it compared, {remedy}"


def count_move(move: Move, before: Side) -> int:
    """How many rows a move must bring."""
    if not move.merged:
        return before.count(move.source, move.where)
    parts = ", ".join(part.sql for part in move.link.key)
    sql = f"SELECT count(DISTINCT ({parts})) FROM {move.source.sql} r WHERE ({move.where})"
    return int(before.snapshot.scalar(sql))


def is_rename(moves: Sequence[Move], targets: Mapping[str, int], before: Side, after: Side) -> bool:
    """Whether what was found is rather another name: all rows and most columns of one table, and of no other.

    Args:
        moves: those into one table.
        targets: into how many tables rows of each table of before went, by its SQL.
    """
    if len(moves) != 1:
        return False
    (move,) = moves
    rows = before.count(move.source), after.count(move.target)
    plain = all(part.is_plain for part in move.link.key) and not move.merged
    whole = move.where == "true" and rows[0] > 0 and abs(rows[0] - rows[1]) <= 0.1 * rows[0]
    names = {f"r.{quoted(name)}" for name in move.source.columns}
    kept = {part.source.sql for part in move.link.key}
    kept |= {found.sql for found in move.columns.values() if found is not None and found.sql in names}
    return plain and whole and targets.get(move.source.sql, 0) == 1 and len(kept) >= 0.6 * len(names)
