"""Finds by its key which row of before a row of now was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postmigration.checks.contents.tables import Relation
from postmigration.checks.rows import retyped
from postmigration.diff.value_texts import agree, family, is_whole, normalize_all, write_number
from postmigration.trace.reading import Field, Row, Side, as_text, own_field
from postmigration.trace.values.explanation import MAJORITY, can_be_key, is_code, split_number, write_literal

# Values of a column that are looked up to find a candidate.
_PROBES = 300
_ENOUGH = 3
# The few values are hashed and the rows stream past them, whatever the planner takes their numbers for.
_HASHED = {"jit": "off", "enable_sort": "off", "enable_mergejoin": "off"}
_MOST_CANDIDATES = 12
# What a row says itself weighs more than what the row says that it refers to.
_FAR = 0.9
# A key has fewer words than this; a text that has more is written by people.
_MOST_WORDS = 4
_CAST = ("smallint", "integer", "bigint", "uuid", "text", "character varying")


@dataclass(frozen=True)
class KeyPart:
    """How a column that identifies a row follows from a row of before.

    Args:
        column: the column of now.
        source: the column of before.
        before, after: constants around its text.
        folded: it is trimmed and in lower case.
    """

    column: str
    source: Field
    before: str = ""
    after: str = ""
    folded: bool = False

    @property
    def sql(self) -> str:
        """Its value, over a row `r` of before."""
        if self.folded:
            return f"lower(btrim({self.source.text}))"
        texts = [write_literal(text) for text in (self.before, self.after)]
        return " || ".join(([texts[0]] * bool(self.before)) + [self.source.sql] + ([texts[1]] * bool(self.after)))

    @property
    def words(self) -> str:
        """The same for people."""
        if self.folded:
            return f"{self.source.name} trimmed, in lower case"
        behind = f" behind {self.before!r}" if self.before else ""
        return f"{self.source.name}{behind}" + (f" before {self.after!r}" if self.after else "")

    @property
    def is_plain(self) -> bool:
        """Whether it is the value itself."""
        return not (self.before or self.after or self.folded)

    def apply(self, text: str | None) -> str | None:
        """The text that it makes of that of before."""
        if text is None:
            return None
        return text.strip(" ").lower() if self.folded else self.before + text + self.after


@dataclass
class RowLink:
    """Rows of a table of before that are rows of one of now.

    Args:
        source, target: the tables.
        key: how a row is found again.
        pairs: rows of both that were found to be the same.
        lone: rows of before that have no like; `invented`: rows of now that have none.
        score: how many other columns hold the same along it.
        certain: its key alone is no accident.
    """

    source: Relation
    target: Relation
    key: tuple[KeyPart, ...]
    pairs: list[tuple[Row, Row]] = field(default_factory=list)
    lone: list[Row] = field(default_factory=list)
    invented: list[Row] = field(default_factory=list)
    score: float = 0.0
    certain: bool = False

    @property
    def is_unique(self) -> bool:
        """Whether the key of before identifies a row there."""
        names = {part.source.name for part in self.key}
        return any(set(key) <= names for key in self.source.keys) and not any(part.folded for part in self.key)

    @property
    def is_prose(self) -> bool:
        """Whether a part of the key is mostly sentences, which may say the id of a row but are none."""
        few = [now for _, now in self.pairs[:100]]
        return any(
            sum(len((now[part.column] or "").split()) > _MOST_WORDS for now in few) > 0.5 * len(few)
            for part in self.key
        )

    def read_new(self, row: Row) -> tuple[str, ...] | None:
        """The key of a row of now."""
        texts = tuple(_write_plain(row[part.column], self.target.columns[part.column].root) for part in self.key)
        return None if None in texts else tuple(map(str, texts))

    def read_old(self, row: Row) -> tuple[str, ...] | None:
        """The key that a row of before must have now."""
        texts = tuple(
            _write_plain(part.apply(row[part.source.name]), part.source.root if part.is_plain else "")
            for part in self.key
        )
        return None if None in texts else tuple(map(str, texts))


def _write_plain(text: str | None, root: str) -> str | None:
    """A value of a type as a part of a key: a number has no zeros that only its scale adds."""
    return write_number(text) if text is not None and root == "numeric" else text


class LinkFinder:
    """Finds links between the tables of two databases.

    Args:
        before, after: the databases.
    """

    def __init__(self, before: Side, after: Side) -> None:
        self.before, self.after = before, after
        self._samples: dict[tuple[str, str], list[Row]] = {}

    def sample_old(self, table: Relation, where: str = "true") -> list[Row]:
        """Some rows of a table of before, with all that they refer to."""
        if (table.sql, where) not in self._samples:
            self._samples[table.sql, where] = self.before.sample(table, self.before.fields(table), where)
        return self._samples[table.sql, where]

    def forget_samples(self) -> None:
        """Has rows read anew, since there is more to read of them."""
        self._samples.clear()

    def find_candidates(
        self, source: Relation, target: Relation, rows: Sequence[Row], columns: Sequence[str]
    ) -> list[KeyPart]:
        """How columns of now may follow from one of before that tells rows apart, the likeliest first.

        Args:
            rows: a sample of the target.
            columns: those of its columns that tell rows apart.
        """
        probes: list[tuple[KeyPart, list[str]]] = []
        for name in columns:
            values = sorted({text for row in rows if (text := row[name]) is not None})[:: max(1, len(rows) // _PROBES)]
            for column in source.columns.values():
                if len(values) >= _ENOUGH and can_be_key(column.root) and self._tells(source, column.name):
                    root = target.columns[name].root
                    probes += _propose(name, root, own_field(column), values)
        if not probes:
            return []
        shares = self.match(source, probes)
        found = [
            (shares[n] / len(values), part)
            for n, (part, values) in enumerate(probes)
            if shares[n] >= max(_ENOUGH, 0.5 * len(values))
        ]
        unique = {key[0] for key in source.keys if len(key) == 1}
        found.sort(
            key=lambda each: (
                each[1].source.name in unique,
                each[0],
                each[1].is_plain,
                each[1].source.name == each[1].column,
            ),
            reverse=True,
        )
        return [part for _, part in found][:_MOST_CANDIDATES]

    def _tells(self, source: Relation, column: str) -> bool:
        """Whether a column of before has more than a few values."""
        return len({row[column] for row in self.sample_old(source)} - {None}) >= _ENOUGH

    def match(self, source: Relation, probes: Sequence[tuple[KeyPart, list[str]]]) -> Mapping[int, int]:
        """How many of the values of each probe a column of before holds, in one pass over it."""
        columns = dict.fromkeys((part.source.name, part.folded) for part, _ in probes)
        number = {column: n for n, column in enumerate(columns)}
        texts = []
        for name, folded in columns:
            value = source.columns[name].over("r")
            # A cast is faster, and that of a type of PostgreSQL's own is its.
            root = source.columns[name].root
            text = f"CAST({value} AS text)" if root in _CAST else as_text(value)
            text = retyped.write_number(value) if root == "numeric" else text
            texts.append(f"lower(btrim({text}))" if folded else text)
        listed = ", ".join(f"({n}, {text})" for n, text in enumerate(texts))
        parts: list[int] = []
        wanted: list[str] = []
        probed: list[int] = []
        for n, (part, values) in enumerate(probes):
            for text in values:
                inner = text.lower() if part.folded else text[len(part.before) : len(text) - len(part.after)]
                inner = _write_plain(inner, part.source.root) or inner
                parts.append(number[part.source.name, part.folded])
                wanted.append(inner)
                probed.append(n)
        sql = f"""
            SELECT probe, count(*) AS hits FROM (
                SELECT DISTINCT v.probe, v.text
                FROM {source.sql} r CROSS JOIN LATERAL (VALUES {listed}) x(part, text)
                JOIN unnest(CAST(:postmigration_parts AS int[]), CAST(:postmigration_texts AS text[]),
                            CAST(:postmigration_probes AS int[])) v(part, text, probe)
                    ON v.part = x.part AND v.text COLLATE "C" = x.text COLLATE "C") h
            GROUP BY probe
        """
        found = self.before.snapshot.rows(
            sql, _HASHED, postmigration_parts=parts, postmigration_texts=wanted, postmigration_probes=probed
        )
        counted = {int(row.probe): int(row.hits) for row in found}
        return {n: counted.get(n, 0) for n in range(len(probes))}

    def follow(
        self,
        source: Relation,
        target: Relation,
        key: Sequence[KeyPart],
        rows: Sequence[Row],
        where: str = "true",
        *,
        quick: bool = False,
    ) -> RowLink:
        """Pairs the rows of samples of both sides.

        Args:
            rows: a sample of the target.
            where: condition on `r`: which rows of before can have gone there.
            quick: only the rows of the target are looked up.
        """
        link = RowLink(source, target, tuple(key))
        fields = self.before.fields(source)
        sample = () if quick else self.sample_old(source, where)
        known = [texts for row in rows if (texts := link.read_new(row)) is not None]
        old = self.before.find(source, fields, [part.sql for part in key], known)
        wanted = [texts for row in sample if (texts := link.read_old(row)) is not None]
        columns = [own_field(column) for column in target.columns.values()]
        more = self.after.find(target, columns, [target.columns[part.column].over("r") for part in key], wanted)
        new: dict[tuple[str, ...], Row] = {}
        for row in (*rows, *more):
            if (texts := link.read_new(row)) is not None:
                new[texts] = row
        seen: set[tuple[str | None, ...]] = set()
        own = [field.name for field in fields if field.own]
        for row in (*sample, *old):
            identity = tuple(row[name] for name in own)
            if identity in seen:
                continue
            seen.add(identity)
            like = new.get(link.read_old(row) or ())
            if like is None:
                link.lone.append(row)
            else:
                link.pairs.append((row, like))
        kept = {link.read_new(now) for _, now in link.pairs}
        link.invented = [row for row in rows if link.read_new(row) not in kept]
        link.score = _score(link, fields)
        return link


def _score(link: RowLink, fields: Sequence[Field]) -> float:
    """How much agrees beside the key in the rows of pairs: 1 for a column of texts, less for numbers."""
    few = link.pairs[:200]
    keyed = {part.column for part in link.key}
    total = 0.0
    for column in link.target.columns.values():
        if column.name in keyed or not few:
            continue
        new = normalize_all([now[column.name] for _, now in few], column.root, column.root)
        filled = sum(text is not None for text in new)
        best = 0.0
        for old in fields:
            if not agree(old.root, column.root):
                continue
            held = normalize_all([was[old.name] for was, _ in few], old.root, column.root)
            hits = [text for text, other in zip(new, held, strict=True) if text is not None and text == other]
            if len(set(hits)) >= _ENOUGH and len(hits) >= MAJORITY * filled:
                own = 1 if old.own else _FAR
                best = max(best, len(hits) / filled * _weigh(column.root, hits) * own)
        total += best
    return total


def _weigh(root: str, hits: Sequence[str]) -> float:
    """How much it says that values agree: small numbers and days do so by accident."""
    if family(root) == "number":
        return 0.4 if max(map(len, hits)) < 5 else 0.9
    return 0.6 if root == "date" else 1.0


def _propose(column: str, root: str, source: Field, values: Sequence[str]) -> Iterator[tuple[KeyPart, list[str]]]:
    """The ways in which some values may follow from a column of before, each with those that may."""
    if agree(source.root, root) and not (family(root) == "number" and family(source.root) == "text"):
        yield KeyPart(column, source), list(values)
        if family(root) == family(source.root) == "text" and "uuid" not in (root, source.root):
            folded = [text for text in values if text == text.strip(" ").lower()]
            if len(folded) == len(values):
                yield KeyPart(column, source, folded=True), folded
    if family(root) != "text":
        return
    affixes = _count_numbers(values) if is_whole(source.root) else _count_prefixes(values)
    for (before, after), those in affixes.items():
        if (before or after) and len(those) >= max(_ENOUGH, 0.05 * len(values)):
            yield KeyPart(column, source, before, after), those


def _count_numbers(values: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for text in values:
        if (split := split_number(text)) is not None:
            found.setdefault((split[0], split[2]), []).append(text)
    return found


def _count_prefixes(values: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """The values by how they begin, up to what parts words."""
    found: dict[tuple[str, str], list[str]] = {}
    first: Counter[str] = Counter()
    for text in values:
        ends = [at for mark in "_-:/." if 0 < (at := text.find(mark)) <= 12]
        if ends:
            first[text[: min(ends) + 1]] += 1
    for before, times in first.items():
        if times >= _ENOUGH:
            found[before, ""] = [text for text in values if text.startswith(before)]
    return found


def list_telling_columns(table: Relation, rows: Sequence[Row]) -> list[str]:
    """The columns that tell the rows of a table apart, those of its keys first."""
    keys = [key[0] for key in table.keys if len(key) == 1]
    others = []
    for column in table.columns.values():
        texts = [text for row in rows if (text := row[column.name]) is not None]
        telling = len(texts) == len(set(texts)) == len(rows) >= _ENOUGH
        if column.name not in keys and telling and can_be_key(column.root):
            others.append(column.name)
    return [*(name for name in keys if can_be_key(table.columns[name].root)), *others]


def is_trustworthy(link: RowLink, *, alone: bool) -> bool:
    """Whether so much agrees along a link that it is no accident.

    Args:
        alone: no other table of before can be where the rows come from.
    """
    if len(link.pairs) < _ENOUGH or link.certain:
        return link.certain
    if link.score >= (0.8 if all(part.is_plain for part in link.key) else 0.4):
        return True
    codes = is_code([link.read_new(now)[0] for _, now in link.pairs[:100] if link.read_new(now)])  # type: ignore[index]
    return codes or (alone and not link.lone and not link.invented and not all(p.is_plain for p in link.key))
