"""A transaction-pooling proxy in front of the server changes nothing, and nothing is left in its connections."""

from collections.abc import Iterator

import psycopg
import pytest

from postmigration.postgres import embedded
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
