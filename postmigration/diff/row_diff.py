"""Compares a row set of one database with one of another: both sides at once, and only what differs is looked into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice, zip_longest
from typing import Any

import sqlalchemy as sa

from postmigration.diff.hashing import CALIBRATION, Hashing, Method, hashing, new_secret
from postmigration.diff.row_sets import (
    NO_DIFFERENCE,
    NO_ROWS,
    Bucket,
    Difference,
    DifferenceKind,
    RowSet,
    buckets_sql,
    columns_sql,
    hash_differences,
    hashes_sql,
    power_of_two,
    row_differences,
    rows_sql,
)
from postmigration.diff.scan.packs import merge_packs, pair_packs
from postmigration.diff.scan.readers import Reading, read_at_once, read_in_parts
from postmigration.diff.scan.settings import SCAN, SORT
from postmigration.diff.side_by_side import SideBySide
from postmigration.diff.value_texts import find_main_damage
from postmigration.model.comparison import RowComparison
from postmigration.model.evidence import IMPERSONAL_TYPES
from postmigration.model.sqltext import quoted
from postmigration.postgres.connection import Snapshot

_SECRET = new_secret()

# The mark of rows that the target may have beyond those of before.
GROWTH = "growth"
# The mark of rows of before that may be gone.
SHRINKAGE = "shrinkage"
# Each excuses one kind of difference: what may be new, or gone, may not be other than it was.
_EXCUSES: Mapping[str, DifferenceKind] = {GROWTH: "extra", SHRINKAGE: "missing"}
# The mark of rows that were created or changed after the cut-over.
_SINCE = "since"

# So many that looking into one costs little, and so few that all are held in memory; those without a row do not count.
_BUCKETS = 1_024
# What is looked into travels in packs of about so many rows.
_ROWS_PER_PACK = 10_000
# Where few rows are looked into, their keys travel too and spare another scan; the client holds many packs at a time.
_FEW_ROWS = 250_000

# So many rows that differ tell what became of their values.
_CLASSIFIED = 200
# Of so many rows that differ it is counted in which columns they do.
_COUNTED = 10_000


@dataclass(frozen=True)
class ColumnCount:
    """In how many of the rows that differ a column does.

    Args:
        name: the column.
        rows: how many rows differ in it.
        nulls: how many of them hold NULL now.
        damage: what became of the values of all or most that were looked at, in words; empty where nothing explains it.
    """

    name: str
    rows: int
    nulls: int
    damage: str = ""


@dataclass(frozen=True)
class Comparison:
    """What two row sets differ in.

    Args:
        want_rows, have_rows: how many rows each side has.
        counts: how many differences there are of each kind that is a fault.
        grown: rows that only the target has, and may have.
        marked: differences that a mark of the row sets excuses, by the name of the mark.
        differences: the first few faults, in the order of their keys.
        columns: in how many of the first `counted` rows that differ each column does, the most first.
        counted: see `columns`.
        again: the hashes of the keys at fault, with the keys as far as they are known, if asked for.
        in_flight: how many rows were the same when read again; `unread`: why not all those at fault were, if so.
    """

    want_rows: int
    have_rows: int
    counts: Mapping[DifferenceKind, int]
    grown: int
    marked: Mapping[str, int]
    differences: tuple[Difference, ...]
    columns: tuple[ColumnCount, ...] = ()
    counted: int = 0
    again: Mapping[int, str | None] = field(default_factory=dict)
    in_flight: int = 0
    unread: str = ""

    @property
    def wrong(self) -> int:
        """How many rows are at fault."""
        return sum(self.counts.values())


class Sides:
    """Two row sets, of a snapshot before and one after, that are about to be compared.

    Args:
        before, after: the snapshots.
        want, have: the row sets, with the same columns and the same key.
        parameters: values of the parameters that the queries name.
    """

    def __init__(self, before: Snapshot, after: Snapshot, want: RowSet, have: RowSet, **parameters: Any) -> None:
        self.snapshots = (before, after)
        self.row_sets = (want, have)
        self.parameters = parameters
        self.types = (
            before.types(want.sql, want.settings, **parameters),
            after.types(have.sql, have.settings, **parameters),
        )
        self.hashing = hashing(*self.types, method(before, after), _SECRET)

    @classmethod
    def of(
        cls,
        before: Snapshot,
        after: Snapshot,
        rows: RowComparison,
        *,
        accepted: Collection[str] = (),
        application: bool = True,
        **parameters: Any,
    ) -> Sides:
        """The sides that two queries give, marked as the columns beside those that are compared say.

        Args:
            rows: the queries on the two snapshots.
            accepted: columns of both that are true for rows whose differences are accepted.
            application: names without a schema are looked up as the application does.
        """
        paths = [side.application if application else {} for side in (before, after)]
        waived = {name: f"q.{quoted(name)}" for name in accepted}
        marks = {}
        if rows.settled:
            marks[_SINCE] = f"NOT q.{quoted(rows.settled)}"
        if rows.growth:
            marks[GROWTH] = f"q.{quoted(rows.growth)}"
        new = f"q.{quoted(rows.new)}" if rows.new else "false"
        of_want, of_have = rows.parts
        wanted = RowSet(rows.want, tuple(rows.columns), rows.key, waived, settings=paths[0], part=of_want)
        held = RowSet(rows.have, tuple(rows.columns), rows.key, marks | waived, new, paths[1], of_have)
        return cls(before, after, wanted, held, **parameters)

    @property
    def impersonal(self) -> set[str]:
        """The columns whose values say nothing of a person."""
        return {n for n in self.row_sets[0].columns if all(types[n] in IMPERSONAL_TYPES for types in self.types)}

    def compare(self, *, keep: int, ignore: Collection[DifferenceKind] = (), again: int = 0) -> Comparison:
        """What distinguishes the two.

        Args:
            keep: how many differences to give in full.
            ignore: kinds of difference that are no fault.
            again: of how many rows at fault to give the hashes of their keys.

        Raises:
            sa.exc.DBAPIError: a server refused; no query is left running on either.
        """
        with SideBySide(*self.snapshots) as threads:
            want, have = threads.each(
                lambda snapshot, rows: count_buckets(snapshot, rows, self.hashing, _BUCKETS, self.parameters),
                self.snapshots,
                self.row_sets,
            )
            chosen = [n for n in want.keys() | have.keys() if not want.get(n, NO_ROWS).agrees(have.get(n, NO_ROWS))]
            tally = _Tally(keep, ignore, again)
            tally.grown = sum(have[n].new for n in have.keys() - set(chosen))
            if chosen:
                rows = sum(side[n].rows for side in (want, have) for n in chosen if n in side)
                finer = max(_BUCKETS, power_of_two(rows / _ROWS_PER_PACK, most=1 << 32))
                texts = rows <= _FEW_ROWS and bool(self.hashing.find_key_type(self._key))
                self._look_into(threads, chosen, finer, tally, texts=texts)
            differences, columns = self._read_differences(threads, tally)
        return Comparison(
            want_rows=sum(bucket.rows for bucket in want.values()),
            have_rows=sum(bucket.rows for bucket in have.values()),
            counts=tally.counts,
            grown=tally.grown,
            marked=tally.marked,
            differences=differences,
            columns=columns,
            counted=len(tally.changed),
            again=tally.again,
        )

    @property
    def _key(self) -> tuple[str, ...]:
        rows = self.row_sets[0]
        return rows.columns[: rows.key]

    def _look_into(self, threads: SideBySide, chosen: list[int], finer: int, tally: _Tally, *, texts: bool) -> None:
        sides = list(map(read_at_once, self.snapshots, self.row_sets))
        everybody = [reading.snapshot for side in sides for reading in side]
        with nullcontext(threads) if len(everybody) == len(sides) else SideBySide(*everybody) as streaming:

            def stream(reading: Reading) -> Iterator[sa.Row[Any]]:
                rows = reading.rows
                sql = hashes_sql(rows, self.hashing, _BUCKETS, finer, texts=texts)
                parameters = {"postmigration_chosen": chosen, **reading.parameters, **self.parameters}
                return streaming.ahead(reading.snapshot.stream(sql, {**SORT, **rows.settings}, **parameters))

            packs = [merge_packs(list(map(stream, side))) for side in sides]
            for want, have in pair_packs(*packs):
                marks: dict[str, set[int]] = {}
                for rows, pack in zip(self.row_sets, (want, have), strict=True):
                    for i, name in enumerate(rows.marks):
                        marks.setdefault(name, set()).update(pack.keys(i))
                tally.take(hash_differences(want, have), marks)
                if texts:
                    tally.name({**want.text_by_key(), **have.text_by_key()})

    def _read_differences(
        self, threads: SideBySide, tally: _Tally
    ) -> tuple[tuple[Difference, ...], tuple[ColumnCount, ...]]:
        """The first few faults in full, and in how many of the rows that differ each column does."""
        first, looked_at = tally.first_keys(), tally.changed[:_CLASSIFIED]
        if not first:
            return (), ()
        want, have = self._read(threads, tally, list(dict.fromkeys([*first, *looked_at])), rows_sql)
        shown = ([row for row in side if row[0] in set(first)] for side in (want, have))
        found = row_differences(*shown, key=self.row_sets[0].key, most=tally.keep)
        differences = tuple(d for d in found if d.kind not in tally.ignore)[: tally.keep]
        of_key = ({row[0]: row[2:] for row in side} for side in (want, have))
        return differences, self._count_columns(threads, tally, looked_at, *of_key)

    def _count_columns(
        self,
        threads: SideBySide,
        tally: _Tally,
        looked_at: Sequence[int],
        want: Mapping[int, Sequence[str | None]],
        have: Mapping[int, Sequence[str | None]],
    ) -> tuple[ColumnCount, ...]:
        """In how many of the rows that differ each column does, and what became of its values.

        Args:
            looked_at: the hashes of the keys of the first of these rows.
            want, have: the values of such rows as text, by these hashes.
        """
        rows = self.row_sets[0]
        counts, nulls = Counter[str](), Counter[str]()
        damage = {}
        both = [key for key in looked_at if key in want and key in have]
        for place, name in enumerate(rows.columns):
            pairs = [(want[key][place], have[key][place]) for key in both if want[key][place] != have[key][place]]
            counts[name], nulls[name] = len(pairs), sum(now is None for _, now in pairs)
            damage[name] = self._describe_damage(name, pairs)
        if len(tally.changed) > len(looked_at):
            counts, nulls = self._count_all(threads, tally)
        return tuple(ColumnCount(name, n, nulls[name], damage[name]) for name, n in counts.most_common() if n)

    def _count_all(self, threads: SideBySide, tally: _Tally) -> tuple[Counter[str], Counter[str]]:
        names = self.row_sets[0].columns[self.row_sets[0].key :]
        counts, nulls = Counter[str](), Counter[str]()
        want, have = ({row[0]: row for row in side} for side in self._read(threads, tally, tally.changed, columns_sql))
        for key in want.keys() & have.keys():
            for name, was, now, null in zip(names, want[key].hashes, have[key].hashes, have[key].nulls, strict=True):
                if was != now:
                    counts[name] += 1
                    nulls[name] += null
        return counts, nulls

    def _describe_damage(self, name: str, pairs: Sequence[tuple[str | None, str | None]]) -> str:
        """What became of the values of a column, where most of them tell; the values themselves stay here."""
        words, number = find_main_damage(pairs, *(types[name] for types in self.types))
        if 2 * number <= len(pairs):
            return ""
        return words if number == len(pairs) else f"{number:,} of {len(pairs):,} looked at {words}"

    def _read(
        self, threads: SideBySide, tally: _Tally, hashes: Sequence[int], query: Callable[..., str]
    ) -> list[Sequence[sa.Row[Any]]]:
        """What a query gives for the rows of some keys on both sides.

        Args:
            hashes: the hashes of the keys.
            query: makes the query of a row set, with `texts` where the keys themselves are known.
        """
        texts = [tally.texts.get(key) for key in hashes]
        known = None not in texts
        named = {"postmigration_texts": texts} if known else {}
        return threads.each(
            lambda snapshot, rows: snapshot.rows(
                query(rows, self.hashing, texts=known),
                {**SCAN, **rows.settings},
                postmigration_hashes=list(hashes),
                **named,
                **self.parameters,
            ),
            self.snapshots,
            self.row_sets,
        )


class _Tally:
    """Counts differences, and keeps where the first few of each kind are."""

    def __init__(self, keep: int, ignore: Collection[DifferenceKind], again: int = 0) -> None:
        self.keep = keep
        self.ignore = ignore
        self.counts = dict(NO_DIFFERENCE)
        self.marked: dict[str, int] = {}
        self.grown = 0
        self.changed: list[int] = []
        self.texts: dict[int, str | None] = {}
        self.again: dict[int, str | None] = {}
        self._again = again
        self._kept: dict[DifferenceKind, list[int]] = {kind: [] for kind in NO_DIFFERENCE}

    def take(self, found: Mapping[DifferenceKind, Mapping[int, int]], marks: Mapping[str, set[int]]) -> None:
        """Takes what one bucket differs in."""
        for kind, keys in found.items():
            if kind in self.ignore:
                continue
            rest = keys
            for name, marked in marks.items():
                if marked and _EXCUSES.get(name, kind) == kind:
                    rest = {key: times for key, times in rest.items() if key not in marked}
                    self._excuse(name, sum(keys.values()) - sum(rest.values()))
                    keys = rest
            self.counts[kind] += sum(rest.values())
            self.again |= dict.fromkeys(islice(rest, self._again - len(self.again)))
            self._kept[kind] += islice(rest, self.keep - len(self._kept[kind]))
            if kind == "changed" and self.keep:
                self.changed += islice(rest, _COUNTED - len(self.changed))

    def name(self, texts: Mapping[int, str | None]) -> None:
        """Keeps the keys themselves of what is kept."""
        kept = chain(self.changed, *self._kept.values())
        self.texts |= {key: texts[key] for key in kept if key in texts}
        self.again |= {key: texts[key] for key in self.again.keys() & texts.keys()}

    def _excuse(self, name: str, rows: int) -> None:
        if name == GROWTH:
            self.grown += rows
        elif rows:
            self.marked[name] = self.marked.get(name, 0) + rows

    def first_keys(self) -> list[int]:
        """The hashes of the keys of the first few differences, some of each kind."""
        turns = chain.from_iterable(zip_longest(*self._kept.values()))
        return list(islice((key for key in turns if key is not None), self.keep))


def count_buckets(
    snapshot: Snapshot, rows: RowSet, hashing: Hashing, buckets: int, parameters: Mapping[str, Any]
) -> dict[int, Bucket]:
    """The buckets of one side, by number, in one scan; of a large table several connections read a range each."""

    def read(reader: Snapshot, sql: str, pages: Mapping[str, Any]) -> dict[int, Bucket]:
        query = buckets_sql(replace(rows, sql=sql), hashing, buckets)
        found = reader.rows(query, {**SCAN, **rows.settings}, **parameters, **pages)
        return {row.bucket: Bucket(row.rows, row.new, int(row.total)) for row in found}

    total: dict[int, Bucket] = {}
    for found in read_in_parts(snapshot, rows.part, rows.sql, read):
        for number, bucket in found.items():
            total[number] = total.get(number, NO_ROWS) + bucket
    return total


@lru_cache(maxsize=8)
def method(before: Snapshot, after: Snapshot) -> Method:
    """How two servers hash alike: as they do by themselves, if they agree on known values."""
    alike = calibration(before) == calibration(after)
    return "native" if alike and _hashes_records(before) and _hashes_records(after) else "portable"


def _hashes_records(snapshot: Snapshot) -> bool:
    """Whether a server has the functions for `native`, which came with PostgreSQL 14."""
    return int(snapshot.scalar("SHOW server_version_num")) >= 140_000


def calibration(snapshot: Snapshot) -> str:
    """What a server makes of known values."""
    encoding = snapshot.scalar("SHOW server_encoding")
    return f"{encoding} {snapshot.scalar(CALIBRATION) if _hashes_records(snapshot) else ''}"
