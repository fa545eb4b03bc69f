"""What of a fleet has been judged already, so that a run that was interrupted goes on where it ended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from postmigration.fleet.outcome import Outcome, Task
from postmigration.model.errors import CannotJudge
from postmigration.model.files import replace_all


class _Ended(msgspec.Struct, tag_field="kind", tag="ended", frozen=True):
    """The run came to its end."""


class _Line(msgspec.Struct, tag_field="kind", tag="outcome", frozen=True):
    outcome: Outcome


class State:
    """A file with a line for each database that was judged.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, tasks: Iterable[Task]) -> dict[str, Outcome]:
        """The verdicts that still hold, by the names of the databases; none where the last run came to its end.

        Raises:
            CannotJudge: the file cannot be read.
        """
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise CannotJudge(f"{self._path} cannot be read: {error.strerror}") from None
        found: dict[str, Outcome] = {}
        for line in lines:
            try:
                read = msgspec.json.decode(line, type=_Line | _Ended)
            except msgspec.DecodeError:
                # Whoever wrote it was killed meanwhile, or it is no file of ours: what it tells is judged again.
                continue
            if isinstance(read, _Ended):
                found.clear()
            else:
                found[read.outcome.name] = read.outcome
        digests = {task.name: task.digest for task in tasks}
        return {name: each for name, each in found.items() if each.judged and each.digest == digests.get(name)}

    def begin(self, kept: Iterable[Outcome]) -> None:
        """Begins a run with the verdicts that still hold.

        Raises:
            OSError: the file cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_all({self._path: "".join(msgspec.json.encode(_Line(each)).decode() + "\n" for each in kept)})

    def add(self, outcome: Outcome) -> None:
        """Notes what one database came to.

        Raises:
            OSError: the file cannot be written.
        """
        self._append(_Line(outcome))

    def end(self) -> None:
        """Notes that all were judged: the next run begins anew.

        Raises:
            OSError: the file cannot be written.
        """
        self._append(_Ended())

    def _append(self, what: _Line | _Ended) -> None:
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(what) + b"\n")
