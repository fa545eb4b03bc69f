"""The tools that migrate the schema can go on from where they were."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks import history
from postmigration.checks.migration_files import comparison


@pytest.mark.secondary
def test_ledgers_of_migration_tools_are_in_order(target: Target) -> None:
    """Every ledger of a migration tool says that all ran to their end, and is not behind what it was.

    Impact: The next release does not start, waits for a lock that nobody holds, or runs migrations again that the
    database already has.

    Likely causes: A migration broke off half-way, a run was killed while it held the tool's lock, the copy was taken of
    an older state, or the table of the tool was left out of it.

    Fix: Set right what the migration left half done; then let the tool itself mark it, release its lock, or go on.
    """
    history.examine(target.snapshot, target.baseline, target.schemas).pass_to(target)


def test_migration_files_are_what_was_applied(target: Target) -> None:
    """Every migration whose file the code has is in the ledger, the ledger has no others, and no file has changed.

    Impact: The code meets tables and columns that are not there yet or not there any more, or the next release stops
    at a migration that its tool does not know.

    Likely causes: The migration was not run to its end, or on another database; the code that is deployed is another
    release than the one that migrated; the copy is older than thought; an applied file was edited or deleted.

    Fix: Run what is pending, or deploy the release to which the database belongs; bring back files that were edited
    or deleted, and write a new migration for what they should have done.
    """
    options = target.options
    comparison.examine(
        target.snapshot, target.baseline, options.migrations, target.schemas, named=options.migrations_named
    ).pass_to(target)
