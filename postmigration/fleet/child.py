"""The process in which one database is judged: it ends when the one that started it has ended, however that happened.

It is run with the module to run and its arguments; its standard input is held open by the process that started it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from threading import Thread


def _end_with(parent: int) -> None:
    while os.read(parent, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Runs the module."""
    parent = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    Thread(target=_end_with, args=(parent,), daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
