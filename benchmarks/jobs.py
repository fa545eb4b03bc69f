"""Measures how long several connections take to read one large table, as a share of what one takes.

    python -m benchmarks.jobs [--rows=6000000] [--jobs=2] [--pairs=5]

The server's own parallel query is off, so that each connection has one processor. A pair is one call with `--jobs=1`
and one with more, one after the other, so that other work on the machine concerns both. What starting Python takes is
the less the larger the table is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.large_table import worlds
from benchmarks.peers import Pair
from benchmarks.processes import Cost, children_cpu, cost


def main() -> None:
    """Builds the table and measures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    option = parser.parse_args()
    with worlds(18) as build, TemporaryDirectory() as directory, chdir(directory):
        pair = build(option.rows)
        with pair.server.connect("postgres") as connection:
            connection.execute("ALTER SYSTEM SET max_parallel_workers_per_gather = 0")
            connection.execute("SELECT pg_reload_conf()")
        print(f"{option.rows:,} rows, --jobs=1 and --jobs={option.jobs}")
        print("command      seconds       share  processor: server's  client's    client's memory, MB")
        for name, command in _commands(pair, Path(directory)).items():
            shares = []
            for _ in range(option.pairs):
                (one, its), (more, their) = (_run(pair, [*command, f"--jobs={jobs}"]) for jobs in (1, option.jobs))
                shares.append(more.seconds / one.seconds)
                processor = f"{its:6.2f} {their:6.2f}  {one.cpu:6.2f} {more.cpu:6.2f}"
                memory = f"{one.megabytes:6.0f} {more.megabytes:6.0f}"
                times = f"{one.seconds:6.2f} {more.seconds:6.2f}"
                print(f"{name:12} {times} {shares[-1]:6.2f}  {processor} {memory}", flush=True)
            print(f"{name:12} median of the shares: {statistics.median(shares):.2f}", flush=True)


def _commands(pair: Pair, directory: Path) -> dict[str, list[str]]:
    ours = [sys.executable, "-m", "postmigration"]
    before, after = (pair.server.conninfo(name) for name in (pair.before, pair.after))
    file = str(directory / "fingerprint")
    return {
        "fingerprint": [*ours, "fingerprint", f"--db-url={before}", "-o", file, "--no-record"],
        "compare": [*ours, "compare", before, after],
    }


def _run(pair: Pair, command: list[str]) -> tuple[Cost, float]:
    """What a call took, and the seconds of a processor that the sessions of the server took for it."""
    postmaster = pair.postmaster()
    before = children_cpu(postmaster)
    found = cost(command)
    if found.status:
        raise SystemExit(found.output)
    pair.wait_until_idle()
    return found, children_cpu(postmaster) - before


if __name__ == "__main__":
    main()
