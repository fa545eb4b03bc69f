"""What a watch costs: the processor time of its process and of its sessions, while an application works.

`python -m benchmarks.watch [--interval=1s] [--minutes=3]` starts a PostgreSQL 15 of Debian with pg_stat_statements and
a load of pgbench, watches it, and prints for each half minute what share of a core the watch took. What its sessions
take is what the ended children of the server took, less what they took in half a minute without a watch; autovacuum,
whose processes end as well, is off.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from selftest.watch.load import DATABASE, WATCHER, Shop

WINDOW = 30.0
# A first sample reads everything, and Python and its libraries are loaded before.
START = 10.0


def measure(postmaster: psutil.Process, watch: psutil.Process | None, windows: int) -> Iterator[tuple[float, float]]:
    """The processor seconds of a watch and of the server's ended children, in each of some windows."""

    def read() -> tuple[float, float]:
        server = postmaster.cpu_times()
        own = watch.cpu_times() if watch is not None else None
        return (own.user + own.system if own else 0.0), server.children_user + server.children_system

    last = read()
    for _ in range(windows):
        time.sleep(WINDOW)
        now = read()
        yield now[0] - last[0], now[1] - last[1]
        last = now


def main() -> None:
    """Measures without a watch and with one, and prints both."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--interval", default="1s")
    parser.add_argument("--minutes", type=float, default=3)
    option = parser.parse_args()
    windows = round(option.minutes * 60 / WINDOW)
    shop = Shop()
    try:
        shop.execute("ALTER SYSTEM SET autovacuum = off", "SELECT pg_reload_conf()")
        data = next(Path(str(shop.server.directory)).rglob("postmaster.pid"))
        postmaster = psutil.Process(int(data.read_text().splitlines()[0]))
        with tempfile.TemporaryDirectory() as name, shop.load(Path(name)):
            ((_, base),) = measure(postmaster, None, 1)
            url = make_conninfo(shop.server.conninfo(DATABASE), user=WATCHER)
            process = subprocess.Popen(
                [sys.executable, "-m", "postmigration", "watch", f"--interval={option.interval}", "--for=1d"],
                cwd=name,
                env={**os.environ, "POSTMIGRATION_DB_URL": url},
                stderr=subprocess.DEVNULL,
            )
            try:
                time.sleep(START)
                busy = list(measure(postmaster, psutil.Process(process.pid), windows))
            finally:
                process.kill()
                process.wait()
    finally:
        shop.server.stop()
    table = Table("half minute", "the watch, % of a core", "its sessions, % of a core")
    for n, (own, server) in enumerate(busy, 1):
        table.add_row(str(n), f"{own / WINDOW:.2%}", f"{(server - base) / WINDOW:.2%}")
    own, server = (sum(one[i] for one in busy) / len(busy) for i in (0, 1))
    table.add_row("mean", f"{own / WINDOW:.2%}", f"{(server - base) / WINDOW:.2%}")
    Console().print(table)


if __name__ == "__main__":
    main()
