"""Whether the entries of an index are in the order that its operator class and collation demand, and none is missing.

An index that was built under another version of the library that compares text, or before a function was replaced, is
read in the order in which its entries stand, and each is held against the one before it by the operator of today.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from postmigration.checks.contents.batches import Question, Refusal, ask
from postmigration.checks.health.indexes import Index, Key
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.refusals import describe_refusal

# The order that is tested is that of the index: nothing may sort. What is compared comes from the table itself.
_IN_ORDER = {
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "enable_indexonlyscan": "off",
    "enable_indexscan": "on",
    "max_parallel_workers_per_gather": "0",
}
_BY_TABLE = {
    "enable_indexscan": "off",
    "enable_bitmapscan": "off",
    "enable_indexonlyscan": "off",
    "enable_seqscan": "on",
}
_AT_ONCE = 20
# SQLSTATE class of what is damaged.
DAMAGED = "XX"


@dataclass(frozen=True)
class Order:
    """What the test of one index gave.

    Args:
        entries: how many it has; `misplaced`: how many stand behind one that belongs behind them.
        rows: how many rows of its table it must have.
        unread: why it was not tested; empty where it was.
        shadowed: that is since the server prefers another index, or none.
        unreadable: what the server says of it, where that is that it, or its table, is damaged.
    """

    entries: int = 0
    misplaced: int = 0
    rows: int = 0
    unread: str = ""
    shadowed: bool = False
    unreadable: str = ""

    @property
    def broken(self) -> bool:
        """Whether it cannot be read, is out of order, or lacks rows."""
        return bool(self.unreadable) or self.misplaced > 0 or self.entries != self.rows


def check_order(snapshot: Snapshot, indexes: Sequence[Index]) -> Iterator[tuple[Index, Order]]:
    """Tests indexes, in as few statements as is sensible."""
    # Version 13 is the first that sorts what is sorted in part.
    partly = {"enable_incremental_sort": "off"} if snapshot.info.server_version >= 130_000 else {}
    for role in sorted({index.role for index in indexes}):
        those = [index for index in indexes if index.role == role]
        acting = {**partly, **({"role": role} if role else {})}
        for first in range(0, len(those), _AT_ONCE):
            some = those[first : first + _AT_ONCE]
            read, unread = _read_in_order(snapshot, some, acting)
            yield from unread.items()
            walked = ask(snapshot, [Question(i, _walk(i), i.table_pages) for i in read], {**_IN_ORDER, **acting})
            # Most indexes of a table hold the same rows.
            pages = {_count(index): index.table_pages for index in read}
            counts = [Question(sql, sql, size) for sql, size in pages.items()]
            counted = dict(ask(snapshot, counts, {**_BY_TABLE, **acting}))
            for index, order in walked:
                rows = counted[_count(index)]
                if isinstance(order, Refusal):
                    yield index, _find_refusal(order)
                elif isinstance(rows, Refusal):
                    yield index, _find_refusal(rows)
                else:
                    yield index, Order(int(order.entries), int(order.misplaced), int(rows.entries))


def _find_refusal(refusal: Refusal) -> Order:
    damaged = refusal.state.startswith(DAMAGED)
    return Order(unreadable=refusal.reason) if damaged else Order(unread=refusal.reason)


def _read_in_order(
    snapshot: Snapshot, indexes: Sequence[Index], acting: dict[str, str]
) -> tuple[list[Index], dict[Index, Order]]:
    """Which indexes the planner reads when the order of each is asked for, and why it does not read the others."""
    try:
        plan = snapshot.scalar(
            "EXPLAIN (FORMAT JSON, COSTS off)\n" + "\nUNION ALL\n".join(map(_walk, indexes)), {**_IN_ORDER, **acting}
        )
        leaves = [*_leaves(plan if isinstance(plan, list) else json.loads(plan))]
    except sa.exc.DBAPIError as error:
        if len(indexes) == 1:
            return [], {indexes[0]: Order(unread=describe_refusal(error))}
        leaves = []
    if len(leaves) != len(indexes):
        if len(indexes) == 1:
            return [], {indexes[0]: Order(unread="the server answers without reading it", shadowed=True)}
        halves = [_read_in_order(snapshot, part, acting) for part in (indexes[::2], indexes[1::2])]
        return [*halves[0][0], *halves[1][0]], {**halves[0][1], **halves[1][1]}
    read: list[Index] = []
    unread: dict[Index, Order] = {}
    for index, leaf in zip(indexes, leaves, strict=True):
        if leaf.get("Index Name") == index.name:
            read.append(index)
        elif index.young:
            reason = "it is too young for the snapshot; try again when older transactions have ended"
            unread[index] = Order(unread=reason)
        else:
            reason = f"the server answers from {leaf.get('Index Name', 'the table')} instead"
            unread[index] = Order(unread=reason, shadowed=True)
    return read, unread


def _leaves(node: Any) -> Iterator[dict[str, Any]]:
    """The scans of a plan, from left to right."""
    if isinstance(node, list):
        for one in node:
            yield from _leaves(one)
    elif "Plan" in node:
        yield from _leaves(node["Plan"])
    elif "Plans" in node:
        yield from _leaves(node["Plans"])
    else:
        yield node


def _walk(index: Index) -> str:
    """A query that reads the entries in the order of an index, and counts those that do not belong behind the last."""
    numbered = [*enumerate(index.keys)]
    keys = ", ".join(f"{key.collated} AS k{n}, lag({key.collated}) OVER w AS p{n}" for n, key in numbered)
    order = ", ".join(
        f"{key.collated} USING {key.before} NULLS {'FIRST' if key.nulls_first else 'LAST'}" for key in index.keys
    )
    follows = "true"
    for n, key in reversed(numbered):
        follows = f"({_comes_first(n, key)} OR {_is_equal(n, key)} AND {follows})"
    where = f" WHERE {index.predicate}" if index.predicate else ""
    return (
        f"SELECT count(*) AS entries, count(*) FILTER (WHERE n > 1 AND {follows} IS NOT TRUE) AS misplaced "
        f"FROM (SELECT {keys}, row_number() OVER w AS n FROM {index.source}{where} WINDOW w AS (ORDER BY {order})) q"
    )


def _comes_first(n: int, key: Key) -> str:
    null, value = (f"p{n}", f"k{n}") if key.nulls_first else (f"k{n}", f"p{n}")
    return f"(num_nulls({null}) = 1 AND num_nulls({value}) = 0 OR p{n} {key.before} k{n})"


def _is_equal(n: int, key: Key) -> str:
    return f"(num_nulls(p{n}, k{n}) = 2 OR p{n} {key.equal} k{n})"


def _count(index: Index) -> str:
    where = f" WHERE {index.predicate}" if index.predicate else ""
    return f"SELECT count(*) AS entries FROM {index.source}{where}"
