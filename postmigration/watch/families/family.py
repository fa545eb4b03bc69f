"""A family of metrics: what one query tells of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """Metrics that one query reads. Its column `subject`, where it has one, says of what the others are.

    Args:
        name: the first part of the name of each of its metrics.
        sql: the query, by the first major version of the server that it is for.
        gauges: its columns that go up and down, each with what it tells.
        counters: its columns that only grow until the server resets them, each with what it tells.
        words: a query whose rows say in words who is behind the values.
        asked, above: the column, and what it exceeds where `words` are worth asking for.
        every: the seconds between two readings, where it is too much for every sample.
        all_sessions: it tells of other roles' sessions, which takes the rights of pg_read_all_stats.
        extension: it reads an extension, whose schema stands for `{schema}`.
    """

    name: str
    sql: Mapping[int, str]
    gauges: Mapping[str, str] = field(default_factory=dict)
    counters: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    asked: str = ""
    above: float = 0.0
    every: float = 0.0
    all_sessions: bool = False
    extension: str = ""

    def choose_sql(self, version: int) -> str | None:
        """The query for a major version of the server; None where that has nothing of the kind."""
        first = max((known for known in self.sql if known <= version), default=None)
        return None if first is None else self.sql[first]
