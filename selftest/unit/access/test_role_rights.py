"""Whether the role of a connection could do more than the database holds."""

import pytest

from postmigration.access.role_rights import describe_powers
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers


def test_a_superuser_is_named(snapshot: Snapshot) -> None:
    assert describe_powers(snapshot) == "the superuser postgres"


@pytest.mark.parametrize(
    ("power", "words"),
    [
        ("anon", ""),
        ("pg_read_server_files", "unit_login, which may become pg_read_server_files"),
        ("postgres", "unit_login, which may become the superuser postgres"),
    ],
)
def test_a_member_counts_by_what_it_may_become(
    snapshot: Snapshot, servers: Servers, login: str, power: str, words: str
) -> None:
    name = snapshot.info.dbname
    with servers[18].connect(name) as connection:
        connection.execute(f"GRANT {power} TO {login}".encode())
        database = Database(servers[18].conninfo(name, login), option="--db-url")
        its = Snapshot(database)
        try:
            assert describe_powers(its) == words
        finally:
            its.close()
            database.close()
            connection.execute(f"REVOKE {power} FROM {login}".encode())
