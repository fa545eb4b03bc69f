"""Declared changes that cannot be meant."""

from typing import Any

import pytest

from postmigration.checks.change_mistakes import find_mistakes
from postmigration.model.changes import (
    Change,
    DerivedValue,
    GoneColumn,
    GoneTable,
    Grows,
    MayChange,
    MovedRows,
    NewColumn,
    NewIds,
    NewTable,
    RenamedColumn,
    RenamedTable,
    RepointedReference,
    Retyped,
    Shrinks,
)
from selftest.unit.uncommitted import Fill

BEFORE = """
    CREATE TABLE person (id int PRIMARY KEY, name text, born date);
    CREATE TABLE visit (id int PRIMARY KEY, person_id int);
    CREATE TABLE log (id int);
"""
AFTER = """
    CREATE TABLE patient (id bigint PRIMARY KEY, name text, age int, email text);
    CREATE TABLE visit (id int PRIMARY KEY, patient_id int);
    CREATE TABLE log (id int);
"""
WHY: dict[str, Any] = {"reason": "it was agreed"}
MOVE = MovedRows(table="person", to="patient", key={"id": "r.id"}, columns={"name": "r.name"}, **WHY)
SOUND: list[Change] = [
    GoneTable(table="person", **WHY),
    MOVE,
    NewTable(table="patient", **WHY),
    RepointedReference(table="visit", column="person_id", to="patient_id", parent="person", through="patient", **WHY),
    Grows(table="log", **WHY),
]


def find(was: Fill, now: Fill, *changes: Change) -> list[str]:
    return [*find_mistakes(changes, now(AFTER), was(BEFORE), None)]


def test_changes_that_can_be_meant_have_no_mistake(was: Fill, now: Fill) -> None:
    assert find(was, now, *SOUND) == []


NAMES: list[tuple[Change, str]] = [
    (GoneTable(table="persons", **WHY), "the state before has no table persons (did you mean person?)"),
    (GoneColumn(table="person", column="nam", **WHY), "the state before has no column person.nam (did you mean name?)"),
    (Grows(table="lgo", **WHY), "neither side has a table lgo (did you mean log?)"),
    (NewTable(table="log", **WHY), "the state before has a table log already"),
    (NewTable(table="patients", **WHY), "there is no table patients (did you mean patient?)"),
    (NewColumn(table="visit", column="id", **WHY), "the state before has a column visit.id already"),
    (
        NewColumn(table="visit", column="patient_ids", **WHY),
        "there is no column visit.patient_ids (did you mean patient_id?)",
    ),
    (
        RenamedTable(table="persona", to="people", **WHY),
        "the state before has no table persona (did you mean person?)",
    ),
    (
        RenamedColumn(table="visit", column="person", to="other", **WHY),
        "the state before has no column visit.person (did you mean person_id?)",
    ),
]


def test_names_that_no_side_knows_are_found_with_the_nearest(was: Fill, now: Fill) -> None:
    found = find(was, now, *(change for change, _ in NAMES))
    words = [words for _, words in NAMES]
    assert [line.partition(": ")[2] for line in found] == words


SQL: list[tuple[Change, str]] = [
    (
        DerivedValue(table="log", column="id", value="r.identity", **WHY),
        "column r.identity does not exist",
    ),
    (Retyped(table="log", column="id", value="r.id +", **WHY), "syntax error"),
    (Shrinks(table="log", where="r.id", **WHY), "argument of WHERE must be type boolean, not type integer"),
    (MayChange(table="log", column="id", where="true", after="t.id >", **WHY), "syntax error"),
    (
        MovedRows(table="person", to="patient", key={"id": "r.born"}, **WHY),
        "column id is bigint: cannot cast type date to bigint",
    ),
]


def test_sql_that_is_none_is_found_with_what_the_server_says(was: Fill, now: Fill) -> None:
    found = find(was, now, *(change for change, _ in SQL))
    assert len(found) == len(SQL)
    for line, (_, words) in zip(found, SQL, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((GoneTable(table="log", **WHY), GoneTable(table="log", **WHY)), "is declared twice"),
        ((GoneTable(table="log", **WHY), Shrinks(table="log", where="true", **WHY)), "is declared too"),
        ((NewTable(table="patient", **WHY), RenamedTable(table="person", to="patient", **WHY)), "is declared too"),
        (
            (MayChange(table="log", column="id", where="r.id = 1", **WHY),),
            "after is empty: say which rows of now are those of where",
        ),
        (
            (RepointedReference(table="visit", column="person_id", parent="person", through="patient", **WHY),),
            "no moved_rows moves rows of person to patient",
        ),
        (
            (MOVE, NewIds(table="patient", column="id", by=("nam",), **WHY)),
            "by names nam, which is no key of ",
        ),
    ],
    ids=["twice", "gone", "two ways", "after", "through", "by"],
)
def test_changes_that_exclude_others_are_found(was: Fill, now: Fill, changes: tuple[Change, ...], words: str) -> None:
    assert any(words in line for line in find(was, now, *changes))
