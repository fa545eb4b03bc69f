"""A server that has extensions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selftest.servers import Servers
from selftest.unit.uncommitted import Fill, fill_side, prepare_empty


@pytest.fixture
def extended(servers: Servers) -> Iterator[Fill]:
    """Runs statements in a database after whose server has contrib; once in a test."""
    yield from fill_side(prepare_empty(servers[15]), "unit_after", "--db-url")
