"""A transaction-pooling proxy in front of the server changes nothing, and nothing is left in its connections."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product

import psycopg
import pytest

from postmigration.diff.scan import pages, readers
from postmigration.diff.scope import Relation
from postmigration.diff.table_diff import diff_tables
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.limits.limits import Limits
from selftest.conftest import Judge
from selftest.servers import POOLER, Pooler, SystemServer

pytestmark = [
    pytest.mark.skipif(not POOLER.exists(), reason=f"no pgbouncer in {POOLER}"),
    pytest.mark.parametrize("server", [15], indirect=True, ids=["pg15"]),
]


@pytest.fixture
def pooler(server: embedded.Server) -> Iterator[Pooler]:
    assert isinstance(server, SystemServer)
    pooler = Pooler(server)
    try:
        yield pooler
    finally:
        pooler.stop()


@pytest.mark.full
def test_a_database_behind_a_pooler_is_judged_again_and_again(pooler: Pooler, judge: Judge) -> None:
    for options in ([], [f"--baseline={pooler.conninfo('legacy')}"], ["-n", "2"]):
        judged = judge(f"--db-url={pooler.conninfo('migrated')}", *options)
        assert judged.status == 0, judged.output
        assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")


@pytest.mark.full
def test_nothing_is_left_in_the_pooled_connections(pooler: Pooler, server: embedded.Server, judge: Judge) -> None:
    # The pooler itself hands the client's name on; those with a point in their name come with a library.
    settings = "SELECT name, setting FROM pg_settings WHERE name <> 'application_name' AND name NOT LIKE '%.%'"

    def sessions() -> set[object]:
        # Transactions that are open at once are given connections that differ.
        pooled = [psycopg.connect(pooler.conninfo("migrated"), prepare_threshold=None) for _ in range(4)]
        try:
            return {
                row for c in pooled for query in (settings, "TABLE pg_prepared_statements") for row in c.execute(query)
            }
        finally:
            for connection in pooled:
                connection.close()

    before = sessions()
    for name in ("migrated", "legacy"):
        judge(f"--db-url={pooler.conninfo(name)}")
    assert sessions() == before


def test_the_same_database_through_a_pooler_is_not_its_own_baseline(
    pooler: Pooler, server: embedded.Server, judge: Judge
) -> None:
    judged = judge(f"--db-url={pooler.conninfo('migrated')}", f"--baseline={server.conninfo('migrated')}")
    assert judged.status == 4
    assert "names the same running database" in judged.output


@pytest.fixture
def orders(server: embedded.Server) -> Iterator[tuple[str, str]]:
    """The names of two databases with a table that differs in two rows."""
    names = ("pooled_orders_before", "pooled_orders_after")
    script = "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series({}, 2000)"
    for name, first in zip(names, (1, 3), strict=True):
        server.create(name)
        with server.connect(name) as connection:
            connection.execute(script.format(first).encode())
    yield names
    for name in names:
        server.drop(name)


@pytest.mark.full
@pytest.mark.parametrize(("mode", "size"), list(product(("transaction", "session"), (20, 2))))
def test_several_connections_read_through_a_pooler_that_has_so_many(
    server: embedded.Server, orders: tuple[str, str], monkeypatch: pytest.MonkeyPatch, mode: str, size: int
) -> None:
    monkeypatch.setattr(pages, "LEAST_PAGES", 2)
    enough = size > 4
    if not enough:
        monkeypatch.setattr(readers, "LONGEST_WAIT", 0.5)
    assert isinstance(server, SystemServer)
    pooler = Pooler(server, mode, size)
    with ExitStack() as cleanup:
        cleanup.callback(pooler.stop)

        def open_side(name: str) -> Snapshot:
            database = Database(pooler.conninfo(name), option=name, limits=Limits(jobs=4))
            cleanup.callback(database.close)
            snapshot = Snapshot(database)
            cleanup.callback(snapshot.close)
            return snapshot

        sides = [open_side(name) for name in orders]
        (found,) = diff_tables(sides[0], sides[1], [Relation("orders", 1, "")], keep=5)
        assert found.rows is not None
        assert [found.rows.counts[kind] for kind in ("missing", "extra", "changed")] == [2, 0, 0]
        assert [len(side.companions or ()) for side in sides] == [3 if enough else 0] * 2
        for side in sides:
            assert ("did not answer within 0.5 s; a pooler may be why" in side.alone) != enough
