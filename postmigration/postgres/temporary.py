"""Directories of this process alone: they go when it ends, however it ends, and with them the servers in them."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from postmigration.postgres import watchdog

_PREFIX = "postmigration-"
# Locked by the owner of a directory and by its watchdog; where nobody holds the lock, both are dead.
_OWNER = "owner"


def make_directory() -> Path:
    """Makes a directory, which is deleted when this process ends; whoever needs it no longer may delete it before.

    Raises:
        OSError: there is no room for it.
    """
    return Path(tempfile.mkdtemp(dir=_root(os.getpid())))


@contextmanager
def directory() -> Iterator[Path]:
    """A directory that is deleted when it is no longer needed.

    Raises:
        OSError: there is no room for it.
    """
    made = make_directory()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@cache
def _root(process: int) -> Path:
    """The directory of all directories of a process, with a watchdog; what dead processes left is deleted before."""
    above = Path(tempfile.gettempdir())
    _sweep(above)
    root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above))
    try:
        # It has its name only when it is locked, so that nobody takes it for a dead one's.
        owner = os.open(root / "new", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(owner, fcntl.LOCK_EX)
        (root / "new").rename(root / _OWNER)
        watching = subprocess.Popen(  # noqa: S603 # this Python, and a file of ours
            [sys.executable, "-I", watchdog.__file__, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[owner],
            # What ends the whole group of processes must not end this one.
            start_new_session=True,
        )
    except OSError:
        shutil.rmtree(root)
        raise

    def end() -> None:
        # A process that was forked has not started it.
        if os.getpid() == process and watching.stdin is not None:
            if not any(path.is_dir() for path in root.iterdir()):
                shutil.rmtree(root)
            watching.stdin.close()
            watching.wait()

    atexit.register(end)
    return root


def _sweep(above: Path) -> None:
    """Deletes what processes of this user left whose watchdogs died with them."""
    for root in above.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if root.is_symlink() or root.stat().st_uid != os.geteuid():
                continue
            owner = os.open(root / _OWNER, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                watchdog.clear(root)
            finally:
                os.close(owner)
