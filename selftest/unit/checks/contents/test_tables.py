"""What the catalogs say of tables, read at once."""

import pytest

from postmigration.checks.contents.tables import Relation, Use, children_of, explain_few, pages_of, read_tables, title
from selftest.unit.uncommitted import Fill

WORLD = """
    CREATE SCHEMA "Sales";
    CREATE TYPE mood AS ENUM ('good', 'bad');
    CREATE DOMAIN code AS varchar(9);
    CREATE DOMAIN narrow AS code;
    CREATE TABLE "Sales"."Order" (
        id int, line int NOT NULL, note narrow, mood mood, twice int GENERATED ALWAYS AS (line * 2) STORED,
        PRIMARY KEY (id, line), UNIQUE (line)
    );
    CREATE TABLE whole (made int) PARTITION BY LIST (made);
    CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
    CREATE VIEW shown AS SELECT * FROM whole;
    CREATE UNLOGGED TABLE basket (id int);
    ALTER TABLE basket ENABLE ROW LEVEL SECURITY;
"""
SCHEMAS = ["Sales", "public"]


@pytest.fixture
def tables(now: Fill) -> dict[tuple[str, str], Relation]:
    return read_tables(now(WORLD), SCHEMAS)


def test_relations_are_found_by_schema_and_name(tables: dict[tuple[str, str], Relation]) -> None:
    assert {name: relation.kind for name, relation in tables.items()} == {
        ("Sales", "Order"): "r",
        ("public", "basket"): "r",
        ("public", "part"): "r",
        ("public", "shown"): "v",
        ("public", "whole"): "p",
    }
    order, part = tables["Sales", "Order"], tables["public", "part"]
    assert (order.key, order.title, order.sql) == (("Sales", "Order"), "Sales.Order", '"Sales"."Order"')
    assert (order.keys, order.is_table, order.hindrance) == ((("id", "line"), ("line",)), True, "")
    assert (part.partition, part.parents, part.title) == (True, (("public", "whole"),), "part")
    assert not tables["public", "shown"].is_table


def test_columns_have_the_type_beneath_their_domain(tables: dict[tuple[str, str], Relation]) -> None:
    columns = tables["Sales", "Order"].columns
    assert {name: (c.type, c.root, c.root_type) for name, c in columns.items()} == {
        "id": ("integer", "integer", "integer"),
        "line": ("integer", "integer", "integer"),
        "note": ("public.narrow", "character varying", "character varying(9)"),
        "mood": ("public.mood", "enum", "public.mood"),
        "twice": ("integer", "integer", "integer"),
    }
    assert [name for name, column in columns.items() if column.filled] == ["id", "line"]
    assert columns["twice"].generated == "s"
    assert columns["id"].over("t") == "t.id"


def test_what_hinders_a_role_is_said_with_its_remedy(now: Fill) -> None:
    snapshot = now(
        WORLD,
        "CREATE ROLE unit_reader; GRANT SELECT ON basket TO unit_reader; SET LOCAL ROLE unit_reader",
    )
    found = read_tables(snapshot, SCHEMAS)
    assert found["Sales", "Order"].hindrance == 'GRANT SELECT ON "Sales"."Order" to the role that judges'
    assert found["public", "basket"].hindrance.startswith("row-level security filters the role that judges")


def test_a_partitioned_table_is_as_large_as_its_partitions(tables: dict[tuple[str, str], Relation]) -> None:
    assert children_of(tables) == {("public", "whole"): [("public", "part")]}
    pages = pages_of(tables)
    # That of opening one more.
    assert pages["public", "whole"] == pages["public", "part"] + 100


def test_what_may_explain_that_rows_are_gone(tables: dict[tuple[str, str], Relation]) -> None:
    basket, part = tables["public", "basket"], tables["public", "part"]
    unlogged, secured = explain_few(0, basket)
    assert unlogged.startswith("it is unlogged: a crash or a promotion empties such a table")
    assert secured.startswith("row-level security is on")
    assert explain_few(3, basket) == [secured]
    assert explain_few(0, part) == []


def test_names_for_people_have_no_schema_where_that_is_public() -> None:
    assert [title(("public", "t")), title(("shop", "t"))] == ["t", "shop.t"]
    use = Use("public", "Order", "id", "bigint")
    assert (use.sql, use.title) == ('public."Order"', "Order.id")
