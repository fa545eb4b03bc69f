"""Two row sets: the queries that boil each down to a few numbers, and what these numbers tell.

A side is read once, into buckets of the hash of its key: how many rows, and the sum of the hashes of all their columns.
Only buckets that differ are looked into, row by row but still as hashes; whole rows travel only as evidence.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Literal

from postmigration.diff.hashing import Hashing, as_text
from postmigration.model.comparison import Part
from postmigration.model.sqltext import quoted

DifferenceKind = Literal["missing", "extra", "changed"]
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class RowSet:
    """One side of a comparison.

    Args:
        sql: a query.
        columns: those of its columns that are compared, the key's first.
        key: how many leading columns identify a row; all of them where nothing does.
        marks: conditions on a row `q` of it, by name, that say how a difference of this row is taken.
        new: condition on a row `q` of it, that the other side cannot know the row.
        settings: settings under which it is asked, for example as whom.
        part: the query for some pages of its table, where all pages together give the same rows.
        keyed: something identifies a row; several rows may be the same where not.
    """

    sql: str
    columns: tuple[str, ...]
    key: int
    marks: Mapping[str, str] = field(default_factory=dict)
    new: str = "false"
    settings: Mapping[str, str] = field(default_factory=dict)
    part: Part | None = None
    keyed: bool = True


@dataclass(frozen=True)
class Bucket:
    """The rows whose keys hash into one bucket: how many, and the sum of the hashes of those that are not new."""

    rows: int
    new: int
    total: int

    def __add__(self, other: Bucket) -> Bucket:
        """The rows of both: sums, since two damages that are the same would cancel each other in an XOR."""
        return Bucket(self.rows + other.rows, self.new + other.new, self.total + other.total)

    def agrees(self, other: Bucket) -> bool:
        """Whether both hold the same rows, new ones aside."""
        return (self.rows - self.new, self.total) == (other.rows - other.new, other.total)


NO_ROWS = Bucket(0, 0, 0)
NO_DIFFERENCE: Mapping[DifferenceKind, int] = {"missing": 0, "extra": 0, "changed": 0}


@dataclass(frozen=True)
class Difference:
    """A row that is not the same on both sides; `want` and `have` are its values as text, key first, or None."""

    kind: DifferenceKind
    key: Row
    want: Row | None
    have: Row | None

    def columns(self) -> list[int]:
        """The positions of the values that differ in a changed row."""
        if self.want is None or self.have is None:
            return []
        return [i for i, (want, have) in enumerate(zip(self.want, self.have, strict=True)) if want != have]


def buckets_sql(rows: RowSet, hashing: Hashing, buckets: int) -> str:
    """The query for the buckets of a side: number, rows, new rows, sum of hashes.

    Args:
        buckets: how many there are, a power of two.
    """
    return f"""
        SELECT ({hashing.key(rows.columns[: rows.key])}) & {buckets - 1} AS bucket, count(*) AS rows,
               count(*) FILTER (WHERE {rows.new}) AS new,
               coalesce(sum({hashing.row(rows.columns)}) FILTER (WHERE ({rows.new}) IS NOT TRUE), 0) AS total
        FROM ({rows.sql}) q GROUP BY 1
    """


def hashes_sql(rows: RowSet, hashing: Hashing, buckets: int, finer: int, *, texts: bool = False) -> str:
    """The query for the hashes of all rows in some buckets, packed for `Pack`, in the order of buckets.

    Its parameter is `:postmigration_chosen`, a word that stands in no table's name.

    Args:
        buckets: how many there are, a power of two.
        finer: into how many, no fewer, the result is divided.
        texts: whether to give the keys themselves too, which are of one column.
    """
    named = [f"postmigration_mark_{i}" for i in range(len(rows.marks))]
    marks = "".join(
        f", ({condition}) IS TRUE AS {name}" for name, condition in zip(named, rows.marks.values(), strict=True)
    )
    key = _key_name(rows)
    # Grouped, so that what is sorted is hashes and not rows.
    counted = f"""
        SELECT {key} & {finer - 1} AS bucket, {key} AS k, {hashing.row(rows.columns)} AS r, count(*) AS n
               {f", min({as_text(rows.columns[0])}) AS t" * texts}
               {"".join(f", bool_or({name}) AS {name}" for name in named)}
        FROM (SELECT q.*, {hashing.key(rows.columns[: rows.key])} AS {key}{marks} FROM ({rows.sql}) q) q
        WHERE {key} & {buckets - 1} = ANY(CAST(:postmigration_chosen AS bigint[])) GROUP BY 1, 2, 3
    """
    return f"""
        SELECT bucket, string_agg(int8send(k) || int8send(r), '') AS rows,
               string_agg(int8send(k) || int8send(r) || int8send(n), '') FILTER (WHERE n > 1) AS repeated,
               {"array_agg(t)" if texts else "CAST(NULL AS text[])"} AS texts
               {"".join(f", string_agg(int8send(k), '') FILTER (WHERE {name}) AS {name}" for name in named)}
        FROM ({counted}) c GROUP BY bucket ORDER BY bucket
    """


def _key_name(rows: RowSet) -> str:
    """What the hash of a row's key is called beside the columns of the row."""
    name = "postmigration_key"
    while name in rows.columns:
        name += "_"
    return name


def rows_sql(rows: RowSet, hashing: Hashing, *, texts: bool = False) -> str:
    """The query for the rows with the keys of `:postmigration_hashes`: hash, how often, and each value as text.

    Args:
        texts: whether `:postmigration_texts` has the keys themselves, by which an index finds the rows.
    """
    key = _key_name(rows)
    known = f"CAST(:postmigration_texts AS {hashing.find_key_type(rows.columns[: rows.key])}[])"
    where = f"WHERE q.{quoted(rows.columns[0])} = ANY({known})" if texts else ""
    # Grouped as they are, whatever the collation of a column takes for the same.
    values = ", ".join(f'({as_text(name)}) COLLATE "C" AS {quoted(name)}' for name in rows.columns)
    positions = ", ".join(str(3 + i) for i in range(len(rows.columns)))
    return f"""
        SELECT {key}, count(*), {values}
        FROM (SELECT q.*, {hashing.key(rows.columns[: rows.key])} AS {key} FROM ({rows.sql}) q {where}) q
        WHERE {key} = ANY(CAST(:postmigration_hashes AS bigint[])) GROUP BY 1, {positions}
    """


def columns_sql(rows: RowSet, hashing: Hashing, *, texts: bool = False) -> str:
    """The query for the rows with the keys of `:postmigration_hashes`: each value's hash, and if it is NULL.

    Args:
        texts: as for `rows_sql`.
    """
    key = _key_name(rows)
    known = f"CAST(:postmigration_texts AS {hashing.find_key_type(rows.columns[: rows.key])}[])"
    where = f"WHERE q.{quoted(rows.columns[0])} = ANY({known})" if texts else ""
    values = rows.columns[rows.key :]
    hashes = ", ".join(hashing.row((name,)) for name in values)
    nulls = ", ".join(f"q.{quoted(name)} IS NOT DISTINCT FROM NULL" for name in values)
    return f"""
        SELECT {key}, ARRAY[{hashes}] AS hashes, ARRAY[{nulls}] AS nulls
        FROM (SELECT q.*, {hashing.key(rows.columns[: rows.key])} AS {key} FROM ({rows.sql}) q {where}) q
        WHERE {key} = ANY(CAST(:postmigration_hashes AS bigint[]))
    """


def narrow_sql(rows: RowSet, hashing: Hashing, *, texts: bool) -> str:
    """The query of those rows of a row set whose keys have one of the hashes of `:postmigration_again`.

    Args:
        texts: whether `:postmigration_again_texts` has the keys themselves, by which an index finds the rows.
    """
    key = rows.columns[: rows.key]
    named = f"CAST(:postmigration_again_texts AS {hashing.find_key_type(key)}[])"
    known = f"q.{quoted(key[0])} = ANY({named}) AND " if texts else ""
    return f"""
        SELECT q.* FROM ({rows.sql}) q
        WHERE {known}({hashing.key(key)}) = ANY(CAST(:postmigration_again AS bigint[]))
    """


@dataclass(frozen=True)
class Pack:
    """The rows of one bucket as `hashes_sql` packs them.

    Args:
        rows: the hashes of key and row of each row that is not the same as another.
        repeated: those of which there are several, and how many.
        texts: the key of each of `rows`, if that was asked for.
        marked: for each mark the hashes of the keys that it holds for.
    """

    rows: bytes | None = None
    repeated: bytes | None = None
    texts: Sequence[str | None] | None = None
    marked: Sequence[bytes | None] = ()

    def keys(self, mark: int) -> set[int]:
        """The hashes of keys that a mark holds for."""
        packed = self.marked[mark] if mark < len(self.marked) else None
        return {key for (key,) in struct.iter_unpack(">q", packed or b"")}

    def text_by_key(self) -> dict[int, str | None]:
        """The keys themselves, as far as they were asked for, by their hashes."""
        return {
            key: text
            for (key, _), text in zip(struct.iter_unpack(">qq", self.rows or b""), self.texts or (), strict=False)
        }

    def by_key(self) -> dict[int, int] | None:
        """The hash of the row by that of its key; None where several rows have one key."""
        rows = dict(struct.iter_unpack(">qq", self.rows or b""))
        return None if self.repeated or len(rows) * 16 < len(self.rows or b"") else rows

    def count_pairs(self) -> Counter[tuple[int, int]]:
        """How often each pair of hashes stands there."""
        rows = Counter(struct.iter_unpack(">qq", self.rows or b""))
        # A pack of several ranges says so of each.
        for key, row, times in struct.iter_unpack(">qqq", self.repeated or b""):
            rows[key, row] += times - 1
        return rows


def hash_differences(want: Pack, have: Pack) -> dict[DifferenceKind, Mapping[int, int]]:
    """What distinguishes two packed buckets.

    Returns:
        For each kind of difference the hashes of the keys, and of how many rows.
    """
    wanted, held = want.by_key(), have.by_key()
    if wanted is not None and held is not None:
        gone, come = dict(wanted.items() - held.items()).keys(), dict(held.items() - wanted.items()).keys()
        return {
            "missing": dict.fromkeys(gone - come, 1),
            "extra": dict.fromkeys(come - gone, 1),
            "changed": dict.fromkeys(gone & come, 1),
        }
    wanted_rows, held_rows = want.count_pairs(), have.count_pairs()
    missing, extra = _by_key(wanted_rows - held_rows), _by_key(held_rows - wanted_rows)
    changed = missing & extra
    return {"missing": missing - changed, "extra": extra - changed, "changed": changed}


def _by_key(rows: Counter[tuple[int, int]]) -> Counter[int]:
    keys: Counter[int] = Counter()
    for (key, _), times in rows.items():
        keys[key] += times
    return keys


def row_differences(
    want: Iterable[Sequence[object]], have: Iterable[Sequence[object]], *, key: int, most: int
) -> list[Difference]:
    """What distinguishes rows as `rows_sql` gives them, in the order of their keys.

    Rows of one key are paired as they come, so that a doubled row is an extra one.

    Args:
        key: how many leading values identify a row.
        most: how many differences to give of one key.
    """
    wanted, held = _rows(want), _rows(have)
    found = []
    for hash_ in wanted.keys() | held.keys():
        w, h = wanted.get(hash_, Counter()), held.get(hash_, Counter())
        missing, extra = (list(islice(_elements(rows), most)) for rows in (w - h, h - w))
        found += [Difference("changed", a[:key], a, b) for a, b in zip(missing, extra, strict=False)]
        found += [Difference("missing", row[:key], row, None) for row in missing[len(extra) :]]
        found += [Difference("extra", row[:key], None, row) for row in extra[len(missing) :]]
    return sorted(found, key=lambda difference: in_order(difference.key))


def _elements(rows: Counter[Row]) -> Iterator[Row]:
    for row in sorted(rows, key=in_order):
        yield from repeat(row, rows[row])


def _rows(rows: Iterable[Sequence[object]]) -> dict[int, Counter[Row]]:
    counted: dict[int, Counter[Row]] = {}
    for hash_, times, *values in rows:
        counted.setdefault(int(str(hash_)), Counter())[tuple(values)] += int(str(times))  # type: ignore[arg-type]
    return counted


def in_order(row: Row) -> tuple[tuple[bool, str], ...]:
    """What rows are sorted by: NULL comes first."""
    return tuple((value is not None, value or "") for value in row)


def power_of_two(least: float, *, most: int) -> int:
    """The next power of two, up to a limit."""
    return int(min(most, 1 << max(0, int(least) - 1).bit_length()))
