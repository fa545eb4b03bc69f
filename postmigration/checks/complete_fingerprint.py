"""What a fingerprint holds beside rows and objects: where sequences stood, and which large objects there were."""

from __future__ import annotations

from dataclasses import replace

from postmigration.checks.contents import large_objects, sequences
from postmigration.diff.fingerprint import Fingerprint
from postmigration.postgres.connection import Snapshot
from postmigration.postgres.schemas import find_schemas


def complete_fingerprint(snapshot: Snapshot, fingerprint: Fingerprint) -> Fingerprint:
    """Adds sequences and large objects to a fingerprint.

    Args:
        snapshot: the database of which the fingerprint was taken.

    Raises:
        sa.exc.DBAPIError: the server refused.
    """
    schemas = find_schemas(snapshot)
    return replace(
        fingerprint,
        sequences=sequences.take_fingerprint(snapshot, schemas),
        large_objects=large_objects.take_fingerprint(snapshot, schemas, fingerprint.secret),
    )
