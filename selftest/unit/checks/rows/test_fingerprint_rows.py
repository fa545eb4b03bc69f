from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.rows.fingerprint_rows import examine
from postmigration.diff.fingerprint import Fingerprint
from postmigration.model.changes import Change, GoneTable, Ignored, MovedRows, RenamedTable
from postmigration.postgres.connection import Snapshot
from selftest.fingerprints import take_whole
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE stay (id int PRIMARY KEY, note text);
    INSERT INTO stay VALUES (1, 'a'), (2, 'b');
    CREATE TABLE fax (id int PRIMARY KEY, number text);
    INSERT INTO fax VALUES (1, '555');
    CREATE TABLE draft (id int PRIMARY KEY);
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('1');
"""
AFTER = """
    CREATE TABLE stay (id int PRIMARY KEY, note text, state text);
    INSERT INTO stay VALUES (1, 'a'), (2, 'changed');
    CREATE TABLE fax (id int PRIMARY KEY);
    INSERT INTO fax VALUES (1), (2);
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('2');
    CREATE TABLE visit (id int PRIMARY KEY);
"""
Examine = Callable[..., Examination]


@pytest.fixture(scope="module")
def before(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(BEFORE)


@pytest.fixture(scope="module")
def taken(before: Snapshot) -> Fingerprint:
    return take_whole(before)


@pytest.fixture(scope="module")
def after(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(AFTER)


def said(found: Examination) -> Sequence[str]:
    return [finding.statement for finding in found.findings]


def test_a_database_holds_what_its_fingerprint_says(before: Snapshot, taken: Fingerprint) -> None:
    found = examine(before, taken, ["public"])
    assert (said(found), found.unjudged, found.tables, found.rows) == ([], [], 3, 3)
    assert found.notes == ["rows not compared, what a migration tool has done stands there: alembic_version"]


def test_rows_that_differ_and_columns_that_are_lost_are_found(taken: Fingerprint, after: Snapshot) -> None:
    found = examine(after, taken)
    lost, number, rows = said(found)
    assert lost == "fax.number: the column is lost, and the table held 1 row"
    assert number == "fax: it has 2 rows, and held 1"
    assert rows.startswith("stay: rows differ from the fingerprint")
    assert "draft is lost, and was empty" in found.notes
    assert "stay: new columns: state" in found.notes
    assert "new, and compared with nothing: visit" in found.notes


def test_what_is_declared_is_not_held_against_a_database(taken: Fingerprint, after: Snapshot) -> None:
    changes: list[Change] = [GoneTable(table="draft"), Ignored(table="stay"), Ignored(table="fax")]
    found = examine(after, taken, changes=changes)
    assert said(found) == []
    assert "rows not compared, as declared: draft, fax, stay" in found.notes


@pytest.mark.parametrize(
    "change",
    [
        MovedRows(table="fax", to="visit", key={"id": "r.id"}),
        RenamedTable(table="stay", to="visit"),
    ],
)
def test_a_change_that_the_fingerprint_was_not_taken_for_is_not_judged(
    taken: Fingerprint, after: Snapshot, change: Change
) -> None:
    found = examine(after, taken, changes=[change])
    assert [words for words in found.unjudged if words.startswith("visit: what declared changes make of rows")]


def test_tables_that_are_lost_are_found(taken: Fingerprint, open_snapshot: OpenSnapshot) -> None:
    found = examine(open_snapshot("CREATE VIEW stay AS SELECT 1 AS id, 'a'::text AS note"), taken)
    assert said(found) == ["all 4 tables are lost, with 4 rows: alembic_version, draft, fax, stay"]
    found = examine(open_snapshot("CREATE VIEW stay AS SELECT 1 AS id; CREATE TABLE other (id int)"), taken)
    assert "fax: the table is lost, with 1 row" in said(found)
    assert "stay: it was a table with 2 rows, and is none" in said(found)


def test_a_table_that_is_empty_now_is_told_as_that(taken: Fingerprint, open_snapshot: OpenSnapshot) -> None:
    emptied = open_snapshot(f"{BEFORE} DELETE FROM stay; ALTER TABLE stay SET UNLOGGED")
    (finding,) = examine(emptied, taken).findings
    assert finding.statement.startswith("stay: it is empty, and held 2 rows; it is unlogged")
    assert finding.code == "empty_table"


def test_a_value_that_another_type_may_write_otherwise_is_not_judged(open_snapshot: OpenSnapshot) -> None:
    was = open_snapshot("CREATE TABLE price (id int PRIMARY KEY, euro numeric); INSERT INTO price VALUES (1, 1.50)")
    now = open_snapshot("CREATE TABLE price (id int PRIMARY KEY, euro text); INSERT INTO price VALUES (1, '1.5')")
    found = examine(now, take_whole(was))
    assert said(found) == []
    (reason,) = found.unjudged
    assert reason.startswith("price: euro was numeric and is text, which may write a value otherwise")


def test_what_a_fingerprint_does_not_hold_is_not_judged(before: Snapshot, taken: Fingerprint) -> None:
    tables = {name: table for name, table in taken.tables.items() if name != "fax"}
    found = examine(before, replace(taken, tables=tables), ["public"])
    assert [words.partition(":")[0] for words in found.unjudged] == ["fax"]
    (reason,) = examine(before, replace(taken, schema="shop"), ["public"]).unjudged
    assert "the fingerprint holds rows of schema shop alone" in reason
    assert examine(before, replace(taken, tables={}, objects={})).inapplicable == "the fingerprint holds no table"
