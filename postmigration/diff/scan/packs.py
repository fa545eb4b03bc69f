"""Packs of hashes that several connections read, in the order of buckets and side by side."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from postmigration.diff.row_sets import Pack

Packs = Iterator[tuple[int, Pack]]


def merge_packs(streams: Sequence[Iterator[sa.Row[Any]]]) -> Packs:
    """The pack of each bucket, put together from what each range of a table has of it, as `hashes_sql` gives it."""
    merged = heapq.merge(*map(_unpack, streams), key=itemgetter(0))
    for bucket, packs in groupby(merged, key=itemgetter(0)):
        yield bucket, _join([pack for _, pack in packs])


def _unpack(stream: Iterator[sa.Row[Any]]) -> Packs:
    for row in stream:
        yield row.bucket, Pack(row.rows, row.repeated, row.texts, row[4:])


def _join(packs: Sequence[Pack]) -> Pack:
    """One pack of several; what stands in two of them is counted twice there, too."""
    if len(packs) == 1:
        return packs[0]
    return Pack(
        b"".join(pack.rows or b"" for pack in packs),
        b"".join(pack.repeated or b"" for pack in packs),
        list(chain.from_iterable(pack.texts or () for pack in packs)),
        [b"".join(marked or b"" for marked in of) for of in zip(*(pack.marked for pack in packs), strict=True)],
    )


def pair_packs(want: Packs, have: Packs) -> Iterator[tuple[Pack, Pack]]:
    """The packs of each bucket on both sides; a side that has no row there has an empty one."""
    w, h = next(want, None), next(have, None)
    while w is not None or h is not None:
        first = min(side[0] for side in (w, h) if side is not None)
        of_want, of_have = Pack(), Pack()
        if w is not None and w[0] == first:
            of_want, w = w[1], next(want, None)
        if h is not None and h[0] == first:
            of_have, h = h[1], next(have, None)
        yield of_want, of_have
