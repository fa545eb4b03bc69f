"""Statements that take long, and the tables that they lock meanwhile, as a second connection sees them."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import psycopg

# Seconds between two looks.
_INTERVAL = 0.05

BLOCKS_NOTHING = "blocks no reading and no writing"
# From the weakest to the strongest, and what nobody else can do meanwhile.
_MODES = {
    "AccessShareLock": "",
    "RowShareLock": "",
    "RowExclusiveLock": "",
    "ShareUpdateExclusiveLock": "",
    "ShareLock": "blocks writing",
    "ShareRowExclusiveLock": "blocks writing",
    "ExclusiveLock": "blocks writing",
    "AccessExclusiveLock": "blocks reading and writing",
}
_STRENGTH = {mode: strength for strength, mode in enumerate(_MODES)}

_LOOK = """
    SELECT EXTRACT(epoch FROM a.query_start)::float8,
           EXTRACT(epoch FROM clock_timestamp() - a.query_start)::float8,
           l.relation::regclass::text, l.mode
    FROM pg_stat_activity a
    LEFT JOIN (
        pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm')
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ) ON l.pid = a.pid AND l.granted AND l.locktype = 'relation'
    WHERE a.application_name = %s AND a.state = 'active'
      AND clock_timestamp() - a.query_start > make_interval(secs => %s)
"""


@dataclass
class Seen:
    """A statement that took long.

    Args:
        start: when it began, in seconds since 1970.
        seconds: how long it had been running when it was last seen.
        locks: the strongest lock that its session held on each table.
    """

    start: float
    seconds: float = 0.0
    locks: dict[str, str] = field(default_factory=dict)

    def describe(self) -> list[str]:
        """The locks by their modes, those first that stand in somebody's way."""
        tables: dict[str, list[str]] = {}
        for table, mode in sorted(self.locks.items(), key=lambda item: (-_STRENGTH[item[1]], item[0])):
            tables.setdefault(mode, []).append(table)
        return [
            f"{mode.removesuffix('Lock')}, {_MODES[mode] or BLOCKS_NOTHING}: {', '.join(names)}"
            for mode, names in tables.items()
        ]


class Watch:
    """Looks at one session from another one, until it is left.

    Args:
        connection: what to look through.
        application: the application_name of the session.
        least: seconds from which on a statement takes long.
    """

    def __init__(self, connection: psycopg.Connection[Any], application: str, least: float) -> None:
        self.seen: dict[float, Seen] = {}
        self._connection = connection
        self._asked = (application, least)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        """Begins to look."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends looking."""
        self._stop.set()
        self._thread.join()

    def at(self, start: float) -> Seen | None:
        """The statement that began at a time, if it was seen."""
        near = [seen for seen in self.seen.values() if abs(seen.start - start) < 0.1]
        return min(near, key=lambda seen: abs(seen.start - start), default=None)

    def _watch(self) -> None:
        # A script may end all other sessions, this one too; then nobody sees what it locks.
        with contextlib.suppress(psycopg.Error):
            while not self._stop.wait(_INTERVAL):
                self._look()

    def _look(self) -> None:
        for start, seconds, table, mode in self._connection.execute(_LOOK, self._asked).fetchall():
            seen = self.seen.setdefault(start, Seen(start))
            seen.seconds = seconds
            if table is not None and _STRENGTH[mode] >= _STRENGTH.get(seen.locks.get(table, ""), -1):
                seen.locks[table] = mode
