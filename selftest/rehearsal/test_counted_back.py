"""A sequence that gives values again, or a view that lost its rows, is not in the state in which it was."""

import pytest

from postmigration.diff.database_diff import Source
from postmigration.postgres import embedded
from postmigration.rehearsal.states import same_objects, state
from selftest.conftest import COUNTER

BEFORE = """
    CREATE SCHEMA "Shop";
    CREATE SEQUENCE numbers; SELECT setval('numbers', 42);
    CREATE SEQUENCE fresh;
    CREATE SEQUENCE down INCREMENT -1; SELECT setval('down', -42);
    CREATE SEQUENCE "Shop"."invoice ""No"": 1"; SELECT setval('"Shop"."invoice ""No"": 1"', 7);
    CREATE MATERIALIZED VIEW counted AS SELECT 1 AS a;
    CREATE MATERIALIZED VIEW "Shop"."Empty" AS SELECT 1 AS a WITH NO DATA;
"""
SHOP = """'"Shop"."invoice ""No"": 1"'"""
GONE_BACK = {
    "SELECT setval('numbers', 42, false)": "numbers has gone back: it gives 42 next, where it gave 43",
    "ALTER SEQUENCE numbers RESTART": "numbers has gone back: it gives 1 next, where it gave 43",
    "SELECT setval('numbers', 1, false)": "numbers has gone back: it gives 1 next, where it gave 43",
    "SELECT setval('numbers', 41)": "numbers has gone back: it gives 42 next, where it gave 43",
    "SELECT setval('down', -7)": "down has gone back: it gives -8 next, where it gave -43",
    f"SELECT setval({SHOP}, 1, false)": '"Shop"."invoice ""No"": 1" has gone back: it gives 1 next, where it gave 8',
    "REFRESH MATERIALIZED VIEW counted WITH NO DATA": "materialized view public.counted is changed (populated)",
}
SOUND = (
    "SELECT setval('numbers', 43, false)",
    "SELECT nextval('numbers'), nextval('fresh'), nextval('down')",
    f"SELECT setval({SHOP}, 1000)",
    'REFRESH MATERIALIZED VIEW "Shop"."Empty"',
)


@pytest.mark.full
def test_what_has_gone_back_is_named(server: embedded.Server) -> None:
    name = f"counted_{next(COUNTER)}"
    server.create(name)
    with server.connect(name) as connection:
        connection.execute(BEFORE.encode())
    source = Source(server.conninfo(name), name)
    before = state(source, "public")
    assert same_objects(before, state(source, "public")).outcome == "passed"
    with server.connect(name) as connection:
        for change in SOUND:
            connection.execute(change.encode())
        assert same_objects(before, state(source, "public")).details == ()
        for change, said in GONE_BACK.items():
            connection.execute("SELECT setval('numbers', 42), setval('down', -42), setval('fresh', 1, false)")
            connection.execute(change.encode())
            details = same_objects(before, state(source, "public")).details
            assert [line for line in details if said in line], (change, details)
    server.drop(name)
