"""The tools that migrate the schema can go on from where they were."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks import history

pytestmark = pytest.mark.secondary


def test_ledgers_of_migration_tools_are_in_order(target: Target) -> None:
    """Every ledger of a migration tool says that all ran to their end, and is not behind what it was.

    Impact: The next release does not start, waits for a lock that nobody holds, or runs migrations again that the
    database already has.

    Likely causes: A migration broke off half-way, a run was killed while it held the tool's lock, the copy was taken of
    an older state, or the table of the tool was left out of it.

    Fix: Set right what the migration left half done; then let the tool itself mark it, release its lock, or go on.
    """
    history.examine(target.snapshot, target.baseline, target.schemas).pass_to(target)
