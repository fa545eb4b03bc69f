"""The schemas that an application brought, and whether there is anything in them."""

import pytest

from postmigration.model.platform import PLAIN
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schemas import find_platform, find_schemas, find_tables, has_rows, read_inhabitants
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE SCHEMA "Shop"; CREATE SCHEMA auth;
    CREATE TABLE "Shop"."Item" (id int); CREATE TABLE empty (id int);
    CREATE TABLE parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9);
    INSERT INTO "Shop"."Item" VALUES (1);
"""


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def test_schemas_of_the_server_are_left_out(snapshot: Snapshot) -> None:
    assert find_schemas(snapshot) == ["Shop", "auth", "public"]
    assert find_schemas(snapshot, ["auth"]) == ["Shop", "public"]


def test_tables_are_listed_by_schema(snapshot: Snapshot) -> None:
    assert find_tables(snapshot, ["Shop", "public"]) == [
        '"Shop"."Item"',
        "public.empty",
        "public.part",
        "public.parted",
    ]


def test_whether_there_is_a_row(snapshot: Snapshot) -> None:
    assert has_rows(snapshot, ["public.empty", '"Shop"."Item"'])
    assert not has_rows(snapshot, ["public.empty", "public.part"])
    # As many as one statement may lock, and more.
    assert has_rows(snapshot, ["public.empty"] * 250 + ['"Shop"."Item"'])
    assert not has_rows(snapshot, [])


def test_whose_schemas_and_tables_are_there(snapshot: Snapshot) -> None:
    found = read_inhabitants(snapshot)
    assert found.owners["Shop"] == "postgres"
    assert ("Shop", "Item") in found.tables
    assert find_platform(snapshot) == PLAIN


def test_the_platform_is_known_by_its_tables(snapshot: Snapshot, open_snapshot: OpenSnapshot) -> None:
    hosted = open_snapshot("""
        CREATE SCHEMA auth; CREATE SCHEMA storage;
        CREATE TABLE auth.users (); CREATE TABLE auth.identities ();
        CREATE TABLE storage.buckets (); CREATE TABLE storage.objects ();
    """)
    assert find_platform(snapshot, hosted).name == "Supabase"
