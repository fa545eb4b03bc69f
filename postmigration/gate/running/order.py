"""In which order checks run: what costs little first, so that most of what is wrong is known early.

What a check costs is estimated from the catalogs: how many rows the tables have that it reads, as they were counted
last, times what is done with each row. The order of the reports is another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from postmigration.gate.session import Run

# What a check takes that reads no row of a table, as a number of rows read.
_LEAST = 5_000
# How dear a row is, by the file of the built-in check; where none is given, it reads none.
_WEIGHTS = {
    "rows": 1.0,
    "references": 1.0,
    "damage": 1.0,
    "contents": 0.3,
    "times": 3.0,
    "tables": 0.1,
    "existing_rows": 0.3,
    "bypasses": 0.3,
    "changes": 1.0,
    "backup": 5.0,
}
# In files of a project: its policies are asked for each row, as each of some people.
_AS_PEOPLE, _ALONE = 20.0, 1.0
_BUILT_IN = ("builtin/", "declared/")
_ACCESS = ("postmigration.access", "postmigration.checks.access")
_SHARED = "sizes"
_NAME = re.compile(r"\w+")

# The rows of partitions are those of the table that checks name.
_SIZES = """
    SELECT t.relname::text AS name,
           sum(greatest(c.reltuples, c.relpages, pg_stat_get_live_tuples(c.oid), 0))::float8 AS rows
    FROM pg_class c JOIN pg_class t ON t.oid = coalesce(pg_partition_root(c.oid), c.oid)
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = ANY(CAST(:schemas AS text[])) AND c.relkind IN ('r', 'm') GROUP BY 1 ORDER BY 1
"""


def share_sizes(run: Run) -> None:
    """Reads from the catalogs how many rows each table has, about, once for all processes of a run."""
    if _SHARED not in run.shared:
        # Where the time ends before they are known, the order does not matter any more.
        run.shared[_SHARED] = {}
        rows = run.target.rows(_SIZES, schemas=list(run.schemas))
        run.shared[_SHARED] = {row.name: row.rows for row in rows}


def sort(items: list[pytest.Item], run: Run) -> None:
    """Puts the checks into the order of what they cost; those that cost the same stay as they are."""
    items.sort(key=lambda item: estimate(item, run.shared[_SHARED]))


def estimate_all(items: Mapping[str, pytest.Item], run: Run) -> dict[str, float]:
    """Estimates what each check costs, by its id."""
    return {nodeid: estimate(item, run.shared[_SHARED]) for nodeid, item in items.items()}


def estimate(item: pytest.Item, sizes: Mapping[str, float]) -> float:
    """Estimates what a check costs, in rows that are read once.

    Args:
        item: the check.
        sizes: how many rows each table has.
    """
    function = getattr(item, "function", None)
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return _LEAST
    named = {str(value) for value in getattr(getattr(item, "callspec", None), "params", {}).values()}
    everything = sum(sizes.values())
    if item.nodeid.startswith(_BUILT_IN):
        weight = _WEIGHTS.get(Path(item.path).stem.removeprefix("test_"), 0.0)
        read = sum(sizes[name] for name in named & sizes.keys()) or everything
        return _LEAST + weight * read
    scope: dict[str, Any] = getattr(function, "__globals__", {})
    acts = any(str(getattr(value, "__module__", "")).startswith(_ACCESS) for value in scope.values())
    texts = [text for text in _texts(code, scope) if text != getattr(function, "__doc__", None)]
    words = {word for text in (*texts, *named) for word in _NAME.findall(text)}
    read = sum(sizes[name] for name in words & sizes.keys())
    # As somebody, functions and policies read what the check does not name.
    return _LEAST + (_AS_PEOPLE * (read or everything) if acts else _ALONE * read)


def _texts(code: CodeType, scope: Mapping[str, Any]) -> Iterator[str]:
    """The texts in a function, in those within it, and in the constants of its file that it names."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _texts(constant, scope)
        elif isinstance(constant, str):
            yield constant
    for name in code.co_names:
        if isinstance(value := scope.get(name), str):
            yield value
