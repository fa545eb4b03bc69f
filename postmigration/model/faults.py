"""The faults of a migration: what each breaks on purpose, and which checks must say so."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from postmigration.model.errors import CannotJudge

_KEYS = frozenset({"red", "warns", "says", "against", "needs", "size", "options"})


@dataclass(frozen=True)
class Fault:
    """A SQL script that breaks a migrated database, with the header that tells what must be seen of it.

    Args:
        path: the script.
        what: what happened, in plain words.
        red: exactly the checks that must fail: plan numbers, or names of functions.
        warns: the check that must warn of it, where it is no reason to fail.
        says: words that the evidence of the named check must hold.
        against_baseline: only the comparison with the state before can see it.
        before: it was so before the migration, which must refuse it.
        needs_icu: only a PostgreSQL that was built with ICU can be broken like this.
        size: how many contacts the world needs.
        options: how the run must be called.
    """

    path: Path
    what: str
    red: frozenset[str]
    warns: frozenset[str]
    says: str
    against_baseline: bool
    before: bool
    needs_icu: bool
    size: int
    options: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the script: the check that the fault belongs to, and what it is."""
        return self.path.stem

    @property
    def check(self) -> str:
        """The check that the fault belongs to."""
        return self.name.split("__")[0]


def read(path: Path) -> Fault:
    """The fault of one script.

    Raises:
        CannotJudge: its header does not say what must be seen of it.
    """
    lines = itertools.takewhile(lambda line: line.startswith("-- "), path.read_text(encoding="utf-8").splitlines())
    what, *rest = (line.removeprefix("-- ") for line in lines)
    header = dict(line.split(": ", 1) for line in rest)
    if not header.keys() <= _KEYS or "says" not in header or not header.keys() & {"red", "warns"}:
        raise CannotJudge(
            f"{path}: want a first line that says what happened, then `-- red:` (the checks that fail) or `-- warns:`, "
            f"`-- says:` (words of the evidence), and perhaps {', '.join(sorted(_KEYS - {'red', 'warns', 'says'}))}"
        )
    return Fault(
        path=path,
        what=what,
        red=frozenset(header.get("red", "").split()),
        warns=frozenset(header.get("warns", "").split()),
        says=header["says"],
        against_baseline="against" in header,
        before=header.get("against") == "broken baseline",
        needs_icu=header.get("needs") == "icu",
        size=int(header.get("size", 0)),
        options=tuple(header.get("options", "").split()),
    )


def read_all(directory: Path) -> tuple[Fault, ...]:
    """The faults of a directory, in the order of their names.

    Raises:
        CannotJudge: the header of one does not say what must be seen of it.
    """
    return tuple(read(path) for path in sorted(directory.glob("*.sql")))
