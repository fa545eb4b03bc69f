"""New rows get keys that are free."""

from __future__ import annotations

from postmigration import Target
from postmigration.checks.contents import sequences
from postmigration.checks.object_checks import match_sequences


def test_sequences_give_free_values(target: Target) -> None:
    """The next values of every sequence are free, fit into their column, and will last.

    Impact: Otherwise the first new order, payment or user is refused with a duplicate key, or a number that was given
    out once is given out again; a sequence at its end refuses every further row.

    Likely causes: Logical replication and copies of data only leave sequences where they were made; a key became bigint
    and its sequence stayed integer.

    Fix: Run the SELECT setval of each finding before the first write; widen what is near its end by ALTER SEQUENCE or
    ALTER COLUMN TYPE.
    """
    before = target.before.fingerprint or target.baseline
    renamed = match_sequences(target)
    sequences.examine(target.snapshot, before, target.schemas, renamed).pass_to(target)
