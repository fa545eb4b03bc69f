"""A statement for the objects of one kind, as servers of different versions understand it."""

from postmigration.postgres.object_queries.query import Query, name_collation
from selftest.unit.conftest import OpenSnapshot


def test_what_a_server_does_not_know_has_something_in_its_place() -> None:
    query = Query("SELECT {shape} FROM pg_class, {other}", newer=[("shape", 17, "relnew", "NULL")])
    assert query.for_version(18) == "SELECT relnew FROM pg_class, {other}"
    assert query.for_version(17) == query.for_version(18)
    assert query.for_version(16) == "SELECT NULL FROM pg_class, {other}"


def test_a_collation_is_named_as_the_server_names_it(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot('CREATE COLLATION public."Own" FROM "C"; CREATE COLLATION plain FROM "C"')
    found = snapshot.rows(
        f"SELECT {name_collation('c.oid')} AS named, c.oid::regcollation::text AS writes FROM pg_collation c "
        "WHERE collname IN ('Own', 'plain', 'C') ORDER BY 1"
    )
    assert [row.named for row in found] == ['"C"', 'public."Own"', "public.plain"]
    assert [row.named for row in found] == [row.writes for row in found]
