"""Files of migrations, and what a ledger holds of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from postmigration.checks.history import Entry


def write(directory: Path, files: Mapping[str, str]) -> Path:
    """Writes files below a directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def apply(*names: str, **details: object) -> list[Entry]:
    """The entries of a ledger that has applied migrations of these names, and of those whose details are given."""
    return [Entry(name, True, None, details.get(name)) for name in (*names, *(n for n in details if n not in names))]
