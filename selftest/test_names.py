"""A name is a name and never SQL: mixed case, blanks, quotes, dots and reserved words change no judgement."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fixtures import MIGRATION
from postmigration.diff.expected_rows import expectation
from postmigration.diff.scope import relations
from postmigration.model.migration import Reference
from postmigration.postgres import catalog, embedded
from postmigration.postgres.connection import Database, Snapshot
from postmigration.postgres.references import references
from selftest import scratch as scratch_project
from selftest.conftest import Scratch
from selftest.tiers import few

# Each as a table, a column and a schema: none may be taken for something else.
NAMES = ("Envelope", "user", "two words", 'a"b', "a.b", "percent%s", "select", "table", "Straße")
ELSEWHERE = 'Other "place"'


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def tables(name: str) -> str:
    parent, child, column = quote(name), quote(f"{name}Child"), quote(name)
    return f"""
        CREATE TABLE {parent} ({column} int PRIMARY KEY, "createdAt" timestamptz DEFAULT now());
        CREATE TABLE {child} (id int PRIMARY KEY, {column} int REFERENCES {parent}, {quote(name + "Many")} int[],
                              {quote(name + "Loose")} int, "createdAt" timestamptz DEFAULT now());
        CREATE INDEX ON {child} ({column}) WHERE {column} IS NOT NULL;
        INSERT INTO {parent} SELECT i FROM generate_series(1, 5) AS g(i);
        INSERT INTO {child} SELECT i, i, ARRAY[i], i FROM generate_series(1, 5) AS g(i);
    """


@pytest.fixture
def snapshot(server: embedded.Server) -> Iterator[Snapshot]:
    """A snapshot of a database with two tables for each name, one of which refers to the other."""
    server.create("names", template="template0")
    with server.connect("names") as connection:
        connection.execute("".join(map(tables, NAMES)).encode())
        connection.execute(f"CREATE SCHEMA {quote(ELSEWHERE)}".encode())
        connection.execute(f'CREATE TABLE {quote(ELSEWHERE)}."Far" (id int PRIMARY KEY)'.encode())
        connection.execute(
            f'CREATE TABLE near (id int PRIMARY KEY, far int REFERENCES {quote(ELSEWHERE)}."Far")'.encode()
        )
    database = Database(server.conninfo("names"), option="--db-url")
    shown = Snapshot(database)
    yield shown
    shown.close()
    database.close()
    server.drop("names")


def test_a_reference_is_found_whatever_its_names(server: embedded.Server, snapshot: Snapshot) -> None:
    declared = [Reference(f"{name}Child", f"{name}Loose", name, name) for name in NAMES]
    declared += [Reference(f"{name}Child", f"{name}Many", name, name, array=True) for name in NAMES]
    # Declared and enforced are the same place.
    declared += [Reference(f"{name}Child", name, name, name) for name in NAMES]
    found = references(snapshot, declared)
    assert len(found) == 3 * len(NAMES) + 1
    for place in found:
        assert snapshot.scalar(f"SELECT count(*) FROM ({place.orphans}) o", snapshot.application) == 0
        assert snapshot.scalar(place.examined, snapshot.application) == (0 if place.table == "near" else 5)
    assert {place.parent for place in found} == {*NAMES, f"{ELSEWHERE}.Far"}


def test_facts_are_the_same_whatever_the_names(server: embedded.Server, snapshot: Snapshot) -> None:
    for name in NAMES:
        child, parent = catalog.table(snapshot, f"{name}Child"), catalog.table(snapshot, name)
        assert child.index_problems(name) == []
        assert child.index_problems(f"{name}Loose") == [
            f"no usable index whose first column is {name}Child.{name}Loose"
        ]
        (key,) = child.foreign_keys
        assert (key.parent, key.parent_columns) == (name, (name,))
        (wrong,) = child.reference_problems(name, name, cascades=False)
        assert wrong == f"{name}Child.{name} refers to {name}({name}), want {name}(id)"
        assert parent.primary_key_problems(name) == []
        assert [index.name for index in parent.indexes] == [f"{name}_pkey"]


def test_rows_are_compared_whatever_the_names(server: embedded.Server, snapshot: Snapshot) -> None:
    for name in NAMES:
        expected = expectation(None, catalog.table(snapshot, name), "public")
        assert len(snapshot.rows(expected.want)) == 5
        newest = snapshot.scalar(expected.newest)
        assert re.match(r"\d{4}-", newest), newest
        held = snapshot.rows(expected.have, cutover="infinity", newest=newest)
        assert [row.postmigration_settled for row in held] == [True] * 5
    assert {name for name, relation in relations(snapshot).items() if relation.excluded} == set()


PLAN = """
@plan
def test_one(target):
    target.expect_none("SELECT 1 WHERE false", statement="rows", examined=1)
"""
_HOW = ("--allow-partial", "--import-mode=importlib")
GENERAL = "rows_are_those or references or constraints or triggers or columns or tables_are_as or test_one"


@pytest.mark.full
@pytest.mark.parametrize("damage", few(["", "row", "reference", "constraint"], 1))
def test_a_database_of_odd_names_is_judged_like_any_other(
    server: embedded.Server, snapshot: Snapshot, scratch: Scratch, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    snapshot.close()
    settings = scratch.directory / "pyproject.toml"
    settings.write_text(settings.read_text().replace("built_in = false\n", ""))
    names = [*NAMES, *(f"{name}Child" for name in NAMES)]
    ids = [Reference(f"{name}Child", f"{name}Many", name, name, array=True) for name in NAMES]
    declared = replace(
        MIGRATION,
        plan_checks=1,
        tables=names,
        legacy_tables=names,
        references=ids,
        people="",
        before={},
        changes=(),
    )
    monkeypatch.setattr(scratch_project, "MIGRATION", declared)
    server.create("names_after", template="names")
    with server.connect("names_after") as connection:
        for name in NAMES if damage else ():
            child, column = quote(f"{name}Child"), quote(name)
            change = {
                "row": f"UPDATE {child} SET {quote(name + 'Loose')} = 7 WHERE id = 1",
                "reference": f"SET session_replication_role = replica; DELETE FROM {column} WHERE {column} = 2",
                "constraint": f"ALTER TABLE {child} DROP CONSTRAINT {quote(f'{name}Child_{name}_fkey')}",
            }[damage]
            connection.execute(change.encode())
    options = [
        f"--db-url={server.conninfo('names_after')}",
        f"--baseline={server.conninfo('names')}",
        "-k",
        GENERAL,
        "--import-mode=importlib",
    ]
    judged = scratch.judge(PLAN, str(scratch.directory / "tests"), *options, *_HOW)
    server.drop("names_after")
    wrong = {
        "": set(),
        "row": {"rows_are_those_of_before"},
        "reference": {
            "declared_references_lead_to_rows",
            "constraints_hold_for_every_row",
            "rows_are_those_of_before",
        },
        "constraint": {"constraints_are_as_before"},
    }[damage]
    assert judged.red() == wrong, judged.output
    assert "broken" not in {result.outcome for result in judged.results}
    for name in NAMES if damage else ():
        said = " ".join(judged.evidence(check) for check in wrong)
        # A constraint is named as it is written in SQL.
        assert name in said or name.replace('"', '""') in said
