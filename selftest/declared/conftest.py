"""A guest house before its migration, after it, and after one that went wrong."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from postmigration.postgres import embedded

HERE = Path(__file__).parent
COUNTER = itertools.count()


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
