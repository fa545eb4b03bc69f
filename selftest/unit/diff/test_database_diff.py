from contextlib import ExitStack

import pytest

from postmigration.diff.database_diff import Source, diff_schemas, schemas
from selftest.servers import Servers
from selftest.unit.conftest import NewDatabase

BEFORE = """
    CREATE SCHEMA sales; CREATE SCHEMA empty;
    CREATE TABLE stay (id int PRIMARY KEY, note text);
    INSERT INTO stay VALUES (1, 'a'), (2, 'b');
    CREATE TABLE sales.room (id int PRIMARY KEY);
    CREATE TABLE sales.cache (id int);
    CREATE VIEW sales.shown AS SELECT 1 AS id;
"""
AFTER = f"{BEFORE} DELETE FROM stay WHERE id = 2; INSERT INTO sales.room VALUES (7); DROP TABLE sales.cache"


@pytest.fixture(scope="module")
def sides(new_database: NewDatabase, servers: Servers) -> tuple[Source, Source]:
    def make(script: str) -> Source:
        with new_database(script).connect() as connection:
            name = str(connection.exec_driver_sql("SELECT current_database()").scalar_one())
        return Source(servers[18].conninfo(name), "--db-url")

    return make(BEFORE), make(AFTER)


def test_schemas_with_tables_of_users_are_found(sides: tuple[Source, Source]) -> None:
    with ExitStack() as cleanup:
        assert schemas(sides[0].snapshot(cleanup)) == ["public", "sales"]


def test_snapshots_of_several_schemas_show_one_instant(sides: tuple[Source, Source]) -> None:
    with ExitStack() as cleanup:
        first = sides[0].snapshot(cleanup)
        second = sides[0].snapshot(cleanup, "sales", first)
        assert second.database.schema == "sales"
        shown = {side.scalar("SELECT pg_current_snapshot()::text") for side in (first, second)}
        assert len(shown) == 1


def test_tables_are_compared_schema_by_schema(sides: tuple[Source, Source]) -> None:
    found = {t.table: t for t in diff_schemas(*sides, ["public", "sales"], main="public", keep=5)}
    assert found.keys() == {"stay", "sales.room", "sales.cache"}
    stay, room = found["stay"].rows, found["sales.room"].rows
    assert stay is not None
    assert room is not None
    assert (stay.counts["missing"], room.counts["extra"]) == (1, 1)
    assert found["sales.cache"].problems == ("the table is missing",)
    left = diff_schemas(*sides, ["sales"], main="public", keep=5, without=["sales.cache", "sales.room"])
    assert left == []
