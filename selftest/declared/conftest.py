"""A guest house before its migration, after it, and after one that went wrong."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from postmigration.checks.contents.examination import Examination
from postmigration.checks.rows.row_examination import RowExamination
from postmigration.model.changes import Change
from postmigration.model.migration import Migration
from postmigration.model.migration_file import read_migration
from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot

HERE = Path(__file__).parent
COUNTER = itertools.count()
CHANGES = read_migration(HERE / "migration.toml").changes
Examine = Callable[..., Examination]


@pytest.fixture(scope="module")
def worlds(server: embedded.Server) -> Iterator[Callable[[str], str]]:
    server.create("declared_before")
    with server.connect("declared_before") as connection:
        embedded.run_script(connection, HERE / "before.sql")
    server.create("declared_after", template="declared_before")
    with server.connect("declared_after") as connection:
        embedded.run_script(connection, HERE / "migration.sql")
    made = ["declared_before", "declared_after"]

    def break_it(statement: str) -> str:
        made.append(f"declared_{next(COUNTER)}")
        server.create(made[-1], template="declared_after")
        with server.connect(made[-1]) as connection:
            connection.execute(statement.encode())
        return made[-1]

    yield break_it
    for name in made:
        server.drop(name)


@pytest.fixture
def examine(server: embedded.Server, worlds: Callable[[str], str]) -> Iterator[Examine]:
    opened: list[Snapshot] = []

    def run(statement: str = "", changes: Sequence[Change] = CHANGES) -> Examination:
        after = worlds(statement) if statement else "declared_after"
        for name in ("declared_before", after):
            opened.append(Snapshot(Database(server.conninfo(name), option="--db-url")))
        migration = Migration("declared", changes=changes, codes=["Visit.id", "public.Stay.note"])
        return RowExamination(opened[-2], opened[-1], ["public"], migration=migration).compare()

    yield run
    for snapshot in opened:
        snapshot.close()
        snapshot.database.close()
