"""A fingerprint at once, where nobody waits for each of its tables."""

from __future__ import annotations

from postmigration.diff.fingerprint import Fingerprint, take_fingerprint
from postmigration.model.migration import Migration
from postmigration.postgres.connection import Snapshot


def take_whole(snapshot: Snapshot, migration: Migration | None = None, *, portable: bool = False) -> Fingerprint:
    """The fingerprint of a database."""
    taking = take_fingerprint(snapshot, migration, portable=portable)
    while True:
        try:
            next(taking)
        except StopIteration as done:
            taken: Fingerprint = done.value
            return taken
