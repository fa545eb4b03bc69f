"""The ledgers of migration tools: known by their columns, with the state of each entry."""

import json

import pytest

from postmigration.postgres.ledgers import LEDGERS, find_ledger, find_ledgers, holds_ledger_alone
from selftest.unit.conftest import OpenSnapshot


@pytest.mark.parametrize(
    ("schema", "table", "columns", "tool"),
    [
        ("public", "alembic_version", "version_num", "Alembic"),
        ("public", "renamed", "version_num", "Alembic"),
        ("public", "schema_migrations", "version dirty", "golang-migrate"),
        ("public", "schema_migrations", "version inserted_at", "Ecto"),
        ("public", "schema_migrations", "version", "Rails or dbmate"),
        ("supabase_migrations", "schema_migrations", "version name statements", "Supabase"),
        ("public", "migrations", "id timestamp name", "TypeORM"),
        ("public", "migrations", "id timestamp name species", None),
        ("public", "django_migrations", "id app", None),
        ("public", "versions", "version", None),
    ],
)
def test_a_ledger_is_known_by_its_name_and_columns(schema: str, table: str, columns: str, tool: str | None) -> None:
    found = find_ledger(schema, table, columns.split())
    assert (found and found.tool) == tool


def test_a_column_of_somebody_else_makes_its_rows_the_application_s_too() -> None:
    assert holds_ledger_alone("public", "django_migrations", ["id", "app", "name", "applied"])
    assert not holds_ledger_alone("public", "django_migrations", ["id", "app", "name", "note"])
    assert not holds_ledger_alone("public", "orders", ["id"])
    django = next(ledger for ledger in LEDGERS if ledger.tool == "Django")
    assert django.knows(["ID", "Applied"])
    assert not django.knows(["id", "note"])


def test_the_ledgers_of_a_database_are_found_and_read(open_snapshot: OpenSnapshot) -> None:
    snapshot = open_snapshot("""
        CREATE TABLE "_sqlx_migrations" (version bigint, success boolean, installed_on timestamptz);
        INSERT INTO "_sqlx_migrations" VALUES (2, false), (1, true);
        CREATE SCHEMA other;
        CREATE TABLE other.knex_migrations (id int, name text, batch int);
        CREATE TABLE orders (id int);
    """)
    found = find_ledgers(snapshot)
    assert {name: ledger.tool for name, ledger in found.items()} == {
        ("other", "knex_migrations"): "Knex",
        ("public", "_sqlx_migrations"): "sqlx",
    }
    sqlx = found["public", "_sqlx_migrations"]
    entries = json.loads(snapshot.scalar(sqlx.entries("public", "_sqlx_migrations")))
    # The second one is in the first of the troubles.
    assert entries == [["1", True, None, None], ["2", False, 0, None]]
    assert sqlx.troubles[0].words == "it is half applied"
