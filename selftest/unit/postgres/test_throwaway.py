"""A server on which copies live: databases are made, given to an owner and dropped."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from postmigration.postgres.throwaway import OWNER, Server
from selftest.servers import Servers

NAME = "unit Throwaway"


pytestmark = pytest.mark.usefixtures("without_owner")


@pytest.fixture
def server(servers: Servers) -> Iterator[Server]:
    yield servers[18]
    with servers[18].connect("postgres") as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{NAME}" WITH (FORCE)'.encode())
        connection.execute(f'DROP DATABASE IF EXISTS "{NAME} 2"'.encode())


def test_a_database_is_reached_as_the_superuser_or_as_somebody_else(server: Server) -> None:
    assert conninfo_to_dict(server.conninfo(NAME))["user"] == "postgres"
    parts = conninfo_to_dict(server.conninfo(NAME, "somebody"))
    assert (parts["user"], parts["dbname"]) == ("somebody", NAME)


def test_a_database_is_made_copied_and_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # The environment steers no connection elsewhere.
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    server.create(NAME)
    with server.connect(NAME) as connection:
        connection.execute("CREATE TABLE t ()")
    server.create(f"{NAME} 2", template=NAME)
    with server.connect(f"{NAME} 2") as connection:
        assert connection.execute("SELECT to_regclass('t') IS NOT NULL").fetchone() == (True,)
    with server.connect(NAME):
        server.drop(NAME)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        server.connect(NAME)


def test_an_owner_is_filtered_by_no_policy_and_is_no_superuser(server: Server) -> None:
    server.create_owned(NAME, OWNER)
    with server.connect(NAME, OWNER) as connection:
        asked = """
            SELECT pg_get_userbyid(datdba), rolsuper, rolbypassrls,
                   has_parameter_privilege('session_replication_role', 'SET')
            FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user
        """
        assert connection.execute(asked).fetchone() == (OWNER, False, True, True)


def test_each_kind_of_server_ends_in_its_own_way() -> None:
    with pytest.raises(NotImplementedError):
        Server().stop()
