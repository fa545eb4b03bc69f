"""How a table of which changes are declared is read on both sides: as it must have become, and as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from postmigration.checks.contents.tables import Column, Name, Relation
from postmigration.checks.rows import retyped
from postmigration.checks.rows.declared import Declared, TableChanges
from postmigration.checks.rows.new_ids import write_identity
from postmigration.checks.rows.pairs import Pair
from postmigration.diff.row_diff import GROWTH, SHRINKAGE
from postmigration.model.changes import MovedRows, RepointedReference, describe_change
from postmigration.model.errors import CannotJudge
from postmigration.model.sqltext import find_row_column, gives_several, quoted

# Columns beside those that are compared.
_GROWS, _SHRINKS = "postmigration_grows", "postmigration_shrinks"


def pair_declared(
    was: Relation | None,
    now: Relation,
    changes: TableChanges,
    declared: Declared,
    before: Mapping[Name, Relation],
    *,
    only: bool,
    zone: str,
    pages: int,
    foreseen: bool = False,
) -> Pair:
    """How the rows of a table are compared with what the declared changes make of those of before.

    Args:
        was: the table of before; None where it is new.
        changes: what is declared of it; `declared`: of all tables.
        before: all tables of before.
        only: without the tables that inherit from it.
        zone: see `plan`.
        pages: about how large the table is.
        foreseen: `now` is what is going to be: its columns have the types of what is declared, and lose nothing.
    """
    composer = _Composer(was, now, changes, declared, before, zone)
    composer.foreseen = foreseen
    return composer.compose(only=only, pages=pages)


class _Composer:
    def __init__(
        self,
        was: Relation | None,
        now: Relation,
        changes: TableChanges,
        declared: Declared,
        before: Mapping[Name, Relation],
        zone: str,
    ) -> None:
        self.was, self.now, self.zone = was, now, zone
        self.changes, self.declared, self.before = changes, declared, before
        # How each compared column is written on the two sides, and as what it is hashed there.
        self.have: dict[str, str] = {}
        self.roots: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.retyped: list[str] = []
        # How each declared value is written.
        self.said: dict[str, str] = {}
        self.foreseen = False

    def compose(self, *, only: bool, pages: int) -> Pair:
        """Composes the queries of both sides."""
        names = self._list_columns()
        for name in names:
            self._write(name)
        key = self._choose_key(names)
        columns = (*key, *(name for name in names if name not in key))
        sources = [self._read_moved(move, columns) for move in self.changes.moves]
        if self.was is not None:
            sources.insert(0, self._read_own(self.was, columns, only=only))
        shrinks = bool(self.changes.shrinks)
        grows = " OR ".join(
            f"({change.where})" if hasattr(change, "where") else "true" for change in self.changes.grows
        )
        values = [f"{self.have[name]} AS {quoted(name)}" for name in columns]
        if grows:
            values.append(f"({grows}) IS TRUE AS {_GROWS}")
        have = f"SELECT {', '.join(values)} FROM {'ONLY ' * only}{self.now.sql} t"
        return Pair(
            self.was or self._first_source(),
            self.now,
            only,
            columns,
            key,
            self.roots,
            ("\nUNION ALL\n".join(sources), have),
            tuple(self.retyped),
            pages,
            marks=({SHRINKAGE: f"q.{_SHRINKS}"} if shrinks else {}, {GROWTH: f"q.{_GROWS}"} if grows else {}),
            changes=self.changes,
            is_new=self.was is None,
        )

    def _first_source(self) -> Relation:
        """What stands for the table of before where the table is new: the first one that rows come from."""
        for move in self.changes.moves:
            return self._source(move)
        return self.now

    def _source(self, move: MovedRows) -> Relation:
        name = (move.schema, move.table)
        if name not in self.before:
            raise CannotJudge(f"{describe_change(move)}: the state before holds no table {move.schema}.{move.table}")
        return self.before[name]

    def _origin(self, name: str) -> Column | None:
        """The column of before that a column of now was."""
        if self.was is None or name in self.changes.new:
            return None
        old = self.changes.columns.get(name, name)
        # One that was renamed away is not what a new one of its name was.
        taken = name in self.changes.columns.values() and name not in self.changes.columns
        return None if taken or name in self.changes.gone else self.was.columns.get(old)

    def _list_columns(self) -> list[str]:
        """The columns that are compared, as they are called now."""
        moved = {name for move in self.changes.moves for name in (*move.key, *move.columns)}
        said = moved | self.changes.derived.keys() | self.changes.repointed.keys()
        free = {name for name, those in self.changes.free.items() if any(change.where == "true" for change in those)}
        return [
            name for name in self.now.columns if name not in free and (name in said or self._origin(name) is not None)
        ]

    def _choose_key(self, names: Sequence[str]) -> tuple[str, ...]:
        """The key of the moves, else one of now, else one of before as it is called now."""
        if self.changes.moves:
            named = tuple(self.changes.moves[0].key)
            if set(named) <= set(names):
                return named
        new = {old: name for name, old in self.changes.columns.items()}
        older = [tuple(new.get(name, name) for name in key) for key in self.was.keys] if self.was else []
        return next((key for key in (*self.now.keys, *older) if set(key) <= set(names)), ())

    def _write(self, name: str) -> None:
        """Decides how a column of now is written."""
        now, origin = self.now.columns[name], self._origin(name)
        have, root = "{0}", now.root
        if self._is_said(name):
            self.said[name], have, root = _write_said(now, may_lose=self._may_lose(name))
            mine = root
        elif origin is not None:
            how = retyped.write_values(origin, now, self.zone)
            have, root, mine = ("{0}", now.root, origin.root) if how is None else (how[1], "text", "text")
            if origin.root_type != now.root_type and origin.name == name:
                self.retyped.append(name)
        value = have.replace("{0}", now.over("t"))
        masks = [f"({change.after})" for change in self.changes.free.get(name, ()) if change.after]
        self.have[name] = f"CASE WHEN {' OR '.join(masks)} THEN NULL ELSE {value} END" if masks else value
        self.roots[0][name], self.roots[1][name] = mine, root

    def _is_said(self, name: str) -> bool:
        """Whether the value of a column is declared, for some rows at least."""
        moved = any(name in (*move.key, *move.columns) for move in self.changes.moves)
        return moved or name in self.changes.derived or name in self.changes.repointed

    def _may_lose(self, name: str) -> bool:
        """Whether the type of a column could lose something of what is declared of its values."""
        if self.foreseen:
            return False
        said: list[tuple[Relation | None, str]] = []
        for move in self.changes.moves:
            said += [(self._source(move), sql) for sql in [{**move.columns, **move.key}.get(name, "")] if sql]
        said += [(self.was, change.value) for change in self.changes.derived.get(name, ())]
        for reference in self.changes.repointed.get(name, ()):
            for move in self.declared.moves_through(reference):
                said += [(self._source(move), sql) for sql in move.key.values()]
        if (origin := self._origin(name)) is not None:
            said.append((self.was, f"r.{quoted(origin.name)}"))
        root = self.now.columns[name].root
        return any(retyped.may_lose(_find_type(source, sql), root) for source, sql in said)

    def _read_own(self, was: Relation, columns: Sequence[str], *, only: bool) -> str:
        """The rows that the table itself held, as they must be now."""
        joins: list[str] = []
        values: list[str] = []
        for name in columns:
            value = self._write_own(name)
            if name in self.changes.repointed:
                value = self.said[name].replace("{0}", self._write_repointed(self.changes.repointed[name], joins))
            for changes in self.changes.derived.get(name, ()):
                said = self.said[name].replace("{0}", f"({changes.value})")
                where = getattr(changes, "where", "true")
                value = said if where == "true" else f"CASE WHEN ({where}) THEN {said} ELSE {value} END"
            masks = [f"({change.where})" for change in self.changes.free.get(name, ())]
            value = f"CASE WHEN {' OR '.join(masks)} THEN NULL ELSE {value} END" if masks else value
            values.append(f"{value} AS {quoted(name)}")
        if self.changes.shrinks:
            where = " OR ".join(f"({change.where})" for change in self.changes.shrinks)
            values.append(f"({where}) IS TRUE AS {_SHRINKS}")
        return f"SELECT {', '.join(values)} FROM {'ONLY ' * only}{was.sql} r {' '.join(joins)}"

    def _write_own(self, name: str) -> str:
        """The value that a column held, as it is compared."""
        origin, now = self._origin(name), self.now.columns[name]
        if origin is None:
            return f"CAST(NULL AS {_sql_type(self.roots[0][name])})"
        value = origin.over("r")
        if self._is_said(name):
            return self.said[name].replace("{0}", value)
        how = retyped.write_values(origin, now, self.zone)
        return value if how is None else how[0].replace("{0}", value)

    def _write_repointed(self, changes: Sequence[RepointedReference], joins: list[str]) -> str:
        """What the parent of a row became; where several columns refer to one, only one of them may hold something."""
        made = []
        for change in changes:
            made.append(f"postmigration_parent_{len(joins)}")
            joins.append(self._join_parent(change, made[-1]))
        if len(made) == 1:
            return f"{made[0]}.new"
        held = ", ".join(f"r.{quoted(change.column)}" for change in changes)
        values = ", ".join(f"{alias}.new" for alias in made)
        return f"CASE WHEN num_nonnulls({held}) < 2 THEN coalesce({values}) END"

    def _join_parent(self, change: RepointedReference, alias: str) -> str:
        """Finds for each row of a child what its parent became."""
        moves = self.declared.moves_through(change)
        if not moves:
            raise CannotJudge(
                f"{describe_change(change)}: no moved_rows brings rows of {change.parent} to {change.through}"
            )
        parts = []
        for move in moves:
            sole = next(iter(move.key)) if len(move.key) == 1 else ""
            columns = self.declared.identify(move) or (change.through_column or sole,)
            if not set(columns) <= move.key.keys():
                raise CannotJudge(
                    f"{describe_change(change)}: through_column must be one of the key of {describe_change(move)}"
                )
            source = self._source(move)
            new = write_identity([f"({move.key[column]})" for column in columns])
            parts.append(
                f"SELECT r.{quoted(change.parent_column)} AS old, ({new}) AS new "
                f"FROM {source.sql} r WHERE ({move.where})"
            )
        held = f"r.{quoted(change.column)}"
        return f"LEFT JOIN ({' UNION ALL '.join(parts)}) {alias} ON {alias}.old = {held}"

    def _read_moved(self, move: MovedRows, columns: Sequence[str]) -> str:
        """The rows that come from another table, as they must be now."""
        source = self._source(move)
        said = {**move.columns, **move.key}
        read = f"{source.sql} r WHERE ({move.where})"
        if any(map(gives_several, said.values())):
            # What a value is wrapped in may be given one only.
            split = ", ".join(f"({sql}) AS {quoted(name)}" for name, sql in said.items())
            read, said = f"(SELECT {split} FROM {read}) r", {name: f"r.{quoted(name)}" for name in said}
        values = [
            f"{self.said[name].replace('{0}', f'({said[name]})')} AS {quoted(name)}"
            if name in said
            else f"CAST(NULL AS {_sql_type(self.roots[0][name])}) AS {quoted(name)}"
            for name in columns
        ]
        if self.changes.shrinks:
            values.append(f"false AS {_SHRINKS}")
        return f"SELECT {'DISTINCT ' * move.merged}{', '.join(values)} FROM {read}"


def _find_type(source: Relation | None, sql: str) -> str:
    """The type of a value that is a column as it is; "" of any other."""
    column = source.columns.get(find_row_column(sql)) if source is not None else None
    return "" if column is None else column.root


def _write_said(now: Column, *, may_lose: bool) -> tuple[str, str, str]:
    """How a declared value is written for a column, how the column's own, and as what both are hashed.

    The value is taken for one of the column's type, but for its length and scale: those would cut what must be there.
    A cast that loses something must be declared as one: else the whole value must be there.
    """
    if may_lose:
        return retyped.write_kept(now.root), "({0})::text", "text"
    if now.root == "numeric":
        how = retyped.write_number("{0}")
        return how, retyped.write_number("{0}"), "text"
    if now.root == "character":
        return "rtrim(({0})::text, ' ')", "({0})::text", "text"
    if now.root in ("enum", "bit", "bit varying") or "." in now.root or now.root.startswith('"'):
        return retyped.TEXT, retyped.TEXT, "text"
    return f"CAST({{0}} AS {now.root})", "{0}", now.root


def _sql_type(root: str) -> str:
    return "text" if root == "enum" else root
