"""Python programs with temporary files of their own, and the servers that they start there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent

Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for temporary files, with a name that is short enough for a socket in it."""
    made = Path(tempfile.mkdtemp(prefix="t-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def begin(place: Path) -> Iterator[Begin]:
    """Starts a Python program with temporary files of its own; whatever is left of it is killed."""
    started = []

    def start(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.Popen[str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "POSTMIGRATION_"))}
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=cwd, env={**kept, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            kill(process)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def servers(place: Path) -> list[psutil.Process]:
    """The servers that work there."""
    found = psutil.process_iter(["name", "cmdline"])
    return [p for p in found if p.info["name"] == "postgres" and str(place) in " ".join(p.info["cmdline"] or ())]


def kill(process: subprocess.Popen[str], *, watchdogs: bool = False) -> None:
    """Kills a process, and perhaps its watchdog; otherwise waits until that has done its work."""
    children = psutil.Process(process.pid).children(recursive=True)
    for child in children if watchdogs else ():
        child.kill()
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
