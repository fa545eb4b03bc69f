"""A comparison that was broken off goes on where it was: what is done is not read again, and what was found is told."""

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postmigration.diff.live import recheck
from postmigration.diff.live.recheck import compare_live
from postmigration.diff.resuming import checkpoint, key_ranges, resumable
from postmigration.diff.row_diff import Comparison, Sides
from postmigration.diff.scan import pages
from postmigration.postgres.connection import Snapshot
from selftest.comparison.conftest import Done
from selftest.processes import Begin, line
from selftest.processes import begin as begin
from selftest.processes import place as place
from selftest.servers import SYSTEM_BINARIES, SystemServer
from selftest.tiers import few

Fresh = Callable[..., str]
Run = Callable[..., Done]

FILE = "shop.checkpoint"
OPTIONS = (f"--checkpoint={FILE}", "--recheck=1@0s", "--json")
# Of a hundred rows there are ten ranges; and a table without a key.
ROWS = """
    CREATE TABLE item (id int PRIMARY KEY, name text);
    INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 1000) i;
    CREATE TABLE word (w text); INSERT INTO word VALUES ('a'), ('a'), (NULL);
"""
EARLY, LATE = "UPDATE item SET name = 'damaged' WHERE id = 150", "DELETE FROM item WHERE id = 950"


@pytest.fixture(autouse=True)
def _divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has small tables divided, and each range noted at once."""
    monkeypatch.setattr(pages, "LEAST_PAGES", 1)
    monkeypatch.setattr(key_ranges, "ROWS", 100)
    monkeypatch.setattr(checkpoint, "PATIENCE", 0)


class Reading:
    """What is compared, by the bounds of its range, and what happens when so many were."""

    def __init__(self) -> None:
        self.ranges: list[tuple[str | None, str | None]] = []
        self.then: dict[int, Callable[[], object]] = {}
        self._begun = 0
        self._lock = threading.Lock()

    def compare(self, sides: Sides, *arguments: object, **more: object) -> Comparison:
        with self._lock:
            happens = self.then.pop(self._begun, None)
            self._begun += 1
        if happens is not None:
            happens()
        found = compare_live(sides, *arguments, **more)  # type: ignore[arg-type]
        bounds = sides.parameters
        with self._lock:
            self.ranges.append((bounds.get("postmigration_from"), bounds.get("postmigration_to")))
        return found

    def take(self) -> list[tuple[str | None, str | None]]:
        """What was compared since it was asked last."""
        ranges, self.ranges, self._begun = self.ranges, [], 0
        return ranges


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    reading = Reading()
    monkeypatch.setattr(resumable, "compare_live", reading.compare)
    return reading


def interrupt() -> None:
    raise KeyboardInterrupt


def change(conninfo: str, *statements: str) -> None:
    with psycopg.connect(conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_it_goes_on_and_tells_what_was_found_before(
    fresh: Fresh, run: Run, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ranges, "ROWS", 250)
    before, after = fresh(18, ROWS), fresh(18, ROWS, EARLY, LATE)
    reading.then = {2: interrupt}
    broken = run("compare", before, after, *OPTIONS)
    assert (broken.status, broken.out) == (2, "")
    assert f"{FILE}: the comparison begins; " in broken.scope
    assert reading.take() == [(None, "251"), ("251", "501")]
    kept = Path(FILE).read_text()
    assert ("item 1" in kept, "damaged" in kept, '"keys":[["150"]]' in kept) == (False, False, True)

    done = run("compare", before, after, *OPTIONS)
    assert "500 rows of 2 tables are compared, and not read again" in done.err
    assert reading.take() == [("501", "751"), ("751", None), (None, None)]
    item, word = (done.tables()[name] for name in ("item", "word"))
    assert (done.status, item["changed"], item["missing"], item["rows_baseline"], word["equal"]) == (
        1,
        1,
        1,
        1000,
        True,
    )
    # The one that was found before is read again by its key, and shown as it is.
    assert [(found["kind"], found["key"]["id"]) for found in item["differences"]] == [
        ("missing", "950"),
        ("changed", "150"),
    ]
    moments, told = item["notes"]
    assert re.match(r"each of 4 ranges as of its own moment, from \S+ \S+ UTC to \S+ \S+ UTC$", moments)
    assert told.startswith("1 row of those that differ was found before the comparison was broken off: ")
    assert "what was written later is not seen; shop.checkpoint is removed: the next comparison begins anew" in done.err
    assert not Path(FILE).exists()


@pytest.mark.full
def test_several_connections_go_on_too(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after = fresh(18, ROWS), fresh(16, ROWS, EARLY, LATE)
    reading.then = {5: interrupt}
    assert run("compare", before, after, *OPTIONS, "--jobs=3").status == 2
    first = reading.take()
    (kept,) = (json.loads(line) for line in Path(FILE).read_text().splitlines() if '"table":"item"' in line)
    done = run("compare", before, after, *OPTIONS, "--jobs=2")
    assert done.status == 1
    # What had come to its end when it was broken off may not have been noted any more.
    noted = sum(each["ranges"] for each in kept["done"]["ranges"])
    assert 0 < noted <= len(first)
    assert len([each for each in reading.take() if each != (None, None)]) == 10 - noted
    item = done.tables()["item"]
    assert (item["missing"], item["extra"], item["changed"], item["rows_target"]) == (1, 0, 1, 999)


def _break_off(run: Run, reading: Reading, before: str, after: str, *options: str) -> None:
    reading.then = {5: interrupt}
    assert run("compare", before, after, *OPTIONS, *options).status == 2
    reading.take()


@pytest.mark.full
def test_what_was_damaged_after_it_was_read_is_not_seen_and_that_is_said(
    fresh: Fresh, run: Run, reading: Reading
) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS)
    _break_off(run, reading, before, after)
    change(after, EARLY)
    done = run("compare", before, after, *OPTIONS)
    assert done.status == 0
    assert "each of 11 ranges as of its own moment, from " in done.err
    assert "what was written later is not seen" in done.err
    # The next one begins anew.
    assert run("compare", before, after, *OPTIONS).tables()["item"]["changed"] == 1


@pytest.mark.full
def test_what_was_found_stays_found_though_it_was_repaired_since(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, EARLY)
    _break_off(run, reading, before, after)
    change(after, "UPDATE item SET name = 'item 150' WHERE id = 150")
    done = run("compare", before, after, *OPTIONS)
    item = done.tables()["item"]
    assert (done.status, item["changed"], item["differences"]) == (1, 1, [])
    assert item["notes"][1].endswith(": what is shown of them is as it is now, and 1 of them is the same now")
    assert run("compare", before, after, *OPTIONS).status == 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("side", "statement"),
    [
        (0, "ALTER TABLE item ALTER id TYPE bigint"),
        (1, "ALTER TABLE item ADD note text"),
        (1, "DROP TABLE item; CREATE TABLE item (id int PRIMARY KEY, name text)"),
        (0, "DROP TABLE item"),
    ],
)
def test_a_table_that_was_defined_anew_is_refused(
    fresh: Fresh, run: Run, reading: Reading, side: int, statement: str
) -> None:
    sides = fresh(18, ROWS), fresh(18, ROWS)
    _break_off(run, reading, *sides)
    kept = Path(FILE).read_bytes()
    change(sides[side], *statement.split(";"))
    done = run("compare", *sides, *OPTIONS)
    assert (done.status, done.out, reading.take()) == (4, "", [])
    last = done.scope.splitlines()[-1]
    assert last.startswith(f"ERROR: --checkpoint={FILE}: table item was defined anew since (its columns, types or key)")
    assert last.endswith(": remove the file to begin anew")
    assert Path(FILE).read_bytes() == kept


@pytest.mark.full
def test_a_table_that_is_gone_is_refused(fresh: Fresh, run: Run, reading: Reading) -> None:
    sides = fresh(18, ROWS), fresh(18, ROWS)
    _break_off(run, reading, *sides)
    for side in sides:
        change(side, "DROP TABLE item")
    done = run("compare", *sides, *OPTIONS)
    assert (done.status, done.out, reading.take()) == (4, "", [])
    assert f"ERROR: --checkpoint={FILE}: table item is gone since: remove the file to begin anew" in done.scope


@pytest.mark.full
def test_a_table_that_was_filled_anew_is_read_from_its_beginning(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS)
    _break_off(run, reading, before, after)
    change(after, "TRUNCATE item", "INSERT INTO item SELECT i, 'item ' || i FROM generate_series(2, 1000) i")
    done = run("compare", before, after, *OPTIONS)
    item = done.tables()["item"]
    assert (done.status, item["missing"], len(reading.take())) == (1, 1, 11)
    assert item["notes"][1].startswith("read again from its beginning: since the comparison was broken off it or a ")


@pytest.mark.full
def test_a_table_that_is_filled_anew_meanwhile_is_not_judged(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, EARLY)
    reading.then = {5: lambda: change(before, "ALTER TABLE item ALTER name TYPE varchar")}
    done = run("compare", before, after, *OPTIONS)
    assert (done.status, done.tables()["item"]["equal"]) == (4, None)
    assert "emptied or written anew, came or went, while it was compared; until then 1 row that differs" in done.err
    assert f"{FILE} holds what was compared: the same command goes on" in done.err


@pytest.mark.full
def test_other_databases_and_options_are_refused(fresh: Fresh, run: Run, reading: Reading) -> None:
    before, after, other = fresh(18, ROWS), fresh(18, ROWS), fresh(18, ROWS)
    _break_off(run, reading, before, after)
    kept = Path(FILE).read_bytes()
    cases: list[tuple[tuple[str, str], tuple[str, ...], str]] = [
        ((before, other), (), "the database after was "),
        ((other, after), (), "the database before was "),
        ((after, before), (), "the database before was "),
        ((before, after), ("--table=item",), "it was of all tables and is of item: "),
    ]
    for sides, more, says in cases:
        done = run("compare", *sides, *OPTIONS, *more)
        assert (done.status, done.out) == (4, "")
        assert done.err.startswith(f"ERROR: --checkpoint={FILE}: the file is of another comparison: {says}")
        assert done.err.endswith(": name another file, or remove this one to begin anew\n")
        assert done.err.count("\n") == 1
    assert (Path(FILE).read_bytes(), reading.take()) == (kept, [])
    assert run("compare", before, after, *OPTIONS).status == 0


@pytest.mark.full
def test_it_is_for_two_running_databases(fresh: Fresh, run: Run) -> None:
    database = fresh(18, ROWS)
    assert run("fingerprint", f"--db-url={database}", "-o", "before.fingerprint", "--no-record").status == 0
    refused = run("compare", "before.fingerprint", database, *OPTIONS)
    assert (refused.status, Path(FILE).exists()) == (4, False)
    assert "--checkpoint is for two running databases, and BEFORE is a fingerprint" in refused.err


@pytest.mark.full
def test_what_arrives_meanwhile_was_in_flight(fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    written = "UPDATE item SET name = 'new' WHERE id IN (7, 508)"
    before, after = fresh(18, ROWS, written), fresh(18, ROWS)

    class Late(Snapshot):
        def __init__(self, *arguments: Any) -> None:
            # It arrives between the first reading and the next one.
            change(after, written)
            super().__init__(*arguments)

    monkeypatch.setattr(recheck, "Snapshot", Late)
    done = run("compare", before, after, *OPTIONS)
    # When the other range was read, it had arrived.
    assert (done.status, done.tables()["item"]["in_flight"]) == (0, 1)


@pytest.mark.full
def test_a_lost_connection_ends_one_table_and_the_same_command_goes_on(
    fresh: Fresh, run: Run, reading: Reading
) -> None:
    before, after = fresh(18, ROWS), fresh(18, ROWS, EARLY)
    ours = "datname = current_database() AND pid <> pg_backend_pid()"
    end = f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {ours}"
    reading.then = {5: lambda: change(after, end)}
    lost = run("compare", before, after, *OPTIONS)
    assert (lost.status, lost.tables()["item"]["equal"], lost.tables()["word"]["equal"]) == (4, None, True)
    assert "item could not be compared: the connection was lost; until then 1 row that differs was found" in lost.err
    assert len(reading.take()) == 6
    done = run("compare", before, after, *OPTIONS)
    assert (done.status, done.tables()["item"]["changed"], len(reading.take())) == (1, 1, 5)
    assert done.tables()["word"]["equal"]


@pytest.fixture
def stoppable() -> Iterator[SystemServer]:
    if not SYSTEM_BINARIES.exists():
        pytest.skip(reason=f"no PostgreSQL 15 in {SYSTEM_BINARIES}")
    server = SystemServer()
    yield server
    server.stop()


@pytest.mark.full
@pytest.mark.parametrize("stopped", few([0, 1], 0, 1))
def test_a_server_that_was_stopped_and_started_is_gone_on_with(
    fresh: Fresh, run: Run, reading: Reading, stoppable: SystemServer, stopped: int
) -> None:
    """An unlogged table is empty after that, and read again: what was read of it is no more."""
    unlogged = (
        "CREATE UNLOGGED TABLE cache (id int PRIMARY KEY)",
        "INSERT INTO cache SELECT generate_series(1, 9000)",
        "ANALYZE",
    )
    stoppable.create("shop")
    change(stoppable.conninfo("shop"), ROWS, EARLY, *unlogged)
    sides = [stoppable.conninfo("shop"), fresh(18, ROWS, *unlogged)]
    if stopped:
        sides.reverse()
    tables = ("--table=item", "--table=cache")
    reading.then = {6: stoppable.stop_at_once}
    lost = run("compare", *sides, *OPTIONS, *tables)
    assert lost.status == 4
    # The larger one is read first.
    assert json.loads(lost.out.splitlines()[0])["table"] == "cache"
    assert (read := reading.take())[0] == (None, None)
    stoppable.start_again()
    done = run("compare", *sides, *OPTIONS, *tables)
    again = reading.take()
    item, cache = (done.tables()[name] for name in ("item", "cache"))
    assert (done.status, item["changed"], cache["missing" if stopped else "extra"]) == (1, 1, 9_000)
    assert cache["notes"][1].endswith("or nothing logs what it holds")
    assert (again.count((None, None)), len(again)) == (1, 1 + 10 - (len(read) - 1))


PROGRAM = """
import sys
from postmigration.diff.resuming import checkpoint, key_ranges, resumable
from postmigration.diff.scan import pages
from postmigration.gate.commands import cli
pages.LEAST_PAGES, key_ranges.ROWS, checkpoint.PATIENCE = 1, 100, 0
compare, ranges = resumable.compare_live, []
def wait(*arguments, **more):
    ranges.append(0)
    if len(ranges) == 6:
        print("here", flush=True)
        sys.stdin.read()
    return compare(*arguments, **more)
resumable.compare_live = wait
sys.exit(cli.main(sys.argv[1:]))
"""


def _count_rows_read(conninfo: str) -> int:
    """How many rows of a table were read, as its server has counted them."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        # What a session has read is counted when it ends.
        theirs = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        while connection.execute(f"SELECT FROM pg_stat_activity WHERE {theirs}".encode()).fetchall():
            connection.execute("SELECT pg_stat_clear_snapshot()")
        connection.execute("SELECT pg_stat_clear_snapshot()")
        read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'item'"
        (number,) = connection.execute(read).fetchone() or (0,)
        return int(number)


@pytest.mark.full
def test_a_process_that_was_killed_is_gone_on_with_and_the_server_reads_the_rest_only(
    fresh: Fresh, run: Run, reading: Reading, begin: Begin, tmp_path: Path
) -> None:
    # Rows that are wide enough that an index is worth it.
    wide = ("ALTER TABLE item ADD filler text", "UPDATE item SET filler = repeat('x', 900)", "ANALYZE item")
    before, after = fresh(18, ROWS, *wide), fresh(18, ROWS, *wide, EARLY)
    process = begin("-c", PROGRAM, "compare", before, after, *OPTIONS, "--table=item", cwd=tmp_path)
    said = [line(process)]
    while said[-1] != "here":
        assert said[-1] or process.poll() is None, said
        said.append(line(process))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    was = _count_rows_read(before), _count_rows_read(after)
    done = run("compare", before, after, *OPTIONS, "--table=item")
    assert (done.status, done.tables()["item"]["changed"], len(reading.take())) == (1, 1, 5)
    assert "500 rows of 1 table are compared, and not read again" in done.err
    # Of the target the rest and the row that is shown; of the state before the ends of ranges were looked up, too.
    assert 500 <= _count_rows_read(after) - was[1] <= 510
    assert 500 <= _count_rows_read(before) - was[0] <= 1_020
