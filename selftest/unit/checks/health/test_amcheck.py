"""What the extension amcheck is asked, where it is installed."""

import pytest

from postmigration.checks.contents.batches import Refusal
from postmigration.checks.health.amcheck import Amcheck, check_indexes, check_tables, find_amcheck, read_tables
from postmigration.checks.health.indexes import read_indexes
from postmigration.postgres import embedded
from selftest.servers import Servers
from selftest.unit.uncommitted import Fill, add, prepare_empty

INSTALLED = "CREATE SCHEMA tools; CREATE EXTENSION amcheck SCHEMA tools"
WORLD = "CREATE TABLE item (id int PRIMARY KEY, name text); INSERT INTO item VALUES (1, 'a'), (2, 'b')"


@pytest.fixture(scope="session")
def empty(servers: Servers) -> embedded.Server:
    """A server that has contrib."""
    return prepare_empty(servers[15])


def test_the_extension_may_be_absent(now: Fill) -> None:
    assert find_amcheck(now()) == Amcheck("absent")


def test_the_extension_is_found_where_it_is(now: Fill) -> None:
    assert find_amcheck(now(INSTALLED)) == Amcheck("open", "tools", indexes=True, tables=True)


def test_who_may_not_execute_it_finds_it_closed(now: Fill) -> None:
    after = now(INSTALLED, "CREATE ROLE unit_stranger; SET LOCAL ROLE unit_stranger")
    assert find_amcheck(after) == Amcheck("closed", "tools")


def test_sound_indexes_and_tables_are_checked(now: Fill) -> None:
    after = now(INSTALLED, WORLD)
    amcheck = find_amcheck(after)
    tables = read_tables(after, ["public"], [])
    assert [table.title for table in tables] == ["table item"]
    assert [(t.title, words, refusal) for t, words, refusal in check_tables(after, amcheck, tables)] == [
        ("table item", "", None)
    ]
    indexes = [*read_indexes(after, ["public"], []).values()]
    assert [(i.name, words, refusal) for i, words, refusal in check_indexes(after, amcheck, indexes)] == [
        ("item_pkey", "", None)
    ]


def test_an_index_that_lacks_rows_is_damaged(now: Fill) -> None:
    # Rows that were written while the server took the index for one that is not to be maintained.
    after = now(
        INSTALLED,
        WORLD,
        "UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = 'item_pkey'::regclass",
        "INSERT INTO item VALUES (3, 'c')",
        "UPDATE pg_index SET indisready = true, indisvalid = true WHERE indexrelid = 'item_pkey'::regclass",
    )
    indexes = [*read_indexes(after, ["public"], []).values()]
    ((_, words, refusal),) = check_indexes(after, find_amcheck(after), indexes)
    assert words.startswith("heap tuple (0,3) from table ")
    assert refusal is None


def test_what_was_dropped_meanwhile_is_not_damaged(now: Fill) -> None:
    after = now(INSTALLED, WORLD)
    (index,), (table,) = read_indexes(after, ["public"], []).values(), read_tables(after, ["public"], [])
    add(after, "DROP TABLE item")
    amcheck = find_amcheck(after)
    for _, words, refusal in (*check_indexes(after, amcheck, [index]), *check_tables(after, amcheck, [table])):
        assert words == ""
        assert isinstance(refusal, Refusal)
