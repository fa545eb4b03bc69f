"""Finds rows that were made of a column of several values, or of what rows of before have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations, product

from postmigration.checks.contents.tables import Column, Relation
from postmigration.diff.value_texts import family, is_whole
from postmigration.model.sqltext import quoted
from postmigration.trace.links import KeyPart, LinkFinder, RowLink
from postmigration.trace.reading import SAMPLE, Row, Side, as_text, own_field
from postmigration.trace.values.explanation import can_be_key, write_literal

_SEPARATORS = (",", ";", "|", ", ")
# What is made of each part.
_CLEANED = ("{0}", "btrim({0})", "lower(btrim({0}))")
# A text of which fewer values have a separator is prose.
_LEAST_SHARE = 0.05
_LEAST_PARTS, _LEAST_GROUPS, _MANY = 3, 5, 20
# So many rows must be found again on both sides; where there are fewer than so many, all of them.
_SHARE, _FEW = 0.6, 10
_MOST_COLUMNS, _LOOKED_AT = 6, 200
_MOST_PARTS, _MOST_OPTIONS, _MOST_ORDERED = 3, 4, 12


@dataclass(frozen=True)
class Computed(Relation):
    """A table of before with columns that are computed, and a row for each of their values.

    Args:
        source: the table.
        values: SQL of each computed column, over a row `{row}`.
        divides: a row gives several.
    """

    source: Relation
    values: Mapping[str, str]
    divides: bool

    @property
    def sql(self) -> str:
        """A query that stands for its name in SQL."""
        listed = [f"{sql.replace('{row}', 'r')} AS {quoted(name)}" for name, sql in self.values.items()]
        return f"(SELECT {', '.join(['r.*', *listed])} FROM {self.source.sql} r)"

    def write(self, sql: str) -> str:
        """Some SQL over a row `r` of it as SQL over a row `r` of the table."""
        for name, value in self.values.items():
            sql = sql.replace(f"r.{quoted(name)}", value.replace("{row}", "r"))
        return sql


def compute(source: Relation, values: Mapping[str, tuple[str, str]], *, divides: bool) -> Computed:
    """A table with computed columns.

    Args:
        values: for each of them its SQL over a row `{row}`, and its type.
    """
    own = {field.name: getattr(source, field.name) for field in fields(Relation)}
    columns = {name: Column(name, root, False, "", root, root, 0) for name, (_, root) in values.items()}
    own |= {"columns": {**source.columns, **columns}, "keys": () if divides else source.keys}
    return Computed(**own, source=source, values={name: sql for name, (sql, _) in values.items()}, divides=divides)


class ComputedFinder:
    """Finds links from what is computed of the rows of before.

    Args:
        before: the state before.
        finder: finds rows again.
    """

    def __init__(self, before: Side, finder: LinkFinder) -> None:
        self.before, self.finder = before, finder

    def find(self, source: Relation, target: Relation, rows: Sequence[Row]) -> Iterator[RowLink]:
        """The links from a table of before to one of now.

        Args:
            rows: a sample of the target.
        """
        found = list(self._find_divided(source, target, rows))
        if not found and (grouped := self._find_grouped(source, target, rows)) is not None:
            found.append(grouped)
        told = {tuple(row.values()) for row in rows[:_LOOKED_AT]}
        for link in found:
            # As of all links, only what explains rows of the sample counts beside those of others.
            link.pairs = [pair for pair in link.pairs if tuple(pair[1].values()) in told]
            link.certain = True
            yield link

    def _find_divided(self, source: Relation, target: Relation, rows: Sequence[Row]) -> Iterator[RowLink]:
        held = {
            name: {text for row in rows if (text := row[name]) is not None}
            for name, column in target.columns.items()
            if family(column.root) == "text" or is_whole(column.root)
        }
        for column in source.columns.values():
            best: tuple[int, str, Computed] | None = None
            for sql, root in self._list_divisions(source, column):
                parts = self._read_parts(source, sql)
                name = f"each of {column.name}"
                for new, values in held.items():
                    hits = len(parts & values)
                    alike = family(target.columns[new].root) == family(root)
                    enough = alike and hits >= max(_LEAST_PARTS, _SHARE * min(len(values), len(parts)))
                    if enough and (best is None or hits > best[0]):
                        best = hits, new, compute(source, {name: (sql, root)}, divides=True)
            if best is not None:
                part = KeyPart(best[1], own_field(best[2].columns[f"each of {column.name}"]))
                for key in self._complete(source, target, rows, part):
                    link = self._follow(best[2], target, key, rows)
                    if len(link.pairs) >= _LEAST_PARTS and _is_whole(link):
                        yield link
                        break

    def _list_divisions(self, source: Relation, column: Column) -> Iterator[tuple[str, str]]:
        """SQL of the values that a column may hold several of, with their type."""
        held = column.over("{row}")
        if column.root.endswith("[]"):
            yield f"unnest({held})", column.root.removesuffix("[]")
        elif column.root in ("json", "jsonb"):
            sql = f"SELECT bool_and({column.root}_typeof({column.over('r')}) = 'array') FROM {source.sql} r"
            if self.before.snapshot.scalar(sql):
                yield f"{column.root}_array_elements_text({held})", "text"
        elif column.root in ("text", "character varying"):
            texts = [text for row in self.finder.sample_old(source) if (text := row[column.name])]
            for cleaned in _CLEANED:
                for separator in _SEPARATORS:
                    those = [text for text in texts if separator in text]
                    if len(those) >= max(2, _LEAST_SHARE * len(texts)):
                        parts = f"string_to_array({held}, {write_literal(separator)})"
                        if any("" in text.split(separator) for text in those):
                            parts = f"array_remove({parts}, '')"
                        yield cleaned.replace("{0}", f"unnest({parts})"), "text"

    def _read_parts(self, source: Relation, sql: str) -> set[str]:
        """Some of the values."""
        parts = f"SELECT {sql.replace('{row}', 'r')} AS part FROM {source.sql} r LIMIT {10 * SAMPLE}"
        rows = self.before.snapshot.rows(f"SELECT DISTINCT {as_text('q.part')} AS part FROM ({parts}) q LIMIT {SAMPLE}")
        return {row.part for row in rows}

    def _complete(
        self, source: Relation, target: Relation, rows: Sequence[Row], part: KeyPart
    ) -> Iterator[tuple[KeyPart, ...]]:
        """The keys of now that a part belongs to, each with what its other columns follow from."""
        texts = [row[part.column] for row in rows]
        # The numbers by which another table is known stand in many a table.
        if not is_whole(part.source.root) and None not in texts and len(set(texts)) == len(texts):
            yield (part,)
        for key in (key for key in target.keys if part.column in key and len(key) > 1):
            parts = [part]
            for name in key:
                if name != part.column:
                    parts += self.finder.find_candidates(source, target, rows, [name])[:1]
            if len(parts) == len(key):
                yield tuple(parts)

    def _find_grouped(self, source: Relation, target: Relation, rows: Sequence[Row]) -> RowLink | None:
        """The link by columns of which many rows of before have the same, in whatever order these stand."""
        unique = {key[0] for key in source.keys if len(key) == 1}
        table = _order_pairs(source, [column for column in source.columns.values() if column.name not in unique])
        columns = [column for column in table.columns.values() if column.name not in unique]
        sample = self.finder.sample_old(table)
        for key in _list_keys(target, rows):
            options: list[list[KeyPart]] = []
            for name in key:
                values, root = {row[name] for row in rows}, target.columns[name].root
                hits = {old.name: sum(row[old.name] in values for row in sample) for old in columns if old.root == root}
                likely = sorted(hits, key=lambda name: hits[name], reverse=True)[:_MOST_OPTIONS]
                options.append([KeyPart(name, own_field(table.columns[old])) for old in likely])
            best: tuple[float, RowLink | None] = 0, None
            for parts_of in _list_likely(options, key, sample, rows):
                link = self._follow(table, target, parts_of, rows)
                kept = {link.read_new(now) for _, now in link.pairs}
                # Where all of a few values stand beside all others, that they do says nothing.
                by_column = [len({text[n] for text in kept if text is not None}) for n in range(len(key))]
                some = len(kept) < by_column[0] * by_column[1] or len(kept) >= _MANY
                telling = len(kept) >= _LEAST_GROUPS and some
                share = _share(link)
                if telling and not link.is_unique and _is_whole(link) and share > best[0]:
                    best = share, link
            if (found := best[1]) is not None:
                return found
        return None

    def _follow(self, source: Computed, target: Relation, key: Sequence[KeyPart], rows: Sequence[Row]) -> RowLink:
        return self.finder.follow(source, target, key, rows[:_LOOKED_AT])


def _list_likely(
    options: Sequence[Sequence[KeyPart]], key: Sequence[str], sample: Sequence[Row], rows: Sequence[Row]
) -> list[tuple[KeyPart, ...]]:
    """How a key may follow from a row of before, those first by which most rows of the samples are found again."""
    told = {tuple(row[name] for name in key) for row in rows}
    ranked: list[tuple[int, tuple[KeyPart, ...]]] = []
    for parts in product(*options):
        hits = sum(tuple(row[part.source.name] for part in parts) in told for row in sample)
        # Of a sample of the rows of now only some are found, of all of them most.
        enough = hits and (len(rows) == SAMPLE or hits >= _SHARE * len(sample))
        if enough and len({part.source.name for part in parts}) == len(key):
            ranked.append((hits, parts))
    ranked.sort(key=lambda one: one[0], reverse=True)
    return [parts for _, parts in ranked[:_MOST_OPTIONS]]


def _list_keys(target: Relation, rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The keys of several columns, and what else tells all rows apart."""
    keys = [key for key in target.keys if 1 < len(key) <= _MOST_PARTS]
    single = {key[0] for key in target.keys if len(key) == 1}
    columns = [column.name for column in target.columns.values() if can_be_key(column.root)]
    for pair in combinations([name for name in columns if name not in single][:_MOST_COLUMNS], 2):
        texts = [tuple(row[name] for name in pair) for row in rows]
        if pair not in keys and len(set(texts)) == len(texts) and not any(None in text for text in texts):
            keys.append(pair)
    return keys


def _order_pairs(source: Relation, columns: Sequence[Column]) -> Computed:
    """A table with the lesser and the greater one of each two of some columns of one type."""
    values: dict[str, tuple[str, str]] = {}
    whole = [column for column in columns if is_whole(column.root) or column.root == "uuid"]
    for one, other in combinations(whole, 2):
        if one.root == other.root and len(values) < _MOST_ORDERED:
            both = f"({one.over('{row}')}, {other.over('{row}')})"
            values[f"the lesser of {one.name} and {other.name}"] = f"least{both}", one.root
            values[f"the greater of {one.name} and {other.name}"] = f"greatest{both}", one.root
    return compute(source, values, divides=False)


def _is_whole(link: RowLink) -> bool:
    """Whether nearly all rows of both sides are found again, and of few all."""
    return _share(link) >= (_SHARE if len(link.pairs) >= _FEW else 1)


def _share(link: RowLink) -> float:
    """What part of the rows is found again, on the side where fewer are."""
    found = len({link.read_new(now) for _, now in link.pairs})
    if not found:
        return 0
    return min(len(link.pairs) / (len(link.pairs) + len(link.lone)), found / (found + len(link.invented)))
