"""With a fingerprint as the state before, what was lost is found by numbers and hashes."""

from collections.abc import Iterator

import pytest

from postmigration.checks.contents import fingerprint_rows
from postmigration.diff.fingerprint import Fingerprint, take_fingerprint
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.check.test_contents import World


@pytest.fixture(scope="module")
def world(server: embedded.Server) -> Iterator[World]:
    world = World(server)
    yield world
    world.close()


@pytest.fixture(scope="module")
def fingerprint(world: World) -> Fingerprint:
    side = Snapshot(Database(world.server.conninfo("contents_before"), option="--db-url", schema="shop"))
    taking = take_fingerprint(side, None, portable=False)
    try:
        while True:
            next(taking)
    except StopIteration as done:
        side.close()
        result = done.value
    assert isinstance(result, Fingerprint)
    return result


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        ("SELECT 1", ""),
        ("DELETE FROM shop.purchase WHERE id = 7", "purchase: rows differ from the fingerprint"),
        ("UPDATE shop.client SET note = NULL WHERE note = ''", "client: rows differ from the fingerprint"),
        ("DELETE FROM shop.secret WHERE id < 3", "row-level security is on"),
        ("TRUNCATE shop.basket", "basket: it is empty, and held 8 rows"),
        ("DROP TABLE shop.texted", "texted: the table is lost, with 10 rows"),
        ("ALTER TABLE shop.client DROP note", "client.note: the column is lost, and the table held 40 rows"),
        (
            "ALTER TABLE shop.down RENAME TO d; CREATE VIEW shop.down AS SELECT * FROM shop.d",
            "down: it was a table with 10 rows, and is none",
        ),
        ("DROP SCHEMA shop CASCADE; CREATE SCHEMA shop", "tables are lost, with"),
    ],
)
def test_what_is_lost_is_found(world: World, fingerprint: Fingerprint, planted: str, says: str) -> None:
    name = world.copy(planted)
    after = world.open(name)
    found = fingerprint_rows.examine(after, fingerprint)
    after.close()
    world.server.drop(name)
    said = " ".join(finding.statement for finding in found.findings)
    assert (says in said) if says else not said, said
    assert not found.unjudged
