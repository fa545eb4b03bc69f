"""Which running database a snapshot is of."""

import pytest

from postmigration.model.errors import CannotJudge
from postmigration.postgres import identity
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.identity import server
from selftest.unit.conftest import OpenSnapshot


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot()


def test_a_database_says_itself_which_one_it_is(snapshot: Snapshot) -> None:
    found = server(snapshot)
    info = snapshot.info
    assert (found.version_number, found.role, found.database, found.in_recovery) == (18, "postgres", info.dbname, False)
    assert found.version.startswith("18.")
    assert found.label == f"postgres@[{info.host}]:{info.port}/{info.dbname}"


def test_only_the_same_running_database_has_the_same_identity(snapshot: Snapshot, open_snapshot: OpenSnapshot) -> None:
    joined, other = snapshot.join(), open_snapshot()
    try:
        assert server(joined).identity == server(snapshot).identity
    finally:
        joined.close()
    assert server(other).identity != server(snapshot).identity
    assert server(other).identity[0] == server(snapshot).identity[0]


def test_a_server_that_is_too_old_is_refused(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MINIMUM_VERSION", 19)
    with pytest.raises(CannotJudge, match=r"the server of --db-url is PostgreSQL 18.*: too old, 19 or newer is needed"):
        server(snapshot)
    # A state before may be older.
    assert server(snapshot, baseline=True).version_number == 18
