"""Fleets that are small enough to be judged by selftests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from postmigration.fleet.addresses import Address
from postmigration.fleet.outcome import Cause, Outcome, Task
from postmigration.postgres import embedded
from selftest.servers import Servers

_COUNTER = itertools.count()
_SHOP = """
    CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO items SELECT i, 'item ' || i FROM generate_series(1, 40) AS g(i);
    CREATE INDEX items_name ON items (name);
    ANALYZE items;
"""
NO_INDEX = "DROP INDEX items_name"
LOST = "DELETE FROM items WHERE id IN (3, 4)"


class Shops:
    """Databases of shops on one server, each after a migration, with the one before."""

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self.before = f"shops_before_{next(_COUNTER)}"
        self._made = [self.before]
        server.create(self.before)
        self.execute(self.before, _SHOP)

    def execute(self, database: str, statements: str) -> None:
        with self.server.connect(database) as connection:
            connection.execute(statements.encode())

    def make(self, name: str, *statements: str) -> str:
        """Makes a shop, and does to it what its migration did."""
        self.server.create(name, template=self.before)
        self._made.append(name)
        self.execute(name, ";".join((*statements, "ANALYZE items")))
        return name

    def list_databases(self, *names: str) -> Iterator[str]:
        """Lists shops as fleet.toml does, each with the one before."""
        for name in names:
            yield from ("[[database]]", f'name = "{name}"', f'url = "{self.server.conninfo(name)}"')
            yield f'baseline = "{self.server.conninfo(self.before)}"'

    def drop(self) -> None:
        for name in self._made:
            self.server.drop(name)


@pytest.fixture
def shops(servers: Servers) -> Iterator[Shops]:
    made = Shops(servers[18])
    yield made
    made.drop()


def task(name: str, digest: str = "1") -> Task:
    return Task(name=name, target=Address(url=f"postgresql:///{name}"), directory="/", suite="1", digest=digest)


def outcome(name: str, status: int = 0, *causes: str, word: str = "", digest: str = "1") -> Outcome:
    words = ("GO", "NO-GO", "INTERRUPTED", "ERROR", "PARTIAL")
    return Outcome(
        name=name,
        word=word or words[status],
        status=status,
        sentence=f"said of {name}",
        started="2026-11-02T12:00:00+00:00",
        seconds=2.0,
        causes=tuple(Cause(each, check="" if status == 4 else "c") for each in causes),
        digest=digest,
        report=True,
    )


Written = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a fleet.toml, by lines."""

    def write(*lines: str, head: Sequence[str] = ('name = "shops"',)) -> Path:
        path = tmp_path / "fleet.toml"
        path.write_text("\n".join([*head, *lines]))
        return path

    return write
