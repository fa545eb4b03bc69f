"""Where rows can refer to rows that are not there, and the queries that find them."""

import pytest

from postmigration.model.migration import Reference
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.references import Orphanage, references
from selftest.unit.conftest import OpenSnapshot

SCRIPT = """
    CREATE TABLE parent (id int PRIMARY KEY, a int, b int, UNIQUE (a, b));
    INSERT INTO parent VALUES (1, 1, 1), (2, NULL, NULL);
    CREATE TABLE child (id int PRIMARY KEY, parent int, many int[], a int, b int,
                        FOREIGN KEY (a, b) REFERENCES parent (a, b) NOT VALID);
    ALTER TABLE child DISABLE TRIGGER ALL;
    INSERT INTO child VALUES (1, 1, '{1, 7}', 1, 1), (2, 9, '{8, 8}', 1, 2), (3, NULL, NULL, 5, NULL);
    CREATE SCHEMA "Other";
    CREATE TABLE "Other"."Parent" (code int PRIMARY KEY);
"""
DECLARED = [
    Reference("child", "parent", "parent", added=True),
    Reference("child", "many", "parent", array=True),
]


@pytest.fixture(scope="module")
def snapshot(open_snapshot: OpenSnapshot) -> Snapshot:
    return open_snapshot(SCRIPT)


def orphans(snapshot: Snapshot, place: Orphanage) -> list[tuple[object, ...]]:
    return [tuple(row) for row in snapshot.rows(f"{place.orphans} ORDER BY 1, 2", snapshot.application)]


def test_declared_references_and_foreign_keys_are_places(snapshot: Snapshot) -> None:
    found = {place.name: place for place in references(snapshot, DECLARED)}
    assert found.keys() == {"child.parent", "child.many", "child.a, b"}
    assert [place.added for place in found.values()] == [True, False, False]
    single, many, pair = found["child.parent"], found["child.many"], found["child.a, b"]
    assert (single.key, orphans(snapshot, single)) == (("id", "parent"), [(2, 9)])
    assert orphans(snapshot, many) == [(1, 7), (2, 8), (2, 8)]
    # A pair with a NULL in it refers to nothing.
    assert (pair.columns, orphans(snapshot, pair)) == (("a", "b"), [(2, 1, 2)])
    assert [snapshot.scalar(place.examined, snapshot.application) for place in (single, many, pair)] == [2, 4, 2]


def test_a_parent_may_stand_in_another_schema(snapshot: Snapshot) -> None:
    declared = Reference("child", "parent", "Parent", "code", parent_schema="Other")
    place = next(place for place in references(snapshot, [declared]) if place.name == "child.parent")
    assert place.parent == "Other.Parent"
    assert orphans(snapshot, place) == [(1, 1), (2, 9)]
