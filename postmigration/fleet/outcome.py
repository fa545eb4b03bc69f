"""What is asked of whoever judges one database of a fleet, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from postmigration.fleet.addresses import Address
from postmigration.model.verdict import GO, NO_GO


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One database to judge.

    Args:
        name: what it is called.
        target: where it is.
        baseline: the state before, where that is a database or a variable.
        files: the state before, where that is files.
        directory: where relative names count from, and the project is, if there is one.
        project: it is judged by the checks of that project.
        options: of the command line.
        suite: the version of the suite that judges the fleet.
        digest: what it is judged by, hashed: a verdict holds as long as that is the same.
    """

    name: str
    target: Address
    baseline: Address | None = None
    files: tuple[str, ...] = ()
    directory: str
    project: bool = False
    options: tuple[str, ...] = ()
    suite: str
    digest: str = ""


class Cause(msgspec.Struct, frozen=True):
    """Something that is wrong with a database.

    Args:
        words: what it is.
        remedy: what to do.
        check: the check that tells it best; empty for what kept the database from being judged.
        rows: how many rows are wrong.
    """

    words: str
    remedy: str = ""
    check: str = ""
    rows: int = 0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the judgement of one database came to.

    Args:
        name: what it is called.
        word: the word of the verdict.
        status: its exit status.
        sentence: what stands after the word.
        database: which database was judged; empty where none was reached.
        started: when, in UTC.
        seconds: for how long.
        rows: how many rows were examined.
        causes: what is wrong, the worst first.
        warnings: how many warnings there are.
        died: the process that judged was killed.
        report: there is a report of it.
        digest: that of its task.
    """

    name: str
    word: str
    status: int
    sentence: str
    database: str = ""
    started: str
    seconds: float
    rows: int = 0
    causes: tuple[Cause, ...] = ()
    warnings: int = 0
    died: bool = False
    report: bool = False
    digest: str = ""

    @property
    def go(self) -> bool:
        """Whether it may go live."""
        return self.status == GO and self.word == "GO"

    @property
    def judged(self) -> bool:
        """Whether it came to a verdict."""
        return self.status in (GO, NO_GO)


class Judged(NamedTuple):
    """An outcome, and the files of its report by their names."""

    outcome: Outcome
    files: Mapping[str, bytes]
