"""A process that waits for the end of the one that started it, and then ends and deletes what that one left behind.

It is run by its path, with the name of a directory, and imports nothing of the engine; its standard input ends when the
process that holds the other end of the pipe has ended, however that happened.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

# What may run in such a directory: the servers, and what is run against them.
_PROGRAMS = {"initdb", "pg_ctl", "pg_dump", "pg_restore", "postgres", "psql", "sh"}
_SECONDS = 5
_ATTEMPTS = 10


def clear(directory: Path) -> None:
    """Ends the programs of PostgreSQL that work in a directory, and deletes it."""
    # Only now: whoever stops its servers itself does not wait for this.
    import psutil

    for _ in range(_ATTEMPTS):
        running = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or [""]
            if Path(words[0]).name in _PROGRAMS and any(str(directory) in word for word in words):
                running.append(process)
        for process in running:
            with suppress(psutil.Error):
                # For a server: immediately, and its sessions with it.
                process.send_signal(3)
        _, alive = psutil.wait_procs(running, timeout=_SECONDS)
        for process in alive:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)
        if not running and not directory.exists():
            return


def main() -> None:
    """Waits, and clears the directory that it is named."""
    directory = Path(sys.argv[1])
    while os.read(sys.stdin.fileno(), 1):
        pass
    if directory.exists():
        clear(directory)


if __name__ == "__main__":
    main()
