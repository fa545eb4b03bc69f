"""Runs a command and says how long it took and how much memory it needed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Args:
        seconds: from start to end.
        megabytes: the most memory that it held at a time, without its children.
        status: its exit status.
        output: what it printed.
    """

    seconds: float
    megabytes: float
    status: int
    output: str


def cost(command: Sequence[str | os.PathLike[str]], **environment: str) -> Cost:
    """Runs a command to its end and measures it."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(time.perf_counter() - start, usage.ru_maxrss / 1024, process.returncode, output)
