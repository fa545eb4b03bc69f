"""Runs a command and says how long it took and how much memory it needed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postmigration.postgres import embedded


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Args:
        seconds: from start to end.
        cpu: seconds of a processor, without what its children or a server did for it.
        megabytes: the most memory that it held at a time, without its children.
        status: its exit status.
        output: what it printed.
        cut_off: whether it was ended because it took longer than it may.
    """

    seconds: float
    cpu: float
    megabytes: float
    status: int
    output: str
    cut_off: bool = False


def cost(command: Sequence[str | os.PathLike[str]], *, limit: float | None = None, **environment: str) -> Cost:
    """Runs a command to its end and measures it.

    Args:
        command: the program and its arguments.
        limit: seconds after which it is ended; without one it may take as long as it likes.
        environment: what it finds in its environment beyond ours.
    """
    start = time.perf_counter()
    cut_off = threading.Event()
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None

        def end() -> None:
            cut_off.set()
            process.kill()

        clock = threading.Timer(limit or threading.TIMEOUT_MAX, end)
        clock.start()
        try:
            output = process.stdout.read()
        finally:
            clock.cancel()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(seconds, cpu, usage.ru_maxrss / 1024, process.returncode, output, cut_off.is_set())


def children_cpu(process: int) -> float:
    """Seconds of a processor that the children of a process have used which have ended; on Linux.

    A server gives each connection and each parallel worker a child of its own.
    """
    _, _, fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")
    user, system = fields.split()[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def find_postmaster(server: embedded.Server) -> int:
    """The process that all others of a server are children of."""
    with server.connect("postgres") as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return int(Path(row[0], "postmaster.pid").read_text().split()[0])
