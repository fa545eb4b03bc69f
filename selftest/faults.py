"""The faults of the migration, as a page of the docs."""

from __future__ import annotations

from fixtures import MIGRATION
from postmigration.model import faults

FAULTS = faults.read_all(MIGRATION.faults)


def document() -> str:
    """The faults as a page of the docs; `python -m selftest.faults > docs/faults.md` writes it."""
    rows = (
        f"| `{fault.name}` | {fault.what} | {', '.join(sorted(fault.red, key=_in_order)) or 'none: it is warned of'} |"
        for fault in FAULTS
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
