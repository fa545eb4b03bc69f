from collections.abc import Iterator

import pytest

from postmigration.checks.server.passwords import examine
from postmigration.postgres.connection import Database
from selftest.servers import Servers
from selftest.unit.uncommitted import Fill, add

OWNED = "CREATE TABLE stay (id int); ALTER TABLE stay OWNER TO unit_login"


@pytest.fixture(scope="module", autouse=True)
def login(servers: Servers, databases: tuple[Database, Database]) -> Iterator[None]:
    """A role with a password, which both databases of a server have."""
    with servers[18].connect("postgres") as connection:
        connection.execute("CREATE ROLE unit_login LOGIN PASSWORD 'secret'")
        yield
        connection.execute("DROP ROLE unit_login")


def test_a_password_that_is_still_there_is_no_finding(was: Fill, now: Fill) -> None:
    found = examine(now(OWNED), was(OWNED))
    # The role, and the superuser who owns the database.
    assert (found.findings, found.notes, found.facts) == ([], [], 2)


def test_a_password_that_is_lost_is_found_and_not_shown(was: Fill, now: Fill) -> None:
    found = examine(now(OWNED, "ALTER ROLE unit_login PASSWORD NULL"), was(OWNED))
    (finding,) = found.findings
    assert finding.statement == "role unit_login has no password, and had one"
    assert (finding.severity, finding.code) == ("warning", "password_lost")
    assert "rolpassword" in finding.repair
    assert "SCRAM" not in str(finding)


def test_a_superuser_often_comes_in_without_one(was: Fill, now: Fill) -> None:
    found = examine(now(OWNED, "ALTER ROLE unit_login SUPERUSER PASSWORD NULL"), was(OWNED))
    assert (found.findings, found.notes) == ([], ["role unit_login has no password, and had one"])


@pytest.mark.parametrize("before", [False, True])
def test_a_password_that_is_no_longer_valid_is_found(was: Fill, now: Fill, before: bool) -> None:
    after = now(OWNED, "ALTER ROLE unit_login VALID UNTIL '2025-03-30'")
    # Both databases are of one server here, which shows one of them at a time.
    found = examine(after, after if before else was(OWNED))
    words = "the password of role unit_login is no longer valid (VALID UNTIL)"
    if before:
        assert (found.findings, found.notes) == ([], [f"{words}; it was so before"])
    else:
        assert [finding.statement for finding in found.findings] == [words]
        assert found.findings[0].repair == "ALTER ROLE unit_login VALID UNTIL 'infinity';"


def test_hashes_of_the_old_kind_are_told(now: Fill) -> None:
    hashed = "UPDATE pg_authid SET rolpassword = 'md5' || repeat('0', 32) WHERE rolname = 'unit_login'"
    assert examine(now(OWNED, hashed), None).notes == ["passwords that are kept as MD5 hashes: unit_login"]


def test_without_a_superuser_nothing_is_judged(now: Fill, databases: tuple[Database, Database]) -> None:
    after = now(OWNED, "GRANT CREATE ON SCHEMA public TO unit_login")
    add(after, "SET LOCAL ROLE unit_login")
    assert examine(after, None).unjudged == ["passwords of roles: only a superuser may read pg_authid"]
