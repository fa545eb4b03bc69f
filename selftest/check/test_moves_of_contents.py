"""A database that was moved by the usual tools holds what it held."""

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from postmigration.postgres.connection import Database, Snapshot
from selftest.check.test_contents import World
from selftest.dumps import dump
from selftest.servers import SYSTEM_BINARIES
from selftest.tiers import few

COUNTER = itertools.count()


@pytest.fixture(scope="module")
def world(server: embedded.Server) -> Iterator[World]:
    world = World(server)
    yield world
    world.close()


def _accused(world: World, before: Snapshot, name: str) -> dict[str, list[str]]:
    found = world.judge(name, before)
    return {
        check: [outcome, *(finding.statement for finding in evidence.findings)]
        for check, (outcome, evidence) in found.items()
        if outcome not in ("passed", "not applicable") or evidence.findings
    }


@pytest.mark.parametrize("form", few(["plain", "custom", "directory"]))
def test_a_dump_that_was_restored_is_the_same(world: World, tmp_path: Path, form: str) -> None:
    server = world.server
    options = {"plain": (), "custom": ("-Fc",), "directory": ("-Fd", "-j2")}[form]
    file = dump(server, "contents_before", tmp_path / "dump", *options)
    name = f"moved_{next(COUNTER)}"
    server.create(name)
    binaries = SYSTEM_BINARIES if server.version == 15 else server.binaries
    restore = ("psql", "-X", "-q", "-f") if form == "plain" else ("pg_restore", "-j2")
    command = [str(binaries / restore[0]), "-d", server.conninfo(name), *restore[1:], str(file)]
    subprocess.run(command, check=True, capture_output=True)
    accused = _accused(world, world.before, name)
    server.drop(name)
    assert not accused


def test_another_encoding_is_the_same(world: World, tmp_path: Path) -> None:
    server = world.server
    old, new = f"latin_{next(COUNTER)}", f"moved_{next(COUNTER)}"
    with server.connect("postgres") as connection:
        made = f"CREATE DATABASE {old} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
        connection.execute(made.encode())
    binaries = SYSTEM_BINARIES if server.version == 15 else server.binaries
    psql = [str(binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    script = ["-c", "SET client_encoding = 'UTF8'", "-f", str(Path(__file__).with_name("contents.sql"))]
    subprocess.run([*psql, "-d", server.conninfo(old), *script], check=True, capture_output=True)
    server.create(new)
    file = dump(server, old, tmp_path / "dump")
    subprocess.run([*psql, "-d", server.conninfo(new), "-f", str(file)], check=True, capture_output=True)
    before = Snapshot(Database(server.conninfo(old), option="--baseline"))
    accused = _accused(world, before, new)
    before.close()
    for name in (old, new):
        server.drop(name)
    # Views that are not refreshed by a restore are made of now() and random() alone, and those are not held against it.
    assert not accused
