"""What a fleet costs for each of its databases, and beside them: `python -m benchmarks.fleet 3 9 27`.

Each database is an embedded one with ten tables of a hundred rows, and is compared with one that is equal. Processor
time is counted, which other work on the machine changes little; what `postmigration check` takes for one of them, by
itself, stands beside it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from postmigration.fleet.common_causes import find_common
from postmigration.fleet.outcome import Cause, Outcome
from postmigration.fleet.page import Report, write
from postmigration.fleet.state import State
from postmigration.fleet.telling import conclude_fleet
from postmigration.postgres import embedded

_TABLES = ";".join(
    f"CREATE TABLE t{n} (id int PRIMARY KEY, name text NOT NULL); "
    f"INSERT INTO t{n} SELECT i, 'name ' || i FROM generate_series(1, 100) AS g(i); CREATE INDEX ON t{n} (name)"
    for n in range(10)
)
# How many are judged one by one, for the figure beside.
_ALONE = 3
_MANY = 10_000


def main(sizes: list[int]) -> None:
    """Measures fleets of these sizes, and prints a table."""
    server = embedded.Server(18)
    try:
        server.create("before")
        with server.connect("before") as connection:
            connection.execute(_TABLES.encode())
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE")
        for n in range(max(*sizes, _ALONE)):
            server.create(f"shop_{n}", template="before")
        print(
            "| databases | client, s each | fleet's own, s in all | its memory, MB | server, s each | page, KB | ",
            end="",
        )
        print("reports, KB each |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        _measure_alone(server)
        for size in sizes:
            _measure_fleet(server, size)
    finally:
        server.stop()
    _measure_own()


def _measure_own() -> None:
    """What the fleet itself does for many databases, of which a hundredth part has one thing wrong, and each a line."""
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "fleet.html"
        state = State(page.with_suffix(".state.jsonl"))
        began = time.process_time()
        state.begin(())
        outcomes = [
            Outcome(
                name=f"shop_{n}",
                word="GO" if n % 100 else "NO-GO",
                status=0 if n % 100 else 1,
                sentence="10 tables, 1 schema, 44 objects, 24 privileges compared, 2,000 rows examined",
                database=f"judge@db.example:5432/shop_{n}, schema public",
                started="2026-11-29T12:00:00+00:00",
                seconds=2.0,
                rows=2_000,
                causes=() if n % 100 else (Cause(f"Index public.t{n % 300}_name is gone.", check="c"),),
                report=True,
                digest="0" * 64,
            )
            for n in range(_MANY)
        ]
        for outcome in outcomes:
            state.add(outcome)
        verdict = conclude_fleet(outcomes, _MANY, "shops", earlier=(), finished=True)
        write(Report("shops", verdict, True, _MANY, outcomes, find_common(outcomes), {}), page)
        seconds = time.process_time() - began
        sizes = {path.suffix: path.stat().st_size / 2**20 for path in Path(directory).iterdir()}
        told = ", ".join(f"{suffix} {size:.1f} MB" for suffix, size in sorted(sizes.items()))
        print(f"outcomes of {_MANY:,} databases kept, grouped and written in {seconds:.1f} s: {told}")


def _count(server: embedded.Server) -> float:
    """The processor time of all sessions of a server that have ended."""
    (postmaster,) = (
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and str(server.log.parent) in " ".join(process.info["cmdline"] or ())
    )
    times = postmaster.cpu_times()
    return float(times.children_user + times.children_system)


def _count_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _measure_alone(server: embedded.Server) -> None:
    """What the command takes by itself."""
    with tempfile.TemporaryDirectory() as directory:
        client, backend = _count_children(), _count(server)
        for n in range(_ALONE):
            sides = [server.conninfo(name) for name in ("before", f"shop_{n}")]
            asked = [sys.executable, "-m", "postmigration", "check", *sides, "-p", "no:cacheprovider"]
            subprocess.run(asked, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        client, backend = (_count_children() - client) / _ALONE, (_count(server) - backend) / _ALONE
    print(f"| 1, by postmigration check | {client:.2f} | | | {backend:.2f} | | |", flush=True)


def _measure_fleet(server: embedded.Server, size: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        lines = ['name = "shops"']
        for n in range(size):
            lines += ["[[database]]", f'name = "shop_{n}"', f'url = "{server.conninfo(f"shop_{n}")}"']
            lines += [f'baseline = "{server.conninfo("before")}"']
        (directory / "fleet.toml").write_text("\n".join(lines))
        client, backend, own, memory = _count_children(), _count(server), 0.0, 0
        run = psutil.Popen(
            [sys.executable, "-m", "postmigration", "fleet", "fleet.toml", f"--jobs={os.environ.get('JOBS', '2')}"],
            cwd=directory,
            stdout=subprocess.DEVNULL,
        )
        while run.poll() is None:
            try:
                times = run.cpu_times()
                own, memory = times.user + times.system, max(memory, run.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.2)
        if run.wait() != 0:
            raise SystemExit(f"a fleet of {size} ended with status {run.returncode}")
        client, backend = (_count_children() - client - own) / size, (_count(server) - backend) / size
        reports = directory / "reports"
        files = sum(path.stat().st_size for path in (reports / "fleet").rglob("*") if path.is_file()) / size
        print(
            f"| {size} | {client:.2f} | {own:.1f} | {memory / 2**20:.0f} | {backend:.2f} "
            f"| {(reports / 'fleet.html').stat().st_size / 1024:.0f} | {files / 1024:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [3, 9, 27])
