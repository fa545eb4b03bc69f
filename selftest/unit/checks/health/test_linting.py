"""What the extension plpgsql_check says of functions, where it is installed."""

import pytest

from postmigration.checks.health.linting import find_linter
from postmigration.postgres import embedded
from selftest.servers import Servers
from selftest.unit.uncommitted import Fill, prepare_empty

INSTALLED = "CREATE SCHEMA tools; CREATE EXTENSION plpgsql_check SCHEMA tools"
FUNCTIONS = """
    CREATE TABLE item (id int);
    CREATE FUNCTION sound() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(id) FROM item); END';
    CREATE FUNCTION gone() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(id) FROM nothing); END';
    CREATE FUNCTION own() RETURNS int LANGUAGE plpgsql AS
        'BEGIN CREATE TEMP TABLE own_item AS SELECT 1 AS id; RETURN (SELECT max(id) FROM own_item); END';
    CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := 1; RETURN NEW; END';
    CREATE TRIGGER fired BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION fired();
"""


@pytest.fixture(scope="session")
def empty(servers: Servers) -> embedded.Server:
    """A server that has the extension."""
    server = servers[15]
    with server.connect("postgres") as connection:
        if not connection.execute("SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'").fetchall():
            pytest.skip(reason="no plpgsql_check on this server")
    return prepare_empty(server)


def test_there_may_be_none(now: Fill) -> None:
    assert find_linter(now()) is None


def test_it_complains_of_what_is_not_there(now: Fill) -> None:
    after = now(INSTALLED, FUNCTIONS)
    linter = find_linter(after)
    assert linter is not None
    assert (linter.schema, linter.strangers) == ("tools", False)
    names = {
        row.oid: row.name
        for row in after.rows(
            "SELECT oid::bigint AS oid, proname::text AS name FROM pg_proc "
            "WHERE pronamespace = CAST('public' AS regnamespace) AND proname = ANY(CAST(:names AS text[]))",
            names=["sound", "gone", "own", "fired"],
        )
    }
    complaints = linter.ask(after, [*names], after.application)
    assert {names[oid]: words for oid, words in complaints.items()} == {
        "gone": 'relation "nothing" does not exist',
        # As it runs for the table that it is a trigger of.
        "fired": 'record "new" has no field "name"',
    }


def test_functions_of_others_that_planning_may_run_are_told(now: Fill) -> None:
    after = now(
        INSTALLED,
        "CREATE FUNCTION folded() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE unit_other; ALTER FUNCTION folded OWNER TO unit_other",
    )
    linter = find_linter(after)
    assert linter is not None
    assert linter.strangers
