"""Very many tables, and very large values."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from postmigration.postgres import embedded
from selftest.conftest import ROOT, Copy, Judge

pytestmark = pytest.mark.parametrize("server", [18], indirect=True, ids=["pg18"])

TABLES = 5_000


def add_tables(server: embedded.Server, name: str, number: int) -> None:
    with server.connect(name) as connection:
        for start in range(0, number, 100):
            connection.execute(
                "".join(
                    f"CREATE TABLE filler_{i} (id int PRIMARY KEY, a text); INSERT INTO filler_{i} VALUES (1, 'x');"
                    for i in range(start, min(start + 100, number))
                )
            )


@pytest.mark.full
@pytest.mark.parametrize("number", [50, pytest.param(TABLES, marks=pytest.mark.nightly)])
def test_many_tables_are_told_of_in_one_sentence(
    server: embedded.Server, copy: Copy, judge: Judge, tmp_path: Path, number: int
) -> None:
    target, baseline = copy("migrated"), copy("legacy")
    add_tables(server, target, number)
    judged = judge(f"--db-url={server.conninfo(target)}")
    assert judged.status == 0, judged.output
    told = json.loads((tmp_path / "validation.json").read_text())
    words = [finding["statement"] for check in told["checks"] for finding in check["findings"]]
    (about,) = (text for text in words if "filler_" in text)
    assert about.startswith(f"each of filler_0, filler_1, filler_10 and {number - 3:,} more has no row-level security")
    add_tables(server, baseline, number)
    judged = judge(f"--db-url={server.conninfo(target)}", f"--baseline={server.conninfo(baseline)}")
    assert judged.status == 0, judged.output
    assert judged.last_line.startswith("GO: 29 of 29 plan checks passed")


_MEASURED = """
import resource, sys, pytest
status = pytest.main(sys.argv[1:])
print("kilobytes", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(status)
"""


def measure(tmp_path: Path, *options: str) -> tuple[int, int, str]:
    """The exit status of a run, its memory in megabytes, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "tests", "-p", "no:cacheprovider", f"--html={tmp_path / 'x.html'}", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("kilobytes"))
    return done.returncode, int(line.split()[1]) // 1024, done.stdout + done.stderr


@pytest.mark.full
def test_a_cell_of_100_megabytes_is_compared_and_cut(server: embedded.Server, copy: Copy, tmp_path: Path) -> None:
    target, baseline = copy("migrated"), copy("legacy")
    options = (f"--db-url={server.conninfo(target)}", f"--baseline={server.conninfo(baseline)}")
    _, usual, _ = measure(tmp_path, *options)
    for name, end in ((target, "a"), (baseline, "b")):
        with server.connect(name) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(
                "UPDATE reviews SET comments = repeat('x', 100000000) || %s "
                "WHERE id = (SELECT min(id::text)::uuid FROM reviews)",
                [end],
            )
    status, used, output = measure(tmp_path, *options, "--show-values")
    assert status == 1, output
    assert "Traceback" not in output
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 5_000_000
    # Ten times the value of one side, at the most.
    assert used - usual < 1_000, (used, usual)
