"""Python programs with temporary files of their own, and the servers that they start there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parent.parent

# A file system in memory, and what must be free there: what all servers of two processes hold at once, and their WAL.
MEMORY = Path("/dev/shm")
ROOM = 6 << 30

# Seconds from one look to the next, where one waits for what another process does: without a pause, a core is lost.
POLLED = 0.02

Begin = Callable[..., subprocess.Popen[str]]


def work_in_memory() -> None:
    """Lays the files of servers into memory where there is room: a database is copied in a tenth of the time there.

    What pytest keeps of selftests stays where it was, since programs are started from there.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) < ROOM:
        return
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


def keep_bytecode() -> None:
    """Has Python keep the bytecode of what a selftest starts, where the environment forbids it beside the sources.

    pytest takes four seconds longer to start without it. Like pytest's own cache it is kept from run to run.
    """
    if not sys.dont_write_bytecode or not os.access(ROOT, os.W_OK):
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(ROOT / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode = False


def take_interrupts() -> None:
    """Lets what a selftest starts be interrupted, also where a shell has started this process in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
