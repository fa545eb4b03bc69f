"""Where declared changes say that rows went: which table took over those of which, and which column holds what."""

from __future__ import annotations

import glob
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from postmigration.diff.objects.compare import Difference
from postmigration.diff.objects.expected import list_made, read_renames
from postmigration.diff.objects.matching import RELATIONS, Facts
from postmigration.diff.objects.renames import IDENTIFIER, Renames, Table, bare
from postmigration.diff.objects.rules import Level
from postmigration.model.changes import Change, GoneTable, MovedRows
from postmigration.model.sqltext import list_row_columns
from postmigration.postgres.schema_objects import ObjectName, Objects

_COLUMN = re.compile(rf"\br\.({IDENTIFIER})")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
# Of values that differ these make values that differ: a constant beside it, a factor, another type.
_ONE_TO_ONE = re.compile(
    r"(?:\s|[()]|\|\||[*+-]|\d+(?:\.\d+)?|::\s*[a-z]+(?:\s*\(\d+\))?|\bCAST\b|\bAS\s+[a-z]+)*", re.IGNORECASE
)
# What may be a value where there was none, or none where there was one.
_FILLS = re.compile(
    r"\b(?:SELECT|CASE|COALESCE|NULLIF|FILTER|ANY|IS|SUBSTRING|REGEXP_\w+|JSONB?_\w+|ARRAY_\w+)\b|->|#>|\[",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Move:
    """The rows of one table that became rows of another one.

    Args:
        source, target: where they were, and where they are.
        same: the columns that hold the same values, by the columns of the source.
        keyed: those and the columns whose values differ where those of the source do.
        follows: those and the columns whose values are NULL only where those of the source are.
        read_from: for each column of the target the columns of the source that its value is made of.
        whole: all rows of the source went there.
        stays: the source is still there, and keeps what protects it.
        alone: no other rows went there, and none were there before.
    """

    source: Table
    target: Table
    same: Mapping[str, str]
    keyed: Mapping[str, str]
    follows: Mapping[str, str]
    read_from: Mapping[str, Sequence[str]]
    whole: bool
    stays: bool
    alone: bool

    @property
    def constant(self) -> Collection[str]:
        """The columns of the target that hold one value in all these rows."""
        return [column for column, names in self.read_from.items() if not names]


class ByTable(dict[ObjectName, Facts]):
    """The objects of a state, which can be asked for by table."""

    @cached_property
    def tables(self) -> dict[Table, tuple[ObjectName, Facts]]:
        """The tables and views, by schema and name."""
        return {(n.schema, n.name): (n, facts) for n, facts in self.items() if n.kind in RELATIONS}

    @cached_property
    def parts(self) -> dict[Table, dict[ObjectName, Facts]]:
        """What stands on each table."""
        found: dict[Table, dict[ObjectName, Facts]] = defaultdict(dict)
        for name, facts in self.items():
            if name.table:
                found[name.schema, name.table][name] = facts
        return dict(found)


@dataclass(frozen=True)
class Moves:
    """All moves of a migration, with the objects of both states.

    Args:
        before: the objects of before, as they were.
        after: the objects of the database.
        all: the moves.
        renames: the names that are others by declared changes, beside those of moved rows.
        heirs: what became of each table whose rows moved, and that is gone.
    """

    before: ByTable
    after: ByTable
    all: Sequence[Move]
    renames: Renames
    heirs: Mapping[Table, Sequence[Table]]

    def renames_of(self, move: Move) -> Renames:
        """How the definitions of a source are written of its target; other tables by what became of them."""
        tables = {table: heirs[0] for table, heirs in self.heirs.items() if len(heirs) == 1}
        columns = {
            (*one.source, old): new
            for one in self.all
            if one == move or tables.get(one.source) == one.target
            for old, new in one.follows.items()
        }
        columns = {**columns, **{(*move.source, old): new for old, new in move.follows.items()}}
        return Renames(
            {**self.renames.tables, **tables, move.source: move.target},
            {**self.renames.columns, **columns},
            self.renames.known,
            self.renames.spelled,
        )

    def became(self, table: Table) -> Collection[Table]:
        """The tables that a table of before is now; none where it is gone and its rows went nowhere."""
        if table in self.heirs:
            return self.heirs[table]
        now = self.renames.rename_table(table)
        return {now} & self.after.tables.keys()

    def copies(self, move: Move) -> Iterator[Move]:
        """The moves by which other tables hold all that a move brought, too."""
        for one in self.all:
            other = one.source == move.source and one.target != move.target and one.whole
            if other and move.follows.keys() <= one.follows.keys():
                yield one

    def others(self, move: Move) -> Iterator[Move]:
        """The other moves into the same table."""
        return (one for one in self.all if one.target == move.target and one.source != move.source)


def read_moves(before: Objects, after: Objects, changes: Sequence[Change]) -> Moves:
    """Reads the moves of the declared changes, as far as both tables are there.

    Args:
        before: the objects of before, as they were.
        after: the objects of the database.
    """
    known, there = _list_own_rows(before), _list_own_rows(after)
    gone = {(c.schema, c.table) for c in changes if isinstance(c, GoneTable)}
    renames = read_renames(before, after, changes)
    made = list_made(changes)
    declared = [change for change in changes if isinstance(change, MovedRows)]
    found = []
    for change in declared:
        source, target = (change.schema, change.table), (change.to_schema or change.schema, change.to)
        stays = source not in gone and renames.rename_table(source) in there
        if source not in known or target not in there or (stays and target == renames.rename_table(source)):
            continue
        values = {**change.key, **change.columns}
        same, keyed, follows = _read_columns(values)
        fed = {(c.schema, c.table) for c in declared if (c.to_schema or c.schema, c.to) == target}
        found.append(
            Move(
                source,
                target,
                same,
                keyed,
                follows,
                {column: list_row_columns(_LITERAL.sub(" ", sql)) for column, sql in values.items()},
                whole=change.where.strip().lower() == "true",
                stays=stays,
                alone=fed == {source} and (target in made or target not in known),
            )
        )
    heirs: dict[Table, list[Table]] = {}
    for move in found:
        if not move.stays and move.target not in heirs.setdefault(move.source, []):
            heirs[move.source].append(move.target)
    return Moves(ByTable(before), ByTable(after), found, renames, heirs)


def _read_columns(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Which columns hold the same, which tell the same rows apart, and which are NULL in the same rows."""
    same: dict[str, str] = {}
    keyed: dict[str, str] = {}
    follows: dict[str, str] = {}
    for column, sql in values.items():
        text = _LITERAL.sub(" ", sql)
        names = _COLUMN.findall(text)
        if len(names) != 1 or _FILLS.search(text):
            continue
        name, rest = bare(names[0]), _COLUMN.sub("", text)
        follows.setdefault(name, column)
        if _ONE_TO_ONE.fullmatch(rest) and not re.search(r"[*]\s*0\b", rest):
            keyed.setdefault(name, column)
        if not rest.strip("() ") and "'" not in sql:
            same.setdefault(name, column)
    keyed |= same
    return same, keyed, {**follows, **keyed}


def select(objects: ByTable, table: Table, *kinds: str) -> dict[ObjectName, Facts]:
    """The objects of some kinds that stand on a table."""
    return {name: facts for name, facts in objects.parts.get(table, {}).items() if name.kind in kinds}


def _list_own_rows(objects: Objects) -> set[Table]:
    """What holds rows itself, so that keys and row-level security can protect them: all but views."""
    return {(n.schema, n.name) for n in objects if n.kind in RELATIONS and n.kind != "view"}


def find_table(objects: ByTable, table: Table) -> tuple[ObjectName, Facts]:
    """A table of a state."""
    return objects.tables[table]


def tell(
    check: str,
    level: Level,
    statement: str,
    name: ObjectName,
    what: str,
    was: str = "",
    now: str = "",
    repair: str = "",
) -> Difference:
    """A difference, with the line by which a person says that it is meant."""
    pattern = glob.escape(str(name))
    # A literal string of TOML, since names hold double quotes; but for one that holds single quotes too.
    literal = "'" not in pattern and pattern.isprintable()
    text = f"'{pattern}'" if literal else json.dumps(pattern, ensure_ascii=False)
    return Difference(check, level, statement, name, what, was, now, repair, f"object = {text}")
