"""The objects that a backup and its original do not have in common."""

from __future__ import annotations

import pytest

from postmigration.backups.object_differences import diff_objects, write_alike
from postmigration.backups.restore import Restored
from postmigration.backups.statements import Meaning, Role
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

NOTHING = Restored((), (), (), (), ())
ORIGINAL = """
    CREATE TABLE item (id int PRIMARY KEY, name text DEFAULT 'x', amount numeric NOT NULL);
    CREATE INDEX item_name ON item (name);
    CREATE VIEW names AS SELECT name FROM item;
    CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE SCHEMA other; CREATE TABLE other.item ();
"""
COPY = """
    CREATE TABLE item (id int PRIMARY KEY, name text DEFAULT 'y', amount numeric);
    CREATE VIEW names AS SELECT name FROM item;
    CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2';
    CREATE TABLE added ();
"""


@pytest.fixture(scope="module")
def original(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(ORIGINAL)


@pytest.fixture(scope="module")
def copied(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(COPY)


def test_what_is_lacking_added_or_another_is_told(original: Snapshot, copied: Snapshot) -> None:
    assert diff_objects(original, copied, ["public"], NOTHING, set()) == [
        "column public.item.amount is another one in it (not null)",
        "column public.item.name is another one in it (default)",
        "function public.one() is another one in it (body)",
        "index public.item_name is not in it",
        "table public.added is in it, and not in what it is compared with",
    ]
    assert diff_objects(original, original, ["public", "other"], NOTHING, set()) == []
    assert write_alike(original, copied)


def test_what_could_not_be_restored_or_is_a_stand_in_is_not_told(original: Snapshot, copied: Snapshot) -> None:
    lost = Meaning(Role.APPLICATION, "index", "public.item_name", "public.item")
    restored = Restored((), (), (), (), (lost,))
    standins = {("table", "public", "added"), ("function", "public", "one")}
    found = diff_objects(original, copied, ["public"], restored, standins)
    assert found == [
        "column public.item.amount is another one in it (not null)",
        "column public.item.name is another one in it (default)",
    ]


@pytest.mark.full
def test_servers_of_one_version_write_alike(original: Snapshot, copied: Snapshot, open_snapshot: OpenSnapshot) -> None:
    older = open_snapshot(COPY, version=16)
    assert not write_alike(original, older)
    # Then the definitions of views and indexes are not compared, and expressions only without casts.
    assert "column public.item.name is another one in it (default)" in diff_objects(
        original, older, ["public"], NOTHING, set()
    )
