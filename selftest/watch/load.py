"""A server under the load of an application, and a watch of it as a user starts it."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from selftest.servers import PASSWORD, SYSTEM_BINARIES, SystemServer

DATABASE = "shop"
# What the watch says, it says within seconds.
PATIENCE = datetime.timedelta(seconds=60)
WATCHER = "watcher"
# What takes minutes with the built-in ranges is judged by seconds here; each range is one that this load keeps.
PROJECT = """
[tool.postmigration]
migration = "migration.toml"
checks = "."
"""
RANGES = {
    "connections.share": "max = 0.6\nfailures = 2",
    "locks.waiting": "max = 2\nfailures = 2",
    "locks.longest_seconds": "max = 60",
    "transactions.idle_seconds": "max = 9\nfailures = 2",
    "transactions.longest_seconds": "max = 60\ncritical = false",
    "transactions.prepared_seconds": "max = 4\nfailures = 2",
    "database.deadlocks": "max = 1\ninterval = 2\nfailures = 1",
    "database.transaction_ids": "max = 0.5\ninterval = 5\nfailures = 2",
    "database.rollback_share": "max = 0.3\ninterval = 2\nfailures = 2\nmust_have_data = false",
    "database.sessions_lost": "max = 60\ninterval = 2\nfailures = 1",
    "database.temp_bytes": "max = 50e6\ninterval = 2\nfailures = 1",
    "database.commits": "min = 60\ninterval = 5\nfailures = 2\ncritical = false",
    "slots.kept_bytes": "max = 20e6\nfailures = 2\nmust_have_data = false",
    "tables.dead_share": "max = 0.4\ninterval = 2\nfailures = 2\ncritical = false",
    "tables.whole_reads": "max = 30\ninterval = 2\nfailures = 2\ncritical = false",
    "statements.mean_ms": "max = 10\ninterval = 5\nfailures = 1\nmust_have_data = false",
    "sizes.bytes": "growth = true\nmax = 60e6\ninterval = 2\nfailures = 1\ncritical = false",
    "checkpoints.requested": "critical = false\nmust_have_data = false",
}
OWN = """
[[metric]]
name = "errors"
sql = "SELECT count(*) FROM error_log"
counter = true
max = 60
interval = 2
failures = 2
"""
WORLD = f"""
CREATE EXTENSION pg_stat_statements;
CREATE TABLE parcels (id int PRIMARY KEY, code int NOT NULL, note text, updated_at timestamptz DEFAULT now());
INSERT INTO parcels SELECT i, i, repeat('x', 60) FROM generate_series(1, 400000) AS g(i);
CREATE INDEX parcels_code ON parcels (code);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parcel int, at timestamptz DEFAULT now());
CREATE TABLE carts (id int PRIMARY KEY, note text);
INSERT INTO carts SELECT i, repeat('x', 20) FROM generate_series(1, 20000) AS g(i);
CREATE TABLE archive (id int, note text);
CREATE TABLE error_log (id int GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now());
CREATE ROLE {WATCHER} LOGIN PASSWORD '{PASSWORD}';
GRANT pg_monitor TO {WATCHER};
GRANT SELECT ON ALL TABLES IN SCHEMA public TO {WATCHER};
VACUUM ANALYZE;
"""
# What the services of the application send.
SCRIPTS = {
    "look_up": "\\set n random(1, 400000)\nSELECT note FROM parcels WHERE code = :n;\n",
    "change": "\\set n random(1, 400000)\nBEGIN;\nSELECT note FROM parcels WHERE id = :n;\n"
    "UPDATE parcels SET updated_at = now() WHERE id = :n;\nEND;\n",
    "buy": "\\set n random(1, 400000)\nINSERT INTO orders (parcel) VALUES (:n) RETURNING id;\n",
}
SETTINGS = (
    "-c shared_preload_libraries=pg_stat_statements -c max_connections=60 -c max_prepared_transactions=5 "
    "-c deadlock_timeout=200ms -c autovacuum_naptime=5s -c max_wal_size=256MB "
    "-c max_parallel_workers_per_gather=0"
)


@dataclass(frozen=True)
class Finding:
    """What a report says of a metric that left its range."""

    metric: str
    subject: str
    began: datetime.datetime
    ended: datetime.datetime | None


class Shop:
    """The server of an application."""

    def __init__(self) -> None:
        self.server = SystemServer(SETTINGS)
        self.server.create(DATABASE)
        with self.server.connect(DATABASE) as connection:
            for statement in WORLD.split(";\n"):
                connection.execute(statement.encode())

    def execute(self, *statements: str) -> None:
        """Runs statements, each of which commits by itself, and has the server count them at once."""
        with self.server.connect(DATABASE) as connection:
            for statement in (*statements, "SELECT pg_stat_force_next_flush()"):
                connection.execute(statement.encode())

    @contextmanager
    def load(self, directory: Path, *, rate: int = 40) -> Iterator[None]:
        """The application works while the block runs.

        Args:
            directory: for its scripts.
            rate: how many transactions a second, by six clients.
        """
        files: list[str] = []
        for name, script in SCRIPTS.items():
            (directory / f"{name}.sql").write_text(script)
            files += ["-f", str(directory / f"{name}.sql")]
        parts = ("-h", "127.0.0.1", "-p", str(self.server.port), "-U", "postgres")
        command = [
            str(SYSTEM_BINARIES / "pgbench"),
            "-n",
            "-c",
            "6",
            "-R",
            str(rate),
            "-T",
            "86400",
            *files,
            *parts,
            DATABASE,
        ]
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "PGSSLMODE": "disable"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait()


class Watch:
    """A watch that runs beside, in a process of its own.

    Args:
        shop: whose database it watches.
        directory: where it is started, with a project there.
        period: for how long.
    """

    def __init__(self, shop: Shop, directory: Path, period: str) -> None:
        directory.mkdir(exist_ok=True)
        (directory / "pyproject.toml").write_text(PROJECT)
        ranges = "".join(f'[[metric]]\nname = "{name}"\n{range_}\n' for name, range_ in RANGES.items())
        (directory / "migration.toml").write_text(f'name = "a shop"\n{ranges}{OWN}')
        url = make_conninfo(shop.server.conninfo(DATABASE), user=WATCHER)
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, "-m", "postmigration", "watch", "--interval=1s", f"--for={period}"],
            cwd=directory,
            env={**os.environ, "POSTMIGRATION_DB_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line.rstrip())

    def wait_for_samples(self) -> None:
        """Waits until it has begun: its first sample is kept."""
        series = self.directory / "reports/watch.jsonl"
        until = now() + PATIENCE
        while not series.exists() or series.read_bytes().count(b"\n") < 2:
            assert now() < until, "it took no sample"
            assert self.process.poll() is None, "it has ended"
            time.sleep(0.05)

    def wait_for(self, words: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Waits until the watch says something, a pattern, and does something again and again meanwhile."""
        until = now() + PATIENCE
        while now() < until and self.process.poll() is None:
            meanwhile()
            with contextlib.suppress(queue.Empty):
                while True:
                    self.said.append(self._lines.get(timeout=0.2))
                    if re.search(words, self.said[-1]):
                        return
        raise AssertionError(f"it did not say {words!r}: {self.said}")

    def finish(self) -> tuple[int, str, dict[str, Any]]:
        """Waits until it has come to its end: its exit status, what it printed, and its report."""
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        status = self.process.wait()
        return status, out, json.loads((self.directory / "reports/watch.json").read_text())

    def close(self) -> None:
        """Ends it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def read_findings(report: Mapping[str, Any]) -> list[Finding]:
    """The findings of a report."""
    read = datetime.datetime.fromisoformat
    return [
        Finding(one["metric"], one["subject"], read(one["began"]), read(one["ended"]) if one["ended"] else None)
        for one in report["findings"]
    ]


def now() -> datetime.datetime:
    """The time it is."""
    return datetime.datetime.now(datetime.UTC)
