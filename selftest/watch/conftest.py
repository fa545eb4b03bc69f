"""A database that is watched, by a clock that the selftest moves."""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from postmigration.model.migration import Metric
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database
from postmigration.postgres.limits.limits import Limits
from postmigration.watch.judging import Judgement, judge
from postmigration.watch.ranges import choose_metrics
from postmigration.watch.rows.rechecks import Rechecks
from postmigration.watch.sampling import Sampler
from postmigration.watch.series import Header, Sample, append, open_series
from selftest.servers import SYSTEM_BINARIES, Servers

BEGIN = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)
_COUNTER = itertools.count()
_LARGE = """
    CREATE TABLE parcels (id int PRIMARY KEY, code int, note text);
    INSERT INTO parcels SELECT i, i, repeat('x', 20) FROM generate_series(1, 20000) AS g(i);
    CREATE INDEX parcels_code ON parcels (code);
    CREATE TABLE error_log (id int GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now());
"""


class Watched:
    """A database with a large table, sessions of its application, and samples of it."""

    def __init__(self, server: embedded.Server, name: str, file: Path) -> None:
        self.server = server
        self.name = name
        self.file = file
        self.now = BEGIN
        self.declared: Sequence[Metric] = ()
        self.rechecks: Rechecks | None = None
        self._cleanup = ExitStack()
        self.conninfo = server.conninfo(name)
        self.database = Database(self.conninfo, option="--db-url", limits=Limits(5_000, 1_000))
        self._cleanup.callback(self.database.close)
        self.series = open_series(file, Header(name, (None, name)), "--series")
        self.session = self.connect()

    def connect(self) -> psycopg.Connection:
        """A session of the application, which ends with the selftest."""
        return self._cleanup.enter_context(self.server.connect(self.name))

    def execute(self, *statements: str) -> None:
        """Runs statements, and has the server count them at once."""
        for statement in (*statements, "SELECT pg_stat_force_next_flush()"):
            self.session.execute(statement.encode())
        self.session.commit()

    def sample(self, times: int = 1, *, apart: float = 60, meanwhile: Callable[[], object] = lambda: None) -> Sample:
        """Takes samples, each some seconds by our clock after the one before and after what happens meanwhile."""
        for _ in range(times):
            meanwhile()
            self.now += datetime.timedelta(seconds=apart)
            sampler = Sampler(self.database, self.declared, self.series.samples, self.rechecks)
            append(self.file, self.series, sampler.take(self.now))
        return self.series.samples[-1]

    def wait_for(self, question: str) -> None:
        """Waits until the server answers a question with yes."""
        with psycopg.connect(self.conninfo, autocommit=True) as other:
            while other.execute(question.encode()).fetchone() != (True,):
                time.sleep(0.02)

    def judge(self) -> Judgement:
        """What the samples so far come to, by the built-in ranges and those that are declared."""
        return judge(self.series.samples, choose_metrics(self.declared))

    def find(self, name: str) -> list[tuple[str, str, str | None]]:
        """The incidents of a metric: the subject, and the time of day at which it began and ended."""
        return [
            (one.subject, f"{one.began:%H:%M}", None if one.ended is None else f"{one.ended:%H:%M}")
            for one in self.judge().incidents
            if one.metric.name == name
        ]

    def close(self) -> None:
        """Ends all sessions."""
        self._cleanup.close()


def prepare(server: embedded.Server, name: str) -> None:
    """Makes the tables of a database that is watched."""
    with server.connect(name) as connection:
        connection.execute(_LARGE.encode())
        connection.execute(b"SELECT pg_stat_force_next_flush()")
        connection.execute(b"ANALYZE")


@pytest.fixture(
    scope="module", params=[18, 15] if SYSTEM_BINARIES.exists() else [18], ids=lambda version: f"pg{version}"
)
def server(request: pytest.FixtureRequest, servers: Servers) -> embedded.Server:
    """The newest server and the oldest one."""
    return servers[request.param]


@pytest.fixture
def watched(server: embedded.Server, tmp_path: Path) -> Iterator[Watched]:
    """A database of one's own, watched from noon on."""
    name = f"watched_{next(_COUNTER)}"
    server.create(name)
    prepare(server, name)
    watched = Watched(server, name, tmp_path / "watch.jsonl")
    yield watched
    watched.close()
    server.drop(name)
