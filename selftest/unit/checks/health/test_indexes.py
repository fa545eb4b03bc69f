"""B-tree indexes, with what tells in which order their entries must be."""

from postmigration.checks.health.indexes import read_indexes
from selftest.unit.uncommitted import Fill, add

WORLD = """
    CREATE TABLE "Item" (id int PRIMARY KEY, name text COLLATE "C", at date);
    CREATE INDEX by_name ON "Item" (name DESC, id) WHERE at IS NULL;
    CREATE INDEX by_lower ON "Item" (lower(name) NULLS FIRST);
    CREATE INDEX by_hash ON "Item" USING hash (name);
"""


def test_an_index_is_read_with_what_it_orders_by(now: Fill) -> None:
    indexes = read_indexes(now(WORLD), ["public"], [])
    assert [name for _, name in indexes] == ["Item_pkey", "by_lower", "by_name"]
    index = indexes["public", "by_name"]
    assert (index.key, index.title, index.sql) == (
        ("public", "by_name"),
        "index by_name of Item",
        "public.by_name",
    )
    assert (index.source, index.predicate, index.hindrance, index.role) == (
        'ONLY public."Item"',
        "(at IS NULL)",
        "",
        "",
    )
    name, id_ = index.keys
    assert (name.collated, name.opclass, name.nulls_first) == (
        '(name) COLLATE pg_catalog."C"',
        "text_ops DESC",
        True,
    )
    assert (name.before, name.equal) == ("OPERATOR(pg_catalog.>)", "OPERATOR(pg_catalog.=)")
    assert (id_.collated, id_.opclass, id_.before) == ("(id)", "int4_ops", "OPERATOR(pg_catalog.<)")


def test_the_order_of_text_and_of_expressions_may_become_another(now: Fill) -> None:
    indexes = read_indexes(now(WORLD), ["public"], [])
    assert {name: index.fickle for (_, name), index in indexes.items()} == {
        "Item_pkey": False,
        "by_name": True,
        "by_lower": True,
    }
    (lower,) = indexes["public", "by_lower"].keys
    assert (lower.expression, lower.nulls_first) == ("lower(name)", True)


def test_a_table_that_may_not_be_read_hinders_its_indexes(now: Fill) -> None:
    after = now(WORLD, "CREATE ROLE unit_stranger; SET LOCAL ROLE unit_stranger")
    assert {index.hindrance for index in read_indexes(after, ["public"], []).values()} == {
        'GRANT SELECT ON public."Item" to the role that judges'
    }


def test_code_of_another_runs_as_the_owner_of_the_table(now: Fill) -> None:
    after = now(
        "CREATE ROLE unit_owner; CREATE TABLE t (n int)",
        "CREATE FUNCTION half(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 / 2'",
        "CREATE INDEX by_half ON t (half(n)); CREATE INDEX by_n ON t (n)",
        "ALTER FUNCTION half OWNER TO unit_owner",
    )
    indexes = read_indexes(after, ["public"], [])
    hindrance = "it would run a function of another role with the rights of a superuser: judge as another role"
    assert {name: index.hindrance for (_, name), index in indexes.items()} == {"by_half": hindrance, "by_n": ""}
    add(after, "ALTER TABLE t OWNER TO unit_owner")
    assert {name: index.role for (_, name), index in read_indexes(after, ["public"], []).items()} == {
        "by_half": "unit_owner",
        "by_n": "",
    }
