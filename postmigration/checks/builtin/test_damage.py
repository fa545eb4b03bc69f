"""What the server has stored can be read again, and is found where it is looked for."""

from __future__ import annotations

import pytest

from postmigration import Target
from postmigration.checks.health import ages, collations, damage
from postmigration.postgres.connection import Snapshot

pytestmark = pytest.mark.secondary


def test_indexes_and_tables_are_sound(target: Target) -> None:
    """Every index finds the rows that it should, in the order that its operator class and collation demand.

    Impact: A search does not find rows that are there, a unique index lets duplicates in, a sorted page shows rows
    twice or not at all.

    Likely causes: The files of the server were moved to a system whose library orders text otherwise; a function of an
    index was replaced; a disk, or a copy of a running server, damaged pages.

    Fix: Run the REINDEX that each finding names, after repairing what a unique index has let in twice; restore a
    damaged table from a copy that is sound.
    """
    before = _find_own(target)
    damage.examine(target.snapshot, before, target.schemas, deep=target.options.deep).pass_to(target)


def test_collations_are_of_their_library(target: Target) -> None:
    """Every collation in use has the version of the library that compares text now.

    Impact: What was sorted by the old one (indexes, partitions, range constraints) is searched by the new one: rows
    are not found, and duplicates are let in.

    Likely causes: The files of the server were moved to another system, or the system's libc or ICU was updated.

    Fix: Rebuild the indexes that are named, then run the REFRESH VERSION that each finding names.
    """
    before = _find_own(target)
    collations.examine(target.snapshot, before, target.schemas).pass_to(target)


def test_the_server_counts_no_damaged_page(target: Target) -> None:
    """The server has counted no page of this database whose checksum is wrong.

    Impact: Rows on such a page cannot be read, or are not what was written.

    Likely causes: A disk, a controller or memory is failing; files were copied while the server wrote them.

    Fix: Restore the database from a backup onto sound hardware; amcheck and the server's log tell which tables it is.
    """
    ages.examine_checksums(target.snapshot, target.baseline).pass_to(target)


def test_transactions_are_far_from_wraparound(target: Target) -> None:
    """The oldest transaction and multixact of the database are young enough for autovacuum to keep up.

    Impact: Near the end of the transaction numbers the server refuses all writes until everything is vacuumed.

    Likely causes: Autovacuum is off or was too slow before the move; an old snapshot, slot or prepared transaction
    holds it back; a copy of the files took the age with it.

    Fix: End what holds it back, then vacuum the table that is named, before the load comes.
    """
    before = None if target.before.scratch is not None else target.baseline
    ages.examine_ages(target.snapshot, before).pass_to(target)


def _find_own(target: Target) -> Snapshot | None:
    """The state before where it is on its own server: on ours, another library compares its text."""
    return None if target.before.scratch is not None or target.before.started else target.baseline
