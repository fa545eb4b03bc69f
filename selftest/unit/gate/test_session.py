"""A run opens the databases that it judges and compares, identifies them, and refuses what cannot be judged."""

import time
from pathlib import Path

import psycopg
import pytest

from postmigration.gate.session import demonstration_world, open_session
from postmigration.model.errors import CannotJudge, NotJudged
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from selftest.servers import Servers
from selftest.unit.conftest import COUNTER
from selftest.unit.gate.opening import open_run


def test_two_databases_are_opened_and_seen_at_one_instant(shop: str, shop_before: str) -> None:
    with open_run(f"--db-url={shop}", f"--baseline={shop_before}") as run:
        assert run.baseline is not None
        assert run.baseline_server is not None
        assert run.server.database != run.baseline_server.database
        assert (run.schemas, run.left_out, run.demonstration) == (["public"], [], "")
        assert "superuser" in run.powers
        with psycopg.connect(shop, autocommit=True) as other:
            other.execute("INSERT INTO orders VALUES (3)")
            assert run.view().value("SELECT count(*) FROM orders") == 2
            # Whoever joins the run sees the same instant.
            joined = open_session(run.request, Options(), Migration(""), run.share())
            with joined.cleanup:
                assert joined.view().value("SELECT count(*) FROM orders") == 2
            other.execute("DELETE FROM orders WHERE id = 3")


def test_each_check_has_evidence_of_its_own(shop: str) -> None:
    with open_run(f"--db-url={shop}") as run:
        first, second = run.view(), run.view()
        first.evidence.examined += 1
        assert (first.evidence.examined, second.evidence.examined) == (1, 0)
        with pytest.raises(NotJudged, match=r"^the migration declares no people as whom to try it$"):
            _ = run.population


@pytest.mark.parametrize(
    ("called", "reason"),
    [
        (["--db-url={shop}", "--baseline={shop}"], "^--baseline names the same running database as --db-url"),
        (["--db-url={shop}", "--schema=gone"], "^--schema=gone: there is no such schema"),
        (["--db-url={shop}", "--as=7"], "^--as=7: the migration declares no people, so that nobody can be tried$"),
        (["--baseline={shop}"], "^--baseline is given without --db-url: name the migrated database too$"),
    ],
)
def test_what_cannot_be_judged_is_refused(shop: str, called: list[str], reason: str) -> None:
    with pytest.raises(CannotJudge, match=reason), open_run(*(text.format(shop=shop) for text in called)):
        pass


def test_what_a_run_opened_is_closed_when_it_is_refused(shop: str) -> None:
    with pytest.raises(CannotJudge, match="no such schema"), open_run(f"--db-url={shop}", "--schema=gone"):
        pass
    query = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND state LIKE 'idle in%'"
    )
    with psycopg.connect(shop, autocommit=True) as connection:
        # A server ends a session after its client has gone.
        until = time.monotonic() + 10
        while (found := connection.execute(query).fetchall()) and time.monotonic() < until:
            time.sleep(0.01)
    assert found == []


def test_a_demonstration_world_is_loaded_and_then_migrated(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "legacy.sql").write_text("CREATE TABLE orders (id int);")
    (tmp_path / "1.sql").write_text("ALTER TABLE orders ADD note text DEFAULT 'migrated';")

    def load(connection: psycopg.Connection, *, seed: int, size: int) -> None:
        connection.execute("INSERT INTO orders SELECT generate_series(1, %s)", [size * seed])

    migration = Migration("shop", scripts=(tmp_path / "1.sql",), legacy_scripts=(tmp_path / "legacy.sql",), load=load)
    ending = f"_unit_{next(COUNTER)}"
    made = demonstration_world(servers[18], migration, seed=2, size=3, ending=ending)
    try:
        assert made == (f"legacy{ending}", f"migrated{ending}")
        with servers[18].connect(made[0]) as before, servers[18].connect(made[1]) as after:
            assert before.execute("SELECT to_json(orders)::text FROM orders LIMIT 1").fetchone() == ('{"id":1}',)
            assert after.execute("SELECT count(*), min(note) FROM orders").fetchone() == (6, "migrated")
    finally:
        for name in made:
            servers[18].drop(name)
    with pytest.raises(CannotJudge, match=r"^the migration declares no load"):
        demonstration_world(servers[18], Migration("shop"), seed=1, size=1)
