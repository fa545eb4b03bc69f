"""What the commands print on."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_LOG_WIDTH = 160


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the program, with the exit status of a difference.
        raise BrokenPipeError


def console() -> Console:
    """A console for results: names of a database mean nothing to it, and a log has no width of its own."""
    return _Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)


class Bar:
    """Shows how far the reading of some tables is: on a terminal, and nothing in a pipeline."""

    def __init__(self) -> None:
        screen = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TimeElapsedColumn(),
            console=screen,
            transient=True,
            disable=not screen.is_terminal,
        )
        self._task = self._progress.add_task("")
        self._sizes: Mapping[str, int] = {}
        self._done: dict[str, int] = {}

    def begin(self, sizes: Mapping[str, int]) -> Progress:
        """Gives what shows it as long as it is entered.

        Args:
            sizes: how large each table is.
        """
        # An empty table moves it, too.
        self._sizes = {table: size + 1 for table, size in sizes.items()}
        self._progress.update(self._task, total=sum(self._sizes.values()))
        return self._progress

    def move(self, table: str, rows: int, about: int) -> None:
        """Shows that so many rows of a table were read, of about so many (none where nobody knows)."""
        of = f" of about {about:,}" if about > rows else ""
        share = min(rows, about) / about if about else 0.0
        self._show(table, int(self._sizes[table] * share), f"{table}: {rows:,}{of} rows")

    def end(self, table: str) -> None:
        """Shows that a table was read."""
        self._show(table, self._sizes[table], table)

    def _show(self, table: str, done: int, words: str) -> None:
        self._done[table] = done
        self._progress.update(self._task, completed=sum(self._done.values()), description=words)
