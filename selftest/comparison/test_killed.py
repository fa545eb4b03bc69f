"""A comparison that is killed at random moments, again and again, comes to the verdict of one that is left alone."""

import json
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from selftest.comparison.test_resumable import Fresh, Run
from selftest.processes import Begin
from selftest.processes import begin as begin
from selftest.processes import place as place
from selftest.tiers import few

PROGRAM = """
import sys
from postmigration.diff.resuming import key_ranges
from postmigration.diff.scan import pages
from postmigration.gate.commands import cli
pages.LEAST_PAGES, key_ranges.ROWS = 1, 5_000
sys.exit(cli.main(sys.argv[1:]))
"""
ROWS = """
    CREATE TABLE item (id {} PRIMARY KEY, v text);
    INSERT INTO item SELECT i, 'secret' || i FROM generate_series(1, 200000) i;
    CREATE TABLE code (id uuid, n int, v int, PRIMARY KEY (id, n));
    INSERT INTO code SELECT md5((i / 3)::text)::uuid, i, i FROM generate_series(1, 60000) i;
    CREATE TABLE word (w text PRIMARY KEY, v int);
    INSERT INTO word SELECT 'secret' || i, i FROM generate_series(1, 5000) i;
"""
DAMAGE = """
    UPDATE item SET v = 'damaged' WHERE id % 10007 = 0; DELETE FROM item WHERE id % 50021 = 0;
    UPDATE code SET v = 0 WHERE n % 9973 = 0; INSERT INTO word VALUES ('secret', 1);
"""
KILLS = 10


def _count_rows(file: Path) -> int:
    """How many rows of the state before a checkpoint says were compared."""
    try:
        kept = file.read_text()
    except FileNotFoundError:
        return 0
    tables = [json.loads(line)["done"]["ranges"] for line in kept.splitlines() if '"table"' in line]
    return sum(each["rows"][0] for ranges in tables for each in ranges)


@pytest.mark.full
@pytest.mark.parametrize("jobs", few([1, 3], 1, full=()))
def test_it_comes_to_its_end(fresh: Fresh, run: Run, begin: Begin, tmp_path: Path, jobs: int) -> None:
    drawn, file = random.Random(jobs), tmp_path / "file"
    sides = fresh(18, ROWS.format("int")), fresh(18, ROWS.format("bigint"), DAMAGE)
    options = ("--recheck=1@0s", "--json", f"--jobs={jobs}")
    rows = list[int]()
    while len(rows) < KILLS:
        process = begin("-c", PROGRAM, "compare", *sides, *options, f"--checkpoint={file}", cwd=tmp_path)
        # Each run adds something, and is killed while it goes on, or behind its end.
        while process.poll() is None and _count_rows(file) <= max(rows, default=0):
            time.sleep(0.01)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=drawn.uniform(0, 0.5))
        process.kill()
        process.communicate()
        if not file.exists():
            break
        kept = file.read_text()
        assert "secret" not in kept
        assert "damaged" not in kept
        rows.append(_count_rows(file))
    assert len(rows) > 1
    assert rows == sorted(rows)
    found = run("compare", *sides, *options, f"--checkpoint={file}").tables()
    expected = run("compare", *sides, *options).tables()
    told = ("equal", "rows_baseline", "rows_target", "missing", "extra", "changed")
    assert {name: [of[k] for k in told] for name, of in found.items()} == {
        name: [of[k] for k in told] for name, of in expected.items()
    }
    assert found["item"]["changed"] == 19
