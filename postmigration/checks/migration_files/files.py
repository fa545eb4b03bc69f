"""What the files of a migration tool are, whichever tool it is."""

from __future__ import annotations

import ast
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from postmigration.checks.history import Entry
from postmigration.model.errors import CannotJudge
from postmigration.model.evidence import show_value

# Directories that hold what others wrote, or nothing that is run.
_NOT_OURS = frozenset({"node_modules", "site-packages", "__pycache__", "vendor", "test", "tests"})
_DEEPEST = 4


@dataclass
class Differences:
    """What a ledger and the files say otherwise.

    Args:
        pending: files that the ledger does not know as applied, in the order in which the tool would apply them.
        unknown: what the ledger has and no file.
        pruned: the same, where the tool goes on all the same and whoever keeps its files in order deletes old ones.
        changed: files that are not what was applied.
        lost: files that others name and that are not there.
        notes: what could not be held against each other, and why.
    """

    pending: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class MigrationFiles(ABC):
    """The files of one tool.

    Args:
        places: the directories in which they lie.
        named: a user has named them, or what they lie in.
    """

    # The tool; what `Ledger.tool` says of its ledger; what applies its migrations; by what its files are known; what
    # `Ledger.tool` says of tools that name their files alike; where its files lie by convention.
    tool: ClassVar[str]
    ledger: ClassVar[str]
    command: ClassVar[str]
    known_by: ClassVar[str]
    alike: ClassVar[tuple[str, ...]] = ()
    conventional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, places: Sequence[Path], *, named: bool) -> None:
        self.places = places
        self.named = named

    @classmethod
    def find(cls, root: Path, *, named: bool) -> list[Path]:
        """Finds the places below a directory, or the directory itself, in which files of the tool lie.

        Args:
            root: the directory.
            named: a user has named it; otherwise only places that are the tool's by convention count.
        """
        found = [place for place in list_places(root, cls.conventional) if cls.holds_some(place, named=named)]
        return found or [place for place in [root] if named and cls.holds_some(place, named=named)]

    @classmethod
    def holds_some(cls, place: Path, *, named: bool) -> bool:
        """Whether files of the tool lie in a place."""
        return cls([place], named=named).count > 0

    @property
    @abstractmethod
    def count(self) -> int:
        """How many migrations there are."""

    @abstractmethod
    def compare(self, entries: Sequence[Entry]) -> Differences:
        """Compares the files with what a ledger holds, in its order."""


def display(name: str) -> str:
    """A name as the entries of a ledger are read and shown."""
    return show_value(name, plain=True)


def list_places(root: Path, conventional: Sequence[str]) -> list[Path]:
    """The directories by convention that are there; none that is another one under a second name."""
    there = {(root / name).resolve(): root / name for name in conventional if (root / name).is_dir()}
    return list(there.values())


def list_files(places: Sequence[Path], pattern: str) -> list[Path]:
    """The files of directories, by name, each once."""
    found = {path.resolve(): path for place in places for path in sorted(place.glob(pattern)) if path.is_file()}
    return sorted(found.values(), key=lambda path: path.name)


def walk(root: Path, *, named: bool, depth: int = 0) -> Iterator[Path]:
    """A directory and those below it in which files of the project may lie; without a name, not far below."""
    yield root
    if named or depth < _DEEPEST:
        for path in sorted(root.iterdir()):
            if path.is_dir() and not path.is_symlink() and _is_of_project(path):
                yield from walk(path, named=named, depth=depth + 1)


def _is_of_project(path: Path) -> bool:
    """Whether files of the project may lie in a directory; what may not be read is a server's data or the like."""
    hidden = path.name.startswith(".") or path.name in _NOT_OURS
    return not hidden and os.access(path, os.R_OK | os.X_OK) and not (path / "pyvenv.cfg").exists()


def parse(path: Path) -> ast.Module:
    """Parses a file of Python, and runs nothing of it.

    Raises:
        CannotJudge: it is none.
    """
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise CannotJudge(
            f"{path}{line}: this is no Python that can be read: no migration can be found in it"
        ) from None


def evaluate(value: ast.expr, what: str, path: Path) -> object:
    """The value of a literal.

    Raises:
        CannotJudge: it is no literal, and nothing is run to find out what it is.
    """
    try:
        literal: object = ast.literal_eval(value)
    except ValueError:
        raise CannotJudge(
            f"{path}, line {value.lineno}: {what} is no literal, and migration files are read and never run: write it "
            "out, or leave --migration-files out"
        ) from None
    return literal


def list_texts(value: object) -> tuple[str, ...]:
    """A text, several of them, or None as a tuple."""
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list | tuple) else ()
