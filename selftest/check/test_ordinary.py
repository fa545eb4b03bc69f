"""Without a state before, ordinary databases raise no blocker and no warning."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures import MIGRATION
from postmigration.postgres import embedded
from postmigration.postgres.embedded import run_script
from selftest.check.judging import judge
from selftest.servers import SYSTEM_BINARIES, VERSIONS, Servers
from selftest.tiers import few

HOSTED = Path(__file__).parent / "hosted_shop.sql"
NAME = "ordinary"


def copy_legacy(servers: Servers, server: embedded.Server) -> None:
    servers.world(VERSIONS[0])
    server.create(NAME, template="legacy")


def copy_migrated(servers: Servers, server: embedded.Server) -> None:
    servers.world(VERSIONS[0])
    server.create(NAME, template="migrated")


def host_shop(servers: Servers, server: embedded.Server) -> None:
    server.create(NAME)
    with server.connect(NAME) as connection:
        run_script(connection, HOSTED)


def run_pgbench(servers: Servers, server: embedded.Server) -> None:
    if not SYSTEM_BINARIES.exists():
        pytest.skip(reason=f"no pgbench in {SYSTEM_BINARIES}")
    server.create(NAME)
    for options in (("-i", "-q"), ("-n", "-t", "20")):
        done = subprocess.run(
            [SYSTEM_BINARIES / "pgbench", *options, server.conninfo(NAME)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def install_application(servers: Servers, server: embedded.Server) -> None:
    server.create(NAME)
    with server.connect(NAME) as connection:
        for script in MIGRATION.legacy_scripts:
            run_script(connection, script)


@pytest.fixture
def server(servers: Servers) -> Iterator[embedded.Server]:
    yield servers[VERSIONS[0]]
    servers[VERSIONS[0]].drop(NAME)


@pytest.mark.parametrize("make", few([install_application, copy_legacy, copy_migrated, host_shop, run_pgbench]))
def test_an_ordinary_database_is_accused_of_nothing(
    servers: Servers, server: embedded.Server, make: Callable[[Servers, embedded.Server], None]
) -> None:
    make(servers, server)
    verdict = judge("", server.conninfo(NAME))
    assert (verdict.words("blocker"), verdict.words("warning")) == ([], [])
    assert len(verdict.evidence) >= 10, verdict.unjudged
