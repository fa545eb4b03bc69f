"""The rows and sums of hashes of each bucket of a table, as a fingerprint holds them, and its latest time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sqlalchemy as sa

from postmigration.diff.scan.readers import read_in_parts
from postmigration.model.comparison import Part
from postmigration.postgres.connection import Snapshot


def read_buckets(
    snapshot: Snapshot,
    part: Part | None,
    whole: str,
    ask: Callable[[str], str],
    settings: Mapping[str, str],
    parameters: Mapping[str, Any],
) -> tuple[dict[int, tuple[int, int, int]], set[str]]:
    """Reads the buckets of a table, of a large one by several connections.

    Args:
        part, whole: see `read_in_parts`.
        ask: makes of the query for rows that for the number of each bucket, its rows, two sums and the latest time.

    Returns:
        The rows and the last bits of both sums by the number of the bucket; and the latest times of what was read.
    """

    def read(reader: Snapshot, sql: str, pages: Mapping[str, Any]) -> sa.Row[Any]:
        # Packed: a client that takes as many numbers one by one is slower than the server that makes them.
        numbers = " || ".join(f"int8send({value})" for value in ("bucket", "rows", _bits("first"), _bits("second")))
        packed = f"SELECT string_agg({numbers}, '') AS buckets, max(newest)::text AS newest FROM ({ask(sql)}) b"
        return reader.rows(packed, settings, **parameters, **pages)[0]

    buckets: dict[int, tuple[int, int, int]] = {}
    newest = set()
    for found in read_in_parts(snapshot, part, whole, read):
        newest |= {found.newest} - {None}
        for number, *of in struct.iter_unpack(">qqQQ", found.buckets or b""):
            rows, first, second = buckets.get(number, (0, 0, 0))
            buckets[number] = rows + of[0], low_bits(first + of[1]), low_bits(second + of[2])
    return dict(sorted(buckets.items())), newest


def _bits(total: str) -> str:
    """SQL for the last 64 bits of a sum, as a bigint with a sign."""
    least, all_ = 1 << 63, 1 << 64
    return f"CAST(mod(mod(coalesce({total}, 0) + {least}, {all_}) + {all_}, {all_}) - {least} AS bigint)"


def find_newest(snapshot: Snapshot, times: Collection[str], sql: str, youngest: str, path: Mapping[str, str]) -> str:
    """The latest of some times, as the server wrote them; `infinity` where there is none.

    Args:
        sql, youngest: the query whose rows they are of, and the aggregate that gave them, for their type.
    """
    if len(times) < 2:
        return next(iter(times), "infinity")
    type_ = snapshot.types(f"SELECT {youngest} AS newest FROM ({sql}) q", path)["newest"]
    latest = f"SELECT max(CAST(t.time AS {type_}))::text FROM unnest(CAST(:times AS text[])) AS t(time)"
    return str(snapshot.scalar(latest, path, times=list(times)))


def low_bits(total: Any) -> int:
    """The last 64 bits of a sum; the sum of those of two has those of both."""
    return int(total or 0) & 0xFFFF_FFFF_FFFF_FFFF
