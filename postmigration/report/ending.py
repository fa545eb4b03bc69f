"""What somebody at a terminal sees beside pytest's own lines; in a log nothing moves and nothing is coloured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from postmigration.model.verdict import Verdict


@contextmanager
def waiting(what: str, *, quiet: bool) -> Iterator[None]:
    """Says on a terminal what takes its time: restoring a backup may take minutes.

    Args:
        what: what is done.
        quiet: say nothing.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(f"{what} …"):
        yield


def conclude(verdict: Verdict, commands: Iterable[str], causes: Iterable[str] = ()) -> None:
    """Prints the verdict as the last line, and before it what the pipeline is told and what is wrong.

    Args:
        verdict: what the run came to.
        commands: lines for the pipeline.
        causes: lines that say what is wrong.
    """
    # Where the terminal may hold less than the line, it is for the terminal to wrap it.
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    for command in commands:
        print(command)
    for cause in causes:
        console.print(Text(cause))
    console.print(Text(verdict.line, style="bold green" if verdict.go else "bold red" if verdict.status else "bold"))
