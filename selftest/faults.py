"""The faults of the migration: what each breaks, and which checks must say so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fixtures import MIGRATION


@dataclass(frozen=True)
class Fault:
    """A SQL script that breaks a migrated database, with the header that tells what must be seen of it.

    Args:
        what: what happened, in plain words.
        red: exactly the checks that must fail: plan numbers, or names of functions.
        says: words that the evidence of the named check must hold.
        against_baseline: only the comparison with the state before can see it.
        needs_icu: only a PostgreSQL that was built with ICU can be broken like this.
        size: how many contacts the world needs.
        options: how the run must be called.
    """

    path: Path
    what: str
    red: frozenset[str]
    says: str
    against_baseline: bool
    needs_icu: bool
    size: int
    options: tuple[str, ...]

    @property
    def check(self) -> str:
        """The check that the fault belongs to."""
        return self.path.stem.split("__")[0]


def _read(path: Path) -> Fault:
    lines = [line.removeprefix("-- ") for line in path.read_text().splitlines() if line.startswith("-- ")]
    header = dict(line.split(": ", 1) for line in lines[1:])
    return Fault(
        path=path,
        what=lines[0],
        red=frozenset(header["red"].split()),
        says=header["says"],
        against_baseline=header.get("against") == "baseline",
        needs_icu=header.get("needs") == "icu",
        size=int(header.get("size", 0)),
        options=tuple(header.get("options", "").split()),
    )


FAULTS = tuple(_read(path) for path in sorted(MIGRATION.faults.glob("*.sql")))
