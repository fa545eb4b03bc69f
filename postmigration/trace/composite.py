"""Finds rows again by several columns together, where no single one tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from postmigration.checks.contents.tables import Name, Relation
from postmigration.checks.rows.new_ids import find_alike
from postmigration.diff.value_texts import family
from postmigration.trace.links import KeyPart, LinkFinder, RowLink
from postmigration.trace.reading import Row, Side, own_field
from postmigration.trace.values.explanation import is_code

_PROBES = 300
_ENOUGH = 3
# From so many different texts or times, or rows, on it is no accident that another table holds the same ones.
_TELLING = 10
# What rows are known by: some of the other types have no equality.
_KNOWN_BY = ("text", "number", "time")
# So many of the values of a column must be found again, and so many of the rows.
_SHARE = 0.9
_ROWS = 0.6
# Of so many columns, those of most values, combinations are tried, and so many at a time.
_MOST_COLUMNS, _MOST_PARTS = 6, 3


class CompositeFinder:
    """Finds links by several columns.

    Args:
        before, after: the databases.
        finder: finds rows again.

    Attributes:
        ambiguous: for each table of now why its rows cannot be told from one another, in words.
    """

    def __init__(self, before: Side, after: Side, finder: LinkFinder) -> None:
        self.before, self.after, self.finder = before, after, finder
        self.ambiguous: dict[Name, str] = {}

    def find(self, source: Relation, target: Relation, rows: Sequence[Row]) -> RowLink | None:
        """The link from a table of before to one of now, by as few columns as tell all rows of both apart.

        Args:
            rows: a sample of the target.
        """
        parts = self._list_parts(source, target, rows)
        enough = max(_ENOUGH, _ROWS * len(rows[:200]))
        alike_in: list[set[str]] = []
        few_by: list[set[str]] = []
        for key in self._list_keys(parts, target, rows):
            names = {part.column for part in key}
            # By more columns no more rows are found again; a declared key comes once more as a combination.
            if names in alike_in or any(fewer <= names for fewer in few_by):
                continue
            if self._count_alike(source, target, key):
                alike_in.append(names)
                continue
            link = self.finder.follow(source, target, key, rows[:200], quick=True)
            telling = len(link.pairs) >= _TELLING or any(_tells(part, target, rows) for part in key)
            link.certain = telling and len(link.pairs) >= enough
            if link.certain:
                return link
            if len(link.pairs) < enough:
                few_by.append(names)
        told = any(_tells(part, target, rows) for part in parts)
        if told and (alike := self._count_alike(source, target, parts)):
            listed = ", ".join(part.column for part in parts)
            words = f"its rows look like those of {source.title} in {listed}, and {alike:,} of these are alike in all"
            self.ambiguous[target.key] = f"{words}: there is no safe link, and none is guessed"
        return None

    def _list_parts(self, source: Relation, target: Relation, rows: Sequence[Row]) -> list[KeyPart]:
        """For each column of now the one of before that holds its values, those of most values first."""
        probes: list[tuple[KeyPart, list[str]]] = []
        for column in target.columns.values():
            values = sorted({text for row in rows if (text := row[column.name]) is not None})
            chosen = values[:: max(1, len(values) // _PROBES)]
            for old in source.columns.values():
                if len(values) >= _ENOUGH and old.root == column.root and family(old.root) in _KNOWN_BY:
                    probes.append((KeyPart(column.name, own_field(old)), chosen))
        if not probes:
            return []
        shares = self.finder.match(source, probes)
        best: dict[str, tuple[tuple[bool, float, int], KeyPart]] = {}
        for n, (part, values) in enumerate(probes):
            share = shares[n] / len(values)
            rank = (part.source.name.lower() == part.column.lower(), share, len(values))
            if share >= _SHARE and (part.column not in best or rank > best[part.column][0]):
                best[part.column] = rank, part
        ordered = sorted(best.values(), key=lambda one: one[0][2], reverse=True)
        found: dict[str, KeyPart] = {}
        for _, part in ordered:
            found.setdefault(part.source.name, part)
        return list(found.values())

    def _list_keys(
        self, parts: Sequence[KeyPart], target: Relation, rows: Sequence[Row]
    ) -> Iterator[tuple[KeyPart, ...]]:
        """The combinations that tell the rows of a sample apart: declared keys first, then the shortest."""
        by_column = {part.column: part for part in parts}
        for names in target.keys:
            key = tuple(by_column[name] for name in names if name in by_column)
            # Every table has the numbers of another one.
            if len(key) == len(names) and (len(key) > 1 or _is_written(key[0], target)):
                yield key
        first = parts[:_MOST_COLUMNS]
        for size in range(1, _MOST_PARTS + 1):
            for key in combinations(first, size):
                texts = [tuple(row[part.column] for part in key) for row in rows]
                whole = all(None not in text for text in texts)
                written = any(_is_written(part, target) for part in key)
                if whole and written and len(set(texts)) == len(texts):
                    yield key

    def _count_alike(self, source: Relation, target: Relation, key: Sequence[KeyPart]) -> int:
        """How many rows of either side are known by the same as another one."""
        now = find_alike(self.after.snapshot, target, [target.columns[part.column].over("r") for part in key])
        return now or find_alike(self.before.snapshot, source, [part.sql for part in key])


def _tells(part: KeyPart, target: Relation, rows: Sequence[Row]) -> bool:
    """Whether so many different texts or times are found again that it is no accident."""
    texts = [text for row in rows if (text := row[part.column]) is not None]
    different = len(set(texts))
    return _is_written(part, target) and (different >= min(_TELLING, max(_ENOUGH, len(rows))) or is_code(texts))


def _is_written(part: KeyPart, target: Relation) -> bool:
    """Whether it is a text or a time: numbers are the same by accident."""
    return family(target.columns[part.column].root) in ("text", "time")
