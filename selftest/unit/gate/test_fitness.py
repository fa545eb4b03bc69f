"""Databases are fit to be judged when they are the application's, readable and not empty."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from psycopg.conninfo import make_conninfo

from postmigration.gate.fitness import choose_schemas, refuse_empty, refuse_unfit
from postmigration.model.errors import CannotJudge
from postmigration.model.migration import Migration
from postmigration.model.settings import Options
from postmigration.postgres.connection import Database, Snapshot
from selftest.servers import Servers
from selftest.unit.conftest import OpenSnapshot
from selftest.unit.gate.conftest import NewUrl

SHOP = Migration("shop", tables=("orders", "items"), legacy_tables=("orders", "items"))
TABLES = "CREATE TABLE orders (id int); CREATE TABLE items (id int, made timestamptz); "


@pytest.fixture(scope="module")
def full(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(
        f"{TABLES} INSERT INTO orders VALUES (1); CREATE SCHEMA b; CREATE SCHEMA a; CREATE TABLE a.t ()"
    )


@pytest.fixture(scope="module")
def empty(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot("CREATE SCHEMA c; CREATE TABLE c.t ()")


def test_all_schemas_of_both_sides_are_compared_unless_some_are_named(full: Snapshot, empty: Snapshot) -> None:
    chosen, others = choose_schemas([], full, empty)
    assert (chosen, others) == (["a", "b", "c", "public"], [])
    assert choose_schemas(["c", "a"], full, empty) == (["c", "a"], ["b", "public"])
    with pytest.raises(CannotJudge, match=r"^--schema=c: there is no such schema \(there are a, b, public\)$"):
        choose_schemas(["c"], full, None)


def test_something_must_be_there_to_be_judged(full: Snapshot, empty: Snapshot) -> None:
    refuse_empty(["public"], full, None)
    with pytest.raises(CannotJudge, match=r"^nothing to judge: no table of the database of --db-url has a row"):
        refuse_empty(["c"], empty, None)
    with pytest.raises(CannotJudge, match=r"^nothing to judge: the database of --db-url has no table in schema b "):
        refuse_empty(["b"], full, None)
    # What the target has lost is found by a check: the state before decides.
    refuse_empty(["public"], empty, full)
    with pytest.raises(CannotJudge, match="has no table in schema public"):
        refuse_empty(["public"], full, empty)


def test_the_database_is_the_applications(full: Snapshot, empty: Snapshot) -> None:
    refuse_unfit(full, SHOP, Options())
    with pytest.raises(CannotJudge, match=r"does not look like the application's: no table "):
        refuse_unfit(empty, SHOP, Options())


def test_a_cut_over_needs_rows_with_a_date(full: Snapshot) -> None:
    with pytest.raises(CannotJudge, match=r"^--cutover: no table has a column that says when a row was made"):
        refuse_unfit(full, SHOP, Options(cutover="2026-11-01T00:00:00+00:00"))


def test_a_cut_over_has_happened(open_snapshot: OpenSnapshot) -> None:
    dated = open_snapshot(TABLES.replace("made", "created_at"))
    refuse_unfit(dated, SHOP, Options(cutover="2020-01-01T00:00:00+00:00"))
    with pytest.raises(CannotJudge, match=r"^--cutover=9999-.* is in the future: give the time at which it happened$"):
        refuse_unfit(dated, SHOP, Options(cutover="9999-01-01T00:00:00+00:00"))


@pytest.fixture
def reader(servers: Servers, new_url: NewUrl) -> Iterator[Callable[[str], Snapshot]]:
    """Opens a database, made by a script, as a role that owns nothing."""
    with ExitStack() as undo:

        def open_(script: str) -> Snapshot:
            database = Database(make_conninfo(new_url(script), user="unit_reader"), option="--db-url")
            undo.callback(database.close)
            snapshot = Snapshot(database)
            undo.callback(snapshot.close)
            return snapshot

        with servers[18].connect("postgres") as connection:
            connection.execute("CREATE ROLE unit_reader LOGIN")
        yield open_
    with servers[18].connect("postgres") as connection:
        connection.execute("DROP ROLE unit_reader")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "REVOKE ALL ON orders FROM PUBLIC",
            r"^role unit_reader may not read public\.orders .*: GRANT USAGE",
        ),
        (
            "GRANT SELECT ON orders TO PUBLIC; ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            "^row-level security filters what role unit_reader sees of .*: ALTER ROLE unit_reader BYPASSRLS",
        ),
    ],
)
def test_the_role_sees_all_rows(reader: Callable[[str], Snapshot], script: str, reason: str) -> None:
    snapshot = reader(f"{TABLES} {script}; GRANT SELECT ON items TO PUBLIC")
    with pytest.raises(CannotJudge, match=reason):
        refuse_unfit(snapshot, SHOP, Options())
