from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.contents.tables import read_tables
from postmigration.checks.rows.declared import TableChanges
from postmigration.checks.rows.pairs import Pair, pair_tables
from postmigration.checks.rows.row_examination import RowExamination, describe, list_remarks
from postmigration.diff.row_diff import Comparison
from postmigration.diff.row_sets import Difference, DifferenceKind
from postmigration.model.changes import Change as Declared
from postmigration.model.changes import GoneTable, RenamedColumn
from postmigration.model.evidence import Subject
from postmigration.model.migration import Migration
from postmigration.postgres.connection import Snapshot
from selftest.unit.conftest import OpenSnapshot

BEFORE = """
    CREATE TABLE stay (id int PRIMARY KEY, note text, guests int, day date);
    INSERT INTO stay SELECT i, 'n' || i, i, '2025-03-30' FROM generate_series(1, 4) AS g(i);
    CREATE TABLE fax (id int PRIMARY KEY, number text);
    INSERT INTO fax VALUES (1, '555');
    CREATE TABLE draft (id int PRIMARY KEY);
"""
Change = Callable[..., Examination]


@pytest.fixture(scope="module")
def before(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(BEFORE)


@pytest.fixture
def change(before: Snapshot, open_snapshot: OpenSnapshot) -> Change:
    """Compares with a copy that some statements change."""

    def compare(statements: str = "", **options: Any) -> Examination:
        return RowExamination(before, open_snapshot(f"{BEFORE} {statements}"), ["public"], **options).compare()

    return compare


def said(found: Examination) -> Sequence[str]:
    return [finding.statement for finding in found.findings]


def test_a_database_that_holds_what_it_held_has_no_finding(change: Change) -> None:
    found = change()
    assert (said(found), found.unjudged, found.tables, found.rows) == ([], [], 3, 5)
    assert found.notes == ["empty on both sides: draft"]


def test_rows_that_differ_are_shown_without_what_may_describe_a_person(change: Change) -> None:
    found = change("DELETE FROM stay WHERE id = 1; UPDATE stay SET note = 'secret' WHERE id = 2")
    (finding,) = found.findings
    assert finding.statement.startswith("stay: 1 row of 4 is missing; 1 row differs in note")
    assert finding.columns == ("id", "difference", "column", "want", "have")
    assert ("1", "missing", "", "–", "–") in finding.rows
    assert "secret" not in str(finding)
    assert "INSERT INTO public.stay" in finding.repair
    shown = change("UPDATE stay SET note = 'secret' WHERE id = 2", show_values=True)
    assert shown.findings[0].rows == (("2", "changed", "note", "n2", "secret"),)


def test_lost_tables_and_columns_are_found_with_what_they_held(change: Change) -> None:
    found = change("DROP TABLE fax, draft; ALTER TABLE stay DROP note, ADD remark text")
    assert said(found) == [
        "fax: the table is lost, with 1 row",
        "stay.note: the column is lost, with 4 values (the new column remark is of the same type)",
    ]
    assert found.findings[1].subject == Subject("column", "public", "note", "stay")
    assert found.notes == ["lost, and was empty: draft", "new columns: stay.remark"]
    assert said(change("DROP TABLE stay, fax, draft")) == ["all 3 tables are lost, with 5 rows: draft, fax, stay"]


def test_values_of_another_type_that_say_the_same_are_equal(change: Change) -> None:
    found = change("ALTER TABLE stay ALTER guests TYPE bigint")
    assert said(found) == []
    assert "stay: retyped, same values: guests was integer and is bigint" in found.notes
    found = change("ALTER TABLE stay ALTER note TYPE int USING guests")
    assert said(found)[0].startswith("stay: 4 rows differ in note; note was text and is integer")
    # What the type of now cannot hold is compared as text.
    found = change("ALTER TABLE stay ALTER note TYPE jsonb USING to_jsonb(note)")
    assert said(found)[0].startswith("stay: 4 rows differ in note; note was text and is jsonb")
    assert found.unjudged == []


def test_rows_in_tables_that_inherit_are_told_from_its_own(change: Change) -> None:
    found = change("""
        CREATE TABLE stay_old () INHERITS (stay);
        WITH moved AS (DELETE FROM stay WHERE id = 4 RETURNING *) INSERT INTO stay_old SELECT * FROM moved;
    """)
    assert said(found) == [
        "stay: it holds 3 rows itself, and held 4: others lie in tables that inherit from it, where its keys do not "
        "count"
    ]


def test_what_is_declared_is_no_difference(change: Change) -> None:
    changes: list[Declared] = [GoneTable(table="fax"), RenamedColumn(table="stay", column="note", to="remark")]
    statements = "DROP TABLE fax; ALTER TABLE stay RENAME note TO remark"
    found = change(statements, migration=Migration("shop", changes=changes))
    assert said(found) == []
    assert "gone_table fax: 1 row went with it" in found.notes


def test_unlogged_tables_are_in_no_base_backup(before: Snapshot, open_snapshot: OpenSnapshot) -> None:
    unlogged = open_snapshot(f"{BEFORE} ALTER TABLE stay SET UNLOGGED")
    found = RowExamination(unlogged, before, ["public"], logged=True).compare()
    assert found.notes[0] == "rows not compared, what is not logged is in no base backup: stay"
    assert found.tables == 2


def pair(before: Snapshot, after: Snapshot) -> Pair:
    tables = [read_tables(side, ["public"])["public", "stay"] for side in (before, after)]
    found = pair_tables(*tables, only=True, zone="UTC", pages=1)
    assert found is not None
    return found


def counted(
    want: int, have: int, *differences: Difference, missing: int = 0, extra: int = 0, changed: int = 0
) -> Comparison:
    counts: dict[DifferenceKind, int] = {"missing": missing, "extra": extra, "changed": changed}
    return Comparison(want, have, counts, 0, {}, differences)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (counted(4, 0, missing=4), "stay: it is empty, and held 4 rows"),
        (counted(4, 3, missing=1), "stay: 1 row of 4 is missing"),
        (counted(4, 8, extra=4), "stay: 4 rows were not there before; it has 2 times as many rows as before"),
        (
            counted(4, 4, Difference("changed", ("1",), ("1", "a", "1", "d"), ("1", "b", "1", "d")), changed=1),
            "stay: 1 row differs in note",
        ),
    ],
)
def test_what_rows_differ_in_is_said_in_words(before: Snapshot, found: Comparison, words: str) -> None:
    assert describe(pair(before, before), found, "UTC") == words


def test_remarks_say_what_may_explain_a_difference(before: Snapshot, open_snapshot: OpenSnapshot) -> None:
    after = open_snapshot(
        f"{BEFORE} ALTER TABLE stay ENABLE ROW LEVEL SECURITY, DROP CONSTRAINT stay_pkey, ALTER day TYPE timestamptz"
    )
    changed = Difference("changed", ("1",), ("1", "a", "1", "x"), ("1", "a", "1", "y"))
    assert list_remarks(pair(before, after), counted(4, 3, changed, missing=1, changed=1), "Europe/Berlin") == [
        "row-level security is on: whoever copied it was perhaps shown some of its rows only",
        "day was date and is timestamp with time zone (compared in the time zone Europe/Berlin)",
    ]


def test_a_declared_name_is_said_of_the_column_that_differs_and_no_empty_list(before: Snapshot) -> None:
    changed = Difference("changed", ("1",), ("1", "a", "1", "x"), ("1", "b", "1", "x"))
    renames = {name: RenamedColumn(table="stay", column="old", to=name) for name in ("note", "day")}
    same = pair(before, before)
    found = counted(4, 4, changed, changed=1)
    declared = replace(same, changes=TableChanges(columns={"note": "old"}, renames=renames))
    assert list_remarks(declared, found, "UTC") == ["declared: renamed_column stay.old to note"]
    assert list_remarks(replace(same, changes=TableChanges(gone={"fax"})), found, "UTC") == []
