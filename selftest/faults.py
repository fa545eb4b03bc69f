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
        before: it was so before the migration, which must refuse it.
        needs_icu: only a PostgreSQL that was built with ICU can be broken like this.
        size: how many contacts the world needs.
        options: how the run must be called.
    """

    path: Path
    what: str
    red: frozenset[str]
    says: str
    against_baseline: bool
    before: bool
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
        against_baseline="against" in header,
        before=header.get("against") == "broken baseline",
        needs_icu=header.get("needs") == "icu",
        size=int(header.get("size", 0)),
        options=tuple(header.get("options", "").split()),
    )


FAULTS = tuple(_read(path) for path in sorted(MIGRATION.faults.glob("*.sql")))


def document() -> str:
    """The faults as a page of the docs; `python -m selftest.faults > docs/faults.md` writes it."""
    rows = (
        f"| `{fault.path.stem}` | {fault.what} | {', '.join(sorted(fault.red, key=_in_order))} |" for fault in FAULTS
    )
    return "\n".join(
        (
            "# The faults that each check has been seen to catch",
            "",
            f"{len(FAULTS)} ways in which a migrated database was broken on purpose, and exactly the checks that turn",
            "red: numbers are the plan's, names are checks beyond it.",
            "",
            "| fault | what happened | red |",
            "| --- | --- | --- |",
            *rows,
            "",
        )
    )


def _in_order(check: str) -> tuple[int, str]:
    return (int(check), "") if check.isdigit() else (1_000, check)


if __name__ == "__main__":
    print(document(), end="")
