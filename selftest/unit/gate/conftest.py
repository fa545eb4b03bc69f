"""Databases of a few statements, by the addresses with which a user names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from selftest.servers import Servers
from selftest.unit.conftest import COUNTER

NewUrl = Callable[[str], str]
SHOP = "CREATE TABLE orders (id int PRIMARY KEY, note text); INSERT INTO orders VALUES (1, 'a'), (2, 'b')"


@pytest.fixture(scope="module")
def new_url(servers: Servers) -> Iterator[NewUrl]:
    """Makes a database by a script, and drops it after the module."""
    with ExitStack() as undo:

        def make(script: str) -> str:
            name = f"unit_{next(COUNTER)}"
            servers[18].create(name)
            undo.callback(servers[18].drop, name)
            with servers[18].connect(name) as connection:
                connection.execute(script.encode())
            return servers[18].conninfo(name)

        yield make


@pytest.fixture(scope="module")
def shop(new_url: NewUrl) -> str:
    return new_url(SHOP)


@pytest.fixture(scope="module")
def shop_before(new_url: NewUrl) -> str:
    return new_url(SHOP)
