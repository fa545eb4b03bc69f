"""The login of the API: the same database at the same instant, as a role that may act as those of the API."""

from collections.abc import Iterator

import pytest

from postmigration.access.login import open_login
from postmigration.model.errors import CannotJudge
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.identity import server
from selftest.servers import Servers
from selftest.unit.conftest import NewDatabase


@pytest.fixture
def through_login(snapshot: Snapshot, servers: Servers, login: str) -> Iterator[Database]:
    """The database of the notes, as the login reaches it."""
    database = Database(servers[18].conninfo(snapshot.info.dbname, login), option="--authenticator-url")
    yield database
    database.close()


def test_a_login_sees_the_instant_of_the_target(
    snapshot: Snapshot, through_login: Database, servers: Servers, login: str
) -> None:
    with servers[18].connect(snapshot.info.dbname) as connection:
        connection.execute(f"GRANT anon, authenticated TO {login}".encode())
        opened = open_login(through_login, snapshot, server(snapshot))
        try:
            connection.execute("CREATE TABLE later ()")
            assert opened.scalar("SELECT session_user") == login
            assert (
                opened.scalar("SELECT count(*) FROM public.note", {"role": "authenticated", "row_security": "on"}) == 0
            )
            assert opened.scalar("SELECT txid_current_snapshot()::text") == snapshot.scalar(
                "SELECT txid_current_snapshot()::text"
            )
        finally:
            opened.close()
            connection.execute("DROP TABLE later")
            connection.execute(f"REVOKE anon, authenticated FROM {login}".encode())


def test_a_login_that_may_not_act_as_somebody_is_refused(
    snapshot: Snapshot, through_login: Database, login: str
) -> None:
    words = f"the login of --authenticator-url may not act as authenticated: GRANT authenticated TO {login}"
    with pytest.raises(CannotJudge, match=words):
        open_login(through_login, snapshot, server(snapshot))


def test_another_database_is_refused(snapshot: Snapshot, new_database: NewDatabase) -> None:
    other = new_database(option="--authenticator-url")
    with pytest.raises(CannotJudge, match="--authenticator-url names another running database than --db-url"):
        open_login(other, snapshot, server(snapshot))
