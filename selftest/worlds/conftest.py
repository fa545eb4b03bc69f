"""A server with an empty legacy schema, and somebody who judges what is made of it."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fixtures import MIGRATION
from fixtures.world import COLUMNS, _copy
from postmigration.gate.session import demonstration_world
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from selftest.judging import Judges
from selftest.servers import Servers
from selftest.worlds.strategies import World

SCHEMA, DATA = MIGRATION.scripts


@dataclass
class Stage:
    """Where worlds are built, migrated and judged."""

    server: embedded.Server
    judges: Judges
    counter: Iterator[int] = field(default_factory=itertools.count)
    seen: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def copied(self, template: str) -> Iterator[str]:
        """A copy of a database, until it is done with."""
        name = f"world_{next(self.counter)}"
        self.server.create(name, template=template)
        try:
            yield name
        finally:
            self.server.drop(name)

    @contextmanager
    def built(self, world: World) -> Iterator[str]:
        """A database with the rows of a world in the legacy schema."""
        with self.copied("empty") as name:
            with self.server.connect(name) as connection, connection.transaction():
                connection.execute("SET LOCAL session_replication_role = replica")
                for table in COLUMNS:
                    rows = world.tables.get(table, [])
                    columns = list(dict.fromkeys(itertools.chain(*rows)))
                    if rows:
                        _copy(connection, table, columns, ([row.get(column) for column in columns] for row in rows))
            yield name

    @contextmanager
    def migrated(self, legacy: str) -> Iterator[str]:
        """A copy of a database, migrated."""
        with self.copied(legacy) as name:
            self.run(name, SCHEMA)
            self.run(name, DATA)
            yield name

    def reference(self, ending: str) -> tuple[str, str]:
        """The hard cases of the reference world, before and after the migration."""
        return demonstration_world(self.server, MIGRATION, seed=1, size=0, ending=ending)

    def run(self, database: str, script: Path) -> None:
        """Runs a script."""
        with self.server.connect(database) as connection:
            run_script(connection, script)

    def rows(self, database: str) -> dict[str, Any]:
        """All rows of all tables of the application, as text."""
        with self.server.connect(database) as connection:
            return {table: _rows(connection, table) for table in MIGRATION.tables}


def _rows(connection: psycopg.Connection[Any], table: str) -> list[Any]:
    return connection.execute(f"SELECT t::text FROM {table} t ORDER BY 1".encode()).fetchall()


@pytest.fixture(scope="session")
def stage(servers: Servers, judges: Judges) -> Stage:
    server = servers[embedded.VERSIONS[-1]]
    server.create("empty")
    with server.connect("empty") as connection:
        for script in MIGRATION.legacy_scripts:
            run_script(connection, script)
    return Stage(server, judges)
