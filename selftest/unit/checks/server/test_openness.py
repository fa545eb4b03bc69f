from collections.abc import Iterator

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.server.openness import HOLDERS, examine
from postmigration.postgres.connection import Database
from selftest.servers import Servers
from selftest.unit.uncommitted import Fill

ROLES = ("unit_shop", "unit_reader")
OWNED = "CREATE TABLE stay (id int); ALTER TABLE stay OWNER TO unit_shop; GRANT SELECT ON stay TO unit_reader"
CLOSED = "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"


@pytest.fixture(scope="module", autouse=True)
def roles(servers: Servers, databases: tuple[Database, Database]) -> Iterator[None]:
    """Roles that log in, which both databases of a server have."""
    with servers[18].connect("postgres") as connection:
        for role in ROLES:
            connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        yield
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def names(databases: tuple[Database, Database]) -> tuple[str, str]:
    """What the databases before and after are called."""
    before, after = (database.engine.connect() for database in databases)
    found = []
    for connection in (before, after):
        found.append(str(connection.exec_driver_sql("SELECT current_database()").scalar_one()))
        connection.close()
    return found[0], found[1]


def said(found: Examination) -> list[tuple[str, str, str]]:
    return [(finding.code, finding.severity, finding.statement) for finding in found.findings]


def test_an_open_database_has_no_finding(was: Fill, now: Fill) -> None:
    found = examine(now(OWNED), was(OWNED), ["public"], settings_compared=False)
    # Four facts of the database, and one for each role that holds something.
    assert (said(found), found.facts) == ([], 6)


def test_one_that_is_set_read_only_is_found(was: Fill, now: Fill, names: tuple[str, str]) -> None:
    after = now(f"ALTER DATABASE {names[1]} SET default_transaction_read_only = on")
    found = examine(after, was(), ["public"], settings_compared=True)
    words = "the database has default_transaction_read_only = on: nobody can write"
    assert said(found) == [("read_only", "blocker", words)]
    assert found.findings[0].subject.name == "default_transaction_read_only of the database"
    assert found.findings[0].repair == (
        f"SET default_transaction_read_only = off; ALTER DATABASE {names[1]} RESET default_transaction_read_only;"
    )
    before = was(f"ALTER DATABASE {names[0]} SET default_transaction_read_only = on")
    found = examine(after, before, ["public"], settings_compared=True)
    assert said(found) == [("read_only", "warning", f"{words}; it was so before")]


@pytest.mark.parametrize(
    ("path", "finds"), [("sales", False), ("sales, public", True), ('"$user", public', True), ('"$user"', False)]
)
def test_a_search_path_must_lead_to_a_table(now: Fill, names: tuple[str, str], path: str, finds: bool) -> None:
    after = now(OWNED, f"ALTER DATABASE {names[1]} SET search_path = {path}")
    found = examine(after, None, ["public"], settings_compared=False)
    assert [finding.code for finding in found.findings] == ([] if finds else ["search_path"])
    # Where settings are compared with those before, another one is told there.
    assert examine(after, None, ["public"], settings_compared=True).findings == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (-1, 5, "5 connections at a time (CONNECTION LIMIT), and let in any number before"),
        (9, 5, "5 connections at a time (CONNECTION LIMIT), and let in 9 before"),
        (-1, 0, "no connections at a time (CONNECTION LIMIT), and let in any number before"),
        (5, 9, ""),
        (5, 5, ""),
    ],
)
def test_a_lower_limit_of_connections_is_found(
    was: Fill, now: Fill, names: tuple[str, str], before: int, after: int, words: str
) -> None:
    sides = [
        fill(f"ALTER DATABASE {name} CONNECTION LIMIT {limit}")
        for fill, name, limit in zip((now, was), reversed(names), (after, before), strict=True)
    ]
    found = examine(sides[0], sides[1], ["public"], settings_compared=True)
    assert [finding.statement for finding in found.findings] == ([f"the database lets in {words}"] if words else [])
    if words:
        assert found.findings[0].repair == f"ALTER DATABASE {names[1]} CONNECTION LIMIT {before};"


def test_roles_that_may_no_longer_connect_are_found(was: Fill, now: Fill, names: tuple[str, str]) -> None:
    after = now(OWNED, CLOSED.format(name=names[1]), f"GRANT CONNECT ON DATABASE {names[1]} TO unit_shop")
    found = examine(after, was(OWNED), ["public"], settings_compared=True)
    words = "unit_reader may no longer connect to the database (CONNECT)"
    assert said(found) == [("connect_refused", "blocker", words)]
    assert found.findings[0].repair == f"GRANT CONNECT ON DATABASE {names[1]} TO unit_reader;"
    # It was closed for the move: nothing is lost, but nobody may connect.
    closed = now(OWNED, CLOSED.format(name=names[1])), was(OWNED, CLOSED.format(name=names[0]))
    (finding,) = examine(*closed, ["public"], settings_compared=True).findings
    assert finding.statement == (
        "no role that holds something here may connect to the database: unit_reader, unit_shop; it was so before"
    )
    assert finding.severity == "warning"


def test_who_holds_something_is_found_with_its_members(now: Fill) -> None:
    shown = now("CREATE TABLE stay (id int)", "ALTER TABLE stay OWNER TO unit_shop", "GRANT unit_shop TO unit_reader")
    assert {row.name for row in shown.rows(HOLDERS)} == {"postgres", *ROLES}
