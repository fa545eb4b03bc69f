"""PostgreSQL under the load of an application: each planted incident is found, named and timed, and nothing else is."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest

from selftest.servers import SYSTEM_BINARIES
from selftest.watch.load import DATABASE, Finding, Shop, Watch, now, read_findings

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not (SYSTEM_BINARIES / "pgbench").exists(), reason=f"no pgbench in {SYSTEM_BINARIES}"),
]

QUIET_RUNS = 20
# What is sampled each second is known to two, and what is read each five seconds to five more.
EXACT = datetime.timedelta(seconds=2.5)
Step = Callable[[], object]


def do_nothing() -> None:
    """What an incident does that lasts by itself."""


@contextmanager
def leak_connections(shop: Shop) -> Iterator[Step]:
    with ExitStack() as leak:
        for _ in range(40):
            leak.enter_context(shop.server.connect(DATABASE))
        yield do_nothing


@contextmanager
def fail(shop: Shop) -> Iterator[Step]:
    with shop.server.connect(DATABASE) as session:

        def step() -> None:
            for _ in range(200):
                with contextlib.suppress(psycopg.errors.DivisionByZero):
                    session.execute("SELECT 1 / (id - id) FROM carts WHERE id = 1")
            session.execute("SELECT pg_stat_force_next_flush()")

        yield step


@contextmanager
def log_errors(shop: Shop) -> Iterator[Step]:
    yield lambda: shop.execute(*["INSERT INTO error_log DEFAULT VALUES"] * 20)


@contextmanager
def drop_index(shop: Shop) -> Iterator[Step]:
    shop.execute("DROP INDEX parcels_code")
    yield do_nothing
    shop.execute("CREATE INDEX parcels_code ON parcels (code)")


@contextmanager
def leave_open(shop: Shop, statement: str = "SELECT count(*) FROM carts") -> Iterator[Step]:
    with shop.server.connect(DATABASE) as session:
        session.execute(f"BEGIN; {statement}".encode())
        yield do_nothing
        session.execute("COMMIT")


@contextmanager
def leave_prepared(shop: Shop) -> Iterator[Step]:
    with shop.server.connect(DATABASE) as session:
        session.execute("BEGIN; INSERT INTO carts VALUES (-1)")
        session.execute("PREPARE TRANSACTION 'left'")
        yield do_nothing
        session.execute("ROLLBACK PREPARED 'left'")


@contextmanager
def deadlock(shop: Shop) -> Iterator[Step]:
    with shop.server.connect(DATABASE) as one, shop.server.connect(DATABASE) as two:

        def step() -> None:
            for session, row in ((one, 1), (two, 2)):
                session.execute(f"BEGIN; DELETE FROM carts WHERE id = {row}".encode())
            one.pgconn.send_query(b"DELETE FROM carts WHERE id = 2")
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                two.execute("DELETE FROM carts WHERE id = 1")
            two.execute("ROLLBACK")
            while one.pgconn.get_result() is not None:
                pass
            for session in (one, two):
                session.execute("ROLLBACK")
                session.execute("SELECT pg_stat_force_next_flush()")

        yield step


@contextmanager
def leave_slot(shop: Shop) -> Iterator[Step]:
    shop.execute("SELECT pg_create_physical_replication_slot('left', true)")
    try:
        yield lambda: shop.execute("SELECT pg_logical_emit_message(false, 'selftest', repeat('x', 4000000))")
    finally:
        shop.execute("SELECT pg_drop_replication_slot('left')")


@contextmanager
def spill(shop: Shop) -> Iterator[Step]:
    yield lambda: shop.execute("SET work_mem = '64kB'", "SELECT count(*) FROM (SELECT id FROM parcels ORDER BY note) q")


@contextmanager
def leave_dead_rows(shop: Shop) -> Iterator[Step]:
    shop.execute("ALTER TABLE carts SET (autovacuum_enabled = off)", *["UPDATE carts SET note = note || 'y'"] * 2)
    yield do_nothing
    shop.execute("ALTER TABLE carts RESET (autovacuum_enabled)", "VACUUM carts")


@contextmanager
def grow(shop: Shop) -> Iterator[Step]:
    rows = "INSERT INTO archive SELECT i, repeat('x', 200) FROM generate_series(1, 20000) AS g(i)"
    yield lambda: shop.execute(rows)


@contextmanager
def kill_sessions(shop: Shop) -> Iterator[Step]:
    def step() -> None:
        with ExitStack() as sessions:
            pids = [sessions.enter_context(shop.server.connect(DATABASE)).info.backend_pid for _ in range(6)]
            shop.execute(f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY{pids}) AS k(pid)")

    yield step


@contextmanager
def refuse_connections(shop: Shop) -> Iterator[Step]:
    with shop.server.connect("postgres") as session:
        session.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS false".encode())
        yield do_nothing
        session.execute(f"ALTER DATABASE {DATABASE} ALLOW_CONNECTIONS true".encode())


@dataclass(frozen=True)
class Incident:
    """What goes wrong, and what is to be said of it.

    Args:
        plant: has it go on while its block runs.
        metric: the metric that leaves its range.
        subject: what its subject contains.
        hidden: the seconds before a range is left, or that a reading comes late.
    """

    plant: Callable[[Shop], AbstractContextManager[Step]]
    metric: str
    subject: str = ""
    hidden: float = 0


INCIDENTS = (
    Incident(partial(leave_open, statement="LOCK TABLE parcels"), "locks.waiting", hidden=1),
    Incident(leak_connections, "connections.share"),
    Incident(fail, "database.rollback_share", hidden=2),
    Incident(log_errors, "errors", hidden=2),
    Incident(drop_index, "statements.mean_ms", "SELECT note FROM parcels WHERE code = $1", hidden=6),
    Incident(drop_index, "tables.whole_reads", "public.parcels", hidden=3),
    Incident(leave_open, "transactions.idle_seconds", hidden=9),
    Incident(leave_prepared, "transactions.prepared_seconds", hidden=4),
    Incident(deadlock, "database.deadlocks", hidden=3),
    Incident(leave_slot, "slots.kept_bytes", "left", hidden=4),
    Incident(spill, "database.temp_bytes", hidden=3),
    Incident(leave_dead_rows, "tables.dead_share", "public.carts", hidden=2),
    Incident(grow, "sizes.bytes", "public.archive", hidden=2),
    Incident(kill_sessions, "database.sessions_lost", hidden=2),
    Incident(refuse_connections, "server.reachable"),
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """A server of an application of one's own."""
    shop = Shop()
    yield shop
    shop.server.stop()


@contextmanager
def watching(shop: Shop, directory: Path, period: str) -> Iterator[Watch]:
    watch = Watch(shop, directory, period)
    try:
        yield watch
    finally:
        watch.close()


def test_each_incident_is_found_named_and_timed(shop: Shop, tmp_path: Path) -> None:
    times: list[tuple[Incident, datetime.datetime, datetime.datetime]] = []
    with shop.load(tmp_path), watching(shop, tmp_path / "watch", "4m") as watch:
        watch.wait_for_samples()
        for incident in INCIDENTS:
            name = rf"{incident.metric} of .*{re.escape(incident.subject)}" if incident.subject else incident.metric
            began = now()
            with incident.plant(shop) as step:
                watch.wait_for(f"begun: . {name}", step)
                ended = now()
            watch.wait_for(f"ended: {name}")
            times.append((incident, began, ended))
        status, out, report = watch.finish()
    found = read_findings(report)
    for incident, began, ended in times:
        assert any(is_of(incident, began, ended, one) for one in found), (incident.metric, began, ended, found)
    # Each has others behind it, as a lock has slow statements; nothing is found while nothing went on.
    hidden = EXACT + datetime.timedelta(seconds=5)
    spurious = [one for one in found if not any(overlap(one, a, b + hidden) for _, a, b in times)]
    assert not spurious
    assert status == 1
    assert out.splitlines()[-1].startswith("NO-GO: ")


def is_of(incident: Incident, began: datetime.datetime, ended: datetime.datetime, found: Finding) -> bool:
    """Whether a finding is that of an incident, with its name and its times."""
    late = datetime.timedelta(seconds=incident.hidden)
    return (
        found.metric == incident.metric
        and incident.subject in found.subject
        and began - EXACT - late <= found.began <= began + EXACT + late
        and found.ended is not None
        and ended - EXACT - late <= found.ended <= ended + EXACT + late
    )


def overlap(found: Finding, begin: datetime.datetime, end: datetime.datetime) -> bool:
    """Whether a finding is of a time in which something went on."""
    return found.began <= end and (found.ended is None or found.ended >= begin)


def test_nothing_is_found_while_nothing_happens(shop: Shop, tmp_path: Path) -> None:
    with shop.load(tmp_path):
        for number in range(QUIET_RUNS):
            with watching(shop, tmp_path / f"quiet{number}", "20s") as watch:
                status, out, report = watch.finish()
            assert report["findings"] == [], number
            assert (status, out.splitlines()[-1][:4]) == (0, "GO: "), (number, out)
            assert report["samples"] >= 15, number
