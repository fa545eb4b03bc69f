"""A comparison that runs: what ends it early, how much it holds in memory, and the one instant that it sees."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

import psycopg
import pytest

from postmigration.diff.scope import Relation
from postmigration.diff.table_diff import TableComparison, diff_tables
from postmigration.gate.commands import cli
from postmigration.gate.commands.comparison_report import Writer
from postmigration.postgres.connection import Snapshot
from selftest.comparison.conftest import Done
from selftest.conftest import ROOT
from selftest.processes import POLLED
from selftest.tiers import few

Fresh = Callable[..., str]
Run = Callable[..., Done]

# Each row takes a good part of a second to read, and none to write.
SLOW = """
    CREATE TABLE {0} (id int PRIMARY KEY, a text GENERATED ALWAYS AS (md5(repeat(id::text, 50000000))) VIRTUAL);
    INSERT INTO {0} SELECT i FROM generate_series(1, 300) i;
"""
QUICK = "CREATE TABLE {0} (id int PRIMARY KEY, a text); INSERT INTO {0} SELECT i, 'x' FROM generate_series(1, 900) i"


MEASURED = """
import resource, sys
from postmigration.gate.commands.cli import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def started(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POSTMIGRATION_")}
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "postmigration.gate.commands.cli", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=clean, text=True, stderr=subprocess.PIPE, **more)


# Who waits for the table that a selftest has locked; the server has other work, too.
_WAITING = """
    SELECT a.backend_type, a.application_name, a.state, a.query FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
    WHERE NOT l.granted AND l.relation = CAST('a' AS regclass)
"""


def running(conninfo: str) -> int:
    """How many statements the comparison has running in a database."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = connection.execute(
            """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
            AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND query LIKE '%AS bucket%'
            """
        ).fetchone()
        assert found is not None
        return int(found[0])


@pytest.mark.full
@pytest.mark.parametrize("jobs", few([1, 2], 1))
@pytest.mark.parametrize("ending", few([signal.SIGINT, signal.SIGTERM]))
def test_an_interrupted_comparison_leaves_no_query_running(fresh: Fresh, ending: signal.Signals, jobs: int) -> None:
    tables = [SLOW.format(name) for name in ("a", "b", "c")]
    before, after = fresh(18, *tables), fresh(18, *tables)
    process = started("compare", f"--baseline={before}", f"--db-url={after}", f"--jobs={jobs}", stdout=subprocess.PIPE)
    while running(before) < jobs or running(after) < jobs:
        assert process.poll() is None
        time.sleep(POLLED)
    process.send_signal(ending)
    out, err = process.communicate(timeout=60)
    assert (running(before), running(after)) == (0, 0)
    assert (process.returncode, out, err.splitlines()[1:]) == (2, "", ["INTERRUPTED"])


@pytest.mark.full
@pytest.mark.parametrize("side", few([0, 1]))
def test_an_interrupted_comparison_waits_for_no_lock(fresh: Fresh, side: int) -> None:
    conninfos = [fresh(15, QUICK.format("a")), fresh(18, SLOW.format("a"))]
    if side:
        conninfos.reverse()
    with psycopg.connect(conninfos[side]) as holder:
        holder.execute("LOCK TABLE a")
        options = (f"--baseline={conninfos[0]}", f"--db-url={conninfos[1]}", "--lock-timeout=600")
        process = started("compare", *options, stdout=subprocess.PIPE)
        while not holder.execute(_WAITING).fetchall():
            assert process.poll() is None
            time.sleep(POLLED)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err.splitlines()[1:]) == (2, ["INTERRUPTED"])
        # On a busy server its session may still be about to end.
        deadline = time.monotonic() + 30
        while waiting := holder.execute(_WAITING).fetchall():
            assert time.monotonic() < deadline, waiting
            time.sleep(POLLED)
    assert running(conninfos[1 - side]) == 0


def test_a_reader_that_goes_away_leaves_no_query_running(
    fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = (SLOW.format("slow"), QUICK.format("quick"))
    before, after = fresh(18, *tables), fresh(18, *tables)
    went: list[float] = []

    def table(self: Writer, result: TableComparison) -> None:
        assert result.table == "quick"
        while not running(before) or not running(after):
            pass
        went.append(time.monotonic())
        raise BrokenPipeError

    monkeypatch.setattr(Writer, "table", table)
    # The command gives its stream up.
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert run("compare", f"--baseline={before}", f"--db-url={after}", "--jobs=2").status == 4
    assert (running(before), running(after)) == (0, 0)
    # Left alone, the query would have taken minutes.
    assert time.monotonic() - went[0] < 45


@pytest.mark.parametrize("options", few([[], ["--json"]]))
def test_a_reader_that_goes_away_has_not_seen_a_difference(fresh: Fresh, options: list[str]) -> None:
    tables = (QUICK.format("a"), QUICK.format("b"))
    read, write = os.pipe()
    os.close(read)
    with started(
        "compare", f"--baseline={fresh(18, *tables)}", f"--db-url={fresh(18, *tables)}", *options, stdout=write
    ) as process:
        os.close(write)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[1:]) == (4, [])


@pytest.mark.full
def test_a_statement_that_takes_too_long_names_its_table(fresh: Fresh, run: Run) -> None:
    tables = (QUICK.format("first"), SLOW.format("slow"))
    both = (f"--baseline={fresh(18, *tables)}", f"--db-url={fresh(18, *tables)}")
    done = run("compare", *both, "--statement-timeout=1")
    assert (done.status, done.out) == (4, "first: equal: 900 rows\n")
    assert done.err == (
        "ERROR: slow could not be compared: canceling statement due to statement timeout: "
        "it took longer than allowed; raise --statement-timeout\n"
    )


@pytest.mark.full
def test_a_lock_is_said_to_be_one(fresh: Fresh, run: Run) -> None:
    # Its defaults and expressions cannot be asked for while it is locked.
    table = (
        QUICK.format("free")
        + "; ALTER TABLE free ALTER a SET DEFAULT lower('A'); CREATE INDEX ON free ((id + 1)) WHERE id > 0"
    )
    before, after = fresh(16, table, QUICK.format("other")), fresh(18, table, QUICK.format("other"))
    with psycopg.connect(after) as holder:
        holder.execute("LOCK TABLE free")
        done = run("compare", f"--baseline={before}", f"--db-url={after}", "--lock-timeout=1")
        assert (done.status, done.out, done.err.count("\n")) == (4, "other: equal: 900 rows\n", 1)
        assert "ERROR: free could not be compared: canceling statement due to lock timeout: another session" in done.err
    with psycopg.connect(after) as writer:
        writer.execute("UPDATE free SET a = 'y'")
        assert run("compare", f"--baseline={before}", f"--db-url={after}", "--lock-timeout=1").status == 0


@pytest.mark.parametrize("jobs", few([1, 3]))
def test_each_side_is_seen_as_it_was_at_one_instant(
    fresh: Fresh, run: Run, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    tables = [QUICK.format(name) for name in ("a", "b", "c", "d")]
    before, after = fresh(15, *tables), fresh(18, *tables)

    def change(times: int) -> None:
        for conninfo in (before, after):
            with psycopg.connect(conninfo) as connection:
                for name in "abcd":
                    connection.execute(f"DELETE FROM {name} WHERE id % 7 = {times}".encode())
                    connection.execute(f"UPDATE {name} SET a = '{conninfo == before} {times}'".encode())

    def changed_meanwhile(
        one: Snapshot, other: Snapshot, names: Sequence[Relation], **more: Any
    ) -> Generator[TableComparison]:
        # What one more connection sees, opened now, must not be what it finds now.
        change(1)
        results = diff_tables(one, other, names, **more)
        yield next(results)
        change(2)
        yield from results

    monkeypatch.setattr(cli, "diff_tables", changed_meanwhile)
    done = run("compare", f"--baseline={before}", f"--db-url={after}", f"--jobs={jobs}")
    assert done == Done(0, "".join(f"{name}: equal: 900 rows\n" for name in "abcd"), "")
    monkeypatch.undo()
    assert run("compare", f"--baseline={before}", f"--db-url={after}").status == 1


@pytest.mark.full
def test_memory_does_not_grow_with_the_table(fresh: Fresh) -> None:
    table = """
        CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t SELECT i, 'x' || i FROM generate_series(1, {0}) i;
    """
    used = []
    for rows in (20_000, 400_000):
        before, after = (
            fresh(18, table.format(rows)),
            fresh(18, table.format(rows), "UPDATE t SET a = 'y'"),
        )
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "compare", f"--baseline={before}", f"--db-url={after}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert f"{rows:,} changed" in done.stdout
        used.append(int(done.stderr.splitlines()[-1]))
    # In kilobytes: all hashes of the larger one alone would take 80 MB and more.
    assert used[1] - used[0] < 30_000
