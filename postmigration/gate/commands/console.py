"""What the commands print on."""

from __future__ import annotations

import sys

from rich.console import Console

_LOG_WIDTH = 160


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the program, with the exit status of a difference.
        raise BrokenPipeError


def console() -> Console:
    """A console for results: names of a database mean nothing to it, and a log has no width of its own."""
    return _Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)
