"""A database that follows another one by logical replication, compared while the other one is written to."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from postmigration.diff.resuming import key_ranges
from postmigration.diff.scan import pages
from postmigration.gate.commands import cli
from postmigration.postgres import embedded
from selftest.check.judging import judge
from selftest.check.test_cut_over import Move
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.tiers import few

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("live")]

ROWS = 20_000
# What is written all the time begins here; a row below is damaged.
FIRST = 1_000
# How far the follower may lag before the writer waits: how fast it applies depends on the machine.
MOST_BEHIND = 256 * 1_024
WRITES = (
    "UPDATE client SET name = name || '.' WHERE id = %(id)s",
    "INSERT INTO visit (client_id) VALUES (%(id)s)",
    "DELETE FROM visit WHERE id = (SELECT min(id) FROM visit WHERE id > %(id)s)",
    "INSERT INTO token DEFAULT VALUES",
)


class Writer(threading.Thread):
    """Writes to the database that is followed, in transactions of one row, until it is stopped."""

    def __init__(self, move: Move, seed: int) -> None:
        super().__init__(name="writer")
        self._move, self._random = move, random.Random(seed)
        self.stopped = threading.Event()
        self.begun = threading.Event()
        self.written = 0

    def run(self) -> None:
        with self._move.old.connect(self._move.name) as connection:
            while not self.stopped.is_set():
                for _ in range(20):
                    drawn = {"id": self._random.randint(FIRST, ROWS)}
                    self.written += connection.execute(self._random.choice(WRITES).encode(), drawn).rowcount
                self.begun.set()
                while not self.stopped.is_set() and self._is_behind(connection):
                    connection.execute("SELECT pg_sleep(0.01)")

    def _is_behind(self, connection: psycopg.Connection) -> bool:
        lag = "SELECT pg_current_wal_lsn() - replay_lsn > %s FROM pg_stat_replication WHERE application_name = %s"
        found = connection.execute(lag, [MOST_BEHIND, self._move.name]).fetchone()
        return bool(found and found[0])


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[SystemServer, embedded.Server]]:
    if not SYSTEM_BINARIES.exists():
        pytest.skip(reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
    old, new = SystemServer("-c wal_level=logical"), embedded.Server(18)
    yield old, new
    new.stop()
    old.stop()


@pytest.fixture(scope="module")
def move(both: tuple[SystemServer, embedded.Server]) -> Iterator[Move]:
    move = Move(*both)
    move.run(move.old, f"INSERT INTO client (name) SELECT 'c' || g FROM generate_series(21, {ROWS}) g")
    move.run(move.old, f"INSERT INTO visit (client_id) SELECT 1 + g % 20 FROM generate_series(51, {ROWS}) g")
    move.wait(f"SELECT (SELECT count(*) FROM client) = {ROWS} AND (SELECT count(*) FROM visit) = {ROWS}")
    yield move
    move.close()


@pytest.mark.parametrize("turn", few(range(20), 0, 1, full=()))
def test_a_follower_is_accused_of_nothing_but_its_damage(move: Move, turn: int) -> None:
    damaged = 1 + turn
    was = f"SELECT name FROM client WHERE id = {damaged}"
    writer = Writer(move, turn)
    writer.start()
    try:
        assert writer.begun.wait(60)
        sides = move.old.conninfo(move.name), move.new.conninfo(move.name)
        before = writer.written
        sound = judge(*sides, "--recheck=5@1s", only=("test_rows",))
        assert not sound.red(), sound.words("blocker")
        assert writer.written > before
        move.run(move.new, f"UPDATE client SET name = 'damaged' WHERE id = {damaged}")
        found = judge(*sides, "--recheck=5@1s", "--show-values", only=("test_rows",))
        assert found.words("blocker") == ["client: 1 row differs in name"]
        (evidence,) = (e for e in found.evidence.values() if e.findings)
        assert [row[0] for row in evidence.findings[0].rows] == [str(damaged)]
    finally:
        writer.stopped.set()
        writer.join()
        with move.old.connect(move.name) as connection:
            (name,) = connection.execute(was.encode()).fetchone() or ("",)
        move.run(move.new, f"UPDATE client SET name = '{name}' WHERE id = {damaged}")


def test_a_follower_is_compared_range_by_range(
    move: Move, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    monkeypatch.setattr(key_ranges, "ROWS", 4_000)
    writer = Writer(move, 0)
    writer.start()

    def compare() -> tuple[int, dict[str, dict[str, object]]]:
        capsys.readouterr()
        options = ("--recheck=5@1s", f"--checkpoint={tmp_path / 'file'}", "--json")
        status = cli.main(["compare", move.old.conninfo(move.name), move.new.conninfo(move.name), *options])
        return status, {of["table"]: of for of in map(json.loads, capsys.readouterr().out.splitlines())}

    was = "SELECT name FROM client WHERE id = 7"
    try:
        assert writer.begun.wait(60)
        status, sound = compare()
        assert status == 0, sound
        move.run(move.new, "UPDATE client SET name = 'damaged' WHERE id = 7")
        status, damaged = compare()
        assert (status, damaged["client"]["changed"]) == (1, 1)
        assert {name for name, of in damaged.items() if not of["equal"]} == {"client"}
    finally:
        writer.stopped.set()
        writer.join()
        with move.old.connect(move.name) as connection:
            (name,) = connection.execute(was).fetchone() or ("",)
        move.run(move.new, f"UPDATE client SET name = '{name}' WHERE id = 7")
