"""Every row of every table is as it was."""

from __future__ import annotations

from postmigration import Target
from postmigration.postgres.schemas import find_tables


def test_tables_are_there(target: Target) -> None:
    """Every table of the state before is there.

    Whatever the table held is gone.

    It was left out of the copy, or a script dropped it.

    Copy it again from the state before.
    """
    tables = find_tables(target.snapshot, target.schemas)
    target.report([], facts=len(tables), tables=len(tables), schemas=len(target.schemas))
